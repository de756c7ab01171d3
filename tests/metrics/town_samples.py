"""Two hours of a small network: every field of every measurement, a gap, a restart, a silent device."""

from collections.abc import Iterator
from dataclasses import dataclass

from metrics.catalog import MEASUREMENTS, Field
from metrics.exposition import Figures, JobFigures, SinkFigures, render
from metrics.sample import Sample

START = 1_795_305_600  # 2026-11-22 00:00 UTC
END = START + 7_200
SLOT_S = 60
GAP = range(START + 3_000, START + 4_800)
"""Nobody measured GAP_MUN here."""
IDLE = range(START + 1_200, START + 2_400)
"""Nobody came to any portal here, there were only grants of older taps: zeros are known, shares are not."""
RESTART = START + 5_700
"""RESTARTED began its counters anew here."""
SILENT = START + 6_600
"""From here QUIET does not answer."""

MUNICIPALITIES = ("08019", "08027", "08037")
GAP_MUN, GAP_SITE, GAP_AP = "08027", "08027-plaza", "ap-08027-plaza-1"
RESTARTED = "ap-08019-plaza-1"
QUIET = "ap-08037-plaza-2"
RATE = {"rx_octets": 100, "tx_octets": 1_000}
"""Octets per second, times the access point's number."""


@dataclass(frozen=True)
class AccessPoint:
    """One of twelve."""

    name: str
    mun: str
    site: str
    number: int

    @property
    def tags(self) -> dict[str, str]:
        """Those of wifi_ap."""
        return {"ap": self.name, "mun": self.mun, "site": self.site, "vendor": "openwrt"}


def access_points() -> list[AccessPoint]:
    """Two sites in each municipality, two at each."""
    names = [
        (f"ap-{mun}-{place}-{number}", mun, f"{mun}-{place}")
        for mun in MUNICIPALITIES
        for place in ("plaza", "biblioteca")
        for number in (1, 2)
    ]
    return [AccessPoint(*name, number) for number, name in enumerate(names, 1)]


def samples() -> list[Sample]:
    """All of them, in the order of time."""
    return [sample for at in range(START, END, SLOT_S) for sample in _slot(at) if not _missing(sample)]


def _missing(sample: Sample) -> bool:
    return sample.tags["mun"] == GAP_MUN and sample.time in GAP


def _slot(at: int) -> Iterator[Sample]:
    for one in access_points():
        yield _ap(one, at)
        if not (one.name == QUIET and at >= SILENT):
            yield from _parts(one, at)
    for mun in MUNICIPALITIES:
        for site in (f"{mun}-plaza", f"{mun}-biblioteca"):
            for name in ("wifi_session", "wifi_portal", "gateway", "service"):
                yield Sample(name, {"mun": mun, "site": site}, _site_fields(name, at), at)
        if at % 300 == 0:
            yield Sample("hotspot_mun", {"mun": mun}, {"aps": 5, "aps_up": 4, "clients": _clients(at)}, at)


def _clients(at: int) -> int:
    return (at - START) // 300


def _ap(one: AccessPoint, at: int) -> Sample:
    if one.name == QUIET and at >= SILENT:
        return Sample("wifi_ap", one.tags, {"up": 0, "poll_ms": 2000.0}, at)
    since = RESTART if one.name == RESTARTED and at >= RESTART else START - 86_400
    fields = _fields("wifi_ap", at, one.number)
    fields |= {name: rate * one.number * (at - since) for name, rate in RATE.items()}
    fields |= {"up": 1, "clients": one.number + (at - START) // SLOT_S % 7, "uptime_s": at - since}
    return Sample("wifi_ap", one.tags, fields, at)


def _parts(one: AccessPoint, at: int) -> Iterator[Sample]:
    """Its radios, names, ports, modem and supply."""
    for number, band in enumerate(("2g4", "5g")):
        radio = {**one.tags, "band": band, "radio": str(number)}
        yield Sample("wifi_radio", radio, _fields("wifi_radio", at, one.number), at)
        ssid = {**one.tags, "band": band, "ssid": "Chihuahua Gratis"}
        yield Sample("wifi_ssid", ssid, _fields("wifi_ssid", at, one.number), at)
    for name, tags in (("wired_port", {"port": "1"}), ("uplink", {"link": "lte0"}), ("power", {})):
        yield Sample(name, {**one.tags, **tags}, _fields(name, at, one.number), at)


def _fields(name: str, at: int, number: int) -> dict[str, int | float]:
    """A value for every field, within what it can mean."""
    return {
        field: _value(known, at, number + place)
        for place, (field, known) in enumerate(MEASUREMENTS[name].fields.items())
    }


def _site_fields(name: str, at: int) -> dict[str, int | float]:
    if name == "wifi_portal" and at in IDLE:
        nothing = dict.fromkeys(("arrivals", "taps", "refusals", "failures", "online"), 0)
        return {**nothing, "grants": 1}
    return _fields(name, at, 1)


def _value(field: Field, at: int, number: int) -> int | float:
    if field.counter:
        return number * (at - START + 86_400)
    if field.unit == "1" and field.meaning.startswith("1 "):
        return (at // SLOT_S + number) % 2
    return min(field.most, max(field.least, 1 + (number + at // SLOT_S) % 9))


def behind_s(at: int) -> int:
    """How far the sink `state` lags."""
    return max(0, at - RESTART)


def figures(at: int) -> Figures:
    """What the controller tells of itself; it told nothing in the gap."""
    failing = SinkFigures("state", 1_000, 2, 3, behind_s(at), failing=at >= RESTART)
    return Figures(
        devices={("08019", "up"): 4},
        agents={"answers": 11, "silent": 1, "unknown": 0},
        services={"works": 5, "fails": 0, "unknown": 7},
        verdict_age_s=12.0,
        sessions={"08019": 40},
        sinks=(failing, SinkFigures("far", 1_000, 0, 0, 0, failing=False)),
        jobs=(JobFigures("incidents", 20, at - 5, at - 5, 0, failing=False, late=False),),
        octets={"raw": 1_048_576, "rollup": 4_096},
        days=3,
        disk_free_octets=5 * 10**9,
        disk_octets=20 * 10**9,
    )


def scraped() -> bytes:
    """Each scrape's lines with their time, as VictoriaMetrics takes them in."""
    times = [at for at in range(START, END, SLOT_S) if at not in GAP]
    return b"".join(_at(at, line) for at in times for line in render(figures(at)).splitlines())


def _at(at: int, line: bytes) -> bytes:
    return b"" if line.startswith(b"#") else b"%s %d\n" % (line, at * 1000)
