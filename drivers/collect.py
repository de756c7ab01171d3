"""From a device and its platform to what we ask, and from what it answered to samples; no network here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from drivers import extend, readings
from drivers.answers import Answers
from drivers.definition import Platform
from drivers.fleet import Fleet, samples_of
from drivers.labels import printable
from drivers.model import Device, SnmpCredentials
from drivers.placing import collect_tables
from drivers.snmp.seam import PollReply, PollRequest
from drivers.tables import Fields, measured
from drivers.traffic import traffic
from metrics import catalog
from metrics.sample import Sample


@dataclass(frozen=True, slots=True)
class Collected:
    """What one poll of one device came to: its own wifi_ap sample first, then all others.

    `service_works` is None when nobody measured it, with the reason in `service_reason`; `problems` are
    sentences about values that were there and could not be used.
    """

    samples: tuple[Sample, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    service_works: bool | None = None
    service_reason: str = ""
    problems: tuple[str, ...] = ()


def request(device: Device, platform: Platform, credentials: SnmpCredentials) -> PollRequest:
    """Everything the platform wants to know of the device, in one poll."""
    scalars, columns = platform.wanted
    return PollRequest(
        device.name,
        device.snmp,
        credentials,
        scalars,
        columns,
        max_rows=platform.snmp.max_rows,
        bulk=platform.snmp.bulk,
        most_varbinds=platform.snmp.max_varbinds,
    )


def collect(device: Device, platform: Platform, reply: PollReply, slot: int) -> Collected:
    """The samples of one poll; every one passes `metrics.catalog.check`."""
    tags = tags_of(device, platform)
    answered = reply.failure is None or bool(reply.scalars or reply.columns)
    timing: Fields = {"up": int(answered), "poll_ms": round(reply.elapsed_s * 1000, 3)} | octets(reply)
    if not answered:
        return Collected((Sample("wifi_ap", tags, timing, slot),), service_reason=_why(reply))
    answers = Answers.of(reply)
    lines = _lines(platform, reply)
    told, problems = extend.samples(lines, platform.extend.lines if platform.extend else {}, tags, slot)
    fleet = Fleet(tags, slot)
    collect_tables(platform, answers, fleet)
    parts = [*told, *samples_of(fleet)]
    own = timing | measured(catalog.MEASUREMENTS["wifi_ap"].fields, platform.measure, answers)
    own |= traffic(platform.traffic, reply)
    samples = whole_fleet(Sample("wifi_ap", tags, own, slot), parts)
    for sample in samples:
        catalog.check(sample)
    works, reason = service(platform, lines, parts, complete=reply.failure is None)
    facts = {name: readings.text(answers, told) for name, told in platform.facts.items()}
    told_facts = {name: printable(text) for name, text in facts.items() if text is not None}
    return Collected(samples, told_facts, works, reason, (*problems, *fleet.problems))


def octets(reply: PollReply) -> Fields:
    """What the poll cost on the wire; absent where nobody counts, as over SSH and from a recording."""
    both = reply.sent_octets + reply.received_octets
    return {"poll_octets": both} if both else {}


def tags_of(device: Device, platform: Platform) -> dict[str, str]:
    """The tags every sample of a device carries."""
    return {
        "ap": device.name,
        "mun": device.municipality,
        "site": device.site,
        "vendor": platform.vendor,
    }


def whole_fleet(device: Sample, parts: Iterable[Sample]) -> tuple[Sample, ...]:
    """The device and its parts, with the figures that follow from the parts.

    An access point that does not tell its clients has those of its radios or names, whichever are more: a
    radio may leave out its virtual networks, a list of names the hidden ones. What a controller counts over
    access points that tell their own is `aps_clients`: nobody is counted twice.
    """
    by_ap: dict[str, list[Sample]] = {}
    for part in parts:
        by_ap.setdefault(part.tags["ap"], []).append(part)
    listed = [part for own in by_ap.values() for part in own]
    points = [_with_clients(part, by_ap) for part in listed if part.measurement == "wifi_ap"]
    told = [point for point in points if point.fields]
    others = [part for part in listed if part.measurement != "wifi_ap"]
    fields = dict(_with_clients(device, by_ap).fields)
    if points:
        states = [point.fields["up"] for point in points if "up" in point.fields]
        known = [point.fields["clients"] for point in points if "clients" in point.fields]
        fields.setdefault("aps", len(points))
        if len(states) == len(points):
            fields.setdefault("aps_up", sum(states))
        if known:
            fields["aps_clients"] = fields.pop("clients", sum(known))
    return (Sample("wifi_ap", device.tags, fields, device.time), *told, *others)


def _with_clients(point: Sample, by_ap: Mapping[str, Sequence[Sample]]) -> Sample:
    if "clients" in point.fields:
        return point
    own = by_ap.get(point.tags["ap"], ())
    sums = [clients_of(own, measurement) for measurement in ("wifi_radio", "wifi_ssid")]
    clients = max(sums, key=lambda known: known.get("clients", -1))
    return Sample(point.measurement, point.tags, {**point.fields, **clients}, point.time)


def clients_of(samples: Iterable[Sample], measurement: str) -> Fields:
    """Clients over these radios or names; absent when one of them did not say."""
    counts = [sample.fields.get("clients") for sample in samples if sample.measurement == measurement]
    known = [count for count in counts if count is not None]
    return {"clients": sum(known)} if known and len(known) == len(counts) else {}


def service(
    platform: Platform, lines: Iterable[extend.Line], samples: Iterable[Sample], *, complete: bool
) -> tuple[bool | None, str]:
    """Whether citizens can be served, and why not or why nobody knows."""
    if platform.extend is None:
        return _on_the_air(platform, samples)
    measurement = platform.extend.lines[platform.extend.service]
    if any(sample.measurement == measurement for sample in samples):
        return True, ""
    if not complete:
        return None, "the poll broke off before it was measured"
    if not any(line.kind for line in lines):
        return None, f"the device has no snmpd extend named {platform.extend.name!r}"
    return False, "no network name is on the air"


def _on_the_air(platform: Platform, samples: Iterable[Sample]) -> tuple[bool | None, str]:
    """A table of names proves that one is on the air; that none is listed proves nothing."""
    if not platform.ssids:
        return None, f"nobody measures it on platform {platform.name}"
    if any(sample.measurement == "wifi_ssid" for sample in samples):
        return True, ""
    return None, "the device lists no network name"


def _why(reply: PollReply) -> str:
    return reply.failure.detail if reply.failure else ""


def _lines(platform: Platform, reply: PollReply) -> list[extend.Line]:
    if platform.extend is None:
        return []
    rows = sorted(reply.columns.get(platform.extend.column, {}).items())
    return extend.parse(text.decode("utf-8", "replace") for _, text in rows if isinstance(text, bytes))
