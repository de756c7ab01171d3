"""One visit of a phone: step after step until one fails; the session and the lease go back at the end."""

import time
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Final

from drivers.probe import entering, steps
from drivers.probe.errors import ProbeError, Untried
from drivers.probe.guest import Guest, Told, Wanted
from drivers.probe.link import Link, random_mac
from drivers.probe.report import OPTIONAL, Finding, Step, Went, plain

Act = Callable[[Guest], Told]
LOOKING: Final[Mapping[Step, Act]] = MappingProxyType(
    {
        Step.DHCP: steps.lease,
        Step.ROUTER: steps.router,
        Step.DNS: steps.name,
        Step.REDIRECT: steps.redirect,
        Step.PORTAL: steps.portal,
        Step.API: steps.api,
    }
)
"""As far as the portal's page; nobody is let in."""

ENTERING: Final[Mapping[Step, Act]] = MappingProxyType(
    {**LOOKING, Step.GRANT: entering.grant, Step.HTTP: entering.http}
)
"""Through the door, and out again."""


def visit(wanted: Wanted, todo: Mapping[Step, Act] = LOOKING) -> Generator[Finding]:
    """Each step's finding as soon as there is one. Close the iterator: that gives session and lease back."""
    first = next(iter(todo))
    try:
        link = Link(wanted.interface, wanted.mac or random_mac())
    except Untried as untried:
        yield Finding(first, Went.UNTRIED, plain(str(untried)))
        return
    guest = Guest(wanted, link, time.monotonic() + wanted.within_s)
    try:
        for step, act in todo.items():
            finding = _find(guest, step, act)
            yield finding
            if finding.went is not Went.WORKED and not (step in OPTIONAL and finding.went is Went.UNTRIED):
                return
    finally:
        try:
            entering.leave(guest)
        finally:
            guest.leave()


def _find(guest: Guest, step: Step, act: Act) -> Finding:
    if time.monotonic() >= guest.until:
        return Finding(step, Went.UNTRIED, f"the {guest.wanted.within_s:g} s for the whole visit are over")
    try:
        told = act(guest)
    except ProbeError as error:
        went = Went.UNTRIED if isinstance(error, Untried) else Went.FAILED
        return Finding(step, went, plain(str(error)))
    measured = {"rtt_ms": told.rtt_ms, "down_bps": told.down_bps}
    rounded = {name: None if value is None else round(value, 1) for name, value in measured.items()}
    return Finding(step, Went.WORKED, plain(told.said), round(told.took_ms, 1), **rounded)
