"""Broken inventories: each mistake gives one line with its place and its mending, and hides no other."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import inventory
from controller.errors import InventoryError, Problem

HERE = Path(__file__).parent
GOOD = (HERE / "good.yaml").read_text(encoding="utf-8")
BROKEN = yaml.safe_load((HERE / "broken.yaml").read_text(encoding="utf-8"))
PLATFORMS = ("openwrt", "generic")


def complaints(file: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        inventory.load(file, PLATFORMS)
    return str(caught.value).split("\n")


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["mistake"].replace(" ", "-"))
def test_a_mistake_gives_exactly_one_line(case: dict[str, str], tmp_path: Path) -> None:
    assert case["good"] in GOOD
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD.replace(case["good"], case["bad"], 1), encoding="utf-8")
    assert complaints(file) == [f"{file}:{case['line']}: {case['says']}"]
    assert "hunter2" not in case["says"]


def test_all_mistakes_of_a_file_are_told_in_one_go_in_file_order(tmp_path: Path) -> None:
    together = (
        "unknown platform",
        "unknown kind",
        "long ssid",
        "zone",
        "parent cycle",
        "same endpoint",
        "duration",
    )
    chosen = [case for case in BROKEN if case["mistake"] in together]
    text = GOOD
    for case in chosen:
        text = text.replace(case["good"], case["bad"], 1)
    file = tmp_path / "inventory.yaml"
    file.write_text(text, encoding="utf-8")
    told = complaints(file)
    assert sorted(told) == sorted(f"{file}:{case['line']}: {case['says']}" for case in chosen)
    lines = [int(line.split(":")[1]) for line in told]
    assert len(told) == len(together)
    assert lines == sorted(lines)


def test_a_gateway_behind_another_gateway_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    nested = (
        "  gw-inner: {site: 08052-plaza, address: 192.168.88.2, role: gateway,"
        " snmp: {port: 1}, ssh: {port: 2}}\n"
    )
    text = f"{GOOD}{nested}" + (
        "  ap-x: {site: 08052-plaza, address: 192.168.88.3, reach: {kind: via, through: gw-inner},"
        " snmp: {port: 3}, ssh: {port: 4}}\n"
    )
    file.write_text(text, encoding="utf-8")
    assert "gw-inner is itself behind gw-08052, name the outermost gateway" in complaints(file)[0]


def test_a_missing_file_an_empty_one_and_one_that_is_no_text_each_give_one_line(tmp_path: Path) -> None:
    absent, empty, binary = (tmp_path / name for name in ("absent.yaml", "empty.yaml", "binary.yaml"))
    empty.write_text("# nothing yet\n")
    binary.write_bytes(b"version: 1\nname: Juli\xe1n\n")
    assert complaints(absent) == [
        f"{absent}:1: file: cannot be read: No such file or directory, name an existing, readable file"
    ]
    assert complaints(empty) == [f"{empty}:1: file: is empty, begin with `version: 1`"]
    assert complaints(binary) == [
        f"{binary}:2: file: is not UTF-8 text, save the file with the encoding UTF-8"
    ]


def test_an_alias_bomb_is_refused_without_being_expanded(tmp_path: Path) -> None:
    file = tmp_path / "bomb.yaml"
    rows = ["version: 1", "defaults: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"level{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    file.write_text("\n".join(rows))
    assert "aliases (*name) are not read" in "\n".join(complaints(file))


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_endless_nesting_is_one_line_and_no_crash(text: str, tmp_path: Path) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text(text)
    assert len(complaints(file)) == 1


def test_a_file_of_windows_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert len(inventory.load(file, PLATFORMS).devices) == 8


SPOTS = [
    m.span()
    for m in re.finditer(r"(?<=: )[^\n,{}\[\]]+|\{[^{}\n]*\}|\[[^\]\n]*\]|^ *[\w-]+(?=:)", GOOD, re.M)
]
ODD = [
    "null",
    "[]",
    "{}",
    "true",
    "-1",
    ".nan",
    '""',
    "[1, null]",
    "{a: b}",
    "&a",
    "*a",
    "!t",
    "- x",
    "? y",
    "all",
    "via",
]


@settings(max_examples=80, deadline=None)
@given(spot=st.sampled_from(SPOTS), odd=st.sampled_from(ODD))
def test_whatever_stands_in_a_place_the_answer_is_an_inventory_or_lines_that_mend_it(
    tmp_path_factory: pytest.TempPathFactory, spot: tuple[int, int], odd: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "odd.yaml"
    file.write_text(GOOD[: spot[0]] + odd + GOOD[spot[1] :], encoding="utf-8")
    problems: tuple[Problem, ...] = ()
    try:
        inventory.load(file, PLATFORMS)
    except InventoryError as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.what and problem.mend for problem in problems)
