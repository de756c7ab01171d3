"""Errors of the gateway, named by what the caller does next.

GatewayError
├── ConfigError     mend the named key of the configuration: one line, exit 2
├── AddressTaken    another program listens there: one line, exit 2
├── CannotDo        what a technician asks for is not possible: one line on that terminal
├── EnforcerFailed  the packet filter said no: tell the phone honestly, try again
│   ├── TableGone   somebody removed our table: apply it again; every older ticket is renewed, never admitted
│   └── Refused     the kernel's own numbers, message by message: the enforcer says what they mean
├── HouseholdFailed dnsmasq does not give addresses or names as told: what ran before runs on
├── InstallFailed   the machine is not as an install needs it: a line for each reason, exit 2
└── ControllerAway  the edge did not answer, or not with our key: keep the events, try later
"""

import os


class GatewayError(Exception):
    """An expected error: one line with the fix, never with a MAC or an address of a phone."""


class ConfigError(GatewayError):
    """The configuration cannot be used."""


class AddressTaken(GatewayError):
    """An address to listen on cannot be had."""


class CannotDo(GatewayError):
    """What a technician asks for is not possible."""


class EnforcerFailed(GatewayError):
    """The enforcer could not do as told; nothing was half done."""


class TableGone(EnforcerFailed):
    """The rules are not in the kernel any more."""


class Refused(EnforcerFailed):
    """What netlink was asked was not done. `failures` are (place in the batch, errno); -1 is all of it."""

    def __init__(self, failures: tuple[tuple[int, int], ...]) -> None:
        self.failures = failures
        super().__init__(f"the kernel refused: {os.strerror(failures[0][1])}")


class HouseholdFailed(GatewayError):
    """A dnsmasq is missing, refuses its configuration or did not start."""


class ControllerAway(GatewayError):
    """No believable answer from the controller."""


class InstallFailed(GatewayError):
    """The machine cannot be changed as wanted. `reasons` are a line each."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))
