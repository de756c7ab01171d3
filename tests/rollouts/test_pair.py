"""Both ends of a radio link end old or both new, whatever happens to it, to them or to the controller."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import pytest

from drivers import apply, pair, pair_end
from drivers.apply import Earlier, Ending, Login, Plan, Step, Target, Timers
from drivers.change import Change, Line
from drivers.configurers.aruba_instant import ArubaInstant
from drivers.configurers.seam import Running, Safety
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import ConfigRejected, DriverError, Unreachable, VerifyFailed
from drivers.model import Secret
from drivers.pair import End, limits_s
from drivers.pair_end import Act, Aim, Standing, Yet, next_act
from tests.children import exit_code
from tests.configure.device import wait_until
from tests.rollouts import dying_link
from tests.rollouts.radio_link import FAR, KINDS, NEAR, PATIENT, QUICK, Joined, joined, talks, until_ended

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.rollouts.dying_link"])  # else each controller imports everything anew

IN_ORDER = [
    (FAR, Step.ARMED),
    (NEAR, Step.ARMED),
    (FAR, Step.APPLIED),
    (NEAR, Step.APPLIED),
    (FAR, Step.VERIFIED),
    (NEAR, Step.VERIFIED),
]
BOTH_NEW = (Ending.CONFIRMED, Ending.CONFIRMED)


@pytest.mark.parametrize(
    ("far", "near", "aim", "far_may_stay", "act"),
    [
        (Yet.OPEN, Yet.OPEN, Aim.KEEP, False, Act.KEEP_BOTH),
        (Yet.OPEN, Yet.OPEN, Aim.GO_BACK, False, Act.BACK_BOTH),
        (Yet.OPEN, Ending.ABSENT, Aim.KEEP, False, Act.WAIT),
        (Yet.OPEN, Ending.ABSENT, Aim.GO_BACK, False, Act.BACK_BOTH),
        (Yet.AWAY, Yet.OPEN, Aim.KEEP, False, Act.WAIT),
        (Yet.AWAY, Yet.OPEN, Aim.GO_BACK, False, Act.BACK_NEAR),
        (Yet.AWAY, Yet.OPEN, Aim.GO_BACK, True, Act.WAIT),
        (Yet.AWAY, Ending.REVERTED, Aim.KEEP, False, Act.WAIT),
        (Yet.AWAY, Ending.REVERTED, Aim.KEEP, True, Act.RENEW_NEAR),
        (Yet.AWAY, Ending.CONFIRMED, Aim.KEEP, True, Act.NOTHING),
        (Ending.CONFIRMED, Yet.OPEN, Aim.GO_BACK, True, Act.KEEP_NEAR),
        (Ending.CONFIRMED, Ending.REVERTED, Aim.GO_BACK, True, Act.RENEW_NEAR),
        (Ending.CONFIRMED, Yet.AWAY, Aim.KEEP, True, Act.WAIT),
        (Ending.REVERTED, Yet.OPEN, Aim.KEEP, True, Act.BACK_NEAR),
        (Ending.REVERTED, Ending.ABSENT, Aim.KEEP, True, Act.NOTHING),
    ],
)
def test_what_is_done_next_follows_from_where_the_ends_stand(
    far: Standing, near: Standing, aim: Aim, far_may_stay: bool, act: Act
) -> None:
    assert next_act(far, near, aim, far_may_stay) is act


@pytest.fixture
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Joined]:
    """Two devices and the air between them."""
    with joined(tmp_path, getattr(request, "param", "openwrt")) as made:
        yield made


both_kinds = pytest.mark.parametrize("link", KINDS, indirect=True)
airos_in_soak = pytest.mark.parametrize(
    "link", ["openwrt", pytest.param("ubiquiti_airos", marks=pytest.mark.soak)], indirect=True
)


@both_kinds
def test_both_ends_are_changed_over_a_link_that_drops_in_between(link: Joined) -> None:
    far, near = link.ends(PATIENT)
    pair.carry_out(far, near, link.journal.write)
    assert [(device, step) for device, step, _ in link.journal.read()] == IN_ORDER
    assert not any(plan.change for plan in link.plans())
    assert_at_rest(link)


def test_the_near_end_alone_would_take_the_link_away(link: Joined) -> None:
    """Why it is one transaction: the device that is changed by itself is lost, and goes back."""
    far = link.end(FAR, link.wish(FAR, 149), "f" * 32, QUICK)
    with pytest.raises(DriverError):
        apply.carry_out(far.target, far.plan, far.token, lambda step: None)


@airos_in_soak
def test_a_far_end_that_never_comes_back_takes_the_near_one_back_with_it(link: Joined) -> None:
    before = link.settings()
    far, near = link.ends(QUICK, far=link.wish(FAR, country=link.kind.cut_off))
    with pytest.raises(DriverError):
        pair.carry_out(far, near, link.journal.write)
    endings = pair_end.settle(link.link(QUICK), talks(link.journal), 60)
    assert Ending.CONFIRMED not in endings
    assert link.settings() == before
    assert_at_rest(link)


@pytest.mark.soak
def test_settings_that_do_not_agree_go_back(link: Joined) -> None:
    before = link.settings()
    far, near = link.ends(QUICK, near=link.wish(NEAR, 153))
    with pytest.raises(DriverError):
        pair.carry_out(far, near, link.journal.write)
    pair_end.settle(link.link(QUICK), talks(link.journal), 60)
    assert link.settings() == before


def test_an_end_that_refuses_leaves_both_as_they_were(link: Joined) -> None:
    before = link.settings()
    far, near = link.ends(PATIENT)
    stale = replace(near, plan=replace(near.plan, running=replace(near.plan.running, fingerprint="0" * 64)))
    with pytest.raises(ConfigRejected, match="changed since the plan"):
        pair.carry_out(far, stale, link.journal.write)
    assert pair_end.settle(link.link(PATIENT), talks(link.journal), 60) == (Ending.REVERTED, Ending.ABSENT)
    assert link.settings() == before
    assert_at_rest(link)


@airos_in_soak
def test_a_near_end_that_went_back_after_the_far_one_was_confirmed_is_changed_again(link: Joined) -> None:
    far, near = link.ends(PATIENT)
    with pytest.raises(VerifyFailed):
        pair.carry_out(far, near, at(link, NEAR, Step.VERIFIED, lose_power_of_near))
    assert not link.up()
    assert pair_end.settle(link.link(PATIENT), talks(link.journal), 60) == BOTH_NEW
    assert not any(plan.change for plan in link.plans())
    assert [each[:2] for each in link.journal.read()[6:]] == [
        (NEAR, Step.ARMED),
        (NEAR, Step.APPLIED),
        (NEAR, Step.VERIFIED),
    ]
    assert_at_rest(link)


def test_where_only_the_near_end_changes_the_far_one_must_be_there_before_it_stays(link: Joined) -> None:
    before = link.settings()
    far = link.end(FAR, link.wish(FAR, 36), "f" * 32, PATIENT)
    pair.carry_out(far, link.end(NEAR, link.wish(NEAR, 36), "n" * 32, PATIENT), link.journal.write)
    after = link.settings()
    assert after != before
    link.journal.file.unlink()
    far, near = (
        link.end(FAR, link.wish(FAR, 36), "", QUICK),
        link.end(NEAR, link.wish(NEAR, 149), "n" * 31 + "2", QUICK),
    )
    assert not far.plan.change
    with pytest.raises(DriverError):
        pair.carry_out(far, near, link.journal.write)
    assert pair_end.settle(link.link(QUICK), talks(link.journal), 60) == (Ending.ABSENT, Ending.REVERTED)
    assert link.settings() == after


def test_a_device_that_nothing_brings_back_is_no_end_of_a_link(link: Joined) -> None:
    far, near = link.ends(PATIENT)
    unarmed = replace(far, target=replace(far.target, configurer=ArubaInstant()))
    with pytest.raises(ConfigRejected, match="nothing on it undoes"):
        pair.carry_out(unarmed, near, link.journal.write)
    assert not link.journal.read()


EARLIER = Earlier(Running(Secret(""), "1"))
ARMED = sorted(name for name, one in CONFIGURERS.items() if one.traits.safety is not Safety.D)


def planned(platform: str, round_s: float, timers: Timers) -> End:
    """Any change of a platform, without a device."""

    def connect() -> Login:
        raise Unreachable(platform, "there is none")

    change = Change(platform, (Line(Secret("149"), "149", "radio.channel"),), "")
    plan = Plan(EARLIER, Running(Secret(""), "0"), change, round_s=round_s)
    return End(Target(platform, CONFIGURERS[platform], connect, timers), plan, platform)


@pytest.mark.parametrize("revert_s", [None, 3, 600, 100_000])
@pytest.mark.parametrize("far", ARMED)
def test_the_near_ends_timer_ends_after_the_far_ones(far: str, revert_s: int | None) -> None:
    timers = replace(QUICK, revert_s=revert_s)
    for near, round_s in product(ARMED, (0.1, 5.0)):
        ends = planned(far, round_s, timers), planned(near, round_s, timers)
        far_s, near_s = limits_s(*ends)
        traits = [end.target.configurer.traits for end in ends]
        assert traits[0].timer_least_s <= far_s <= traits[0].timer_most_s
        assert traits[1].timer_least_s <= near_s <= traits[1].timer_most_s
        assert near_s >= far_s + 10 + 4 * round_s
        if revert_s is None:
            assert far_s >= sum(
                apply.revert_s(t, timers, end.plan) for t, end in zip(traits, ends, strict=True)
            )


def lose_link(link: Joined) -> None:
    """Rain, for as long as the change lasts."""
    link.out = True
    link.relay.down = True
    link.relay.cut()


def cut(link: Joined) -> None:
    """All logins at the far end die, once."""
    link.relay.cut()


def lose_power_of_far(link: Joined) -> None:
    """Off, and on again."""
    link.far.lose_power()
    link.far.boot()


def lose_power_of_near(link: Joined) -> None:
    """Off, and on again; the link is away as long."""
    link.out = True
    link.near.lose_power()
    link.near.boot()
    link.out = False


def let_it_hang(link: Joined) -> None:
    """From now on a link that is away is silent, as radio is."""
    link.hangs = True


FAULTS: dict[str, Callable[[Joined], None]] = {
    "the link is lost": lose_link,
    "its logins are cut": cut,
    "the far end loses power": lose_power_of_far,
    "the near end loses power": lose_power_of_near,
    "the link is silent": let_it_hang,
}
MATRIX = list(product(FAULTS, IN_ORDER))
FEW = {("its logins are cut", (FAR, Step.APPLIED))}


@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        pytest.param(
            *case, marks=() if case in FEW else pytest.mark.soak, id=f"{case[0]} - {' '.join(case[1])}"
        )
        for case in MATRIX
    ],
)
def test_both_ends_are_old_or_both_new_when(link: Joined, fault: str, moment: tuple[str, Step]) -> None:
    before = link.settings()
    timers = replace(QUICK, revert_s=12 if moment[1] is Step.VERIFIED else 5)
    far, near = link.ends(timers)
    failed = False
    try:
        pair.carry_out(far, near, at(link, *moment, FAULTS[fault]))
    except DriverError:
        failed = True
    link.out = False
    endings = settled(link, timers) if failed and link.journal.read() else BOTH_NEW
    assert_same_fate(link, endings, before)


def at(
    link: Joined, device: str, step: Step, act: Callable[[Joined], None]
) -> Callable[[str, Step, str], None]:
    """Do something, once, as a step is announced."""
    waiting = [act]

    def before(said: str, reached: Step, token: str) -> None:
        link.journal.write(said, reached, token)
        if (said, reached) == (device, step) and waiting:
            waiting.pop()(link)

    return before


def settled(link: Joined, timers: Timers) -> tuple[Ending, Ending]:
    """As the controller that saw it fail does, and those after it."""
    try:
        return pair_end.settle(link.link(timers), talks(link.journal), 60)
    except Unreachable:
        return taken_over(link, timers)


def taken_over(link: Joined, timers: Timers) -> tuple[Ending, Ending]:
    """As the worker does: again and again until both have ended."""
    endings: list[tuple[Ending, Ending]] = []

    def ask() -> bool:
        try:
            endings.append(pair_end.finish(link.link(timers), talks(link.journal)))
        except Unreachable:
            return False
        return True

    until_ended(ask)
    return endings[0]


def assert_same_fate(link: Joined, endings: tuple[Ending, Ending], before: tuple[object, object]) -> None:
    """And the link is up, and the next change goes through."""
    wait_until("the link carries", link.carries)
    if endings == BOTH_NEW:
        assert not any(plan.change for plan in link.plans())
    else:
        assert Ending.CONFIRMED not in endings
        assert link.settings() == before
        link.journal.file.unlink(missing_ok=True)
        far, near = link.ends(PATIENT)
        pair.carry_out(replace(far, token="a" * 32), replace(near, token="b" * 32), link.journal.write)
    assert_at_rest(link)


def assert_at_rest(link: Joined) -> None:
    """No trial is open, and the link carries."""
    assert link.up()
    assert not link.open_trials()


KILLS = [(number, when) for number in range(len(IN_ORDER)) for when in ("before", "after")]
KILLS.append((len(IN_ORDER), "before"))
KILLED_IN_SHORT = {(3, "before"), (4, "after"), (5, "before")}
STAYS = (4, "before")
"""From the moment at which both are as wanted they stay."""


@pytest.mark.parametrize(
    ("number", "when"),
    [
        pytest.param(
            *case, marks=() if case in KILLED_IN_SHORT else pytest.mark.soak, id=f"{case[1]} {case[0]}"
        )
        for case in KILLS
    ],
)
def test_a_killed_controller_is_taken_over(link: Joined, number: int, when: str, tmp_path: Path) -> None:
    before = link.settings()
    stays = (number, when == "after") >= (STAYS[0], False)
    timers = PATIENT if stays else QUICK
    kill_controller(link, timers, number, when, tmp_path)
    endings = taken_over(link, timers)
    assert (endings == BOTH_NEW) == stays
    assert_same_fate(link, endings, before)


@pytest.mark.soak
@both_kinds
@pytest.mark.parametrize("then", [lose_power_of_far, lose_power_of_near], ids=["far", "near"])
@pytest.mark.parametrize(("number", "when"), KILLS, ids=[f"{when} {number}" for number, when in KILLS])
def test_a_killed_controller_is_taken_over_although_an_end_loses_power(
    link: Joined, number: int, when: str, then: Callable[[Joined], None], tmp_path: Path
) -> None:
    before = link.settings()
    timers = replace(QUICK, revert_s=20) if number > 3 else QUICK
    kill_controller(link, timers, number, when, tmp_path)
    then(link)
    assert_same_fate(link, taken_over(link, timers), before)


@pytest.mark.soak
def test_a_far_end_that_was_confirmed_draws_the_near_one_after_it(link: Joined, tmp_path: Path) -> None:
    kill_controller(link, PATIENT, 5, "before", tmp_path)
    lose_power_of_near(link)
    assert not link.up()
    assert taken_over(link, PATIENT) == BOTH_NEW
    assert_same_fate(link, BOTH_NEW, link.settings())


@pytest.mark.soak
def test_a_near_end_is_not_changed_again_and_again_for_a_far_end_that_does_not_answer(
    link: Joined, tmp_path: Path
) -> None:
    before = link.settings()
    timers = replace(QUICK, revert_s=20)
    kill_controller(link, timers, 5, "before", tmp_path)
    lose_power_of_near(link)
    lose_link(link)
    with pytest.raises(Unreachable):
        pair_end.finish(link.link(timers), talks(link.journal))
    tried = link.journal.read()[5:]
    assert [each[:2] for each in tried] == [(NEAR, Step.ARMED), (NEAR, Step.APPLIED)]
    with pytest.raises(Unreachable):
        pair_end.finish(replace(link.link(timers), rests=True), talks(link.journal))
    assert link.journal.read()[5:] == tried
    wait_until("the near end is back", lambda: link.settings()[1] == before[1])
    link.out = False
    assert taken_over(link, PATIENT) == BOTH_NEW
    assert_same_fate(link, BOTH_NEW, before)


@pytest.mark.soak
def test_what_is_wanted_no_more_is_told_where_the_ends_differ(link: Joined, tmp_path: Path) -> None:
    kill_controller(link, PATIENT, 5, "before", tmp_path)
    lose_power_of_near(link)
    unwanted = link.link(PATIENT)
    unwanted = replace(unwanted, near=replace(unwanted.near, goal=None))
    with pytest.raises(VerifyFailed, match="far keeps the new configuration"):
        pair_end.finish(unwanted, talks(link.journal))


def kill_controller(link: Joined, timers: Timers, number: int, when: str, folder: Path) -> None:
    """Run a change that dies at one point."""
    ends = {
        name: {
            "root": str(ap.root),
            "port": ap.port,
            "through": link.relay.port if name == FAR else ap.port,
            "key": [link.keys[name].kind, link.keys[name].public_key, link.keys[name].fingerprint],
        }
        for name, ap in ((FAR, link.far), (NEAR, link.near))
    }
    said = {
        "platform": link.platform,
        "journal": str(link.journal.file),
        "timers": asdict(timers),
        "at": number,
        "when": when,
        **ends,
    }
    spec = folder / "spec.json"
    spec.write_text(json.dumps(said))
    process = FORKS.Process(target=dying_link.main, args=(spec,))
    process.start()
    assert exit_code(process) == -signal.SIGKILL
