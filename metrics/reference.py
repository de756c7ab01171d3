"""docs/metrics.md from the catalogue: `python -m metrics.reference > docs/metrics.md`; a test compares."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from metrics.catalog import MEASUREMENTS, TAGS, Field, Measurement

_TEXT: Final = Path(__file__).with_name("reference.md")
_UNBOUNDED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class About:
    """For whom a measurement is, when it is written, and its series in the network that `reckoned` names."""

    audience: str
    written: str
    series: int
    reckoned: str


ABOUT: Final[Mapping[str, About]] = MappingProxyType(
    {
        "wifi_ap": About(
            "technicians (is it there, is it well), and every figure of use",
            "at every poll of a device, also when it does not answer: `up` is 0 then and the rest absent",
            3_000,
            "one for each access point; each switch, supply, modem or backhaul that is polled is one more",
        ),
        "wifi_radio": About(
            "technicians: channels, noise, weak clients, links",
            "at every whole poll of a device with radios",
            7_500,
            "two and a half radios for each access point",
        ),
        "wifi_ssid": About(
            "analysts: which name is used; technicians: is it sent",
            "at every whole poll of a device that counts by name",
            12_000,
            "two names on two bands for each access point",
        ),
        "uplink": About(
            "technicians: is it the mobile link",
            "at every whole poll of a device with a modem",
            150,
            "one modem at every tenth of 1,500 sites",
        ),
        "wired_port": About(
            "technicians: cables, power over Ethernet",
            "at every whole poll of a switch",
            12_000,
            "a switch of eight ports at each of 1,500 sites",
        ),
        "power": About(
            "technicians: was it the mains",
            "at every poll of a supply",
            1_500,
            "one supply at each of 1,500 sites",
        ),
        "wifi_session": About(
            "analysts: sessions, octets, time online",
            "every minute in which a site has a session; the last three minutes again, because some end late",
            1_500,
            "one for each of 1,500 sites",
        ),
        "wifi_portal": About(
            "analysts (who got in, who did not), technicians (why not)",
            "every minute in which the portal of a site was asked for",
            1_500,
            "one for each of 1,500 sites",
        ),
        "gateway": About(
            "technicians: addresses, connections, load, alarms of the box at the site",
            "when the gateway reports, about every minute; alarms by the minute",
            1_500,
            "one for each of 1,500 sites",
        ),
        "service": About(
            "everybody: would a citizen get online here now; availability comes from it",
            "when a site is tried as a citizen would; absent where nobody can try",
            1_500,
            "one for each of 1,500 sites",
        ),
        "hotspot_mun": About(
            "the state's map, dashboards",
            "every five minutes, from the last sample of each device; not for a municipality without any",
            67,
            "one for each municipality",
        ),
    }
)


def reference() -> str:
    """The whole page."""
    head, marker, tail = _TEXT.read_text(encoding="utf-8").partition("<!-- catalogue -->\n")
    if not marker:
        raise ValueError(f"{_TEXT} has no line '<!-- catalogue -->'")
    return head + "\n".join((*_overview(), *_tags(), *_measurements())) + "\n\n" + tail.strip() + "\n"


def _overview() -> Iterator[str]:
    yield "## Measurements"
    yield "| measurement | tags | series at 3,000 access points | fields | VictoriaMetrics, at most |"
    yield "|---|---|--:|--:|--:|"
    for name, measurement in MEASUREMENTS.items():
        series, fields = ABOUT[name].series, len(measurement.fields)
        tags = " ".join(measurement.tags)
        yield f"| [`{name}`](#{name}) | {tags} | {series:,} | {fields} | {series * fields:,} |"
    total = sum(ABOUT[name].series for name in MEASUREMENTS)
    most = sum(ABOUT[name].series * len(MEASUREMENTS[name].fields) for name in MEASUREMENTS)
    yield f"| together | | {total:,} | | {most:,} |"
    yield ""
    yield "VictoriaMetrics makes a series of each field. No device has all of them (what a platform does not"
    yield "tell is absent), so the true number is far below."
    yield ""


def _tags() -> Iterator[str]:
    yield "## Tags"
    yield "A measurement always has all of its tags, in order, none empty. No name is a tag and a field."
    yield ""
    yield "| tag | what bounds it | in |"
    yield "|---|---|---|"
    for tag, bound in TAGS.items():
        used = " ".join(f"`{name}`" for name, measurement in MEASUREMENTS.items() if tag in measurement.tags)
        yield f"| `{tag}` | {bound} | {used} |"
    yield ""


def _measurements() -> Iterator[str]:
    for measurement in MEASUREMENTS.values():
        yield from _measurement(measurement, ABOUT[measurement.name])


def _measurement(measurement: Measurement, about: About) -> Iterator[str]:
    yield f"## {measurement.name}"
    yield f"{measurement.meaning}. Tags: {', '.join(f'`{tag}`' for tag in measurement.tags)}."
    yield ""
    yield f"* For {about.audience}."
    yield f"* Written {about.written}."
    yield f"* {about.series:,} series at 3,000 access points: {about.reckoned}."
    yield ""
    yield "| field | type | unit | | from | to | meaning |"
    yield "|---|---|---|---|--:|--:|---|"
    for name, field in measurement.fields.items():
        yield f"| `{name}` | {_type(field)} | {_bounds(field)} | {field.meaning} |"
    yield ""


def _type(field: Field) -> str:
    return f"{field.kind} | `{field.unit}` | {'counter' if field.counter else 'gauge'}"


def _bounds(field: Field) -> str:
    least = "1" if field.never_zero and field.least == 0 else f"{field.least:,}"
    return f"{least} | {'' if field.most >= _UNBOUNDED else f'{field.most:,}'}"


if __name__ == "__main__":
    sys.stdout.write(reference())
