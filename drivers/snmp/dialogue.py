"""What to ask one agent next, from what it has answered so far; no network here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from drivers.snmp.ber import VarBind, Verb
from drivers.snmp.habits import Habits
from drivers.snmp.questions import Forecast, Question, question
from drivers.snmp.seam import Failure, Oid, PollReply, PollRequest, Reason, Value
from drivers.snmp.walk import Walk


class Status(IntEnum):
    """error-status of RFC 3416 that we act upon; any other is an error of the object it points at."""

    FINE = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One response PDU, of whichever implementation."""

    status: int
    index: int
    varbinds: Sequence[VarBind]


class Dialogue:
    """One poll: GET of scalars in portions, then a walk of columns. `bulk`: the version has GETBULK."""

    __slots__ = (
        "_asked",
        "_bulk",
        "_columns",
        "_gets",
        "_habits",
        "_problems",
        "_request",
        "_roots",
        "_scalars",
        "_unheard",
        "_walk",
    )

    def __init__(self, request: PollRequest, habits: Habits, *, bulk: bool = True) -> None:
        habits.begin(request, bulk=bulk)
        self._request = request
        self._habits = habits
        self._bulk = bulk
        self._gets: Sequence[Question] = habits.gets
        self._scalars: dict[Oid, Value] = {}
        self._columns: dict[Oid, dict[Oid, Value]] | None = None if request.columns else {}
        self._walk: Walk | None = None
        self._roots: tuple[Oid, ...] = ()
        self._asked: Question | None = None
        self._problems: list[str] = []
        self._unheard: Question | None = None

    def question(self) -> Question | None:
        """What to ask next; None when nothing is left."""
        if self._gets:
            self._asked = self._gets[0]
        elif self._columns is not None:
            self._asked = None
        elif self._walk is None:
            self._asked = self._habits.step
        else:
            self._asked = self._successors(self._walk)
        return self._asked

    @property
    def forecast(self) -> Forecast | None:
        """What the answer to the present question names, if it is as it was the last time."""
        if self._gets:
            return self._gets[0].exact
        step = self._habits.step
        if self._walk is not None or self._asked is not step or step is None:
            return None
        return self._habits.forecast or step.latest

    def unanswered(self) -> Question | None:
        """The last question stays without an answer: what to try now, the same or a smaller one.

        Some agents keep silent when asked for a table, some links swallow answers of many parts.
        """
        asked = self._asked
        if asked is not None and asked.verb == Verb.BULK:
            self._unheard = asked
            self._asked = question(Verb.NEXT, asked.oids)
        return self._asked

    def hear_values(self, forecast: Forecast, values: Sequence[Value | None]) -> bool:
        """An answer that named just what was forecast; False when it must be heard in full."""
        if self._gets:
            self._gets = self._gets[1:]
            self._scalars.update(zip(forecast.oids, values, strict=True))  # type: ignore[arg-type]
            if None in values:
                self._scalars = {oid: value for oid, value in self._scalars.items() if value is not None}
            return True
        if forecast.longest > self._request.max_rows:
            return False
        self._columns = forecast.columns(values)
        if self._columns is None:
            return False
        if self._habits.forecast is not forecast:
            self._habits.forecast = forecast
            self._learn_rows(forecast.longest)
        self._habits.bulk_heard()
        return True

    def hear(self, answer: Answer) -> None:
        """Learn from the answer to the last question."""
        asked = self._asked
        if asked is None:
            return
        if self._unheard is not None:
            asked = self._which(self._unheard, asked, answer)
            self._unheard = None
        if asked.verb == Verb.GET:
            self._hear_get(asked.oids, answer)
        else:
            self._hear_walk(asked, answer)

    def reply(
        self,
        failure: Failure | None,
        elapsed_s: float,
        tries: int,
        ignored: int,
        octets: tuple[int, int] = (0, 0),
    ) -> PollReply:
        """What came of it. `failure` is why it stopped before the end; None when it ran to its end.

        `octets` were sent and received.
        """
        columns, problems = self._columns, self._problems
        if self._walk is not None:
            columns, problems = self._walk.columns, self._problems + self._walk.problems
        if failure is None and problems:
            failure = Failure(Reason.ERROR, "; ".join(problems[:3]))
        learned = self._habits.learned if self._habits.changed else None
        self._habits.changed = False
        name = self._request.device
        found = (self._scalars, columns or {}, failure, elapsed_s, tries, ignored, learned)
        return PollReply(name, *found, (), *octets)

    def _which(self, bulk: Question, instead: Question, answer: Answer) -> Question:
        """Which of the two this answers: the GETBULK may have been heard after all, only late."""
        if len(answer.varbinds) > len(instead.oids):
            return bulk
        self._bulk = False
        if self._habits.bulk_unheard():
            self._learn(bulk=False)
        return instead

    def _successors(self, walk: Walk) -> Question | None:
        self._roots = walk.open(self._habits.columns(self._request))
        if not self._roots:
            self._learn_rows(walk.longest)
            return None
        return self._habits.successors(walk.last(self._roots), self._request, bulk=self._bulk)

    def _learn_rows(self, longest: int) -> None:
        """How long tables are; a few rows more or less are not worth a note to the store.

        A poll that leaves tables out does not tell that they became shorter.
        """
        known, all_asked = self._habits.learned.rows, len(self._request.columns) >= self._habits.widest
        if longest > known or (all_asked and longest < known // 2):
            self._learn(rows=max(1, longest))

    def _learn(self, **changes: object) -> None:
        after = replace(self._habits.learned, **changes)  # type: ignore[arg-type]
        if after != self._habits.learned:
            self._habits.learn(after)

    def _hear_get(self, asked: tuple[Oid, ...], answer: Answer) -> None:
        if answer.status == Status.FINE:
            self._take(asked, answer.varbinds)
        elif 1 <= answer.index <= len(asked) and answer.status != Status.TOO_BIG:
            self._give_up(asked[answer.index - 1], answer.status)
        elif len(asked) > 1:
            self._learn(varbinds=len(asked) // 2)
            self._gets = self._habits.portions(self._wanted(), self._request)
        else:
            self._give_up(asked[0], answer.status)

    def _wanted(self) -> list[Oid]:
        return [oid for get in self._gets for oid in get.oids]

    def _take(self, asked: tuple[Oid, ...], varbinds: Sequence[VarBind]) -> None:
        answered = {name: value for name, _, value in varbinds if name in asked}
        self._scalars |= {name: value for name, value in answered.items() if value is not None}
        rest = tuple(oid for oid in asked if oid not in answered)
        if not answered:
            self._problems.append("the agent answers for other objects than asked")
            rest = ()
        self._gets = (*((question(Verb.GET, rest),) if rest else ()), *self._gets[1:])

    def _give_up(self, oid: Oid, status: int) -> None:
        if status == Status.NO_SUCH_NAME:
            self._learn(missing=(*self._habits.learned.missing, oid))
        else:
            self._problems.append(f"error-status {status} at {'.'.join(map(str, oid))}")
        rest = tuple(other for other in self._gets[0].oids if other != oid)
        self._gets = (*((question(Verb.GET, rest),) if rest else ()), *self._gets[1:])

    def _hear_walk(self, asked: Question, answer: Answer) -> None:
        walk = self._walk
        if walk is None:
            walk = self._walk = Walk(self._request.columns, self._request.max_rows)
            self._roots = asked.oids
        if answer.status == Status.FINE:
            self._step(walk, asked, answer.varbinds)
        elif asked.verb == Verb.BULK:
            self._ask_for_less(asked, answer.status)
        elif 1 <= answer.index <= len(asked.oids) and answer.status != Status.TOO_BIG:
            _end_column(walk, self._roots[answer.index - 1], answer.status)
        elif len(asked.oids) > 1:
            self._learn(columns=len(asked.oids) // 2)
        else:
            _end_column(walk, self._roots[0], answer.status)

    def _step(self, walk: Walk, asked: Question, varbinds: Sequence[VarBind]) -> None:
        if asked.verb == Verb.BULK:
            self._habits.bulk_heard()
        most = len(asked.oids) * max(1, asked.repetitions)
        walk.take(self._roots, varbinds[:most])
        habits = self._habits
        if asked is habits.step and walk.whole and len(varbinds) <= most:
            habits.forecast = asked.forecast(varbinds, walk.columns)

    def _ask_for_less(self, asked: Question, status: int) -> None:
        if status == Status.TOO_BIG and asked.repetitions > 1:
            self._learn(repetitions=asked.repetitions // 2)
        elif status == Status.TOO_BIG and len(asked.oids) > 1:
            self._learn(columns=len(asked.oids) // 2)
        else:
            self._learn(bulk=False)


def _end_column(walk: Walk, root: Oid, status: int) -> None:
    walk.end([root], "" if status == Status.NO_SUCH_NAME else f"error-status {status}")
