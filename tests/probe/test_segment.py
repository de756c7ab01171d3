"""Segments as octets, against scapy's."""

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP

from drivers.probe.segment import Segment

OURS, THEIRS = IPv4Address("10.99.0.50"), IPv4Address("203.0.113.80")
PORT, NUMBER = st.integers(1, 65_535), st.integers(0, 2**32 - 1)
SEGMENTS = st.builds(
    Segment,
    st.tuples(PORT, PORT),
    NUMBER,
    NUMBER,
    st.integers(0, 255),
    st.integers(0, 65_535),
    st.just(b"") | st.just(b"\x02\x04\x04\xb0\x01\x03\x03\x03"),
    st.binary(max_size=64),
)


def framed(packet: bytes) -> bytes:
    return bytes(12) + b"\x08\x00" + packet + bytes(max(0, 46 - len(packet)))


@given(SEGMENTS)
def test_what_is_written_is_what_scapy_writes_and_is_read_again(segment: Segment) -> None:
    packet = segment.packet(OURS, THEIRS)
    assert Segment.read(framed(packet), OURS, THEIRS) == segment
    seen = IP(packet)
    checksums = seen.chksum, seen[TCP].chksum
    del seen.chksum, seen[TCP].chksum
    again = IP(bytes(seen))
    assert (again.chksum, again[TCP].chksum) == checksums
    assert (seen[TCP].sport, seen[TCP].dport, seen[TCP].seq) == (*segment.ports, segment.seq)


@given(SEGMENTS)
def test_what_is_of_others_or_in_pieces_is_none(segment: Segment) -> None:
    packet = segment.packet(OURS, THEIRS)
    assert Segment.read(framed(packet), THEIRS, OURS) is None
    assert Segment.read(framed(packet[:6] + b"\x20" + packet[7:]), OURS, THEIRS) is None
    assert Segment.read(framed(packet[:9] + b"\x11" + packet[10:]), OURS, THEIRS) is None


@given(st.binary(max_size=80))
def test_whatever_comes_is_a_segment_or_none(octets: bytes) -> None:
    for frame in (octets, framed(octets), framed(b"\x45" + octets[1:9] + b"\x06" + octets[10:])):
        Segment.read(frame, OURS, THEIRS)
