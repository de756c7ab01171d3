"""The tap, the way through the door, and out again: what a citizen does."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Final

from drivers.probe import judge, press
from drivers.probe.errors import Failed, ProbeError
from drivers.probe.fetch import Answer, Request, load, without_query
from drivers.probe.guest import Guest, Told

_TAPS: Final = 3
_AGAIN_S: Final = 1.0
_LOAD_S: Final = 5.0
_LEAVE_S: Final = 3.0


def grant(guest: Guest) -> Told:
    """Whether the portal and the gateway let the phone in when it presses the one button."""
    request: Request | None = press.button(guest.seen)
    guest.phone = replace(guest.online, names={})  # what names were before the tap may have been a lie
    took_ms = 0.0
    for _ in range(_TAPS):
        if request is None:
            break
        guest.entered = True
        took_ms += guest.follow(request)
        judge.entered(guest.seen)
        request = press.carries_on(guest.seen)
        if request is not None and not _is_shut(_question(guest)):
            break
    return Told(f"let in, {judge.shown(guest.seen)}", took_ms)


def http(guest: Guest) -> Told:
    """Whether the phone's own question is answered by the Internet now, how far away that is, how fast."""
    door_s = guest.wanted.door_s
    until = time.monotonic() + door_s
    while _is_shut(answer := _question(guest)):
        if time.monotonic() >= min(until, guest.until):
            raise Failed(f"the door stays shut: {door_s:g} s after the tap it still leads to the portal")
        for _ in guest.link.receive(time.monotonic() + _AGAIN_S):
            pass  # who asks for the phone by ARP is answered meanwhile
    told = Told(judge.outside(answer), answer.ms, answer.rtt_ms)
    return _loaded(guest, told) if guest.wanted.page and guest.wanted.octets else told


def leave(guest: Guest) -> None:
    """Press the button that ends the session, where the portal shows one; what it says is not waited for."""
    if not guest.entered or guest.page is None:
        return
    guest.until = time.monotonic() + _LEAVE_S
    with suppress(ProbeError):  # a network that is gone has no session either
        found = list(press.ways_out(guest.page))
        if not found and (link := press.onward_link(guest.page)):  # a page that waited for the door
            guest.follow(link)
            found = list(press.ways_out(guest.seen))
        for request in found[:1]:
            guest.follow(request)


def _question(guest: Guest) -> Answer:
    try:
        return guest.get(guest.wanted.url)
    except Failed as failed:
        raise Failed(f"after the tap nothing comes from outside: {failed}") from None


def _is_shut(answer: Answer) -> bool:
    return answer.status in judge.REDIRECTS


def _loaded(guest: Guest, told: Told) -> Told:
    """A download that goes wrong is told, and is no failure: it may be its server's."""
    page = guest.wanted.page
    try:
        found = load(guest.means(_LOAD_S), page, guest.wanted.octets)
    except Failed as failed:
        return replace(told, said=f"{told.said}; no download of {without_query(page)}: {failed}")
    if found.down_bps is None:
        return replace(told, said=f"{told.said}; {without_query(page)} is too small to tell a rate")
    rate = f"{found.down_bps / 1e6:.1f} Mbit/s over {found.octets / 1000:.0f} kB"
    return replace(told, said=f"{told.said}; {rate}", down_bps=found.down_bps, rtt_ms=found.rtt_ms)
