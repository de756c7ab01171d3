"""What a reading says of a row, by each of the places where a value may be."""

from collections.abc import Mapping

import pytest

from drivers.answers import DEVICE, Answers, Row
from drivers.readings import number, text, value
from drivers.snmp.seam import Oid, Value
from tests.platforms.small import TABLE, reading

A, B, C = ((*TABLE, arc) for arc in (1, 2, 3))


def answers(*, complete: bool = True, scalars: Mapping[Oid, Value] | None = None) -> Answers:
    """Column 1 by AP and radio, 2 by radio and client, 3 names the interface of each client."""
    columns: dict[Oid, dict[Oid, Value]] = {
        A: {(7, 1): 36, (7, 2): 1},
        B: {(7, 1, 50): -60, (7, 1, 51): -70, (7, 2, 52): -80},
        C: {(7, 1, 50): b"wlan0", (7, 1, 51): b"wlan1", (7, 2, 52): b"wlan0"},
    }
    return Answers(scalars or {}, columns, complete)


ROW = Row((7, 1), {"row": (7, 1), "ap": (7,), "radio": (1,), "name": "wlan0"})


@pytest.mark.parametrize(
    ("words", "number_of_row"),
    [
        ("{column: T.1}", 36),
        ("{column: T.1, at: [ap, 2]}", 1),
        ("{column: T.2, reduce: sum}", -130),
        ("{column: T.2, at: [ap, 2], reduce: mean}", -80),
        ('{column: T.2, at: "*", reduce: min}', -80),
        ('{column: T.2, at: ["*", 51], reduce: max}', -70),
        ('{column: T.2, at: ["*", 99], reduce: max}', None),
        ("{column: T.2, at: [ap, 9, 9]}", None),
        ("{column: T.2, at: [nobody, 1]}", None),
        ("{column: T.2, pair: {theirs: T.3, ours: name}, reduce: mean}", -70),
        ("{column: T.2, pair: {theirs: T.3, ours: T.9}, reduce: mean}", None),
        ("{column: T.3, reduce: count}", 2),
        ("{column: T.9, reduce: sum}", None),
        ("{index: radio, map: {1: 5}}", 5),
        ("{index: radio, scale: 10}", 10),
        ("{value: 1}", 1),
        ("{scalar: T.4.0, scale: 0.1}", 2.5),
    ],
)
def test_a_row_reads_its_value(words: str, number_of_row: float | None) -> None:
    found = number(answers(scalars={(*TABLE, 4, 0): 25}), reading(words), ROW)

    assert found == number_of_row


def test_the_value_that_the_row_has_in_another_column_is_a_step_of_the_index() -> None:
    several = Answers({}, {A: {(7, 1): 36}, B: {(7, 1, 36): -95, (7, 1, 40): -90}}, True)

    assert number(several, reading("{column: T.2, at: [ap, radio, T.1]}"), ROW) == -95


def test_a_text_among_the_objects_of_the_index_is_its_octets() -> None:
    several = Answers({}, {A: {(7, 1): b"ab"}, B: {(97, 98): 4}}, True)

    assert number(several, reading("{column: T.2, at: T.1}"), ROW) == 4


def test_a_count_of_a_poll_that_broke_off_is_unknown_and_not_zero() -> None:
    none = reading('{column: T.2, at: ["*", 99], reduce: count}')

    assert number(answers(), none, ROW) == 0
    assert number(answers(complete=False), none, ROW) is None


@pytest.mark.parametrize("words", ["pair: {theirs: T.3, ours: T.9}", "at: [T.9]"])
def test_a_count_of_rows_is_unknown_where_the_device_does_not_tell_which(words: str) -> None:
    assert number(answers(), reading(f"{{column: T.2, {words}, reduce: count}}"), ROW) is None


def test_of_a_column_the_device_itself_takes_the_first_row_that_says_something() -> None:
    first = reading('{column: T.3, match: "^wlan1$"}')

    assert value(answers(), first, DEVICE) == "wlan1"


@pytest.mark.parametrize(
    ("words", "percent"),
    [
        ("{share: {total: T.1.0, used: T.2.0}}", 25),
        ("{share: {total: T.1.0, free: [T.2.0, T.3.0]}}", 65),
        ("{share: {total: T.1.0, free: [T.2.0, T.9.0]}}", 75),
        ("{share: {total: T.1.0, free: T.9.0}}", None),
        ("{share: {total: T.8.0, free: T.2.0}}", None),
    ],
)
def test_a_share_is_per_cent_of_a_total(words: str, percent: float | None) -> None:
    scalars = {(*TABLE, 1, 0): 200, (*TABLE, 2, 0): 50, (*TABLE, 3, 0): 20, (*TABLE, 8, 0): 0}

    assert number(answers(scalars=scalars), reading(words)) == percent


def test_a_storage_is_found_by_its_kind() -> None:
    kind, used, size = A, B, C
    columns: dict[Oid, dict[Oid, Value]] = {
        kind: {(1,): (1, 3, 4), (2,): (1, 3, 2)},
        used: {(1,): 9, (2,): 30},
        size: {(1,): 9, (2,): 40},
    }
    ram = reading("{storage: {kind: T.1, equals: 1.3.2, used: T.2, size: T.3}}")

    assert number(Answers({}, columns, True), ram) == 75


def test_a_text_is_the_first_that_is_not_empty() -> None:
    scalars: dict[Oid, Value] = {(*TABLE, 1, 0): b" \0", (*TABLE, 2, 0): b" AP 7 "}
    several = (reading("{scalar: T.9.0}"), reading("{scalar: T.1.0}"), reading("{scalar: T.2.0}"))

    assert text(answers(scalars=scalars), several) == "AP 7"


def test_a_hook_gets_its_objects_of_the_row_in_their_order() -> None:
    columns: dict[Oid, dict[Oid, Value]] = {A: {(7, 1): 2}, B: {(7, 1): b"20,17,14"}}
    power = reading("{hook: level_of_list, of: [T.1, T.2]}")

    assert number(Answers({}, columns, True), power, ROW) == 17
    assert number(Answers({}, {}, True), power, ROW) is None
