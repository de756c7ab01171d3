"""Tells a technician, and a program, why a device is in its state."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from controller.cli.snmp_shown import dotted, one_line
from controller.diagnosis import Diagnosis
from controller.health import State, polled
from controller.model import Site
from controller.store.health import Standing
from controller.store.snmp import PollError
from controller.wire_cost import WireCost
from drivers.model import Device, PollBy
from drivers.snmp.names import Names
from drivers.snmp.seam import Learned


@dataclass(frozen=True, slots=True)
class Place:
    """Where the device stands, the kind of its credential, and what time it is there, epoch seconds."""

    site: Site
    credential_kind: str
    now: int

    def at(self, moment: int) -> str:
        """The site's wall clock."""
        return datetime.fromtimestamp(moment, ZoneInfo(self.site.hours.zone)).strftime("%Y-%m-%d %H:%M:%S")


def sentences(found: Diagnosis, place: Place, names: Names, cost: WireCost) -> Iterator[str]:
    """The whole report, line by line."""
    yield f"{found.device.name}, {place.site.name}; times are those of {place.site.hours.zone}"
    yield from _indented(_state(found, place))
    yield ""
    yield "What asking it costs"
    yield from _indented(costs(found.device, place.site, cost))
    yield ""
    yield "What its agent has taught us"
    yield from _indented(_lessons(found.learned, names) if found.learned else ["nothing unusual so far"])
    yield ""
    yield "Its last errors, newest first"
    yield from _indented([_error(error, place) for error in found.errors] or ["none"])
    yield ""
    yield "What to try next"
    yield from _indented([f"{number}. {step}" for number, step in enumerate(found.steps, 1)] or ["nothing"])


def machine(found: Diagnosis, cost: WireCost) -> dict[str, object]:
    """The same for a program; times are UTC."""
    standing = found.standing
    return {
        "device": found.device.name,
        "site": found.device.site,
        "state": standing.verdict.state if standing else "unknown",
        "reason": standing.verdict.reason if standing else "not polled yet",
        "since": _utc(standing.since if standing else None),
        "asked_at": _utc(standing.checked_at if standing else None),
        "answered_at": _utc(standing.answered_at if standing else None),
        "stale": found.stale,
        "learned": None if found.learned is None else _fields(found.learned),
        "errors": [_error_fields(error) for error in found.errors],
        "profile": found.device.poll_profile,
        "cost": asdict(cost),
        "next": list(found.steps),
    }


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _state(found: Diagnosis, place: Place) -> Iterator[str]:
    standing = found.standing
    if standing is None:
        yield "unknown: it was not polled yet"
    else:
        since = f"since {place.at(standing.since)}, for {_duration(place.now - standing.since)}"
        yield f"{standing.verdict.state} {since}"
        if standing.verdict.reason:
            about = "of its service" if standing.verdict.state is State.UP else "because"
            yield f"{about}: {one_line(standing.verdict.reason)}"
        if polled(found.device):
            yield f"last asked {place.at(standing.checked_at)}, {_answered(standing, place)}"
        if found.stale:
            yield f"the poller has not asked for {_duration(place.now - standing.checked_at)}: does it run?"
    yield _way(found, place)


def _answered(standing: Standing, place: Place) -> str:
    if standing.answered_at is None:
        return "it has not answered since we keep note"
    return f"last answered {place.at(standing.answered_at)}"


def _way(found: Diagnosis, place: Place) -> str:
    device = found.device
    if device.poll is PollBy.SSH:
        return f"asked over SSH at {device.ssh} with credential {device.ssh_credentials}"
    if not device.snmp_credentials:
        return "asked by nobody: it has no `snmp: {credentials: …}` in the inventory"
    credential = f"{device.snmp_credentials} ({place.credential_kind})"
    return f"asked over SNMP at {device.snmp} with credential {credential}"


def costs(device: Device, site: Site, cost: WireCost) -> Iterator[str]:
    """How often it is asked, and what that costs on the wire."""
    whole = "" if cost.whole_s == cost.interval_s else f", for everything every {cost.whole_s} s"
    yield f"profile {device.poll_profile}: asked every {cost.interval_s} s{whole}"
    if cost.per_day is None or cost.last_day is None:
        yield "nobody has counted its octets on the wire yet"
        return
    last = "" if cost.last_poll is None else f"the last poll {cost.last_poll:,} octets, "
    yield f"{last}the last 24 hours {cost.last_day:,}"
    if cost.cap_share is None:
        yield f"at this pace {cost.per_day:,} octets a day; its site has no cap"
    else:
        share = f"{cost.cap_share:.2%} of its site's {site.uplink.cap_gb} GB a month"
        yield f"at this pace {cost.per_day:,} octets a day, {share}"


def _lessons(learned: Learned, names: Names) -> Iterator[str]:
    if learned.bulk:
        yield f"it answers GETBULK; of tables we ask for {learned.repetitions} values at a time at most"
    else:
        yield "it does not answer GETBULK: its tables are walked row by row"
    yield f"one request may hold {learned.varbinds} objects, or {learned.columns} columns of a table"
    yield f"its longest table had {learned.rows} rows"
    if learned.missing:
        yield f"it does not have {', '.join(names.name(oid) or dotted(oid) for oid in learned.missing)}"
    if learned.engine_id:
        yield f"its SNMPv3 engine is {learned.engine_id.hex()}, engineBoots {learned.boots}"


def _error(error: PollError, place: Place) -> str:
    begun = place.at(error.at)
    when = f"since {begun}" if error.ended_at is None else f"{begun} until {place.at(error.ended_at)}"
    times = "once" if error.times == 1 else f"{error.times} times"
    return f"{when}, {times}: {error.reason}: {one_line(error.detail)}"


def _duration(seconds: int) -> str:
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (number := seconds // size) >= 1:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def _fields(learned: Learned) -> dict[str, object]:
    named = {"missing": [dotted(oid) for oid in learned.missing], "engine_id": learned.engine_id.hex()}
    return asdict(learned) | named


def _error_fields(error: PollError) -> dict[str, object]:
    return {
        "at": _utc(error.at),
        "last_at": _utc(error.last_at),
        "ended_at": _utc(error.ended_at),
        "times": error.times,
        "reason": error.reason,
        "detail": error.detail,
    }


def _utc(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()
