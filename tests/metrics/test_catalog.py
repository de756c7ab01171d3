"""The catalogue's promises: one meaning per name, and no name that could hold a person."""

import re
from itertools import chain

import pytest

from metrics.catalog import MEASUREMENTS, check
from metrics.errors import CatalogError
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
OURS = {"time", "batch", "hour", "expected", "got"}  # columns of the store that no tag or field may shadow


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
