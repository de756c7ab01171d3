"""Text that YAML 1.1 would have bent stays as it was written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controller import inventory, inventory_yaml

GOOD = Path(__file__).parent / "good.yaml"
hexes = st.text("0123456789abcdef", min_size=2, max_size=2)
macs = st.lists(hexes, min_size=6, max_size=6).map(":".join)
zeros = st.integers(0, 99999).map(lambda number: f"0{number:05d}")
words = st.sampled_from(
    ["on", "off", "yes", "no", "y", "n", "On", "YES", "NO", "22:30", "190:20:30", "2026-12-25"]
)
odd = st.sampled_from(
    ["1_000", "0b1010", "017", "+08", "1.2.3.4", "<<", "=", "5g", "2g4", "0o9", "08019-plaza"]
)


def value_of(text: str) -> Any:
    read = inventory_yaml.parse("a file", f"key: {text}\nlist:\n- {text}\n- {text}\n")
    assert read.data["list"] == [read.data["key"]] * 2
    return read.data["key"]


@given(text=st.one_of(macs, zeros, words, odd))
def test_macs_leading_zeros_and_words_stay_text(text: str) -> None:
    assert value_of(text) == text


@given(key=st.one_of(macs, zeros, words, odd, st.integers().map(str), st.just("true"), st.just("null")))
def test_every_key_is_text(key: str) -> None:
    assert inventory_yaml.parse("a file", f"{key}: 1\n").data == {key: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("16161", 16161),
        ("0o17", 15),
        ("0x1F", 31),
        ("28.636794", 28.636794),
        ("-106.", -106.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ('"1"', "1"),
        ("'true'", "true"),
    ],
)
def test_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_a_label_on_and_a_shelf_07_reach_the_device() -> None:
    assert inventory.load(GOOD).devices["ap-school"].labels == {"shelf": "07", "room": "on"}


def test_both_parsers_give_the_same_values_and_lines() -> None:
    quick = inventory_yaml.read(GOOD)
    slow = inventory_yaml.parse(str(GOOD), GOOD.read_text(encoding="utf-8"), yaml.SafeLoader)
    assert slow == quick
