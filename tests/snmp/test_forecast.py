"""The short way through an answer that names what it named before comes to what the long way comes to."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import Endpoint, Secret, SnmpV2c
from drivers.snmp.ber import Tag, VarBind, Verb, encode_oid, integer, read_varbinds, tlv, values_named
from drivers.snmp.dialogue import Answer, Dialogue
from drivers.snmp.habits import Habits
from drivers.snmp.questions import question
from drivers.snmp.seam import Learned, Oid, PollReply, PollRequest, Value

SCALARS: tuple[Oid, ...] = tuple((1, 3, 6, 1, 2, 1, 1, number, 0) for number in range(1, 6))
COLUMNS: tuple[Oid, ...] = ((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10))
BEHIND: Oid = (1, 3, 6, 1, 2, 1, 32, 1)
REQUEST = PollRequest("ap", Endpoint("127.0.0.1", 161), SnmpV2c(Secret("x")), SCALARS, COLUMNS)

Content = tuple[int, Value | None]
present: st.SearchStrategy[Content] = st.one_of(
    st.tuples(st.just(int(Tag.COUNTER64)), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(int(Tag.GAUGE32)), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(int(Tag.INTEGER)), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(int(Tag.OCTETS)), st.binary(max_size=200)),
    st.tuples(st.just(int(Tag.OID)), st.just((1, 3, 6, 1, 4))),
)
absent: st.SearchStrategy[Content] = st.tuples(
    st.sampled_from([int(Tag.NO_SUCH_INSTANCE), int(Tag.NO_SUCH_OBJECT), 0x48]), st.none()
)
contents: st.SearchStrategy[Content] = st.one_of(present, absent)


@dataclass(frozen=True, slots=True)
class Device:
    """What an agent holds: scalars by place, and rows of (index, a cell per column)."""

    scalars: tuple[Content, ...]
    rows: tuple[tuple[int, Content, Content], ...]

    def get(self) -> list[VarBind]:
        return [(name, *content) for name, content in zip(SCALARS, self.scalars, strict=True)]

    def bulk(self, names: Sequence[Oid], repetitions: int) -> list[VarBind]:
        found: list[VarBind] = []
        ahead = [self._behind(name) for name in names]
        for row in range(repetitions):
            for cells in ahead:
                found.append(cells[row] if row < len(cells) else ((*BEHIND, row), int(Tag.OCTETS), b"behind"))
        return found

    def _behind(self, name: Oid) -> list[VarBind]:
        at = next(at for at, root in enumerate(COLUMNS) if name[: len(root)] == root)
        cells = [((*COLUMNS[at], index), *both[at]) for index, *both in self.rows]
        return [cell for cell in cells if cell[0] > name]


devices = st.builds(
    Device,
    st.tuples(*[contents] * len(SCALARS)),
    st.lists(st.tuples(st.integers(1, 300), present, present), max_size=9, unique_by=lambda row: row[0]).map(
        lambda rows: tuple(sorted(rows, key=lambda row: row[0]))
    ),
)


def octets(varbinds: Sequence[VarBind]) -> bytes:
    return b"".join(tlv(Tag.SEQUENCE, encode_oid(name) + _value(tag, value)) for name, tag, value in varbinds)


def _value(tag: int, value: Value | None) -> bytes:
    if value is None:
        return bytes((tag, 0))
    if isinstance(value, int):
        return integer(value, tag)
    return tlv(tag, value) if isinstance(value, bytes) else encode_oid(value)


def converse(device: Device, habits: Habits, *, short: bool) -> tuple[PollReply, int]:
    """One poll without a network, and how many answers went the short way."""
    dialogue, taken = Dialogue(REQUEST, habits), 0
    while (asked := dialogue.question()) is not None:
        said = device.get() if asked.verb == Verb.GET else device.bulk(asked.oids, asked.repetitions)
        data = octets(said)
        forecast = dialogue.forecast
        values = values_named(data, 0, len(data), forecast.names) if short and forecast else None
        if forecast is not None and values is not None and dialogue.hear_values(forecast, values):
            taken += 1
        else:
            dialogue.hear(Answer(0, 0, read_varbinds(data, 0, len(data))))
    return dialogue.reply(None, 0.0, 1, 0), taken


@settings(max_examples=120, deadline=None)
@given(st.lists(devices, min_size=1, max_size=4))
def test_both_ways_bring_the_same_whatever_changes_between_polls(states: list[Device]) -> None:
    short, long = Habits(), Habits()
    for state in states:
        ours, _ = converse(state, short, short=True)
        theirs, _ = converse(state, long, short=False)
        assert (ours.scalars, ours.columns, ours.failure) == (theirs.scalars, theirs.columns, theirs.failure)


def test_a_device_that_stays_as_it_is_goes_the_short_way_from_its_third_poll_on() -> None:
    cell = (int(Tag.COUNTER64), 5)
    device = Device(((int(Tag.INTEGER), 1),) * 5, tuple((index, cell, cell) for index in range(1, 8)))
    habits = Habits()

    taken = [converse(device, habits, short=True)[1] for _ in range(4)]

    assert taken == [1, 1, 2, 2], "the first counts the rows, the second asks for just so many"


@settings(max_examples=200, deadline=None)
@given(devices, st.data())
def test_octets_damaged_on_the_way_never_become_other_values(device: Device, data: st.DataObject) -> None:
    said = device.get()
    damaged = bytearray(octets(said))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    values = values_named(bytes(damaged), 0, len(damaged), question(Verb.GET, SCALARS).exact.names)

    if values is not None:
        assert values == [value for _, _, value in read_varbinds(bytes(damaged), 0, len(damaged))]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 99)), max_size=30))
def test_no_answer_of_any_kind_breaks_a_dialogue(answers: list[tuple[int, int]]) -> None:
    dialogue = Dialogue(REQUEST, Habits(Learned(varbinds=2, columns=1)))
    for status, number in answers:
        asked = dialogue.question()
        if asked is None:
            break
        names = [(*asked.oids[0], number), (*COLUMNS[number % 2], number), BEHIND][: number % 4]
        dialogue.hear(Answer(status, number % 5, [(name, int(Tag.INTEGER), number) for name in names]))
    assert dialogue.reply(None, 0.0, 1, 0).device == "ap"
