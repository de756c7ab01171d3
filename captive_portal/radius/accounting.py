"""What a report of an access point means for a session: pure rules.

A phone that roams, sleeps or comes back has several associations under one session, each counted from zero,
perhaps by several access points: the session has used their sum, and is over when the last of them is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import GatewayEvent
from captive_portal.radius.model import Association, RadiusSite, Report, Status

EVENT_DIGITS = 40


def key_of(site: RadiusSite, report: Report, session: str) -> str:
    """What an association is kept under: some vendors put the phone's MAC into Acct-Session-Id, so a hash.

    The session is part of it because some access points count anew from 1 after a reboot.
    """
    return pseudonym(site.key, "association", report.speaker.nas, report.association, session)


def grown(known: Association, report: Report) -> Association:
    """The association after a report, in whatever order and however often it comes: nothing goes down."""
    return replace(
        known,
        seconds=_most(known.seconds, report.seconds),
        octets_up=_most(known.octets_up, report.octets_up),
        octets_down=_most(known.octets_down, report.octets_down),
        ended=known.ended or report.status is Status.STOP,
        cause=known.cause or report.cause,
    )


def events(
    report: Report, one: Association, all_of_it: Sequence[Association], alive: bool
) -> list[GatewayEvent]:
    """What the session is to be told; `all_of_it` holds every association of it, `one` among them.

    `alive` is whether another one goes on. The same report gives the same ids again, so that one which is
    repeated because our answer was lost changes nothing. The first word of an association opens it, even when
    its Start was lost; a Start that comes after the Stop has the same id and opens nothing again.
    """
    ended = one.ended and not alive
    found = [_event("opened", one.key, one.session, report.delay_s + _age(report))]
    if ended:
        return [*found, replace(_closed(one, all_of_it), age_s=report.delay_s)]
    if report.seconds is None and report.octets_up is None and report.octets_down is None:
        return found
    said = f"{report.seconds} {report.octets_up} {report.octets_down}"
    usage = _event("usage", f"{one.key} {said}", one.session, report.delay_s)
    return [*found, _summed(usage, all_of_it)]


def rebooted(one: Association, all_of_it: Sequence[Association], age_s: int) -> GatewayEvent:
    """The end of an association whose access point began anew: when it was last heard of, `age_s` ago."""
    return replace(_closed(one, all_of_it), age_s=age_s)


def _age(report: Report) -> int:
    return 0 if report.status is Status.START else report.seconds or 0


def _closed(one: Association, all_of_it: Iterable[Association]) -> GatewayEvent:
    return replace(_summed(_event("closed", one.key, one.session, 0), all_of_it), cause=one.cause)


def _summed(event: GatewayEvent, all_of_it: Iterable[Association]) -> GatewayEvent:
    parts = list(all_of_it)
    return replace(
        event,
        seconds=_sum(part.seconds for part in parts),
        octets_up=_sum(part.octets_up for part in parts),
        octets_down=_sum(part.octets_down for part in parts),
    )


def _most(known: int | None, told: int | None) -> int | None:
    return max((value for value in (known, told) if value is not None), default=None)


def _sum(values: Iterable[int | None]) -> int | None:
    """Of what was told; unknown only when nobody told."""
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _event(kind: str, told: str, session: str, age_s: int) -> GatewayEvent:
    digits = hashlib.sha256(f"{kind}\0{told}".encode()).hexdigest()[:EVENT_DIGITS]
    return GatewayEvent(digits, kind, session, age_s)
