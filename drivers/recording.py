"""An agent out of a .snmprec file, behind the seam of polling: what it recorded it answers as the device did.

A line is `OID|TAG|VALUE`: the tag is that of BER in decimal, followed by x when the value is hexadecimal.
Lines that begin with # and empty ones are comments.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from drivers.errors import PlatformError
from drivers.labels import printable
from drivers.snmp.ber import VarBind, Verb, encode_oid
from drivers.snmp.dialogue import Answer, Dialogue, Status
from drivers.snmp.habits import Habits
from drivers.snmp.questions import Question
from drivers.snmp.seam import Oid, PollReply, PollRequest, Value
from drivers.spelling import decodes
from drivers.texts import decoded

_NUMBERS: Final = frozenset(
    {"2", "65", "66", "67", "70"}
)  # INTEGER, Counter32, Gauge32, TimeTicks, Counter64
_OBJECT_ID: Final = "6"
_ADDRESS: Final = "64"
_LEAST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1  # Counter64
_END_OF_VIEW: Final = 0x82
_NO_INSTANCE: Final = 0x81


def read_recording(path: Path) -> dict[Oid, Value]:
    """The objects of a recording. Raises PlatformError naming file and line."""
    try:
        text = decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise PlatformError(str(path), error.strerror or str(error), "give a .snmprec file") from error
    return read_lines(text.splitlines(), str(path))


def read_lines(lines: Iterable[str], where: str) -> dict[Oid, Value]:
    """The objects on these lines. Raises PlatformError naming `where` and line."""
    objects: dict[Oid, Value] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                name, tag, text = line.split("|", 2)
                objects[_oid(name)] = _value(tag, text)
            except ValueError as error:
                raise PlatformError(
                    f"{where}:{number}", f"not OID|TAG|VALUE: {printable(line[:80])}"
                ) from error
    return objects


def _value(tag: str, text: str) -> Value:
    if tag.endswith("x"):
        return bytes.fromhex(text)
    if tag in _NUMBERS:
        number = int(text)
        if not _LEAST <= number <= _LARGEST:
            raise ValueError("wider than 64 bits")
        return number
    if tag == _OBJECT_ID:
        return _oid(text)
    if tag == _ADDRESS:
        return bytes(map(int, text.split(".")))
    return text.encode("utf-8")


def _oid(text: str) -> Oid:
    arcs = tuple(map(int, text.strip(".").split(".")))
    encode_oid(arcs)
    return arcs


def lines_of(objects: Mapping[Oid, Value]) -> Iterator[str]:
    """The lines of a .snmprec, in the order of the objects' names."""
    for oid, value in sorted(objects.items()):
        yield f"{'.'.join(map(str, oid))}|{_spelt(value)}"


def _spelt(value: Value) -> str:
    """INTEGER or, where it is wider, Counter64: the seam of polling does not tell them apart."""
    if isinstance(value, int):
        return f"{2 if -(2**31) <= value < 2**31 else 70}|{value}"
    if isinstance(value, tuple):
        return f"6|{'.'.join(map(str, value))}"
    if decodes(value) and value.decode().isprintable():
        return f"4|{value.decode()}"
    return f"4x|{value.hex()}"


class Recording:
    """A Poller of one recorded agent; whoever asks, it answers."""

    def __init__(self, objects: Mapping[Oid, Value]) -> None:
        self._objects = objects
        self._names = sorted(objects)

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """One reply per request, by the same dialogue as with a device."""
        for request in requests:
            yield self.ask(request)

    async def close(self) -> None:
        """Nothing is open."""

    def ask(self, request: PollRequest) -> PollReply:
        """The reply to one request."""
        dialogue = Dialogue(request, Habits())
        while (question := dialogue.question()) is not None:
            dialogue.hear(self.answer(question))
        return dialogue.reply(None, 0.0, 1, 0)

    def answer(self, question: Question) -> Answer:
        """GET, GETNEXT and GETBULK as RFC 3416 §4.2 wants them."""
        if question.verb == Verb.GET:
            found = [self._varbind(oid) for oid in question.oids]
        else:
            found = self._successors(question.oids, max(1, question.repetitions))
        return Answer(Status.FINE, 0, found)

    def _successors(self, oids: Sequence[Oid], repetitions: int) -> list[VarBind]:
        found: list[VarBind] = []
        places = [bisect_right(self._names, oid) for oid in oids]
        for further in range(repetitions):
            for oid, place in zip(oids, places, strict=True):
                at = place + further
                name = self._names[at] if at < len(self._names) else None
                found.append((oid, _END_OF_VIEW, None) if name is None else (name, 0, self._objects[name]))
        return found

    def _varbind(self, oid: Oid) -> VarBind:
        value = self._objects.get(oid)
        return (oid, _NO_INSTANCE, None) if value is None else (oid, 0, value)
