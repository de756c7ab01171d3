"""What the worker brings to devices that were off, and what it leaves to a person."""

from pathlib import Path

import pytest

from controller.rotation import waiting
from tests.configure.unarmed import ARUBA, bench
from tests.people.town import town

CREDENTIALS = """
credentials:
  arubas: {{kind: ssh, user: {user}, password: ref+file:arubas}}
  nms: {{kind: snmp-v3, user: plaza, auth_key: ref+file:nms-auth, priv_key: ref+file:nms-priv}}
"""
DEVICE = """
  iap-1: {{site: 08019-plaza, address: 127.0.0.1, platform: aruba_instant, ssh: {{port: {port},
    credentials: arubas}}, ssids: [{{name: Chihuahua Gratis}}], manage: {{snmp_users: []}}}}
"""


def test_keys_of_a_device_that_nothing_brings_back_are_left_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        for at in bench(ARUBA):
            credentials = CREDENTIALS.format(user=at.server.user)
            device = DEVICE.format(port=at.server.port)
            here.write_inventory(
                lambda text, more=credentials, box=device: (  # type: ignore[misc]
                    text.replace("\ncredentials:\n", more, 1).rstrip("\n") + box
                )
            )
            words = {"arubas": at.server.password, "nms-auth": "canario-a-4711", "nms-priv": "canario-p-4711"}
            for name, word in words.items():
                (here.secrets / name).write_text(word)
                (here.secrets / name).chmod(0o600)
            assert here.plaza("adopt iap-1")[0] == 0
            code, said = here.plaza("apply iap-1 --yes --typed iap-1")
            assert code == 0, said
            here.write_inventory(lambda text: text.replace("snmp_users: []", "snmp_users: [nms]"))
            before = at.running(), at.saved()
            means = here.means()
            assert waiting._changed(means, [means.app.inventory.devices["iap-1"]]) == []
            assert (at.running(), at.saved()) == before
            code, said = here.plaza("apply iap-1 --yes --typed iap-1")
            assert code == 0, said
            assert at.running() != before[0], "a person may"
