"""Errors of the simulator: each is one line for a person and exit code 2.

SimulatorError
├── SpecError     SPEC.json is wrong: file, place, what
└── AddressTaken  an address of the spec cannot be bound
"""


class SimulatorError(Exception):
    """Expected trouble at start; the text is one line."""


class SpecError(SimulatorError):
    """`where` is a path into the JSON such as `aps[3].snmp.port`; empty for the whole file."""

    def __init__(self, file: str, where: str, what: str) -> None:
        self.file = file
        self.where = where
        super().__init__(": ".join(part for part in (file, where, what) if part))


class AddressTaken(SimulatorError):
    """Somebody else listens there, or the address is not ours."""

    def __init__(self, place: str, address: str, why: str) -> None:
        super().__init__(f"{place}: cannot listen on {address}: {why}; stop what uses it or change the spec")
