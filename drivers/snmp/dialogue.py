"""What to ask one agent next, from what it has answered so far; no network here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from drivers.snmp.ber import VarBind, Verb
from drivers.snmp.seam import Failure, Oid, PollReply, PollRequest, Reason, Value
from drivers.snmp.walk import Walk

_MOST_VARBINDS: Final = 20
_MOST_ANSWERS: Final = 48
"""Values asked for in one answer: about what fits one Ethernet frame."""
_POLLS_BEFORE_RELEARNING: Final = 1000


class Status(IntEnum):
    """error-status of RFC 3416 that we act upon; any other is an error of the object it points at."""

    FINE = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2


@dataclass(slots=True)
class Habits:
    """What one agent has taught us; forgotten now and then, in case it was only a bad moment."""

    varbinds: int = _MOST_VARBINDS
    columns: int = _MOST_VARBINDS
    repetitions: int = _MOST_ANSWERS
    bulk: bool = True
    rows: int = _MOST_ANSWERS
    polls: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One PDU to send: `repetitions` is 0 unless the verb is BULK."""

    verb: Verb
    oids: tuple[Oid, ...]
    repetitions: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One response PDU, of whichever implementation."""

    status: int
    index: int
    varbinds: Sequence[VarBind]


class Dialogue:
    """One poll: GET of scalars in portions, then a walk of columns."""

    def __init__(self, request: PollRequest, habits: Habits) -> None:
        self._request = request
        self._habits = habits
        self._wanted = list(request.scalars)
        self._scalars: dict[Oid, Value] = {}
        self._walk = Walk(request.columns, request.max_rows)
        self._roots: tuple[Oid, ...] = ()
        self._asked: Question | None = None
        self._problems: list[str] = []
        _forget_sometimes(habits)

    def question(self) -> Question | None:
        """What to ask next; None when nothing is left."""
        self._asked = self._get() if self._wanted else self._successors()
        return self._asked

    def hear(self, answer: Answer) -> None:
        """Learn from the answer to the last question."""
        asked = self._asked
        if asked is None:
            return
        if asked.verb == Verb.GET:
            self._hear_get(asked.oids, answer)
        else:
            self._hear_walk(asked, answer)

    def reply(self, failure: Failure | None, elapsed_s: float, tries: int, ignored: int) -> PollReply:
        """What came of it. `failure` is why it stopped before the end; None when it ran to its end."""
        problems = self._problems + self._walk.problems
        if failure is None and problems:
            failure = Failure(Reason.ERROR, "; ".join(problems[:3]))
        return PollReply(
            self._request.device, self._scalars, self._walk.columns, failure, elapsed_s, tries, ignored
        )

    def _get(self) -> Question:
        most = min(self._habits.varbinds, self._request.most_varbinds)
        return Question(Verb.GET, tuple(self._wanted[:most]))

    def _successors(self) -> Question | None:
        self._roots = self._walk.open(min(self._habits.columns, self._request.most_varbinds))
        if not self._roots:
            self._habits.rows = max(1, self._walk.longest)
            return None
        oids = self._walk.last(self._roots)
        if not (self._habits.bulk and self._request.bulk):
            return Question(Verb.NEXT, oids)
        wanted = min(self._request.repetitions, self._habits.repetitions, self._habits.rows + 1)
        return Question(Verb.BULK, oids, max(1, min(wanted, _MOST_ANSWERS // len(oids))))

    def _hear_get(self, asked: tuple[Oid, ...], answer: Answer) -> None:
        if answer.status == Status.FINE:
            self._take(asked, answer.varbinds)
        elif 1 <= answer.index <= len(asked) and answer.status != Status.TOO_BIG:
            self._give_up(asked[answer.index - 1], answer.status)
        elif len(asked) > 1:
            self._habits.varbinds = len(asked) // 2
        else:
            self._give_up(asked[0], answer.status)

    def _take(self, asked: tuple[Oid, ...], varbinds: Sequence[VarBind]) -> None:
        del self._wanted[: len(asked)]
        answered = {name: value for name, _, value in varbinds if name in asked}
        self._scalars |= {name: value for name, value in answered.items() if value is not None}
        if not answered:
            self._problems.append("the agent answers for other objects than asked")

    def _give_up(self, oid: Oid, status: int) -> None:
        self._wanted.remove(oid)
        if status != Status.NO_SUCH_NAME:
            self._problems.append(f"error-status {status} at {'.'.join(map(str, oid))}")

    def _hear_walk(self, asked: Question, answer: Answer) -> None:
        if answer.status == Status.FINE:
            most = len(asked.oids) * max(1, asked.repetitions)
            self._walk.take(self._roots, answer.varbinds[:most])
        elif asked.verb == Verb.BULK:
            self._ask_for_less(asked, answer.status)
        elif 1 <= answer.index <= len(asked.oids) and answer.status != Status.TOO_BIG:
            self._end_column(self._roots[answer.index - 1], answer.status)
        elif len(asked.oids) > 1:
            self._habits.columns = len(asked.oids) // 2
        else:
            self._end_column(self._roots[0], answer.status)

    def _ask_for_less(self, asked: Question, status: int) -> None:
        if status == Status.TOO_BIG and asked.repetitions > 1:
            self._habits.repetitions = asked.repetitions // 2
        elif status == Status.TOO_BIG and len(asked.oids) > 1:
            self._habits.columns = len(asked.oids) // 2
        else:
            self._habits.bulk = False

    def _end_column(self, root: Oid, status: int) -> None:
        self._walk.end([root], "" if status == Status.NO_SUCH_NAME else f"error-status {status}")


def _forget_sometimes(habits: Habits) -> None:
    habits.polls += 1
    if habits.polls % _POLLS_BEFORE_RELEARNING == 0:
        fresh = Habits()
        habits.varbinds, habits.columns = fresh.varbinds, fresh.columns
        habits.repetitions, habits.bulk = fresh.repetitions, fresh.bulk
