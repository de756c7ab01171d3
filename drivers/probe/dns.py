"""Addresses of names, from the servers that DHCP gave."""

import os
import time
from collections.abc import Sequence
from typing import Final

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import UDP
from scapy.packet import Packet

from drivers.probe.errors import Failed
from drivers.probe.phone import Phone, unreachable

_WAITS_S: Final = (1.0, 2.0, 2.0)
_A: Final = 1
_NO_SUCH_NAME: Final = 3
_RCODES: Final = {
    1: "calls the question malformed",
    2: "fails (SERVFAIL)",
    3: "says that there is no such name (NXDOMAIN)",
    4: "does not do this",
    5: "refuses (REFUSED)",
}


def addresses(phone: Phone, name: str, until: float) -> list[str]:
    """The IPv4 addresses of a name, which is asked for once. Raises Failed."""
    if name not in phone.names:
        phone.names[name], _ = ask(phone, name, until)
    return phone.names[name]


def ask(phone: Phone, name: str, until: float) -> tuple[list[str], str]:
    """The IPv4 addresses of a name and the server that knew them; the next server is asked as a phone does.

    Raises Failed with what each server did.
    """
    if not phone.lease.dns:
        raise Failed("DHCP gave no DNS server")
    reasons: list[str] = []
    for server in sorted(phone.lease.dns, key=lambda server: server != phone.told_by):
        try:
            answer = _answer(phone, server, name, until)
        except Failed as failed:
            reasons.append(str(failed))
            continue
        if answer.rcode == 0 and (found := _records(answer)):
            phone.told_by = server
            return found, server
        reasons.append(f"the DNS server {server} {_why(answer)}")
        if answer.rcode in (0, _NO_SUCH_NAME):
            break
    raise Failed(f"{name}: {'; '.join(reasons)}")


def _answer(phone: Phone, server: str, name: str, until: float) -> Packet:
    number, port = int.from_bytes(os.urandom(2)), 32768 + int.from_bytes(os.urandom(2)) % 28000
    try:
        question = UDP(sport=port, dport=53) / DNS(id=number, rd=1, qd=DNSQR(qname=name, qtype="A"))
        bytes(question)
    except (ValueError, UnicodeError):
        raise Failed("is no name") from None
    for wait_s in _WAITS_S:
        if time.monotonic() >= until:
            break
        phone.send(server, question)
        for packet in phone.receive(server, min(until, time.monotonic() + wait_s)):
            if unreachable(packet):
                raise Failed(f"nothing does DNS at {server} (ICMP unreachable)")
            if UDP in packet and packet[UDP].dport == port and DNS in packet and packet[DNS].id == number:
                return packet[DNS]
    raise Failed(f"the DNS server {server} is silent")


def _records(answer: Packet) -> list[str]:
    records: Sequence[Packet] = answer.an or ()
    return [str(record.rdata) for record in records if record.type == _A]


def _why(answer: Packet) -> str:
    if answer.rcode == 0:
        return "knows the name and gives no IPv4 address"
    return _RCODES.get(answer.rcode, f"answers with error {answer.rcode}")
