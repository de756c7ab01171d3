"""`plaza adopt`, `plaza diff` and `plaza apply`, as a technician types them."""

import io
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.cli.main import main
from tests.configure.desk import CANARY
from tests.configure.device import Ap, free_port

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: {user}, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  staff: {{kind: wifi, passphrase: ref+file:staff}}
profiles:
  plaza:
    ssids: [{{name: Chihuahua Gratis}}, {{name: Personal, security: wpa3, passphrase: staff}}]
    radios: {{2g4: {{channel: auto}}, 5g: {{channel: auto, width_mhz: 40}}}}
    uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
    portal: {{plan: free, duration: 1h}}
defaults:
  country: MX
  profile: plaza
  platform: openwrt
  ssh: {{credentials: aps-ssh}}
  portal: {{languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
  ap-08019-1: {{site: 08019-plaza, address: 127.0.0.1, ssh: {{port: {port}}}}}
  ap-08019-2: {{site: 08019-plaza, address: 127.0.0.2, ssh: {{port: {closed}}}}}
  sw-08019: {{site: 08019-plaza, address: 127.0.0.3, role: switch, platform: generic, ssids: []}}
"""

Plaza = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plaza(
    one_ap: Ap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plaza:
    """Types a command; gives its exit code, its output and its errors."""
    folder = tmp_path / "work"
    secrets = folder / "var/secrets"
    secrets.mkdir(parents=True)
    (folder / "inventory.yaml").write_text(
        INVENTORY.format(user=one_ap.user, port=one_ap.port, closed=free_port())
    )
    shutil.copy(one_ap.root / "ssh/client", secrets / "aps-ssh-key")
    (secrets / "staff").write_text(CANARY)
    (secrets / "gateway-key").write_text("0" * 64)
    for file in secrets.iterdir():
        file.chmod(0o600)
    monkeypatch.chdir(folder)

    def type_in(command: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
        return int(left.value.code or 0), said.out, said.err

    return type_in


def test_from_adoption_to_no_difference(plaza: Plaza, one_ap: Ap) -> None:
    code, _, errors = plaza("diff ap-08019-1")
    assert code == 2
    assert "no SSH host key is pinned; run `plaza adopt ap-08019-1`" in errors

    code, output, _ = plaza("adopt ap-08019-1")
    assert (code, output) == (0, f"ap-08019-1: ssh-ed25519 {one_ap.host_key().fingerprint} pinned\n")

    code, output, errors = plaza("diff ap-08019-1")
    assert code == 3
    assert "--- ap-08019-1/wireless\n+++ ap-08019-1/wireless (wanted)\n" in output
    assert "+\toption ssid 'Chihuahua Gratis'" in output
    assert errors == "1 to change, 0 as intended\n"

    before = one_ap.configuration()
    code, _, errors = plaza("apply ap-08019-1", answer="n\n")
    assert code == 0
    assert "nothing was changed" in errors
    assert one_ap.configuration() == before

    code, output, _ = plaza("apply --yes ap-08019-1")
    assert code == 0
    assert output.endswith("ap-08019-1: confirmed\n1 changed\n")
    assert one_ap.option("wireless.plaza_2g4_2.key") == CANARY

    assert plaza("diff ap-08019-1") == (0, "", "0 to change, 1 as intended\n")
    assert plaza("apply --yes ap-08019-1")[:2] == (0, "0 changed\n")


def test_one_device_that_does_not_answer_costs_one_line(plaza: Plaza) -> None:
    plaza("adopt ap-08019-1")
    code, output, errors = plaza("diff")
    assert code == 2
    assert "+++ ap-08019-1/wireless (wanted)" in output
    assert re.search(r"^ap-08019-2: .*", errors, re.MULTILINE)
    assert "1 to change, 0 as intended, 1 not read, 1 not configured by Plaza\n" in errors


def test_a_changed_host_key_is_refused_until_the_device_is_named(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    old = one_ap.host_key().fingerprint
    one_ap.reinstall()
    new = one_ap.host_key().fingerprint

    for command in ("adopt ap-08019-1", "adopt --replace-key ap-08019-2 ap-08019-1", "diff ap-08019-1"):
        code, _, errors = plaza(command)
        assert code == 2
        assert old in errors
        assert new in errors
        assert "plaza adopt --replace-key ap-08019-1 ap-08019-1" in errors

    code, output, _ = plaza("adopt --replace-key ap-08019-1 ap-08019-1")
    assert (code, output) == (0, f"ap-08019-1: ssh-ed25519 {new} pinned in place of {old}\n")
    assert plaza("adopt ap-08019-1")[1].endswith("already pinned\n")
    assert plaza("diff ap-08019-1")[0] == 3


def test_a_selector_that_fits_nothing_is_one_line(plaza: Plaza) -> None:
    for command in ("diff nobody", "apply nobody", "adopt nobody"):
        code, output, errors = plaza(command)
        assert (code, output) == (2, "")
        assert len(errors.splitlines()) == 1


def test_a_halted_rollout_ends_in_one_line_and_exit_code_2(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    staged = one_ap.root / "tmp/.uci"
    staged.mkdir()
    (staged / "network").write_text("network.lan.proto='static'\n")
    code, output, errors = plaza("apply --yes ap-08019-1")
    assert code == 2
    assert "ap-08019-1: failed: it has uncommitted changes of somebody else" in output
    assert errors.splitlines()[-1].startswith("rollout halted at the canary: ap-08019-1")
