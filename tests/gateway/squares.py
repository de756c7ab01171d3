"""The square of the gateway's tests: namespaces, real nftables, dnsmasq, portal and edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import need
from tests.gateway import certificates
from tests.gateway.town import NAME, Town, town

PROGRAMS = {"ip": "iproute2", "nft": "nftables", "dnsmasq": "dnsmasq-base", "curl": "curl"}


@contextmanager
def standing(directory: Path) -> Iterator[Town]:
    """The square with its gateway started and everybody outside; skips where the machine lacks a part."""
    need.root()
    found = {name: need.program(name, package) for name, package in PROGRAMS.items()}
    certificates.write(directory, NAME)
    with town(directory) as built:
        built.start(found["dnsmasq"])
        built.forget_everybody()
        yield built
