"""One poll over HTTPS, of a controller or a device with an API: questions that only read, their samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controller.patience import Patience
from controller.poller_aside import Heard, Told, gathered, hear, patiently
from drivers.collectors.ways import OVER_HTTP, HttpWay
from drivers.definition import Platform
from drivers.errors import AuthFailed, DriverError
from drivers.model import Device, HttpLogin
from drivers.web import Line

DEADLINE_S: Final = 25.0
"""How long one device may take for all its answers."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What a login brought, to be used until the device refuses it."""

    login: HttpLogin
    headers: Mapping[str, str] = field(repr=False)
    base: str


@dataclass(frozen=True, slots=True)
class OverHttp:
    """Asks devices over HTTPS. `login` looks a credential up by its name, anew each time."""

    login: Callable[[str], HttpLogin]
    patience: Patience = field(default_factory=Patience)
    deadline_s: float = DEADLINE_S
    _sessions: dict[str, _Session] = field(default_factory=dict, repr=False)

    def __call__(self, device: Device, platform: Platform, at: int) -> Heard:
        """Ask on one line; blocks. Raises CatalogError when what it said cannot be stored."""

        def login() -> HttpLogin:
            return self.login(device.http_credentials)

        waiting = patiently(device, platform, at, self.patience, login)
        return waiting or hear(device, platform, at, lambda: self._told(device, at))

    def _told(self, device: Device, at: int) -> Told:
        way = OVER_HTTP[device.platform]
        login = self.login(device.http_credentials)
        try:
            with Line(device, self.deadline_s) as line:
                said, broken = self._asked(line, way, login)
        except DriverError as error:
            self.patience.learn(device.name, login, error)
            raise
        self.patience.learn(device.name, login, broken)
        return way.read(device, said, at), broken

    def _asked(self, line: Line, way: HttpWay, login: HttpLogin) -> tuple[dict[str, Any], DriverError | None]:
        """With the session of the last poll; where that is over or was refused, after one new login."""
        last = self._sessions.pop(line.device.name, None)
        if last is not None and last.login == login:
            line.headers, line.base = dict(last.headers), last.base
            try:
                return self._kept(line, way, login)
            except AuthFailed:
                line.headers, line.base = {}, ""
        way.enter(line, login)
        return self._kept(line, way, login)

    def _kept(self, line: Line, way: HttpWay, login: HttpLogin) -> tuple[dict[str, Any], DriverError | None]:
        heard = gathered(way.ask(line))
        self._sessions[line.device.name] = _Session(login, dict(line.headers), line.base)
        return heard
