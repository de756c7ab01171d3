"""Both ends of a radio link in a rollout: one group, one end, also through a controller that died."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from controller import planning
from controller.journal import Row, State
from controller.rollouts import starting
from controller.rollouts.configure import Configure
from controller.rollouts.runner import Fleet, Standing, advance
from controller.rollouts.seam import Asked, Kind, Phase, Policy
from controller.rollouts.store import Rollout, Store
from drivers.apply import Timers
from drivers.model import Endpoint
from tests.configure.desk import Desk, Pocket, make_desk
from tests.rollouts.radio_link import FAR, KINDS, NEAR, PATIENT, QUICK, Joined, joined, until_ended
from tests.rollouts.village import Killed

POLICY = Policy(soak_s=0, patience_s=0, stop_number=0, stop_percent=0, without=frozenset(Asked))


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Joined]:
    """Two devices and the air between them."""
    with joined(tmp_path / "air", "openwrt") as made:
        yield made


@pytest.fixture
def at(link: Joined, tmp_path: Path) -> Desk:
    """A desk whose inventory has them as the ends of a link, on another channel than they send on."""
    return desk_of(link, tmp_path / "desk")


def desk_of(link: Joined, folder: Path) -> Desk:
    """A desk over both ends of a link."""
    desk = make_desk(folder, [link.far, link.near], PATIENT)
    logins = Pocket({FAR: link.far.login, NEAR: link.near.login})
    desk.works = replace(desk.works, access=replace(desk.works.access, secrets=logins))
    far = replace(link.far.device, ssh=Endpoint("127.0.0.1", link.relay.port), parent=NEAR, link=NEAR)
    near = replace(link.near.device, link=FAR)
    desk.want(*(replace(device, ssh_credentials=device.name) for device in (far, near)))
    want_channels(desk, 153, 153)
    return desk


def want_channels(at: Desk, far: int, near: int) -> None:
    """The inventory now asks for these."""
    kind = KINDS["openwrt"]
    wishes = {FAR: kind.wish(FAR, far).intent, NEAR: kind.wish(NEAR, near).intent}
    at.want(
        *(
            replace(device, radios=wishes[device.name].radios, ssids=wishes[device.name].ssids)
            for device in at.devices()
        )
    )


@contextmanager
def dying_at(at: Desk, number: int) -> Iterator[None]:
    """The controller dies when it is about to write this row."""
    left = [number]

    def look(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE rollout_step"):
            left[0] -= 1
            if left[0] <= 0:
                raise Killed

    event.listen(at.engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(at.engine, "before_cursor_execute", look)


def fleet(at: Desk, timers: Timers = PATIENT) -> Fleet:
    """What carries it on."""
    works = replace(at.works, timers=timers)
    return Fleet(works.inventory, Store(works.journal), Configure(works), lambda *_: (), lambda _: None)


def begin(at: Desk, *names: str) -> Store:
    """A rollout over both ends, or over one."""
    work = Configure(at.works)
    chosen = [device for device in at.devices() if not names or device.name in names]
    found = [work.preflight(device) for device in chosen]
    assert {each.trouble for each in found} == {""}
    planned = starting.plan("r1", found, starting.Frame(at.works.inventory, {}, POLICY, datetime.now(UTC)))
    made = Rollout("r1", Kind.CONFIGURE, "all", "another channel", POLICY, names=planned.names)
    store = Store(at.works.journal)
    store.begin(made, planned.rows)
    assert [row.device for row in store.rows("r1")] == [device.name for device in chosen]
    assert len({(row.wave, row.place // 2) for row in store.rows("r1")}) == 1
    return store


def test_both_ends_are_changed_as_one_though_the_link_drops_in_between(link: Joined, at: Desk) -> None:
    store = begin(at)
    assert advance(fleet(at), "r1").phase is Phase.DONE
    assert [row.state for row in store.rows("r1")] == [State.CONFIRMED, State.CONFIRMED]
    assert link.kind.sends(link.far) == link.kind.sends(link.near) == "153"
    assert link.open_trials() == []


def test_an_end_that_is_out_of_reach_keeps_both_waiting(link: Joined, at: Desk) -> None:
    store = begin(at)
    before = link.settings()
    link.out = True
    until_ended(lambda: link.relay.down)
    standing = advance(fleet(at), "r1")
    assert standing.phase is Phase.RUNNING
    assert [row.state for row in store.rows("r1")] == [State.PENDING, State.PENDING]
    assert standing.until > int(datetime.now(UTC).timestamp())
    assert link.settings() == before


@pytest.mark.soak
def test_a_link_that_stays_down_takes_both_back(link: Joined, at: Desk) -> None:
    begin(at)
    before = link.settings()

    def tear(row: object) -> None:
        link.out = True

    quick = replace(fleet(at, QUICK), tell=lambda row: tear(row) if row.state is State.APPLIED else None)
    standing: list[Standing] = []

    def ended() -> bool:
        standing.append(advance(quick if not standing else fleet(at, QUICK), "r1"))
        link.out = False
        return standing[-1].phase is Phase.DONE

    until_ended(ended)
    assert {row.state for row in Store(at.works.journal).rows("r1")} == {State.ROLLED_BACK}
    assert link.settings() == before
    assert link.open_trials() == []


@pytest.mark.parametrize(
    "number", [pytest.param(2, marks=pytest.mark.soak), pytest.param(4, marks=pytest.mark.soak), 6]
)
def test_a_controller_that_dies_at_a_row_leaves_both_ends_to_the_next_one(
    number: int, link: Joined, at: Desk
) -> None:
    store = begin(at)
    with dying_at(at, number), pytest.raises(Killed):
        advance(fleet(at, replace(PATIENT, revert_s=20)), "r1")
    until_ended(lambda: advance(fleet(at), "r1").phase is Phase.DONE)
    assert [row.state for row in store.rows("r1")] == [State.CONFIRMED, State.CONFIRMED]
    assert link.kind.sends(link.far) == link.kind.sends(link.near) == "153"
    assert link.open_trials() == []


def here(link: Joined) -> int:
    """What both send on now."""
    return int(link.kind.sends(link.far))


def test_a_near_end_that_costs_the_far_one_goes_back(link: Joined, at: Desk) -> None:
    want_channels(at, far=here(link), near=153)
    store, before = begin(at, NEAR), link.settings()
    advance(fleet(at, replace(QUICK, revert_s=8)), "r1")
    (row,) = store.rows("r1")
    assert row.state is State.ROLLED_BACK
    assert "far, the other end of its link, is lost" in row.detail
    assert link.settings() == before
    assert link.open_trials() == []


def test_a_near_end_that_costs_nobody_anything_stays(link: Joined, at: Desk) -> None:
    want_channels(at, far=153, near=here(link))
    store = begin(at, NEAR)
    assert advance(fleet(at), "r1").phase is Phase.DONE
    assert [row.state for row in store.rows("r1")] == [State.CONFIRMED]
    assert link.open_trials() == []


def test_a_near_end_waits_for_a_far_one_that_does_not_answer(link: Joined, at: Desk) -> None:
    store, before = begin(at, NEAR), link.settings()
    link.out = True
    until_ended(lambda: link.relay.down)
    advance(fleet(at), "r1")
    (row,) = store.rows("r1")
    assert row.state is State.PENDING
    assert "plaza apply near --typed near" in row.detail
    assert link.settings() == before


def test_a_near_end_that_a_controller_died_at_goes_back_where_the_far_one_is_lost(
    link: Joined, at: Desk
) -> None:
    want_channels(at, far=here(link), near=153)
    store, before = begin(at, NEAR), link.settings()

    def died(row: Row) -> None:
        if row.state is State.APPLIED:
            raise Killed

    with pytest.raises(Killed):
        advance(replace(fleet(at), tell=died), "r1")
    device = at.works.inventory.devices[NEAR]
    plan = planning.plan_one(at.works.inventory, at.works.access, device).plan
    to = planning.target(at.works.access, device, PATIENT)
    assert plan is not None
    with to.connect() as session:  # the change was under way
        to.configurer.apply(to.talk(session), plan.change, store.rows("r1")[0].token)
    until_ended(lambda: link.relay.down)
    until_ended(lambda: advance(fleet(at, replace(QUICK, revert_s=8)), "r1").phase is Phase.DONE)
    assert [row.state for row in store.rows("r1")] == [State.ROLLED_BACK]
    assert link.settings() == before


def test_a_near_end_follows_the_far_one_although_something_else_is_wished_by_then(
    link: Joined, at: Desk
) -> None:
    store = begin(at)
    with dying_at(at, 6), pytest.raises(Killed):
        advance(fleet(at), "r1")
    link.near.lose_power()
    link.near.boot()
    assert not link.up()
    want_channels(at, 161, 161)
    until_ended(lambda: advance(fleet(at), "r1").phase is Phase.DONE)
    assert [row.state for row in store.rows("r1")] == [State.CONFIRMED, State.CONFIRMED]
    assert link.kind.sends(link.far) == link.kind.sends(link.near) == "153"
    assert link.open_trials() == []
