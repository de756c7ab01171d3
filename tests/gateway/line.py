"""A gateway that calls the controller's real edge over TLS and a wire that counts, in a time of its own."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway.alarms import Alarms
from captive_portal.gateway.edge import HttpEdge
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.pulse import Pulse
from captive_portal.gateway.sync import Pace
from tests.gateway import certificates
from tests.gateway.conftest import SITE
from tests.gateway.outpost import Controller, Outpost, serving
from tests.gateway.test_doorkeeper import Meter
from tests.gateway.town import wait_for
from tests.gateway.wire import Wire, wire_to

PACE: Final = Pace()
NUMBERS: Final = dict.fromkeys(
    (
        "pool_used", "pool_size", "conntrack", "conntrack_max", "memory_kb", "load_pct", "neighbours",
        "copied", "rogue", "away_s",
    ), 123_456,
)  # fmt: skip


@dataclass
class Line:
    """A gateway that calls over a wire, in a time of its own."""

    outpost: Outpost
    controller: Controller
    wire: Wire

    def __post_init__(self) -> None:
        alarms = Alarms(self.outpost.journal, self.outpost.clock, self.outpost.keeper.news)
        gauges = [lambda: NUMBERS]
        self.pulse = Pulse(self.outpost.journal, self.outpost.clock, alarms, gauges, [])

    def hour(self, come: int, stay: int) -> tuple[int, int]:
        """Calls and octets of an hour in which so many come and so many are in, using the Internet."""
        outpost, news = self.outpost, self.outpost.keeper.news
        calls, octets = self.carried()
        begun, called_s, came = outpost.clock.seconds, outpost.clock.seconds, 0
        for second in range(3601):
            outpost.clock.seconds = begun + second
            while came < stay + come * second / 3600:
                came += 1
                self.enter(came)
                if came > stay:
                    outpost.keeper.leave(self.phone(came - stay))
            if second % 6 == 0:
                self.pulse.step()
            waited_s = outpost.clock.seconds - called_s
            if waited_s >= outpost.sync.pause_s(PACE) or (news.is_set() and waited_s >= PACE.soon_s):
                news.clear()
                called_s = outpost.clock.seconds
                if isinstance(outpost.ledger, Meter):
                    outpost.ledger.octets += 10_000
                outpost.sync.step()
        after = self.carried()
        return after[0] - calls, after[1] - octets

    def carried(self) -> tuple[int, int]:
        """Calls and octets so far, when both ends of the last have hung up."""
        wait_for(lambda: self.wire.calls == self.controller.calls, "the end of the last call")
        return self.wire.calls, self.wire.octets

    def phone(self, number: int) -> Phone:
        found = self.outpost.keeper.neighbour(f"127.30.{number // 250}.{number % 250 + 1}")
        assert found is not None
        return found

    def enter(self, number: int) -> None:
        phone = self.phone(number)
        self.outpost.let_in(phone, self.controller.grant(phone))


@contextmanager
def line_in(directory: Path) -> Iterator[Line]:
    """A gateway after its first call, whose files are in this directory."""
    authority = certificates.write(directory, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "gateway.pem", directory / "gateway.key")
    controller = Controller(directory)
    with serving(controller, context=context) as port, wire_to(port) as (near, wire):
        outpost = Outpost(directory, _trusting(authority, near), enforcer=Meter)
        outpost.sync.step()
        yield Line(outpost, controller, wire)


def _trusting(authority: Path, port: int) -> HttpEdge:
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(authority)
    try:
        return HttpEdge(f"https://localhost:{port}/gw/{SITE}/sync")
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before
