"""Group commit: what several threads write at the same time reaches the disk in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import Connection, Engine

from captive_portal.monthly import Noted

Work = Callable[[Connection], Noted | None]
"""What is to be written; of a device that was let in, what there is to count."""

Last = Callable[[Connection, Sequence[Noted | None]], Callable[[], None]]
"""What a transaction ends with, told what its works returned; what it returns is done after the commit."""


def nothing(_connection: Connection, _noted: Sequence[Noted | None]) -> Callable[[], None]:
    """Nothing is done last."""
    return lambda: None


class NotWritten(RuntimeError):
    """The thread that was writing for others was ended in the middle."""


@dataclass(slots=True, eq=False)
class _Wanted:
    work: Work
    is_done: bool = False
    failure: Exception | None = None


@dataclass(slots=True)
class Together:
    """Behind an engine whose write blocks exclude each other.

    Whoever finds nobody writing writes for all who have come by then; while the disk is at it, the next
    gather. Nobody waits for company, so one alone is as fast as without.
    """

    engine: Engine
    last: Last = nothing
    _gathered: list[_Wanted] = field(default_factory=list)
    _gate: Lock = field(default_factory=Lock)
    _turn: Lock = field(default_factory=Lock)

    def write(self, work: Work) -> None:
        """Do `work` in a transaction, perhaps with others', in any thread, perhaps twice: durable on return.

        Raises what it raised when it was tried alone, and NotWritten; then nothing of it is kept.
        """
        mine = _Wanted(work)
        with self._gate:
            self._gathered.append(mine)
        with self._turn:
            if not mine.is_done and mine.failure is None:
                self._settle(self._all())
        if not mine.is_done:
            raise mine.failure or NotWritten

    def _all(self) -> list[_Wanted]:
        with self._gate:
            gathered, self._gathered = self._gathered, []
        return gathered

    def _settle(self, batch: Sequence[_Wanted]) -> None:
        """One that cannot be done costs no other: then each has a transaction of its own."""
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001  raised again in the thread it belongs to
            if len(batch) == 1:
                batch[0].failure = error
                return
            for one in batch:
                self._settle([one])

    def _commit(self, batch: Sequence[_Wanted]) -> None:
        with self.engine.begin() as connection:
            after = self.last(connection, [one.work(connection) for one in batch])
        after()
        for one in batch:
            one.is_done = True
