"""`plaza apply` and `plaza rollback` at the ends of a radio link: both as one, none that costs the other."""

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.applying import resume, run
from controller.cli.main import main
from controller.errors import RolloutHalted
from controller.journal import State
from controller.rollout import postpone
from drivers import apply
from tests.configure.desk import Desk
from tests.configure.device import wait_until
from tests.rollouts.radio_link import FAR, NEAR, PATIENT, Joined, joined, target_of
from tests.rollouts.test_rollout_linked import desk_of, dying_at, want_channels
from tests.rollouts.village import Killed

INVENTORY = """
version: 1
credentials:
  far: {{kind: ssh, user: {user}, private_key: ref+file:far}}
  near: {{kind: ssh, user: {user}, private_key: ref+file:near}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
defaults:
  country: MX
  platform: openwrt
  ssids: [{{name: Chihuahua Gratis}}]
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
  portal: {{plan: free, duration: 1h, languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
  near:
    {{site: 08019-plaza, address: 127.0.0.1, radios: {{2g4: {{channel: 6}}, 5g: {{channel: {near}}}}},
     ssh: {{port: {near_port}, credentials: near}}}}
  far:
    {{site: 08019-plaza, address: 127.0.0.1, radios: {{2g4: {{channel: 6}}, 5g: {{channel: {far}}}}},
     ssh: {{port: {far_port}, credentials: far}}, snmp: {{port: 1161}}, parent: near, link: near}}
"""  # noqa: E501


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Joined]:
    """Two devices and the air between them."""
    with joined(tmp_path / "air", "openwrt") as made:
        yield made


@pytest.fixture
def at(link: Joined, tmp_path: Path) -> Desk:
    """A desk that wants both on another channel."""
    return desk_of(link, tmp_path / "desk")


def test_both_ends_are_changed_as_one_by_an_apply(link: Joined, at: Desk) -> None:
    outcomes = at.apply()
    assert [(one.device, one.state) for one in outcomes] == [(FAR, State.CONFIRMED), (NEAR, State.CONFIRMED)]
    assert link.kind.sends(link.far) == link.kind.sends(link.near) == "153"
    assert link.open_trials() == []


def test_an_end_whose_other_end_is_on_trial_is_left_alone(at: Desk) -> None:
    items = at.plan()
    with dying_at(at, 2), pytest.raises(Killed):
        at.apply()
    assert [item.plan for item in postpone(at.works, items)] == [None, None]


@pytest.mark.soak
def test_an_apply_that_died_leaves_both_ends_old_or_both_new(link: Joined, at: Desk) -> None:
    before = link.settings()
    at.hurry(30)
    with dying_at(at, 4), pytest.raises(Killed):
        at.apply()
    at.resume_to_the_end()
    assert at.states() == {FAR: State.ROLLED_BACK, NEAR: State.ROLLED_BACK}
    assert link.settings() == before
    assert link.open_trials() == []


def test_a_near_end_follows_the_far_one_after_an_apply_that_died(link: Joined, at: Desk) -> None:
    with dying_at(at, 6), pytest.raises(Killed):
        at.apply()
    link.near.lose_power()
    link.near.boot()
    at.resume_to_the_end()
    assert at.states() == {FAR: State.CONFIRMED, NEAR: State.CONFIRMED}
    assert link.kind.sends(link.far) == link.kind.sends(link.near) == "153"
    assert link.open_trials() == []


def test_a_rollback_takes_both_ends_back_that_an_apply_left_on_trial(link: Joined, at: Desk) -> None:
    before = link.settings()
    with dying_at(at, 5), pytest.raises(Killed):
        at.apply()
    resume(at.works, at.said.append, frozenset({NEAR}))
    assert at.states() == {FAR: State.ROLLED_BACK, NEAR: State.ROLLED_BACK}
    assert link.settings() == before


def test_an_apply_to_the_near_end_that_costs_the_far_one_goes_back(link: Joined, at: Desk) -> None:
    want_channels(at, far=int(link.kind.sends(link.far)), near=153)
    before = link.settings()
    at.hurry(8)
    only = [item for item in at.plan() if item.device.name == NEAR]
    with pytest.raises(RolloutHalted, match="far, the other end of its link, is lost"):
        run(at.works, NEAR, only, at.said.append)
    assert at.states() == {NEAR: State.ROLLED_BACK}
    assert link.settings() == before


Type = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def typed(
    link: Joined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    """Types a command, in a folder whose inventory has them; both are adopted."""
    secrets = tmp_path / "work/var/secrets"
    secrets.mkdir(parents=True)
    shutil.copy(link.far.root / "ssh/client", secrets / FAR)
    shutil.copy(link.near.root / "ssh/client", secrets / NEAR)
    (secrets / "gateway-key").write_text("0" * 64)
    for file in secrets.iterdir():
        file.chmod(0o600)
    monkeypatch.chdir(tmp_path / "work")

    def type_in(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    write(link, 36, 36)
    for name in (FAR, NEAR):
        code, _, errors = type_in(f"adopt {name}")
        assert code == 0, errors
    return type_in


def write(link: Joined, far: int, near: int) -> None:
    """The inventory now asks for these channels."""
    ports = {"far_port": link.relay.port, "near_port": link.near.port}
    Path("inventory.yaml").write_text(INVENTORY.format(user=link.far.user, far=far, near=near, **ports))


def test_a_technician_changes_one_end_and_then_mends_a_link_whose_ends_differ(
    link: Joined, typed: Type
) -> None:
    here = int(link.kind.sends(link.near))
    write(link, here, 153)
    code, output, errors = typed("apply --yes --revert-after 15 near")
    assert code == 2
    assert "near: rolled back: after the change far, the other end of its link, is lost" in output + errors
    assert link.kind.sends(link.near) == str(here)

    wait_until("the link carries", link.carries)
    tear(link, 161)
    write(link, 161, 161)
    code, output, errors = typed("apply --yes near")
    assert code == 2
    assert "near: pending: far, the far end of its link, cannot be asked" in output + errors
    assert "plaza apply near --typed near changes this end all the same" in output + errors
    assert link.kind.sends(link.near) == str(here)

    code, output, errors = typed("apply --yes near --typed near")
    assert code == 0
    assert "near: confirmed" in output + errors
    wait_until("the link carries", link.carries)


@pytest.mark.soak
def test_a_rollback_of_the_near_end_that_costs_the_far_one_goes_back(link: Joined, typed: Type) -> None:
    write(link, 161, 161)
    assert typed("apply --yes all")[0] == 0
    wait_until("the link carries", link.carries)
    code, output, errors = typed("rollback --yes --revert-after 15 near")
    assert code == 2
    assert "near: rolled back: after the change far, the other end of its link, is lost" in output + errors
    assert link.kind.sends(link.near) == "161"


def tear(link: Joined, channel: int) -> None:
    """Somebody at the far site sets another channel there."""
    to = target_of(link.platform, link.far, link.far.port, link.keys[FAR], replace(PATIENT, settle_s=0.1))
    apply.carry_out(to, apply.plan(to, link.wish(FAR, channel)), "e" * 32, lambda step: None)
    wait_until("the link is down", lambda: link.relay.down)
