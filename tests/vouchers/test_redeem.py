"""What a voucher gives, once."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, select, update

from captive_portal.model import GatewayKind, Plan, PortalSite, Wiring
from captive_portal.tables import voucher_batches, voucher_uses, vouchers
from captive_portal.voucher_codes import make, printed
from captive_portal.vouchers import EXPIRED, UNKNOWN, USED, Batch, Vouchers, issue
from controller.secrets import voucher_key

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
KEY = voucher_key(b"m" * 32, "08027")
SITE = PortalSite(
    key="08027-plaza",
    name="Plaza de Armas",
    municipality="08027",
    municipality_name="Guachochi",
    zone="America/Chihuahua",
    languages=("es",),
    plan=Plan("free", timedelta(hours=1)),
    gateway_url="http://10.77.0.1:2060",
    wiring=Wiring("08027-plaza", GatewayKind.PLAZA, b"k" * 32, "https://p.example/p/08027-plaza/online"),
    vouchers=True,
    voucher_key=KEY,
)
PLAN = Plan("voucher-b1", timedelta(hours=2), octets=500_000_000, down_kbps=4000, up_kbps=1000)
BATCH = Batch("b1", SITE.key, PLAN, 1, NOW, "ana", NOW + timedelta(days=30), "feria")


@pytest.fixture
def engine(store: Engine) -> Engine:
    return store


def issued(engine: Engine, batch: Batch = BATCH) -> str:
    code = make()
    with engine.begin() as connection:
        issue(connection, KEY, batch, [code])
    return code


def test_a_code_as_printed_gives_its_plan(engine: Engine) -> None:
    code = issued(engine)
    assert Vouchers(engine).redeem(SITE, printed(code).lower(), "d1", NOW) == PLAN


def test_a_second_device_is_refused_and_the_first_may_tap_again(engine: Engine) -> None:
    code, store = issued(engine), Vouchers(engine)
    assert store.redeem(SITE, code, "d1", NOW) == PLAN
    assert store.redeem(SITE, code, "d2", NOW) == USED
    assert store.redeem(SITE, code, "d1", NOW) == PLAN


def test_a_later_tap_of_the_same_device_gives_only_what_is_left(engine: Engine) -> None:
    code, store = issued(engine), Vouchers(engine)
    store.redeem(SITE, code, "d1", NOW)
    later = NOW + timedelta(minutes=90)
    assert store.redeem(SITE, code, "d1", later) == replace(PLAN, duration=timedelta(minutes=30))
    assert store.redeem(SITE, code, "d1", NOW + PLAN.duration) == USED


def test_a_voucher_for_two_devices_serves_two(engine: Engine) -> None:
    code, store = issued(engine, replace(BATCH, devices=2)), Vouchers(engine)
    answers = [store.redeem(SITE, code, device, NOW) for device in ("d1", "d2", "d3")]
    assert answers == [PLAN, PLAN, USED]


def test_a_municipalitys_voucher_is_good_at_its_sites_and_a_sites_only_there(engine: Engine) -> None:
    ours = issued(engine, replace(BATCH, site="08027"))
    elsewhere = issued(engine, replace(BATCH, name="b2", site="08027-otra"))
    assert Vouchers(engine).redeem(SITE, ours, "d1", NOW) == PLAN
    assert Vouchers(engine).redeem(SITE, elsewhere, "d1", NOW) == UNKNOWN


def test_an_unknown_code_and_a_site_without_a_key_are_refused(engine: Engine) -> None:
    code, store = issued(engine), Vouchers(engine)
    assert store.redeem(SITE, make(), "d1", NOW) == UNKNOWN
    assert store.redeem(SITE, "", "d1", NOW) == UNKNOWN
    assert store.redeem(replace(SITE, voucher_key=b""), code, "d1", NOW) == UNKNOWN
    assert store.redeem(replace(SITE, voucher_key=b"x" * 32), code, "d1", NOW) == UNKNOWN


def test_an_expired_voucher_is_refused_but_a_running_use_goes_on(engine: Engine) -> None:
    code, store = issued(engine), Vouchers(engine)
    last = BATCH.expires_at - timedelta(seconds=1)
    assert store.redeem(SITE, code, "d1", last) == PLAN
    assert isinstance(store.redeem(SITE, code, "d1", BATCH.expires_at), Plan)
    assert store.redeem(SITE, code, "d2", BATCH.expires_at) == EXPIRED


@pytest.mark.parametrize("table", [vouchers, voucher_batches])
def test_a_revoked_voucher_or_batch_is_refused_even_to_who_used_it(engine: Engine, table: object) -> None:
    code, store = issued(engine), Vouchers(engine)
    store.redeem(SITE, code, "d1", NOW)
    with engine.begin() as connection:
        connection.execute(update(table).values(revoked_at=1))  # type: ignore[arg-type]
    assert store.redeem(SITE, code, "d1", NOW) == EXPIRED


def test_of_phones_racing_for_the_last_use_exactly_one_wins(engine: Engine) -> None:
    code, store, start = issued(engine), Vouchers(engine), Barrier(8)

    def race(phone: int) -> bool:
        start.wait(timeout=60)
        return isinstance(store.redeem(SITE, code, f"d{phone}", NOW), Plan)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 1


def test_neither_code_nor_device_is_stored_logged_or_shown(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, store = issued(engine), Vouchers(engine)
    answer = store.redeem(SITE, code, "device-of-maria", NOW)
    with engine.connect() as connection:
        assert len(connection.execute(select(voucher_uses)).all()) == 1
    engine.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("portal.db*"))
    said = caplog.text + repr(answer) + repr(store) + repr(SITE)
    assert code.encode() not in kept
    assert b"device-of-maria" not in kept
    assert code not in said
    assert KEY.hex() not in said
