"""What one PDU asks, encoded once, and what its answer named the last time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drivers.snmp.ber import Tag, VarBind, Verb, encode_oid, integer, tlv
from drivers.snmp.seam import Oid, Value

_MOST_FORECASTS: Final = 64
_ID: Final = b"\x02\x04IDID"


@dataclass(frozen=True, slots=True)
class Rows:
    """One column of a table that came whole in one answer: every `step`-th value from `first` on."""

    root: Oid
    suffixes: tuple[Oid, ...]
    first: int
    stop: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What an answer will name if nothing has changed: encoded names, the same as OIDs, its table.

    `longest` is how many rows the longest column of the table has.
    """

    names: tuple[bytes, ...]
    oids: tuple[Oid, ...]
    table: tuple[Rows, ...] = ()
    longest: int = 0

    def columns(self, values: Sequence[Value | None]) -> dict[Oid, dict[Oid, Value]] | None:
        """The table of such an answer; None when an object is missing where there was one."""
        found: dict[Oid, dict[Oid, Value]] = {}
        for rows in self.table:
            cells = values[rows.first : rows.stop : rows.step]
            if None in cells:
                return None
            found[rows.root] = dict(zip(rows.suffixes, cells, strict=True))  # type: ignore[arg-type]
        return found


class Question:
    """One PDU to send, without its id. `repetitions` is 0 unless the verb is BULK."""

    __slots__ = ("_forecasts", "exact", "head", "latest", "oids", "repetitions", "tail", "verb")

    def __init__(self, verb: Verb, oids: tuple[Oid, ...], repetitions: int) -> None:
        self.verb = verb
        self.oids = oids
        self.repetitions = repetitions
        names = tuple(encode_oid(oid) for oid in oids)
        varbinds = b"".join(tlv(Tag.SEQUENCE, name + b"\x05\x00") for name in names)
        tail = integer(0) + integer(repetitions) + tlv(Tag.SEQUENCE, varbinds)
        self.head, _, self.tail = tlv(verb, _ID + tail).partition(b"IDID")
        self.exact = Forecast(names, oids)
        """Of a GET: an agent in order names what it was asked for."""
        self.latest: Forecast | None = None
        """What the last agent named that was not as forecast: the next one is often of the same make."""
        self._forecasts: dict[tuple[Oid, ...], Forecast] = {}

    def pdu(self, request_id: bytes) -> bytes:
        """The encoded PDU; `request_id` has four octets, of which the first is 1 … 127."""
        return self.head + request_id + self.tail

    def forecast(self, varbinds: Sequence[VarBind], columns: Mapping[Oid, Mapping[Oid, Value]]) -> Forecast:
        """What to expect after an answer that held these columns whole; shared by agents that are alike."""
        oids = tuple(name for name, _, _ in varbinds)
        found = self._forecasts.get(oids)
        if found is None:
            if len(self._forecasts) >= _MOST_FORECASTS:
                del self._forecasts[next(iter(self._forecasts))]  # the oldest
            table = tuple(
                Rows(root, tuple(rows), at, at + len(self.oids) * len(rows), len(self.oids))
                for at, root in enumerate(self.oids)
                if (rows := columns.get(root))
            )
            longest = max((len(rows.suffixes) for rows in table), default=0)
            found = Forecast(tuple(encode_oid(oid) for oid in oids), oids, table, longest)
            self._forecasts[oids] = found
        self.latest = found
        return found


@lru_cache(maxsize=8192)
def question(verb: Verb, oids: tuple[Oid, ...], repetitions: int = 0) -> Question:
    """The one question of this kind: encoded once, sent often."""
    return Question(verb, oids, repetitions)
