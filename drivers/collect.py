"""From a device and its platform to what we ask, and from what it answered to samples; no network here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers import extend, readings
from drivers.definition import Platform
from drivers.model import Device, SnmpCredentials
from drivers.snmp.seam import PollReply, PollRequest, Value
from metrics import catalog
from metrics.sample import Sample


@dataclass(frozen=True, slots=True)
class Collected:
    """What one poll of one device came to.

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
    scalars, columns = readings.objects(platform)
    scalars = tuple(dict.fromkeys((*platform.facts.values(), *scalars)))
    if platform.extend is not None:
        columns = (*columns, platform.extend.column)
    return PollRequest(device.name, device.snmp, credentials, scalars, columns)


def collect(device: Device, platform: Platform, reply: PollReply, slot: int) -> Collected:
    """The samples of one poll; every one passes `metrics.catalog.check`."""
    tags = tags_of(device, platform)
    answered = reply.failure is None or bool(reply.scalars or reply.columns)
    measured: dict[str, int | float] = {"up": int(answered), "poll_ms": round(reply.elapsed_s * 1000, 3)}
    if not answered:
        return Collected((Sample("wifi_ap", tags, measured, slot),), service_reason=_why(reply))
    problems: list[str] = []
    lines = _lines(platform, reply)
    parts: list[Sample] = []
    if platform.extend is not None:
        parts, problems = extend.samples(lines, platform.extend.lines, tags, slot)
    measured |= readings.measured(platform, reply) | readings.traffic(platform.traffic, reply)
    measured |= clients_of(parts)
    samples = (Sample("wifi_ap", tags, measured, slot), *parts)
    for sample in samples:
        catalog.check(sample)
    works, reason = service(platform, lines, parts, complete=reply.failure is None)
    return Collected(samples, _facts(platform, reply), works, reason, tuple(problems))


def tags_of(device: Device, platform: Platform) -> dict[str, str]:
    """The tags every sample of a device carries."""
    return {
        "ap": device.name,
        "mun": device.municipality,
        "site": device.site,
        "vendor": platform.vendor,
    }


def clients_of(samples: Iterable[Sample]) -> dict[str, int | float]:
    """The device's clients over all its radios; absent when one of them did not say."""
    counts = [sample.fields.get("clients") for sample in samples if sample.measurement == "wifi_radio"]
    known = [count for count in counts if count is not None]
    return {"clients": sum(known)} if known and len(known) == len(counts) else {}


def service(
    platform: Platform, lines: Iterable[extend.Line], samples: Iterable[Sample], *, complete: bool
) -> tuple[bool | None, str]:
    """Whether citizens can be served, and why not or why nobody knows."""
    if platform.extend is None:
        return None, f"nobody measures it on platform {platform.name}"
    measurement = platform.extend.lines[platform.extend.service]
    if any(sample.measurement == measurement for sample in samples):
        return True, ""
    if not complete:
        return None, "the poll broke off before it was measured"
    if not any(line.kind for line in lines):
        return None, f"the device has no snmpd extend named {platform.extend.name!r}"
    return False, "no network name is on the air"


def _why(reply: PollReply) -> str:
    return reply.failure.detail if reply.failure else ""


def _lines(platform: Platform, reply: PollReply) -> list[extend.Line]:
    if platform.extend is None:
        return []
    rows = sorted(reply.columns.get(platform.extend.column, {}).items())
    return extend.parse(text.decode("utf-8", "replace") for _, text in rows if isinstance(text, bytes))


def _facts(platform: Platform, reply: PollReply) -> dict[str, str]:
    found = {name: reply.scalars.get(oid) for name, oid in platform.facts.items()}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _text(value: Value) -> str:
    if isinstance(value, bytes):
        return extend.printable(value)
    return ".".join(map(str, value)) if isinstance(value, tuple) else str(value)
