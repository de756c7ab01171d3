"""What the tests of a gateway need of a policy: one signed as the controller does, and who keeps it."""

from dataclasses import replace
from typing import Any

from captive_portal.gateway import policy
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Blocked, Policy, Signed
from captive_portal.gateway.ruling import Ruling
from tests.gateway.conftest import KEY, SITE

NOW = 1_800_000_000
"""UTC, s: what the controller's clock says at first."""


def sealed(serial: int = 1, key: bytes = KEY, **changed: Any) -> Signed:
    """A policy of this site, signed."""
    return policy.seal(key, replace(Policy(SITE, serial, NOW), **changed))


def blocking(phone: Phone, until: int = 0, reason: str = "Descarga sin parar") -> Blocked:
    """A block of this phone."""
    return Blocked(phone.device(KEY), reason, "Ana R.", until)


def ruling(journal: Journal, clock: Clock, first: Signed | None = None) -> Ruling:
    """Who keeps the policy; where none is given, nobody is blocked and nothing is open."""
    return Ruling(KEY, SITE, journal, Borrowed(clock, journal), first)
