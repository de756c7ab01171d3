"""The roll of who is in, by session and by address: of two thousand, each phone that asks is looked up."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass

from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate


@dataclass(frozen=True, slots=True)
class Inside:
    """Who is in, and until when (seconds since boot); the rate is None when it was never noted."""

    phone: Phone
    until: float
    rate: Rate | None = None


class Roll(MutableMapping[str, Inside]):
    """Sessions by their name. One thread writes at a time; `at` may be asked from any."""

    def __init__(self, those: Mapping[str, Inside] | None = None) -> None:
        self._named: dict[str, Inside] = {}
        self._at: dict[str, dict[str, Inside]] = {}
        self.update(those or {})

    def at(self, ip: str) -> tuple[tuple[str, Inside], ...]:
        """The sessions of an address."""
        return tuple(self._at.get(ip, {}).items())

    def __getitem__(self, session: str) -> Inside:
        return self._named[session]

    def __setitem__(self, session: str, one: Inside) -> None:
        before = self._named.get(session)
        if before is not None and before.phone.ip != one.phone.ip:
            self._leave(session, before)
        self._named[session] = one
        self._at.setdefault(one.phone.ip, {})[session] = one

    def __delitem__(self, session: str) -> None:
        self._leave(session, self._named.pop(session))

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def _leave(self, session: str, one: Inside) -> None:
        here = self._at[one.phone.ip]
        del here[session]
        if not here:
            del self._at[one.phone.ip]
