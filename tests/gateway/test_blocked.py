"""A device that the policy blocks, and names that it does not answer: why, until when, whom to ask."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from captive_portal.gateway.admission import Reason, Refuse
from captive_portal.gateway.errors import CannotDo
from captive_portal.gateway.policy import Away, Filter
from tests.gateway.box import MAC
from tests.gateway.conftest import KEY
from tests.gateway.front import PORTAL, SECURE, Front, fronting
from tests.gateway.ruled import NOW, blocking, sealed
from tests.probes import PROBES, Probe

APPEAL = "Presidencia, ventanilla 3"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with fronting(tmp_path, sealed(1)) as made:
        made.box.borrowed.told(NOW)
        yield made


def block(front: Front, serial: int = 2, until: int = 0) -> None:
    blocked = (blocking(front.box.phone(), until),)
    assert front.box.ruling.take(sealed(serial, blocked=blocked, appeal=APPEAL), NOW)


def test_a_blocked_phone_is_told_why_until_when_and_where_to_appeal(front: Front) -> None:
    block(front, until=NOW + 3 * 86_400)
    way = front.ask("/generate_204", host="connectivitycheck.gstatic.com")
    assert (way.status, way.location) == (302, f"{front.own}/blocked")
    page = front.ask("/blocked")
    assert page.status == 403
    for text in ("Motivo: Descarga sin parar", "Termina en 3 días o antes.", APPEAL, "It ends in 3 days"):
        assert text in page.body
    assert "Ana R." not in page.body, "who said so is for the technician"
    assert "202" not in page.body, "and no date, which nobody knows here"


def test_its_ticket_opens_nothing(front: Front) -> None:
    token = front.box.portal.ticket(front.box.keeper.arrival(front.box.phone()))
    block(front)
    assert front.box.keeper.present(front.box.phone(), token) == Refuse(Reason.BLOCKED)
    answer = front.ask(f"/grant?g={token}")
    assert (answer.status, "Motivo: Descarga sin parar" in answer.body) == (403, True)
    assert "No tiene fecha de término." in answer.body
    assert front.box.keeper.devices() == []
    state = json.loads(front.ask_api("/capport").body)
    assert (state["captive"], state["user-portal-url"]) == (True, f"{SECURE}/blocked")


def test_who_is_in_is_dismissed_at_once_and_nobody_else(front: Front) -> None:
    front.box.enter(1)
    front.box.enter(2)
    block(front)
    assert [one.phone.ip for one in front.box.keeper.devices()] == ["127.9.1.2"]
    last = front.box.journal.pending(9)[-1]
    assert (last.kind, last.cause) == ("closed", "Admin-Reset")


def test_a_block_that_ended_or_was_lifted_keeps_nobody_out(front: Front) -> None:
    block(front, until=NOW + 60)
    front.box.clock.seconds += 61
    assert front.ask("/").location.startswith(f"{PORTAL}?a=")
    block(front, serial=3)
    assert front.box.ruling.take(sealed(4), NOW)
    front.box.enter()
    assert front.box.keeper.seconds_left(front.box.phone()) is not None


def test_who_was_in_is_out_after_a_restart_with_a_policy_that_blocks_it(tmp_path: Path) -> None:
    with fronting(tmp_path) as front:
        front.box.enter(seconds=5000)
        phone, clock = front.box.phone(), front.box.clock
    with fronting(tmp_path, sealed(1, blocked=(blocking(phone),)), clock) as front:
        assert front.box.keeper.devices() == []


def test_the_technician_is_told_and_cannot_let_it_in(front: Front) -> None:
    block(front, until=NOW + 7200)
    front.box.seen = [front.box.phone()]
    with pytest.raises(CannotDo, match=r"blocked here \(Descarga sin parar; by Ana R.\)"):
        front.box.ask("admit", mac=MAC, minutes=5)
    assert front.box.ask("status")["blocked"] == 1
    assert "blocks it: Descarga sin parar (by Ana R.; for 1 h 59 min more at most)" in front.box.why()
    assert "tap again" not in front.box.why()
    front.ask("/grant?g=x")
    assert "sent away, because the policy blocks it" in front.box.why()


def filtering(front: Front, how: Filter = Filter.MALWARE) -> None:
    assert front.box.ruling.take(sealed(5, dns=how, appeal=APPEAL), NOW)


@pytest.mark.parametrize(
    ("how", "reason"),
    [(Filter.MALWARE, "dañan teléfonos o engañan"), (Filter.FAMILY, "no son para niñas y niños")],
)
def test_a_name_that_is_not_answered_shows_why_to_who_is_in(front: Front, how: Filter, reason: str) -> None:
    front.box.enter()
    filtering(front, how)
    page = front.ask("/some/path?q=1", host="evil.example")
    assert page.status == 403
    for text in ("Esta página no se muestra aquí", reason, APPEAL, "No anotamos quién la pidió."):
        assert text in page.body
    assert "evil.example" not in page.body


def test_nobody_sees_that_page_who_is_outside_or_asks_for_us_or_without_a_policy(front: Front) -> None:
    filtering(front)
    assert front.ask("/", host="evil.example").location.startswith(PORTAL)
    front.box.enter()
    for ours in ("127.0.0.1", "plaza.test", "plaza.test:80"):
        assert front.ask("/", host=ours).location.startswith(PORTAL)
    front.box.ruling.take(sealed(6), NOW)
    assert front.ask("/", host="evil.example").location.startswith(PORTAL)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.system)
def test_a_probe_is_never_answered_by_that_page(front: Front, probe: Probe) -> None:
    front.box.enter()
    filtering(front)
    assert front.ask(probe.path, host=probe.host).status == 302


def test_neither_the_name_nor_who_asked_is_noted(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    front.box.enter()
    filtering(front)
    caplog.clear()
    front.ask("/secret", host="evil.example")
    kept = b"".join(path.read_bytes() for path in front.box.directory.rglob("*") if path.is_file())
    assert caplog.records == []
    assert b"evil" not in kept


def test_status_tells_what_holds(front: Front) -> None:
    policy = sealed(7, dns=Filter.FAMILY, ipv6=True, when_controller_away=Away.OPEN)
    front.box.ruling.take(policy, NOW)
    front.box.pool, front.box.alarms = (37, 1000), ("copied",)
    front.box.twins = frozenset({MAC})
    told = front.box.ask("status")
    assert told["policy"] == 7
    assert (told["away"], told["ipv6"], told["dns"]) == ("open", True, "family")
    assert (told["pool"], told["alarms"]) == ({"given": 37, "size": 1000}, ["copied"])
    assert "another device has copied it" in front.box.why()


def test_what_a_block_is_bound_to_is_the_pseudonym_of_the_mac_alone(front: Front) -> None:
    block(front)
    moved = replace(front.box.phone(), ip="127.9.1.200")
    assert front.box.keeper.barred(moved) is not None
    assert front.box.ruling.blocked(front.box.phone(2).device(KEY)) is None


def test_a_site_with_a_list_of_its_own_shows_why_whatever_the_policy_says(tmp_path: Path) -> None:
    with fronting(tmp_path, sealed(1), own_list=True) as front:
        front.box.enter()
        page = front.ask("/", host="evil.example")
        assert (page.status, "Está en la lista de páginas que este lugar no muestra." in page.body) == (
            403,
            True,
        )
        assert recorded_regime(front)["filtered"] is True


def recorded_regime(front: Front) -> dict[str, bool]:
    found: dict[str, bool] = json.loads((front.box.directory / "ledger.json").read_text())["regime"]
    return found


def test_what_holds_for_everybody_is_told_to_the_kernel_at_once_and_after_a_restart(front: Front) -> None:
    assert recorded_regime(front) == {"ipv6": False, "filtered": False}
    front.box.ruling.take(sealed(2, ipv6=True, dns=Filter.MALWARE), NOW)
    assert recorded_regime(front) == {"ipv6": True, "filtered": True}
    front.box.ruling.take(sealed(3), NOW)
    assert recorded_regime(front) == {"ipv6": False, "filtered": False}
