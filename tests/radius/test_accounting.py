"""Reports of access points in any order, any number of times, applied to real sessions."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from captive_portal.radius.accounting import grown
from captive_portal.radius.ledger import forget
from captive_portal.radius.model import Association, Report, Status
from captive_portal.radius.tables import associations
from tests.radius.conftest import THERE, World, make_world, world_over
from tests.radius.told import MAC, SESSION, STATION, body, report


@pytest.fixture
def world(store: Engine) -> World:
    """The same on each engine that may hold the store."""
    return world_over(store)


WORD = st.none() | st.integers(0, 2**40)
REPORTS = st.lists(
    st.builds(
        report,
        status=st.sampled_from([Status.START, Status.INTERIM, Status.STOP]),
        seconds=WORD,
        octets_up=WORD,
        octets_down=WORD,
        cause=st.just("lost-carrier"),
    ),
    min_size=1,
    max_size=8,
)


def told(session: str, status: Status, nas: str = "ap-1", **more: int | str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "Acct_Session_Id": "80000001",
        "Acct_Status_Type": int(status),
        "Class": f"0x{session.encode().hex()}",
    }
    given = {"User_Name": session, "NAS_Identifier": nas, "Calling_Station_Id": STATION}
    return body(**given | said | more)


def account(world: World, session: str, status: Status, nas: str = "ap-1", **more: int | str) -> None:
    assert world.post("account", told(session, status, nas, **more)).status_code == 204


def usage(seconds: int, up: int, down: int) -> dict[str, Any]:
    return {"Acct_Session_Time": seconds, "Acct_Input_Octets": up, "Acct_Output_Octets": down}


@given(REPORTS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_what_an_association_has_used(
    reports: list[Report], random: Any
) -> None:
    def folded(sequence: list[Report]) -> Association:
        one = Association("k", SESSION)
        for each in sequence:
            after = grown(one, each)
            for was, now in ((one.seconds, after.seconds), (one.octets_up, after.octets_up)):
                assert was is None or (now is not None and now >= was)
            assert after.ended or not one.ended
            one = after
        return one

    again = reports + random.choices(reports, k=4)
    random.shuffle(again)
    expected, got = folded(reports), folded(again)
    assert (got.seconds, got.octets_up, got.octets_down, got.ended) == (
        expected.seconds,
        expected.octets_up,
        expected.octets_down,
        expected.ended,
    )


@contextmanager
def fresh() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        world = make_world(Path(directory))
        yield world
        world.engine.dispose()


STEPS: tuple[tuple[Status, dict[str, Any]], ...] = (
    (Status.START, {}),
    (Status.INTERIM, usage(60, 100, 1000)),
    (Status.INTERIM, usage(120, 200, 2000)),
    (Status.STOP, usage(150, 250, 2500) | {"Acct_Terminate_Cause": 1}),
)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.lists(st.integers(0, 3), max_size=4))
def test_the_same_session_comes_of_every_order_and_of_repetitions(order: list[int], again: list[int]) -> None:
    with fresh() as world:
        session = world.tap()
        totals: tuple[int, ...] = (-1, -1, -1)
        for at in [*order, *again]:
            status, more = STEPS[at]
            account(world, session, status, **more)
            row = world.row(session)
            found = tuple(
                row[name] or 0 for name in ("acctsessiontime", "acctinputoctets", "acctoutputoctets")
            )
            assert all(new >= old for new, old in zip(found, totals, strict=True))
            totals = found
        assert totals == (150, 250, 2500)
        assert row["acctterminatecause"] == "user-request"
        assert row["acctstoptime"] is not None
        assert row["acctstarttime"] is not None


def test_a_lost_start_is_told_by_the_first_interim(world: World) -> None:
    session = world.tap()
    world.clock.forward(minutes=10)
    account(world, session, Status.INTERIM, Acct_Delay_Time=5, **usage(60, 1, 1))
    assert world.row(session)["acctstarttime"] == int(world.clock().timestamp()) - 65


def test_a_start_that_comes_after_the_stop_opens_nothing_again(world: World) -> None:
    session = world.tap()
    account(world, session, Status.STOP, Acct_Terminate_Cause=1, **usage(60, 1, 1))
    before = world.row(session)
    world.clock.forward(seconds=30)
    account(world, session, Status.START)
    assert world.row(session) == before


def test_a_stop_that_is_repeated_after_the_phone_came_back_ends_nothing(world: World) -> None:
    session, stop = world.tap(), {"Acct_Terminate_Cause": 4, **usage(60, 1, 1)}
    account(world, session, Status.STOP, **stop)
    world.clock.forward(minutes=5)
    account(world, session, Status.START, Acct_Session_Id="80000002")
    before = world.row(session)
    assert before["acctstoptime"] is None
    account(world, session, Status.STOP, **stop)
    assert world.row(session) == before


def test_a_phone_that_roams_uses_the_sum_and_ends_with_its_last_access_point(world: World) -> None:
    session = world.tap()
    account(world, session, Status.START)
    account(world, session, Status.INTERIM, **usage(60, 100, 1000))
    world.clock.forward(minutes=2)
    account(world, session, Status.START, nas="ap-2")
    account(world, session, Status.STOP, Acct_Terminate_Cause=2, **usage(120, 150, 1500))
    assert world.row(session)["acctstoptime"] is None
    account(world, session, Status.STOP, nas="ap-2", Acct_Terminate_Cause=4, **usage(30, 7, 8))

    row = world.row(session)
    assert (row["acctsessiontime"], row["acctinputoctets"], row["acctoutputoctets"]) == (150, 157, 1508)
    assert row["acctterminatecause"] == "idle-timeout"


def test_an_access_point_that_fell_silent_does_not_keep_a_session_open(world: World) -> None:
    session = world.tap()
    account(world, session, Status.START)
    world.clock.forward(minutes=31)
    account(world, session, Status.START, nas="ap-2")
    account(world, session, Status.STOP, nas="ap-2", Acct_Terminate_Cause=1, **usage(30, 7, 8))
    assert world.row(session)["acctterminatecause"] == "user-request"


def test_a_phone_that_slept_comes_back_within_its_session_and_one_that_left_taps_again(world: World) -> None:
    by_mac = body(User_Name=STATION, NAS_Identifier="ap-1", Calling_Station_Id=STATION)
    session = world.tap()
    account(world, session, Status.START)
    account(world, session, Status.STOP, Acct_Terminate_Cause=4, **usage(60, 1, 1))
    assert world.post("authorise", by_mac).status_code == 200
    world.clock.forward(minutes=5)
    account(world, session, Status.START, Acct_Session_Id="80000002")
    assert world.row(session)["acctstoptime"] is None
    account(world, session, Status.STOP, Acct_Session_Id="80000002", Acct_Terminate_Cause=1, **usage(9, 1, 1))
    assert world.post("authorise", by_mac).status_code == 401


def test_a_phone_let_on_by_its_mac_is_accounted_without_class_also_when_its_time_is_over(
    world: World,
) -> None:
    session = world.tap()
    world.clock.forward(minutes=61)
    said = told("", Status.STOP, User_Name=STATION, Acct_Terminate_Cause=5, **usage(3600, 10, 20))
    assert world.post("account", said | body(Class="0x00")).status_code == 204
    assert world.row(session)["acctoutputoctets"] == 20


def test_an_access_point_that_begins_anew_ends_its_own_associations_when_they_were_last_heard(
    world: World,
) -> None:
    here, elsewhere = world.tap(), world.tap(mac="02:ca:fe:5e:00:02")
    account(world, here, Status.START)
    account(world, elsewhere, Status.START, nas="ap-2")
    heard = int(world.clock().timestamp())
    world.clock.forward(minutes=3)
    for _ in range(2):
        assert world.post("account", body(Acct_Status_Type=7, NAS_Identifier="ap-1")).status_code == 204

    assert world.row(here)["acctstoptime"] == heard
    assert world.row(here)["acctterminatecause"] == "nas-reboot"
    assert world.row(elsewhere)["acctstoptime"] is None


def rows(world: World) -> list[dict[str, Any]]:
    with world.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(associations)).mappings()]


def test_a_report_of_another_sites_session_or_of_a_strange_access_point_changes_nothing(world: World) -> None:
    session = world.tap()
    elsewhere = told(session, Status.STOP, Calling_Station_Id="", **usage(60, 1, 1))
    assert world.post("account", elsewhere, site=THERE).status_code == 204
    account(world, session, Status.STOP, nas="ap-9", **usage(60, 1, 1))
    assert world.row(session)["acctsessiontime"] is None
    assert rows(world) == []


def test_no_mac_and_no_name_of_an_association_is_kept(world: World) -> None:
    session = world.tap()
    named = f"5f1e0001/{MAC}/77"
    account(world, session, Status.START, Acct_Session_Id=named)
    kept = repr(rows(world)) + repr(world.row(session))
    assert len(rows(world)) == 1
    for hidden in (MAC, STATION, named, "ap-1"):
        assert hidden not in kept


def test_what_was_not_heard_of_for_long_is_forgotten(world: World) -> None:
    account(world, world.tap(), Status.START)
    assert forget(world.engine, world.clock()) == 0
    assert forget(world.engine, world.clock.forward(days=1)) == 1
    assert rows(world) == []


def test_a_usage_that_nobody_told_stays_unknown(world: World) -> None:
    session = world.tap()
    account(world, session, Status.INTERIM, Acct_Session_Time=60)
    row = world.row(session)
    assert (row["acctsessiontime"], row["acctinputoctets"], row["acctoutputoctets"]) == (60, None, None)
