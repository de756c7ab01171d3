"""What somebody signed to keep is kept for its days, sealed apart, and then gone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import captive_portal.radius.tables  # noqa: F401  the purge looks into its table
from captive_portal.enforced import ENFORCEMENT, LEGAL, kept_for_law, phone_of
from captive_portal.local import LegalRetention, Local
from captive_portal.model import TELLS_NO_ADDRESS, Arrival, GatewayKind, Grant, Phone, PortalSite
from captive_portal.notice import facts
from captive_portal.retention import Retention, purge
from captive_portal.sealing import Unsealed, unseal
from captive_portal.sessions import StoredSessions
from captive_portal.tables import legal_records, metadata, sessions
from controller.store.engine import open_engine
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

PHONE = Phone("02:ca:fe:12:34:56", "10.0.0.9")
SIGNED = LegalRetention("Ana", date(2026, 1, 1), "oficio 1", days=730)


def signed(kind: GatewayKind) -> PortalSite:
    return replace(site_of("08027-plaza", kind=kind), local=Local(legal=SIGNED))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(made)
    yield made
    made.dispose()


def tap(engine: Engine, site: PortalSite, clock: Clock) -> str:
    phone = None if site.wiring.kind in TELLS_NO_ADDRESS else PHONE
    arrival = Arrival(site.key, "device", "b", "", "", phone)
    granted = StoredSessions(engine).open(site, arrival, LIBRE, clock())
    assert isinstance(granted, Grant)
    return granted.session


def sealed(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(legal_records.c.sealed)).scalars())


@pytest.mark.parametrize("kind", list(GatewayKind))
def test_something_is_kept_exactly_where_the_notice_says_so(kind: GatewayKind, engine: Engine) -> None:
    site = signed(kind)
    tap(engine, site, Clock())
    assert bool(sealed(engine)) == (facts(site, Retention()).legal is not None)
    assert (kept_for_law(site) is None) == (kind is GatewayKind.PLAZA)


def test_it_holds_what_the_notice_names_under_a_key_of_its_own(engine: Engine) -> None:
    site, clock = signed(GatewayKind.UNIFI), Clock()
    tap(engine, site, clock)
    (text,) = sealed(engine)
    at = int(clock().timestamp())
    assert unseal(site.wiring.key, LEGAL, text) == {"mac": PHONE.mac, "ip": PHONE.ip, "at": at}
    assert phone_of(site.wiring.key, text, LEGAL) == PHONE
    for key, purpose in ((site.wiring.key, ENFORCEMENT), (b"another".ljust(32), LEGAL)):
        with pytest.raises(Unsealed):
            phone_of(key, text, purpose)
    assert PHONE.mac not in text


def test_it_outlives_its_session_to_the_day_and_no_longer(engine: Engine) -> None:
    clock = Clock()
    session = tap(engine, signed(GatewayKind.MIKROTIK), clock)
    StoredSessions(engine).ended(session, "User-Request", clock())
    purge(engine, Retention(), clock() + timedelta(days=729))
    with engine.connect() as connection:
        assert connection.execute(select(sessions)).all() == []
    assert len(sealed(engine)) == 1
    purge(engine, Retention(), clock() + timedelta(days=730))
    assert sealed(engine) == []


def test_a_second_tap_keeps_the_day_of_the_first(engine: Engine) -> None:
    site, clock = signed(GatewayKind.UNIFI), Clock()
    tap(engine, site, clock)
    before = sealed(engine)
    clock.forward(minutes=5)
    tap(engine, site, clock)
    assert sealed(engine) == before
