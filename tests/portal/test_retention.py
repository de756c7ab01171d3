"""What is past its period goes, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, Table, func, insert, select

from captive_portal.gateway_tables import device_blocks, gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.model import Arrival, Grant
from captive_portal.radius.tables import associations
from captive_portal.retention import Retention, purge
from captive_portal.sessions import StoredSessions
from captive_portal.tables import (
    enforcements,
    gateway_events,
    legal_records,
    portal_counts,
    sessions,
    voucher_batches,
    voucher_uses,
    vouchers,
    waiting_grants,
)
from captive_portal.vouchers import Batch, issue
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

HERE = site_of("08027-plaza")


def test_each_row_lives_its_period_and_counts_stay(store: Engine) -> None:
    clock = Clock()
    opened = StoredSessions(store)
    granted = opened.open(HERE, Arrival(HERE.key, "d", "b", "", ""), LIBRE, clock())
    assert isinstance(granted, Grant)
    opened.ended(granted.session, "User-Request", clock())
    at = int(clock().timestamp())
    later = int((clock() + timedelta(days=30)).timestamp())
    with store.begin() as connection:
        connection.execute(insert(gateway_events).values(site=HERE.key, event="e", received_at=at))
        sealed = {"acctuniqueid": "a" * 32, "site": HERE.key, "sealed": "s"}
        connection.execute(insert(waiting_grants).values(**sealed, made_at=at))
        connection.execute(insert(legal_records).values(**sealed, delete_at=later))

    def rows() -> dict[str, int]:
        tables = (sessions, gateway_events, waiting_grants, legal_records, portal_counts)
        with store.connect() as connection:
            return {
                t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
            }

    kept = {"session": 1, "gateway_event": 1, "waiting_grant": 1, "legal_record": 1, "portal_count": 1}
    for days, gone in (
        (0, ""),
        (0.001, "waiting_grant"),
        (7.1, "gateway_event"),
        (30, "legal_record"),
        (89, ""),
        (90.1, "session"),
    ):
        purge(store, Retention(), clock() + timedelta(days=days))
        kept |= {gone: 0} if gone else {}
        assert rows() == kept


def test_an_open_session_is_never_purged(store: Engine) -> None:
    clock = Clock()
    StoredSessions(store).open(HERE, Arrival(HERE.key, "d", "b", "", ""), LIBRE, clock())
    assert purge(store, Retention(), clock() + timedelta(days=365))["session"] == 0


def left_in(store: Engine, table: Table) -> int:
    with store.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_who_used_a_voucher_is_forgotten_thirty_days_after_its_batch_and_the_batch_stays(
    store: Engine,
) -> None:
    clock = Clock()
    expires = clock() + timedelta(days=10)
    with store.begin() as connection:
        for name, later in (("old", timedelta(0)), ("newer", timedelta(days=1))):
            batch = Batch(name, HERE.key, LIBRE, 1, clock(), "ana", expires + later, "feria")
            issue(connection, name.encode(), batch, ["ABCDEFGH123"])
        at = int(clock().timestamp())
        uses = [
            {"hash": one, "device": "d", "used_at": at}
            for (one,) in connection.execute(select(vouchers.c.hash))
        ]
        connection.execute(insert(voucher_uses), uses)
    last = expires + Retention().voucher_uses
    for moment, gone, left in (
        (clock() + timedelta(days=39), 0, 2),
        (last, 0, 2),
        (last + timedelta(seconds=1), 1, 1),
        (last + timedelta(days=1, seconds=1), 1, 0),
    ):
        assert purge(store, Retention(), moment)["voucher_use"] == gone
        assert left_in(store, voucher_uses) == left
    assert (left_in(store, voucher_batches), left_in(store, vouchers)) == (2, 2)


def test_an_address_is_kept_while_its_session_runs_and_no_longer(store: Engine) -> None:
    clock, opened = Clock(), StoredSessions(store)
    granted = opened.open(HERE, Arrival(HERE.key, "d", "b", "", ""), LIBRE, clock())
    assert isinstance(granted, Grant)
    sealed = {"site": HERE.key, "sealed": "s", "until": int(clock().timestamp())}
    with store.begin() as connection:
        rows = [{"acctuniqueid": name, **sealed} for name in (granted.session, "of no session")]
        connection.execute(insert(enforcements), rows)
    assert purge(store, Retention(), clock.forward(days=365))["enforcement"] == 1
    assert left_in(store, enforcements) == 1
    with store.begin() as connection:
        connection.execute(sessions.update().values(acctstoptime=int(clock().timestamp())))
    assert purge(store, Retention(), clock())["enforcement"] == 1
    assert left_in(store, enforcements) == 0


def test_what_an_access_point_told_is_forgotten_a_week_after_its_last_word(store: Engine) -> None:
    clock = Clock()
    row = {"site": HERE.key, "nas": "n", "acctuniqueid": "a" * 32}
    with store.begin() as connection:
        for days in (0, 1):
            heard = int((clock() + timedelta(days=days)).timestamp())
            connection.execute(insert(associations).values(**row, association=f"a{days}", heard_at=heard))
    week = Retention().radius_associations
    for later, gone, left in (
        (week, 0, 2),
        (week + timedelta(seconds=1), 1, 1),
        (week + timedelta(days=2), 1, 0),
    ):
        assert purge(store, Retention(), clock() + later)["radius_association"] == gone
        assert left_in(store, associations) == left


def test_the_periods_are_those_that_a_portal_is_set_to(store: Engine) -> None:
    clock = Clock()
    row = {"site": HERE.key, "nas": "n", "acctuniqueid": "a" * 32, "association": "a"}
    with store.begin() as connection:
        connection.execute(insert(associations).values(**row, heard_at=int(clock().timestamp())))
    kept = Retention(radius_associations=timedelta(days=30))
    assert purge(store, kept, clock() + timedelta(days=30))["radius_association"] == 0
    assert purge(store, kept, clock() + timedelta(days=30, seconds=1))["radius_association"] == 1


def gateways_rows(clock: Clock) -> dict[Table, list[dict[str, object]]]:
    """Of each table one that goes after its period from now on, and one that stays."""
    at = int(clock().timestamp())
    much_later = at + 10**9
    told = {"site": HERE.key, "box": "b", "at": 0, "told": "{}"}
    block = {"site": HERE.key, "device": "d", "reason": "r", "author": "a", "made_at": 0}
    box = {"site": HERE.key, "first_at": 0, "heard_at": at}
    return {
        gateway_pulses: [told | {"seq": 1, "received_at": at}, told | {"seq": 2, "received_at": much_later}],
        gateway_alarms: [
            told | {"seq": 1, "received_at": at, "cause": "copied"},
            told | {"seq": 2, "received_at": much_later, "cause": "copied"},
        ],
        device_blocks: [
            block | {"block": "over", "until": at, "lifted_at": None},
            block | {"block": "lifted", "until": much_later, "lifted_at": at},
            block | {"block": "holds", "until": much_later, "lifted_at": None},
        ],
        gateway_boxes: [box | {"box": "gone", "replaced_at": at}, box | {"box": "here", "replaced_at": None}],
    }


PERIODS = {
    gateway_pulses: Retention().gateway_pulses,
    gateway_alarms: Retention().gateway_alarms,
    device_blocks: Retention().device_blocks,
    gateway_boxes: Retention().gateway_boxes,
}


@pytest.mark.parametrize("table", PERIODS, ids=lambda table: table.name)
def test_what_gateways_told_and_who_was_kept_out_goes_after_its_period(store: Engine, table: Table) -> None:
    clock = Clock()
    rows, over = gateways_rows(clock)[table], clock() + PERIODS[table]
    with store.begin() as connection:
        connection.execute(insert(table), rows)
    assert purge(store, Retention(), over)[table.name] == 0
    assert purge(store, Retention(), over + timedelta(seconds=1))[table.name] == len(rows) - 1
    assert left_in(store, table) == 1
