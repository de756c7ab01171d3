"""Where Plaza writes no keys a person does, and is told which user and which key."""

from pathlib import Path

import pytest

from controller.access import Pinning
from controller.app import utc_now
from controller.people import fingerprint
from controller.rotation import carry
from controller.rotation.ledger import Accepts, Step
from drivers.host_key import HostKey
from tests.people.town import Town, town

CREDENTIALS = """
credentials:
  nms: {kind: snmp-v3, user: plaza, auth_key: ref+file:nms-auth, priv_key: ref+file:nms-priv}
"""
DEVICE = (
    "  caja: {site: 08019-plaza, address: 127.0.0.8, platform: ups, snmp: {credentials: nms}, ssids: []}\n"
)


def with_a_box(here: Town) -> None:
    """Whose user of SNMPv3 Plaza does not write."""
    here.write_inventory(lambda text: text.replace("\ncredentials:\n", CREDENTIALS, 1) + DEVICE)
    for name in ("nms-auth", "nms-priv"):
        (here.secrets / name).write_text(f"canario-{name}-4711")
        (here.secrets / name).chmod(0o600)


def test_the_user_is_named_and_its_keys_are_shown_new_and_old_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def key(file: str) -> str:
        return (here.secrets / file).read_text().strip()

    with town(tmp_path, monkeypatch, capsys, ()) as here:
        with_a_box(here)
        code, said = here.plaza("credentials rotate nms --why yearly --yes")
        how = " (their keys: plaza credentials show nms DEVICE); at caja\n"
        assert code == 3
        assert f"add the user plaza-2 beside the user plaza{how}" in said
        assert f"add the user plaza-2 beside the user plaza{how}" in here.plaza("credentials status nms")[1]
        assert here.plaza("credentials status")[0] == 3
        new = ["user: plaza-2", f"auth_key: {key('nms-auth.next')}", f"priv_key: {key('nms-priv.next')}"]
        old = ["user: plaza", "auth_key: canario-nms-auth-4711", "priv_key: canario-nms-priv-4711"]
        shown = here.plaza("credentials show nms caja")[1].splitlines()
        assert shown[:-1] == [f"new {line}" for line in new] + [f"old {line}" for line in old]
        assert shown[-1].startswith("nms is being rotated")

        means = here.means()
        (rotation,) = means.ledger.running()
        means.ledger.note(rotation, Step("caja", Accepts.BOTH, "as asked", 1))
        rotation = carry.forward(means, rotation)
        assert (
            f"leave the user plaza-2, take the user plaza away{how}"
            in (here.plaza("credentials status nms")[1])
        )
        shown = here.plaza("credentials show nms caja")[1].splitlines()
        assert shown[0] == "new user: plaza-2", "it takes the new one now, and the old one is to go"
        means.ledger.note(rotation, Step("caja", Accepts.NEW, "as asked", 1))
        carry.forward(means, rotation)
        code, said = here.plaza("credentials status nms")
        assert (code, "by hand" in said) == (0, False)
        assert here.plaza("credentials status")[0] == 0
        assert here.plaza("credentials show nms caja")[1].splitlines()[:-1] == new


def test_the_line_of_an_ssh_key_is_told_and_which_one_it_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        means = here.means()
        pinning = Pinning(means.app.engine, means.ledger.audit_key, "tecnica")
        pinning.pin("sw-1", HostKey("ssh-ed25519", "AAAA", "SHA256:sw-1"), utc_now())
        rotation = carry.begin(means, "aps-ssh", "yearly")
        new, old = (carry.public_key(means, f"aps-ssh{mark}") for mark in ("+next", "+now"))
        assert rotation.credential == "aps-ssh"
        said = here.plaza("credentials status aps-ssh")[1]
        assert (
            f"by hand, as Plaza does not write it there: add the key `{new}` beside {fingerprint(old)}"
            in said
        )


def test_a_name_that_cannot_be_rotated_is_told_before_anybody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        for command in ("rotate nope --why yearly", "status nope"):
            code, said = here.plaza(f"credentials {command}")
            assert (code, said.startswith("credential nope: is not in the inventory")) == (2, True)
