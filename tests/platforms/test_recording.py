"""An agent out of a .snmprec file answers as the device did."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import PlatformError
from drivers.model import Endpoint, Secret, SnmpV2c
from drivers.recording import Recording, read_lines, read_recording
from drivers.snmp.ber import Verb
from drivers.snmp.dialogue import Question
from drivers.snmp.seam import Oid, PollRequest, Value

OIDS = st.lists(st.integers(0, 4), max_size=4).map(lambda rest: (1, 3, *rest))


def request(scalars: tuple[Oid, ...], columns: tuple[Oid, ...], *, bulk: bool = True) -> PollRequest:
    """One poll of the recording."""
    where = Endpoint("127.0.0.1", 161)
    return PollRequest("d", where, SnmpV2c(Secret("")), scalars, columns, bulk=bulk)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("1.3.6|2|-5", -5), ("1.3.6|65|4294967295", 2**32 - 1), ("1.3.6|70|18446744073709551615", 2**64 - 1),
        ("1.3.6|67|100", 100), (".1.3.6|66|7", 7), ("1.3.6|4|a|b", b"a|b"), ("1.3.6|4|", b""),
        ("1.3.6|4x|00ff", b"\0\xff"), ("1.3.6|6|.1.3.6.1", (1, 3, 6, 1)),
        ("1.3.6|64|192.0.2.1", b"\xc0\0\2\1"), ("1.3.6|64x|c0000201", b"\xc0\0\2\1"),
    ],
)  # fmt: skip
def test_a_line_is_an_object(line: str, value: Value) -> None:
    assert read_lines(["# a comment", "", line], "file") == {(1, 3, 6): value}


@pytest.mark.parametrize(
    "line",
    [
        "1.3.6", "1.3.6|2", "1.3.6|2|x", "1.3.6|2|", "x|2|1", "|2|1", "1.3.6|4x|0", "1.3.6|4x|zz", "1.3.6|6|",
        "1.3.6|64|256.0.0.1", "1.3.-6|2|1", "1.3.4294967296|2|1", "1.3.6|70|18446744073709551616",
        "1.3.6|2|" + "9" * 5000, "3.6.1|2|1", ".6.1|2|1", "1.40|2|1", "1|2|1", "1.3.6|6|4.5",
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_told_with_its_number(line: str) -> None:
    with pytest.raises(PlatformError, match=r"^file:2: not OID"):
        read_lines(["1.3.6.1|2|1", line], "file")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"none\.snmprec: No such file"):
        read_recording(tmp_path / "none.snmprec")


@given(st.dictionaries(OIDS, st.integers(0, 9), max_size=30), OIDS, st.booleans())
def test_a_walk_brings_every_object_below_its_root_and_no_other(
    objects: dict[Oid, Value], root: Oid, bulk: bool
) -> None:
    reply = Recording(objects).ask(request((), (root,), bulk=bulk))
    below = {oid[len(root) :]: objects[oid] for oid in objects if oid[: len(root)] == root and oid != root}

    assert reply.columns.get(root, {}) == below
    assert reply.failure is None


@given(st.dictionaries(OIDS, st.integers(0, 9), max_size=30), st.lists(OIDS, max_size=30, unique=True))
def test_an_instance_that_was_not_recorded_is_absent(objects: dict[Oid, Value], asked: list[Oid]) -> None:
    reply = Recording(objects).ask(request(tuple(asked), ()))

    assert reply.scalars == {oid: objects[oid] for oid in asked if oid in objects}


def test_at_the_end_it_says_that_nothing_follows() -> None:
    answer = Recording({(1, 3, 1): 5}).answer(Question(Verb.NEXT, ((1, 3, 1),), 0))

    assert [(oid, value) for oid, _, value in answer.varbinds] == [((1, 3, 1), None)]


@given(st.text(max_size=60))
def test_any_line_at_all_is_an_object_or_told(line: str) -> None:
    told = "file:1"
    try:
        read_lines([line], "file")
    except PlatformError as error:
        told = error.device

    assert told == "file:1"
