"""The functions in C and those in Python come to the same, whatever the octets are."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.snmp import ber, hot
from drivers.snmp.ber import BerError, Message, encode
from tests import need
from tests.snmp.test_ber import messages, mib_oids


@pytest.fixture(scope="module")
def fast() -> ModuleType:
    """The module in C; in CI it must have been built."""
    if not hot.BUILT:
        need.missing("needs the C module: apt-get install gcc python3-dev, then: rm -r .venv; make test")
    from drivers.snmp import _hot  # noqa: PLC0415  absent where there is no compiler

    return _hot


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What came of it, be it an error."""
    try:
        return call(*arguments)
    except (BerError, IndexError) as error:
        return type(error)


@settings(max_examples=1500, deadline=None)
@given(octets=st.binary(max_size=300), at=st.integers(0, 40), end=st.integers(0, 310))
@pytest.mark.parametrize("name", ["header", "read_integer", "read_octets"])
def test_elements_are_read_alike(fast: ModuleType, name: str, octets: bytes, at: int, end: int) -> None:
    end = min(end, len(octets))
    assert outcome(getattr(fast, name), octets, at, end) == outcome(getattr(ber, name), octets, at, end)


@settings(max_examples=500, deadline=None)
@given(data=st.data(), head=st.sampled_from([b"\x02", b"\x04", b"\x30"]), size=st.integers(0, 70000))
def test_elements_of_every_length_are_read_alike(
    fast: ModuleType, data: st.DataObject, head: bytes, size: int
) -> None:
    whole = ber.tlv(head[0], bytes(size))
    octets = whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole
    for name in ("header", "read_integer", "read_octets"):
        arguments = (octets, 0, len(octets))
        assert outcome(getattr(fast, name), *arguments) == outcome(getattr(ber, name), *arguments)


@settings(max_examples=300, deadline=None)
@given(tag=st.integers(0, 255), contents=st.binary(max_size=70000))
def test_elements_are_written_alike(fast: ModuleType, tag: int, contents: bytes) -> None:
    assert fast.tlv(tag, contents) == ber.tlv(tag, contents)


@settings(max_examples=500, deadline=None)
@given(message=messages(mib_oids), data=st.data())
def test_a_message_damaged_or_not_is_read_alike(
    fast: ModuleType, message: Message, data: st.DataObject
) -> None:
    octets = bytearray(encode(message))
    for _ in range(data.draw(st.integers(0, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    datagram = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    names = tuple(ber.encode_oid(name) for name, _, _ in message.varbinds)
    bindings = b"".join(
        ber.tlv(0x30, name + ber.encode_value(tag, value))
        for name, (_, tag, value) in zip(names, message.varbinds, strict=True)
    )
    damaged = bytearray(bindings)
    if damaged:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    assert fast.id_of(datagram) == ber.id_of(datagram)
    for some in (bindings, bytes(damaged)):
        for end in (len(some), max(0, len(some) - 1)):
            assert fast.values_named(some, 0, end, names) == ber.values_named(some, 0, end, names)


@settings(max_examples=1000, deadline=None)
@given(octets=st.binary(max_size=40))
def test_any_octets_have_the_same_id_or_none(fast: ModuleType, octets: bytes) -> None:
    for datagram in (octets, b"\x30" + octets, b"\x30\x30\x02\x01" + octets):
        assert fast.id_of(datagram) == ber.id_of(datagram)


@settings(max_examples=500, deadline=None)
@given(tag=st.integers(0, 255), contents=st.binary(max_size=12))
def test_values_of_every_type_and_length_are_read_alike(fast: ModuleType, tag: int, contents: bytes) -> None:
    name = ber.encode_oid((1, 3, 6, 1))
    binding = ber.tlv(0x30, name + ber.tlv(tag, contents))
    arguments = (binding, 0, len(binding), (name,))
    assert fast.values_named(*arguments) == ber.values_named(*arguments)


def test_what_is_no_octets_is_refused(fast: ModuleType) -> None:
    for name in ("header", "read_integer", "read_octets", "values_named", "tlv", "id_of"):
        with pytest.raises(TypeError):
            getattr(fast, name)("text") if name == "id_of" else getattr(fast, name)("text", 0, 4)
