"""Devices without a timer: what a fault leaves is the old configuration or the new one, and never half of it.

"Old" may need their power switch, or our revert, which is a reboot: the names say so. They are virtual.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from drivers.apply import Earlier, Ending, Step
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, HostKeyChanged, UnexpectedReply
from drivers.model import Rate, Security, Ssid
from simulator.vendors.device import NEVER
from tests.configure.unarmed import (
    ARUBA,
    BRIEF,
    CAMBIUM,
    CAMBIUM_ALONE,
    PASSPHRASE,
    TIMERS,
    TOKENS,
    Bench,
    Vendor,
    bench,
    small,
    whole,
)

VENDORS = (
    pytest.param(ARUBA, id="aruba"),
    pytest.param(CAMBIUM, id="cnpilot"),
    pytest.param(CAMBIUM_ALONE, id="cnpilot-alone"),
)
FEW = (2, 8, 14, 20, 27, 33)
"""Of the lines after which a login is cut; all of them with `make soak`."""


@pytest.fixture(params=VENDORS)
def at(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One device of each kind; the second kind of cnPilot forgets what a lost login typed."""
    yield from bench(request.param)


def ended_old_or_new(at: Bench, said: str, before: list[str]) -> None:
    """As it says, saved so, and it can be changed again."""
    assert said in {"confirmed", "reverted", "refused"}
    if said == "confirmed":
        assert not at.plan(small()).change
    else:
        assert at.running() == before
    assert at.running() == at.saved()
    planned = at.plan(small())
    assert not planned.change or at.carry_out(planned, token=TOKENS[1]) == "confirmed"
    assert ' ssid "Plaza Libre"' in at.saved() or ' essid "Plaza Libre"' in at.saved()


def cut_after(vendor: Vendor, line: int) -> None:
    """One change whose login is cut after that many lines."""
    for at in bench(vendor):
        planned, before = at.plan(small()), at.running()
        at.box.faults.cut_after = line
        said = at.end(planned, small(), at.carry_out(planned))
        assert at.box.faults.cut_after <= 0, "there are no so many lines in this change"
        ended_old_or_new(at, said, before)


@pytest.mark.parametrize("line", FEW)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_login_that_is_cut_ends_old_or_new(vendor: Vendor, line: int) -> None:
    cut_after(vendor, line)


@pytest.mark.soak
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_login_that_is_cut_after_any_line_ends_old_or_new(vendor: Vendor) -> None:
    lines = 0
    for at in bench(vendor):
        planned = at.plan(small())
        at.box.faults.cut_after = NEVER
        at.carry_out(planned)
        lines = NEVER - at.box.faults.cut_after
    for line in range(1, lines + 1):
        cut_after(vendor, line)


@pytest.mark.parametrize("line", [3, 16, 28])
def test_a_line_that_falls_silent_ends_old_or_new(line: int, at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.box.faults.deaf_after = line
    said = at.end(planned, small(), at.carry_out(planned, BRIEF))
    ended_old_or_new(at, said, before)


def test_a_refused_line_is_named_and_nothing_of_it_works(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.model.refuses = "vlan"
    with at.connect() as session, pytest.raises(ConfigRejected, match="it refused the line 'vlan 20'"):
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert at.running() == before == at.saved()


def test_after_a_refused_line_the_revert_leaves_the_old_configuration(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.model.refuses = "vlan"
    assert at.carry_out(planned) == "reverted"
    at.model.refuses = "\0"
    ended_old_or_new(at, "reverted", before)


def test_power_lost_before_the_confirmation_ends_old(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()

    def switch_off(step: Step) -> None:
        if step is Step.VERIFIED:
            assert at.running() != before
            at.box.lose_power()

    assert at.carry_out(planned, before=switch_off) == "reverted"
    ended_old_or_new(at, "reverted", before)


@pytest.mark.parametrize("line", range(1, 12))
def test_power_lost_at_any_line_of_the_confirmation_ends_new_or_with_the_power_switch_old(line: int) -> None:
    for at in bench(ARUBA if line % 2 else CAMBIUM):
        planned, before = at.plan(small()), at.running()
        with at.connect() as session:
            at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
        at.box.faults.cut_after = line
        with at.connect() as session:
            try:
                at.configurer.confirm(at.target().talk(session), TOKENS[0])
            except Exception:  # noqa: BLE001  # whatever it is, the device is asked
                at.box.lose_power()
        ended_old_or_new(at, at.end(planned, small(), "open"), before)


def test_a_change_that_takes_the_management_away_comes_back_with_the_power_switch(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.box.faults.unmanageable = lambda: at.model.running.has("vlan 20")
    assert at.carry_out(planned, BRIEF) == "open"
    assert at.saved() == before
    at.box.lose_power()
    assert at.end(planned, small(), "open") == "reverted"
    at.box.faults.unmanageable = lambda: False
    ended_old_or_new(at, "reverted", before)


def test_a_device_that_is_not_as_wished_is_rebooted_to_its_old_configuration(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.model.forgets = "vlan"
    assert at.carry_out(planned) == "reverted"
    assert at.box.deaths == 1
    at.model.forgets = "\0"
    ended_old_or_new(at, "reverted", before)


def test_a_full_flash_at_the_confirmation_is_rebooted_to_the_old_configuration(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.box.faults.disk_full = True
    assert at.carry_out(planned) == "reverted"
    at.box.faults.disk_full = False
    ended_old_or_new(at, "reverted", before)


def test_a_second_controller_is_refused_while_a_trial_is_open(at: Bench) -> None:
    planned = at.plan(small())
    with at.connect() as session:
        talk = at.target().talk(session)
        at.configurer.arm(talk, planned.change, planned.fingerprint, TOKENS[0], 60)
        at.configurer.apply(talk, planned.change, TOKENS[0])
        with pytest.raises(ConfigRejected, match="another change is open"):
            at.configurer.arm(talk, planned.change, planned.fingerprint, TOKENS[1], 60)
    assert at.finish(small(), TOKENS[1]) is Ending.ABSENT
    assert at.finish(small()) is Ending.CONFIRMED


def test_a_controller_that_died_after_applying_is_taken_over(at: Bench) -> None:
    planned = at.plan(small())
    with at.connect() as session:
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert at.finish(small()) is Ending.CONFIRMED
    assert at.running() == at.saved()


@pytest.mark.parametrize("goal", [None, Wish(replace(small().intent, ssids=()))])
def test_an_open_trial_that_nobody_wishes_is_ended_by_asking_alone(at: Bench, goal: Wish | None) -> None:
    planned, before = at.plan(small()), at.running()
    with at.connect() as session:
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert at.running() != before
    assert at.finish_alone(goal) is Ending.ABSENT
    assert at.box.deaths == 1
    ended_old_or_new(at, "reverted", before)


def test_a_refused_passphrase_of_short_words_is_not_in_the_error(at: Bench) -> None:
    planned = at.plan(whole(at.vendor.kind, "yo no se tu luz"))
    at.model.refuses = "wpa-passphrase" if at.vendor is ARUBA else "passphrase"
    with at.connect() as session, pytest.raises(ConfigRejected, match="Invalid value: •••") as found:
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert "luz" not in str(found.value)


def test_the_time_for_a_line_does_not_bound_all_lines_together(at: Bench) -> None:
    planned = at.plan(whole(at.vendor.kind))
    at.box.faults.slow_s = 0.1
    patient = at.target(replace(TIMERS, command_s=len(planned.change.lines) * 0.08))
    with at.connect() as session:
        at.configurer.apply(patient.talk(session), planned.change, TOKENS[0])
    at.box.faults.slow_s = 0.0
    assert at.finish(whole(at.vendor.kind)) is Ending.CONFIRMED


def test_a_device_that_asks_whether_to_save_before_it_restarts_is_told_no(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    with at.connect() as session:
        talk = at.target().talk(session)
        at.configurer.apply(talk, planned.change, TOKENS[0])
        at.configurer.revert(talk, TOKENS[0])
    assert at.box.deaths == 1
    assert at.running() == before == at.saved()


def test_a_change_by_hand_after_the_plan_is_refused(at: Bench) -> None:
    planned = at.plan(small())
    at.model.running.sections[""].append(("syslog-server" if at.vendor is ARUBA else "location", "10.1.1.1"))
    assert at.carry_out(planned) == "refused"
    assert at.box.deaths == 0


def test_another_host_key_is_a_hard_stop(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    at.server.change_host_key(2)
    with pytest.raises(HostKeyChanged):
        at.plan(small())
    assert at.carry_out(planned, BRIEF) == "open"
    assert at.steps == []
    assert at.running() == before


def test_a_slow_device_is_waited_for(at: Bench) -> None:
    at.box.faults.slow_s = 0.1
    assert at.carry_out(at.plan(small())) == "confirmed"


def test_a_confirmation_may_be_repeated_and_then_nothing_is_reverted(at: Bench) -> None:
    assert at.carry_out(at.plan(small())) == "confirmed"
    with at.connect() as session:
        talk = at.target().talk(session)
        at.configurer.confirm(talk, TOKENS[0])
        at.configurer.revert(talk, TOKENS[0])
        assert at.configurer.status(talk, TOKENS[0]).ending == "confirmed"
        assert at.configurer.status(talk, TOKENS[1]).ending == ""
    assert at.box.deaths == 0


def test_what_a_technician_made_survives_two_changes(at: Bench) -> None:
    by_hand = {line for line in at.saved() if "tecnica" in line or "hecha-a-mano" in line or "vieja" in line}
    assert at.carry_out(at.plan(whole(at.vendor.kind))) == "confirmed"
    assert by_hand < set(at.saved())
    assert at.carry_out(at.plan(small()), token=TOKENS[1]) == "confirmed"
    assert by_hand < set(at.saved())
    assert not [line for line in at.saved() if "Personal" in line or "radius" in line]


def test_a_changed_passphrase_is_noticed_and_never_shown(at: Bench) -> None:
    at.carry_out(at.plan(whole(at.vendor.kind)))
    assert not at.plan(whole(at.vendor.kind)).change
    planned = at.plan(whole(at.vendor.kind, "otra-clave-9000"))
    assert any("passphrase" in path for path in planned.change.paths)
    shown = planned.change.text + "".join(line.shown for line in planned.change.lines)
    shown += at.configurer.redacted(planned.running) + repr(planned)
    for secret in ("otra-clave-9000", PASSPHRASE, "hecha-a-mano", "radius-secreto-3", "clave-de-priv-2"):
        assert secret not in shown
    assert at.carry_out(planned, token=TOKENS[1]) == "confirmed"
    assert [line for line in at.saved() if line.endswith("passphrase otra-clave-9000")]


def test_taking_a_secret_network_away_and_putting_it_back_converges(at: Bench) -> None:
    for turn, wish in enumerate((whole(at.vendor.kind), small(), whole(at.vendor.kind))):
        assert at.carry_out(at.plan(wish), token=TOKENS[turn % 2]) == "confirmed"
        assert not at.plan(wish).change


def test_an_earlier_configuration_is_restored(at: Bench) -> None:
    at.carry_out(at.plan(small()))
    earlier, before = at.plan(small()).running, at.running()
    at.carry_out(at.plan(whole(at.vendor.kind)), token=TOKENS[1])
    back = at.plan(Earlier(earlier))
    assert at.carry_out(back) == "confirmed"
    assert set(before) - set(at.running()) == set()
    assert not at.plan(small()).change


def test_networks_beyond_what_fits_at_once_are_applied_in_parts(at: Bench) -> None:
    ssids = tuple(
        Ssid(f"Plaza numero {one}", Security.OPEN, 20 + one, rate=Rate(2048, 512)) for one in range(7)
    )
    wish = replace(whole(at.vendor.kind), intent=replace(whole(at.vendor.kind).intent, ssids=ssids))
    assert at.carry_out(at.plan(wish)) == "confirmed"
    assert at.carry_out(at.plan(small()), token=TOKENS[1]) == "confirmed"
    assert not [line for line in at.saved() if "numero" in line]


def test_a_text_that_is_no_configuration_is_an_error(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at.model, "_listed", lambda *args, **options: iter(["nothing"]))
    with pytest.raises(UnexpectedReply, match="did not print its configuration"):
        at.plan(small())


def test_a_pager_is_answered(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(at.model), "look", replace(at.model.look, height=5))
    assert at.carry_out(at.plan(small())) == "confirmed"
