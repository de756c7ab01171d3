"""The catalogue's promises: one meaning per name, and no name that could hold a person."""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from metrics.catalog import MEASUREMENTS, TAG_BEFORE, TAGS, Kind, Measurement, check
from metrics.errors import CatalogError
from metrics.line_protocol import encode
from metrics.lock import changes, lines
from metrics.sample import Sample
from tests.metrics.samples import any_sample, ap

PERSONAL = {
    "mac",
    "ip",
    "ip4",
    "ip6",
    "address",
    "addr",
    "host",
    "hostname",
    "client",
    "user",
    "citizen",
    "phone",
}
CHANGING = {"version", "firmware", "serial", "name", "model", "sysdescr"}
OURS = {
    "id",
    "time",
    "series",
    "batch",
    "hour",
    "start",
    "expected",
    "got",
}  # columns of the store that no tag or field may shadow


def test_no_name_is_both_a_tag_and_a_field_in_any_measurement() -> None:
    tags = set(chain.from_iterable(m.tags for m in MEASUREMENTS.values()))
    fields = set(chain.from_iterable(m.fields for m in MEASUREMENTS.values()))
    assert not tags & fields


def test_no_name_suggests_a_mac_an_address_a_version_or_a_citizen() -> None:
    for measurement in MEASUREMENTS.values():
        for name in (*measurement.tags, *measurement.fields):
            assert not set(name.split("_")) & (PERSONAL | CHANGING), f"{measurement.name}.{name}"


def test_names_need_no_quoting_and_shadow_nothing() -> None:
    for measurement in MEASUREMENTS.values():
        for name in (measurement.name, *measurement.tags, *measurement.fields):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert name not in OURS


def test_no_field_is_text_and_none_is_written_as_text() -> None:
    """VictoriaMetrics keeps text as 0, and InfluxDB cannot make a sum of it."""
    for measurement in MEASUREMENTS.values():
        assert {type(field.kind) for field in measurement.fields.values()} == {Kind}
        assert b'"' not in encode([any_sample(measurement.name, 1)])


def test_every_tag_is_one_of_the_few_whose_bound_is_known() -> None:
    used = set(chain.from_iterable(m.tags for m in MEASUREMENTS.values()))
    assert used == TAGS.keys(), "a new tag says in metrics.catalog.TAGS what bounds its values"
    assert TAG_BEFORE.keys() <= used
    assert min(map(len, TAGS.values())) > 15


def test_no_measurement_lists_a_tag_twice_and_each_begins_with_its_place() -> None:
    for measurement in MEASUREMENTS.values():
        assert len(measurement.tags) == len(set(measurement.tags))
        assert "mun" in measurement.tags


UCUM = {"1", "%", "Cel", "Hz", "MHz", "V", "W", "By", "kBy", "bit/s", "dB", "m", "ms", "s"}
NO_UCUM = {"dBm"}  # UCUM has no milliwatt that decibels would refer to
ANNOTATION = re.compile(r"\{[a-z]+\}")


def test_units_are_ucum() -> None:
    units = {field.unit for m in MEASUREMENTS.values() for field in m.fields.values()}
    assert {unit for unit in units - UCUM - NO_UCUM if not ANNOTATION.fullmatch(unit)} == set()


def test_a_unit_that_is_part_of_a_name_is_the_fields_unit() -> None:
    ends = {"ms": "ms", "s": "s", "pct": "%", "dbm": "dBm", "db": "dB", "bps": "bit/s", "octets": "By"}
    ends |= {"mhz": "MHz", "hz": "Hz", "w": "W", "v": "V", "m": "m", "kb": "kBy"}
    for measurement in MEASUREMENTS.values():
        for name, field in measurement.fields.items():
            end = name.rpartition("_")[2]
            assert field.unit == ends.get(end, field.unit), f"{measurement.name}.{name}"


LOCK = Path(__file__).with_name("catalog.lock")


def test_no_stored_sample_is_contradicted_by_a_change_of_the_catalogue() -> None:
    found = changes(LOCK.read_text().splitlines(), lines())
    assert found.broken == (), (
        "rows are stored under the old schema: this wants a migration of the store, "
        "see docs/metrics.md, 'A schema change is a migration'"
    )
    assert found.added == (), "renew the lock: python -m metrics.lock > tests/metrics/catalog.lock"


def _with(measurement: Measurement) -> list[str]:
    return lines({**MEASUREMENTS, measurement.name: measurement})


def test_a_field_that_is_new_only_renews_the_lock() -> None:
    known = MEASUREMENTS["hotspot_mun"]
    more = replace(known, fields={**known.fields, "sites": known.fields["aps"]})
    found = changes(lines(), _with(more))
    assert (found.added, found.broken) == (("hotspot_mun.sites: integer {ap} gauge",), ())


def test_a_field_that_is_gone_retyped_or_a_counter_now_breaks_the_lock() -> None:
    known = MEASUREMENTS["hotspot_mun"]
    fields = dict(known.fields)
    del fields["aps"]
    fields["aps_up"] = replace(fields["aps_up"], kind=Kind.FLOAT)
    fields["clients"] = replace(fields["clients"], counter=True)
    found = changes(lines(), _with(replace(known, fields=fields)))
    assert found.added == ()
    assert [line.partition(" ")[0] for line in found.broken] == [
        "hotspot_mun.aps",
        "hotspot_mun.aps_up",
        "hotspot_mun.clients",
    ]


def test_another_set_or_order_of_tags_breaks_the_lock() -> None:
    known = MEASUREMENTS["wifi_session"]
    for tags in ((*known.tags, "band"), known.tags[:1], known.tags[::-1]):
        [broken] = changes(lines(), _with(replace(known, tags=tags))).broken
        assert broken == f"wifi_session was 'mun site', is {' '.join(tags)!r}"


def test_names_on_a_server_that_joins_measurement_and_field_are_unambiguous() -> None:
    joined = [f"{m.name}_{field}" for m in MEASUREMENTS.values() for field in m.fields]
    assert len(joined) == len(set(joined))


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_sample_of_every_tag_and_field_passes(name: str) -> None:
    check(any_sample(name, 1))


@pytest.mark.parametrize(
    ("sample", "offender"),
    [
        (Sample("wifi_client", {}, {"up": 1}, 1), "wifi_client"),
        (Sample("wifi_ap", {**ap(1).tags, "ap": ""}, {"up": 1}, 1), "'ap' is empty"),
        (Sample("wifi_ap", {**ap(1).tags, "mac": "x"}, {"up": 1}, 1), "mac"),
        (Sample("wifi_ap", {"ap": "a"}, {"up": 1}, 1), "mun"),
        (Sample("wifi_ap", {**ap(1).tags, "ap": "\ud800"}, {"up": 1}, 1), "Unicode"),
        (ap(1, firmware=3), "firmware"),
        (Sample("wifi_ap", ap(1).tags, {}, 1), "no fields"),
        (ap(1, cpu_pct=float("nan")), "cpu_pct"),
        (ap(1, cpu_pct=float("inf"), memory_pct=float("-inf")), "memory_pct"),
        (ap(1, rx_octets=2**63), "rx_octets"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused_by_name(sample: Sample, offender: str) -> None:
    with pytest.raises(CatalogError, match=offender):
        check(sample)
