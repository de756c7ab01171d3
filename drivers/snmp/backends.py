"""Which implementation polls."""

from collections.abc import Mapping
from enum import StrEnum

from drivers.snmp.engine import Engine
from drivers.snmp.seam import Learned, Poller


class Backend(StrEnum):
    """Our own engine, or pysnmp: some 200 times slower, for those who doubt ours."""

    OWN = "own"
    PYSNMP = "pysnmp"


def open_poller(learned: Mapping[str, Learned] | None = None, backend: str = Backend.OWN) -> Poller:
    """A poller for every kind of credential, to be used inside one running asyncio loop.

    `learned` is what each device has taught us before, by name.
    """
    if backend == Backend.PYSNMP:
        from drivers.snmp.pysnmp_backend import PysnmpPoller  # noqa: PLC0415  heavy, and seldom wanted

        return PysnmpPoller(learned or {})
    return Engine(learned or {})
