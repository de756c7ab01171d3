"""What a site's gateway is to follow is composed by the controller, signed, and numbered upwards."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from captive_portal.gateway.edge import ANSWER_OCTETS
from captive_portal.gateway.policy import Away, BadPolicy, Blocked, Emergency, Filter, Policy, Terms, unseal
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateway_tables import device_blocks, gateway_policies
from captive_portal.model import BoxEvent, GatewayEvent, Report
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller import audit, emergencies, gateway_blocks
from controller.app import App
from controller.data_requests import By, Request, erase, export
from controller.edge.protocol import SignedPolicy
from controller.errors import SelectorError
from controller.gateway_blocks import MAX_ACTOR, MAX_BLOCKS, MAX_REASON, Wish
from controller.gateway_policy import LOOK_EVERY, Policies, compose, first_policy
from controller.inventory import load
from controller.secrets import FileSecrets, site_key
from controller.settings import Settings
from controller.store.tables import audit as log
from controller.store.tables import metadata as of_controller
from metrics.local.store import LocalStore

SITE, OTHER = "08027-plaza", "08019-plaza"
MAC = "02:00:5e:10:00:01"
MASTER = b"m" * 64
KEY = site_key(MASTER, SITE)
INVENTORY = """\
version: 1
credentials: {gateways: {kind: gateway, key: ref+file:gateways}}
defaults:
  gateway: {garden: [gob.mx], appeal: Llama al 614 000 0000}
  portal: {gateway_credentials: gateways, gateway_url: "http://10.8.27.1:2060"}
  hours: {week: {mon-sun: 00:00-24:00}}
  uplink: {kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}
municipalities:
  08019: {name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}
  08027: {name: Guachochi, seat: Guachochi, zone: America/Chihuahua}
sites:
  08019-plaza: {municipality: 08019, name: Plaza, lat: 28.63, lon: -106.07, opened_on: 2026-01-15}
  08019-meraki: {municipality: 08019, name: Kiosco, lat: 28.63, lon: -106.07, opened_on: 2026-01-15,
    portal: {kind: meraki, variant: click-through, hosts: [n1.meraki.com]}}
  08027-plaza: {municipality: 08027, name: Plaza, lat: 26.82, lon: -107.07, opened_on: 2026-01-15, gateway: {
    when_controller_away: open, away: {duration: 30m, octets: 100MB, rate: {down_kbps: 500}}, ipv6: admit,
    dns: {policy: family, resolvers: [1.1.1.3, "2606:4700:4700::1113"]}}}
"""


@dataclass
class Office:
    """A controller on a clock that a test moves."""

    app: App
    now: datetime = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.policies = Policies(self.app, lambda: self.now)

    @property
    def site(self) -> Any:
        return self.app.inventory.sites[SITE]

    def policy(self, site: str = SITE) -> Policy:
        """The current one, as its gateway reads it."""
        sealed = self.policies.current(site)
        policy = unseal(site_key(MASTER, site), site, sealed.signed)
        assert policy.serial == sealed.serial
        return policy

    def later(self, **length: int) -> None:
        self.now += timedelta(**length) + LOOK_EVERY

    def block(self, days: int = 1, mac: str = MAC) -> gateway_blocks.Block:
        wish = Wish(mac, "Descargas sin parar", timedelta(days=days))
        return gateway_blocks.block(self.app, self.site, wish, self.now)


@pytest.fixture
def office(tmp_path: Path, store: Engine) -> Office:
    (tmp_path / "gateways").touch(mode=0o600)
    (tmp_path / "gateways").write_bytes(MASTER)
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    inventory = load(tmp_path / "inventory.yaml")
    settings = Settings(data_dir=tmp_path, secrets_dir=tmp_path)
    secrets = FileSecrets(inventory.credentials, tmp_path)
    of_controller.create_all(store)
    return Office(App(settings, inventory, secrets, store, LocalStore.open(settings.samples_dir)))


def test_a_policy_says_what_the_inventory_says(office: Office) -> None:
    policy = office.policy()
    assert (policy.when_controller_away, policy.away) == (Away.OPEN, Terms(1800, 100_000_000, 500, 0))
    assert (policy.ipv6, policy.dns) == (True, Filter.FAMILY)
    assert policy.resolvers == ("1.1.1.3", "2606:4700:4700::1113")
    assert (policy.garden, policy.appeal) == (("gob.mx",), "Llama al 614 000 0000")
    other = office.policy(OTHER)
    assert (other.when_controller_away, other.away, other.ipv6) == (Away.CLOSED, Terms(3600), False)
    assert (other.dns, other.blocked, other.emergency) == (Filter.NONE, (), None)


def test_a_policy_is_its_own_sites_alone(office: Office) -> None:
    signed = office.policies.current(SITE).signed
    with pytest.raises(BadPolicy):
        unseal(site_key(MASTER, OTHER), OTHER, signed)


def test_what_says_nothing_new_keeps_its_number_in_every_process(office: Office) -> None:
    first = office.policies.current(SITE)
    office.later(hours=1)
    assert office.policies.current(SITE) == first
    assert Policies(office.app, lambda: office.now).current(SITE) == first
    assert first_policy(office.app, office.site) == first.signed
    assert office.policies(SITE, first.serial) is None
    assert office.policies(SITE, first.serial - 1) == first.signed


def test_a_change_has_a_later_number_also_when_the_clock_went_back(office: Office) -> None:
    first = office.policy()
    assert first.serial == int(office.now.timestamp())
    office.now -= timedelta(days=1)
    office.block()
    office.later()
    assert office.policy().serial == first.serial + 1
    assert office.policy(OTHER).blocked == ()


def test_a_store_that_was_put_back_numbers_on_from_what_gateways_follow(office: Office) -> None:
    current = office.policies.current(SITE)
    ahead = current.serial + 3600
    handed = office.policies(SITE, ahead)
    assert handed is not None
    assert unseal(KEY, SITE, handed).serial == ahead + 1
    assert office.policies(SITE, 2**60) == handed, "a number that nobody can have made moves nothing"


def test_asking_costs_no_look_into_the_store(office: Office) -> None:
    asked: list[str] = []
    office.policy()
    event.listen(office.app.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for _ in range(50):
        office.policies.current(SITE)
    assert asked == []
    office.now += LOOK_EVERY
    for _ in range(50):
        office.policies.current(SITE)
    assert len([one for one in asked if one.lstrip().startswith("SELECT")]) == 2, "blocks, emergencies"


def test_a_device_is_kept_out_by_the_gateways_own_name_for_it_and_for_its_time(office: Office) -> None:
    made = office.block(days=2)
    (one,) = office.policy().blocked
    device = pseudonym(KEY, "device", MAC)
    assert one == Blocked(device, "Descargas sin parar", made.author, int(made.until.timestamp()))
    before = office.policy().serial
    office.later(days=2)
    assert office.policy().blocked == ()
    assert office.policy().serial > before
    assert gateway_blocks.blocks(office.app, "", office.now) == []


def test_what_is_over_is_in_no_policy_at_its_very_second(office: Office) -> None:
    at = int(office.now.timestamp())
    device = pseudonym(KEY, "device", MAC)
    for until, holds in ((at, False), (at + 1, True)):
        policy = compose(office.site, [Blocked(device, "r", "a", until)], Emergency(until, "e"), office.now)
        assert (bool(policy.blocked), policy.emergency is not None) == (holds, holds)


def test_a_second_word_about_a_device_replaces_the_first(office: Office) -> None:
    first, second = office.block(days=1), office.block(days=9)
    assert [one.block for one in gateway_blocks.blocks(office.app, SITE, office.now)] == [second.block]
    assert gateway_blocks.unblock(office.app, office.site, MAC.upper(), office.now) == second.block
    assert office.policy().blocked == ()
    with pytest.raises(SelectorError, match="does not keep it out"):
        gateway_blocks.unblock(office.app, office.site, first.block, office.now)


def test_a_device_is_let_in_again_by_the_name_of_its_block_at_its_site_alone(office: Office) -> None:
    made = office.block()
    with pytest.raises(SelectorError):
        gateway_blocks.unblock(office.app, office.app.inventory.sites[OTHER], made.block, office.now)
    assert gateway_blocks.unblock(office.app, office.site, made.block, office.now) == made.block


def test_neither_mac_nor_pseudonym_is_in_the_audit_log_and_no_mac_anywhere(office: Office) -> None:
    office.block()
    wish = Wish(MAC, f"es de {MAC}", timedelta(days=1))
    with pytest.raises(SelectorError, match="looks like a MAC"):
        gateway_blocks.block(office.app, office.site, wish, office.now)
    with office.app.engine.connect() as connection:
        (row,) = connection.execute(select(log)).all()
        kept = [tuple(one) for one in connection.execute(select(device_blocks))]
    assert (row.action, row.subject) == ("device-blocked", SITE)
    assert pseudonym(KEY, "device", MAC) not in str(tuple(row))
    assert MAC not in str((tuple(row), kept))
    assert audit.verify(office.app.engine, audit.load_key(office.app.settings.data_dir)).broken_at == 0


def test_a_list_that_is_full_takes_no_more(office: Office) -> None:
    longest = {"reason": '"' * MAX_REASON, "author": "\N{CLINKING BEER MUGS}" * MAX_ACTOR}
    row = {"site": SITE, "made_at": 0, "until": 2**40} | longest
    with office.app.engine.begin() as connection:
        many = [row | {"block": f"{n:08x}", "device": f"{n:032x}"} for n in range(MAX_BLOCKS)]
        connection.execute(device_blocks.insert(), many)
    with pytest.raises(SelectorError, match=f"keeps {MAX_BLOCKS} devices out"):
        office.block()
    assert len(office.policy().blocked) == MAX_BLOCKS, "and a full one is a policy"
    told = SignedPolicy(**office.policies.current(SITE).signed.told())
    assert len(told.model_dump_json().encode()) < ANSWER_OCTETS * 0.9, "that a gateway reads whole"


def test_an_emergency_is_its_municipalitys_and_ends_by_itself(office: Office) -> None:
    notice = emergencies.Notice("Lluvia fuerte.\nNo cruces arroyos.", "Heavy rain.")
    made = emergencies.start(office.app, "08027", notice, timedelta(hours=6), office.now)
    until = int((office.now + timedelta(hours=6)).timestamp())
    assert office.policy().emergency == Emergency(until, notice.es, notice.en)
    assert office.policy(OTHER).emergency is None
    office.later(hours=6)
    assert office.policy().emergency is None
    assert [one.emergency for one in emergencies.told(office.app)] == [made.emergency]
    assert not made.holds(office.now)


def test_an_emergency_is_replaced_by_the_next_and_stopped_once(office: Office) -> None:
    for text in ("Uno", "Dos"):
        emergencies.start(office.app, "08027", emergencies.Notice(text), timedelta(hours=6), office.now)
        office.later()
    found = office.policy().emergency
    assert found is not None
    assert found.es == "Dos"
    assert [one.holds(office.now) for one in emergencies.told(office.app)] == [True, False]
    assert emergencies.stop(office.app, "08027", office.now)
    assert not emergencies.stop(office.app, "08027", office.now)
    office.later()
    assert office.policy().emergency is None


def test_an_emergency_is_refused_where_nobody_would_be_told_or_could_read_it(office: Office) -> None:
    ours, others = emergencies.sites_of(office.app, "08019")
    assert ([one.key for one in ours], [one.key for one in others]) == (["08019-plaza"], ["08019-meraki"])
    with pytest.raises(SelectorError, match="no municipality"):
        emergencies.sites_of(office.app, "09999")
    for text in ("", " ", "a\x07", "a" * 1001):
        with pytest.raises(SelectorError, match="notice"):
            emergencies.start(office.app, "08027", emergencies.Notice(text), timedelta(hours=1), office.now)


def test_a_process_that_looked_before_does_not_undo_what_another_one_knows(office: Office) -> None:
    stale = Policies(office.app, lambda: office.now)
    stale.current(SITE)
    office.block()
    fresh = Policies(office.app, lambda: office.now).current(SITE)
    assert stale.current(SITE).serial < fresh.serial, "for five seconds it may say what was"
    assert stale(SITE, fresh.serial) is None
    assert stale.current(SITE) == fresh


def test_a_policy_that_was_emptied_is_made_anew(office: Office) -> None:
    first = office.policies.current(SITE)
    with office.app.engine.begin() as connection:
        connection.execute(gateway_policies.update().values(content="", text="", signature=""))
    again = Policies(office.app, lambda: office.now).current(SITE)
    assert again.serial == first.serial + 1
    assert unseal(KEY, SITE, again.signed) == replace(unseal(KEY, SITE, first.signed), serial=again.serial)


def test_who_is_kept_out_is_told_so_and_is_erased_only_when_let_in_again(office: Office) -> None:
    made, asked = office.block(), Request(By.DEVICE, MAC, "folio 7")
    device = pseudonym(KEY, "device", MAC)
    alarm = BoxEvent(1, GatewayEvent("", "alarm", "", 0, cause="copied", device=device))
    StoredSessions(office.app.engine).take(SITE, Report("b" * 32, (alarm,)), office.now)
    assert device in office.policies.current(SITE).signed.text
    tables: Any = export(office.app, asked, office.now)["tables"]
    assert tables["device_block"]["rows"][0]["reason"] == made.reason
    assert tables["gateway_alarm"]["rows"][0]["cause"] == "copied"
    with pytest.raises(SelectorError, match=f"kept out of {SITE}, nothing was erased"):
        erase(office.app, asked, office.now)
    gateway_blocks.unblock(office.app, office.site, MAC, office.now)
    assert erase(office.app, asked, office.now).rows == {"device_block": 1, "gateway_alarm": 1}
    with office.app.engine.connect() as connection:
        kept = [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    assert device not in str(kept)
    office.later()
    assert office.policy().blocked == ()
