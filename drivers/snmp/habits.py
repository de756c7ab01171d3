"""What one agent has taught us, as a poll uses it."""

from typing import Final

from drivers.snmp.ber import Verb
from drivers.snmp.questions import Forecast, Question, question
from drivers.snmp.roundtrip import RoundTrip
from drivers.snmp.seam import Learned, Oid, PollRequest

MOST_ANSWERS: Final = 48
"""Values asked for in one answer: about what fits one Ethernet frame."""
_POLLS_BEFORE_RELEARNING: Final = 1000
_MUTE_POLLS: Final = 3  # once may be the link's fault
_FRESH: Final = Learned()


class Habits:
    """Limits of one agent; forgotten now and then, in case it was only a bad moment.

    `gets` and `step` are the first questions of its poll, `forecast` is what it named in answer to `step`;
    `trip` is how long its answers take, `widest` the most columns that a poll has asked it for.
    """

    __slots__ = (
        "_columns",
        "_mute",
        "_polls",
        "_scalars",
        "changed",
        "forecast",
        "gets",
        "learned",
        "step",
        "trip",
        "widest",
    )

    def __init__(self, learned: Learned = _FRESH) -> None:
        self.learned = learned
        self.changed = False
        self.trip = RoundTrip()
        self.gets: tuple[Question, ...] = ()
        self.step: Question | None = None
        self.forecast: Forecast | None = None
        self._scalars: tuple[Oid, ...] | None = None
        self._columns: tuple[Oid, ...] | None = None
        self.widest = 0
        self._polls = 0
        self._mute = 0

    def begin(self, request: PollRequest, *, bulk: bool) -> None:
        """Make ready for one more poll."""
        self._polls += 1
        if self._polls % _POLLS_BEFORE_RELEARNING == 0:
            self._forget()
        if self._scalars is not request.scalars or self._columns is not request.columns:
            self._scalars, self._columns = request.scalars, request.columns
            self.widest = max(self.widest, len(request.columns))
            missing = set(self.learned.missing)
            wanted = [oid for oid in request.scalars if oid not in missing]
            self.gets = self.portions(wanted, request)
            columns = request.columns[: self.columns(request)]
            self.step = self.successors(columns, request, bulk=bulk) if columns else None
            self.forecast = None

    def columns(self, request: PollRequest) -> int:
        """How many columns one PDU may ask for."""
        return min(self.learned.columns, request.most_varbinds)

    def portions(self, wanted: list[Oid], request: PollRequest) -> tuple[Question, ...]:
        """GETs of as many objects as the agent bears."""
        size = min(self.learned.varbinds, request.most_varbinds)
        return tuple(question(Verb.GET, tuple(wanted[at : at + size])) for at in range(0, len(wanted), size))

    def successors(self, oids: tuple[Oid, ...], request: PollRequest, *, bulk: bool) -> Question:
        """What stands behind each of these names in its table."""
        if not (bulk and request.bulk and self.learned.bulk):
            return question(Verb.NEXT, oids)
        wanted = min(request.repetitions, self.learned.repetitions, self.learned.rows + 1)
        return question(Verb.BULK, oids, max(1, min(wanted, MOST_ANSWERS // len(oids))))

    def bulk_heard(self) -> None:
        """A GETBULK was answered."""
        self._mute = 0

    def bulk_unheard(self) -> bool:
        """A GETBULK stayed without an answer and a GETNEXT did not: whether that has become a habit."""
        self._mute += 1
        return self._mute >= _MUTE_POLLS

    def learn(self, learned: Learned) -> None:
        """The agent has taught us something."""
        self.learned = learned
        self.changed = True
        self._scalars = self._columns = None

    def _forget(self) -> None:
        """All but the rows, and who it is."""
        now = self.learned
        fresh = Learned(rows=now.rows, engine_id=now.engine_id, boots=now.boots)
        if fresh != now:
            self.learn(fresh)
