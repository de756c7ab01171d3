"""What a report of an access point means for a session: pure rules.

A phone that roams, sleeps or comes back has several associations under one session, each counted from zero,
perhaps by several access points: the session has used their sum, and is over when the last of them is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import GatewayEvent
from captive_portal.radius.limits import INTERIM_S
from captive_portal.radius.model import Association, RadiusSite, Report, Status

OPENED, USAGE, CLOSED = "opened", "usage", "closed"
REBOOT: Final = "nas-reboot"

SILENT: Final = timedelta(seconds=3 * INTERIM_S)
"""After three interim reports that did not come an association is not believed to go on."""


def key_of(site: RadiusSite, report: Report, session: str) -> str:
    """What an association is kept under: some vendors put the phone's MAC into Acct-Session-Id, so a hash.

    The session is part of it because some access points count anew from 1 after a reboot.
    """
    return key_under(site.key, report.speaker.nas, report.association, session)


def key_under(site_key: bytes, nas: str, association: str, session: str) -> str:
    """The same, of the access point's name and the Acct-Session-Id that it gave."""
    return pseudonym(site_key, "association", nas, association, session)


def grown(known: Association, report: Report, heard_at: int = 0) -> Association:
    """The association after a report, in whatever order and however often it comes: nothing goes down."""
    return Association(
        key=known.key,
        session=known.session,
        seconds=_most(known.seconds, report.seconds),
        octets_up=_most(known.octets_up, report.octets_up),
        octets_down=_most(known.octets_down, report.octets_down),
        ended=known.ended or report.status is Status.STOP,
        cause=known.cause or report.cause,
        heard_at=max(known.heard_at, heard_at),
    )


def goes_backwards(known: Association, report: Report) -> bool:
    """Whether a later report tells fewer octets: the access point's counter began anew, some are lost."""
    if known.seconds is None or report.seconds is None or report.seconds <= known.seconds:
        return False
    pairs = ((known.octets_up, report.octets_up), (known.octets_down, report.octets_down))
    return any(old is not None and new is not None and new < old for old, new in pairs)


def go_on(others: Iterable[Association], at: int) -> bool:
    """Whether any of a session's other associations does, at a UTC epoch second."""
    since = at - int(SILENT.total_seconds())
    return any(not other.ended and other.heard_at >= since for other in others)


def first_word(one: Association, report: Report) -> GatewayEvent:
    """The first word of an association opens it, even when its Start was lost."""
    age_s = 0 if report.status is Status.START else report.seconds or 0
    return _event(OPENED, one, report.delay_s + age_s)


def usage(one: Association, others: Sequence[Association], age_s: int) -> GatewayEvent:
    """The sums over all of a session's associations, as they stood `age_s` ago."""
    parts = (one, *others)
    return replace(
        _event(USAGE, one, age_s),
        seconds=_sum(part.seconds for part in parts),
        octets_up=_sum(part.octets_up for part in parts),
        octets_down=_sum(part.octets_down for part in parts),
    )


def last_word(one: Association, age_s: int) -> GatewayEvent:
    """The end of a session with its last association."""
    return replace(_event(CLOSED, one, age_s), cause=one.cause)


def _most(known: int | None, told: int | None) -> int | None:
    if known is None or told is None:
        return told if known is None else known
    return max(known, told)


def _sum(values: Iterable[int | None]) -> int | None:
    """Of what was told; unknown only when nobody told."""
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _event(kind: str, one: Association, age_s: int) -> GatewayEvent:
    return GatewayEvent(one.key, kind, one.session, age_s)
