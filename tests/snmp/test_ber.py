"""The codec against itself, against pysnmp's, and against any octets."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from drivers.snmp.ber import (
    BerError,
    Message,
    Tag,
    VarBind,
    Verb,
    Version,
    decode,
    decode_oid,
    encode,
    encode_oid,
    id_of,
)
from drivers.snmp.envelope import CommunityEnvelope
from drivers.snmp.questions import Question
from drivers.snmp.seam import Oid

numbers = st.integers(0, 2**32 - 1)
oids = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39)),
    st.tuples(st.just(2), st.integers(0, 2**32 - 81)),
).flatmap(lambda start: st.lists(numbers, max_size=30).map(lambda rest: (*start, *rest)))
mib_oids = st.lists(numbers, min_size=1, max_size=20).map(lambda rest: (1, 3, 6, 1, *rest))

PYSNMP = {
    Tag.INTEGER: v2c.Integer32,
    Tag.OCTETS: v2c.OctetString,
    Tag.OID: v2c.ObjectIdentifier,
    Tag.IP_ADDRESS: v2c.IpAddress,
    Tag.COUNTER32: v2c.Counter32,
    Tag.GAUGE32: v2c.Gauge32,
    Tag.TIME_TICKS: v2c.TimeTicks,
    Tag.OPAQUE: v2c.Opaque,
    Tag.COUNTER64: v2c.Counter64,
    Tag.NULL: v2c.Null,
    Tag.NO_SUCH_OBJECT: v2c.NoSuchObject,
    Tag.NO_SUCH_INSTANCE: v2c.NoSuchInstance,
    Tag.END_OF_MIB_VIEW: v2c.EndOfMibView,
}
ABSENT = [Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW]
typed = st.one_of(
    st.tuples(st.just(Tag.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS]), numbers),
    st.tuples(st.just(Tag.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([Tag.OCTETS, Tag.OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(Tag.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(Tag.OID), mib_oids),
    st.tuples(st.sampled_from(ABSENT), st.none()),
)


def varbinds(names: st.SearchStrategy[Oid]) -> st.SearchStrategy[list[VarBind]]:
    return st.lists(st.tuples(names, typed).map(lambda pair: (pair[0], *pair[1])), max_size=12)


def messages(names: st.SearchStrategy[Oid]) -> st.SearchStrategy[Message]:
    return st.builds(
        Message,
        community=st.binary(max_size=40),
        verb=st.sampled_from([Verb.GET, Verb.NEXT, Verb.RESPONSE]),
        request_id=st.integers(0, 2**31 - 1),
        status=st.integers(0, 18),
        index=st.integers(0, 100),
        varbinds=varbinds(names),
    )


@given(messages(oids))
def test_what_is_encoded_decodes_to_the_same(message: Message) -> None:
    assert decode(encode(message)) == message


@given(oids)
def test_oids_survive_their_encoding(oid: Oid) -> None:
    encoded = encode_oid(oid)
    assert decode_oid(encoded[2:]) == oid


@settings(deadline=None)
@given(messages(mib_oids))
def test_pysnmp_reads_what_we_write(message: Message) -> None:
    theirs, rest = decoder.decode(encode(message), asn1Spec=v2c.Message())

    pdu = v2c.apiMessage.get_pdu(theirs)
    found = v2c.apiPDU.get_varbinds(pdu)
    assert not rest
    assert bytes(v2c.apiMessage.get_community(theirs)) == message.community
    assert int(v2c.apiPDU.get_request_id(pdu)) == message.request_id
    assert int(v2c.apiPDU.get_error_status(pdu)) == message.status
    assert [tuple(name) for name, _ in found] == [name for name, _, _ in message.varbinds]
    for (_, theirs_value), (_, tag, value) in zip(found, message.varbinds, strict=True):
        assert isinstance(theirs_value, PYSNMP[Tag(tag)]) or tag == Tag.NULL
        if isinstance(value, bytes):
            assert bytes(theirs_value) == value
        elif isinstance(value, int):
            assert int(theirs_value) == value
        elif value is not None:
            assert tuple(theirs_value) == value


@settings(deadline=None)
@given(messages(mib_oids))
def test_we_read_what_pysnmp_writes(message: Message) -> None:
    pdu = {Verb.GET: v2c.GetRequestPDU, Verb.NEXT: v2c.GetNextRequestPDU, Verb.RESPONSE: v2c.ResponsePDU}
    theirs = pdu[Verb(message.verb)]()
    v2c.apiPDU.set_defaults(theirs)
    v2c.apiPDU.set_request_id(theirs, message.request_id)
    v2c.apiPDU.set_error_status(theirs, message.status)
    v2c.apiPDU.set_error_index(theirs, message.index)
    made = [(name, _theirs(tag, value)) for name, tag, value in message.varbinds]
    v2c.apiPDU.set_varbinds(theirs, made)
    envelope = v2c.Message()
    v2c.apiMessage.set_defaults(envelope)
    v2c.apiMessage.set_community(envelope, message.community)
    v2c.apiMessage.set_pdu(envelope, theirs)

    assert decode(encoder.encode(envelope)) == message


def _theirs(tag: int, value: object) -> object:
    kind = PYSNMP[Tag(tag)]
    return kind("") if value is None else kind(value)


@given(
    st.lists(mib_oids, min_size=1, max_size=20).map(tuple),
    st.integers(0, 50),
    st.integers(1 << 24, 2**31 - 1),
    st.binary(max_size=20),
)
def test_a_question_sealed_is_the_same_request(
    names: tuple[Oid, ...], repetitions: int, request_id: int, community: bytes
) -> None:
    nulls = [(name, Tag.NULL, None) for name in names]
    whole = Message(community, Verb.BULK, request_id, 0, repetitions, nulls)

    envelope = CommunityEnvelope(Version.V2C, community)
    sealed = envelope.seal(Question(Verb.BULK, names, repetitions), request_id.to_bytes(4, "big"))

    assert sealed == encode(whole)
    assert id_of(sealed) == request_id.to_bytes(4, "big")


def test_a_question_may_hold_the_octets_of_its_placeholder() -> None:
    name = (1, 3, 6, 1, *b"IDID")
    sealed = CommunityEnvelope(Version.V2C, b"IDID").seal(Question(Verb.GET, (name,), 0), b"\1\0\0\0")

    assert decode(sealed).varbinds == [(name, Tag.NULL, None)]


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_ber_error(octets: bytes) -> None:
    _decode_or_refuse(octets)


@settings(max_examples=200, deadline=None)
@given(messages(oids), st.data())
def test_a_damaged_message_is_a_message_or_a_ber_error(message: Message, data: st.DataObject) -> None:
    octets = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(octets) - 1))
        octets[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))

    _decode_or_refuse(bytes(octets))
    _decode_or_refuse(bytes(octets[:cut]))


def _decode_or_refuse(octets: bytes) -> None:
    try:
        message = decode(octets)
    except BerError:
        return
    assert all(isinstance(name, tuple) for name, _, _ in message.varbinds)


@settings(max_examples=30, deadline=None)
@given(messages(oids))
def test_every_cut_message_is_refused(message: Message) -> None:
    whole = encode(message)
    for length in range(len(whole)):
        with pytest.raises(BerError):
            decode(whole[:length])


def test_an_object_of_an_unknown_type_costs_only_itself() -> None:
    odd = Message(b"public", Verb.RESPONSE, 7, 0, 0, [((1, 3, 6), 0x48, b"?"), ((1, 3, 7), Tag.INTEGER, 5)])

    assert decode(encode(odd)).varbinds == [((1, 3, 6), 0x48, None), ((1, 3, 7), Tag.INTEGER, 5)]


@pytest.mark.parametrize("oid", [(), (1,), (3, 1), (1, 40), (1, 3, -1), (1, 3, 2**32), (1, *range(130))])
def test_what_is_no_oid_is_not_encoded(oid: Oid) -> None:
    with pytest.raises(BerError):
        encode_oid(oid)


def test_another_version_is_not_a_message() -> None:
    whole = encode(Message(b"public", Verb.RESPONSE, 7))
    with pytest.raises(BerError):
        decode(whole.replace(b"\x02\x01\x01", b"\x02\x01\x02", 1))


def test_messages_differ_where_they_differ() -> None:
    message = Message(b"public", Verb.GET, 7)
    assert decode(encode(replace(message, request_id=8))) != message
