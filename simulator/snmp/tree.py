"""The instances of an agent in order, with how each value is read from what the agent shows."""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from simulator.snmp import ber
from simulator.snmp.ber import Oid

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Instance(Generic[R_contra]):
    """One instance: its OID, its OID encoded, and its encoded value, read from a reading."""

    oid: Oid
    name: bytes
    read: Callable[[R_contra], bytes]


Row = tuple[Oid, Oid, Callable[[R], bytes]]
"""Object, index below it, value."""


class View(Hashable, Protocol[R_contra]):
    """What an agent can be asked about."""

    def exact(self, oid: Oid) -> Instance[R_contra] | None:
        """The instance with this very OID."""
        ...

    def following(self, oid: Oid) -> Instance[R_contra] | None:
        """The first instance behind `oid`, or None at the end of the view."""
        ...

    def object_of(self, oid: Oid) -> Oid | None:
        """The object that `oid` is or lies under, or None when the agent does not implement it."""
        ...


class Tree(Generic[R]):
    """All instances of one kind of agent in lexicographic order; see View."""

    def __init__(self, rows: Iterable[Row[R]]) -> None:
        listed = sorted(rows, key=lambda row: row[0] + row[1])
        self.instances = tuple(Instance(o + i, ber.oid(o + i), read) for o, i, read in listed)
        self._oids = [instance.oid for instance in self.instances]
        self._by_oid = {instance.oid: instance for instance in self.instances}
        self._objects = {obj for obj, _, _ in listed}

    def exact(self, oid: Oid) -> Instance[R] | None:
        """See View."""
        return self._by_oid.get(oid)

    def following(self, oid: Oid) -> Instance[R] | None:
        """See View."""
        position = bisect_right(self._oids, oid)
        return self.instances[position] if position < len(self.instances) else None

    def object_of(self, oid: Oid) -> Oid | None:
        """See View."""
        above = (oid[:length] for length in range(len(oid), 7, -1))
        return next((prefix for prefix in above if prefix in self._objects), None)
