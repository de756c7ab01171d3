"""Whom the poller does not ask again yet: who refused our login, and who has not answered for some time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drivers.errors import AuthFailed, DriverError, Unreachable

REFUSED_S: Final = 3600.0
"""How long a login that was refused is not tried again; a changed credential is tried at once."""

_WAITS_S: Final = (0.0, 0.0, 60.0, 120.0, 240.0)


@dataclass(frozen=True, slots=True)
class _Trouble:
    error: DriverError
    login: object
    until_s: float
    times: int


class Patience:
    """Remembers each device's last trouble. Threads may share it: each device is asked by one at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._troubles: dict[str, _Trouble] = {}

    def trouble(self, device: str, login: object) -> DriverError | None:
        """Why the device is not to be asked now with this login; None when it is."""
        last = self._troubles.get(device)
        if last is None or last.login != login or self._clock() >= last.until_s:
            return None
        return last.error

    def learn(self, device: str, login: object, error: DriverError | None) -> None:
        """How asking the device ended."""
        if not isinstance(error, AuthFailed | Unreachable):
            self._troubles.pop(device, None)
            return
        last = self._troubles.get(device)
        times = 1 + (last.times if last is not None and type(last.error) is type(error) else 0)
        wait_s = REFUSED_S if isinstance(error, AuthFailed) else _WAITS_S[min(times, len(_WAITS_S)) - 1]
        self._troubles[device] = _Trouble(error, login, self._clock() + wait_s, times)
