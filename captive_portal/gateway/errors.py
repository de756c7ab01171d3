"""Errors of the gateway, named by what the caller does next.

GatewayError
├── ConfigError     mend the named key of the configuration: one line, exit 2
├── AddressTaken    another program listens there: one line, exit 2
├── EnforcerFailed  the packet filter said no: tell the phone honestly, try again
│   └── TableGone   somebody removed our table: apply it again; every older ticket is renewed, never admitted
└── ControllerAway  the edge did not answer, or not with our key: keep the events, try later
"""


class GatewayError(Exception):
    """An expected error: one line with the fix, never with a MAC or an address of a phone."""


class ConfigError(GatewayError):
    """The configuration cannot be used."""


class AddressTaken(GatewayError):
    """An address to listen on cannot be had."""


class EnforcerFailed(GatewayError):
    """The enforcer could not do as told; nothing was half done."""


class TableGone(EnforcerFailed):
    """The rules are not in the kernel any more."""


class ControllerAway(GatewayError):
    """No believable answer from the controller."""
