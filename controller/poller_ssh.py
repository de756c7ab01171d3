"""One poll over SSH, for a device without snmpd: a login, commands that only read, their samples."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from controller.patience import Patience
from controller.poller_aside import Heard, Told, gathered, hear, patiently
from drivers.collectors.ways import OVER_SSH
from drivers.definition import Platform
from drivers.errors import DriverError, Unreachable
from drivers.model import Device, SshLogin

if TYPE_CHECKING:
    from drivers.ssh import Shell  # brings netmiko, which those who ask over SNMP only never need

LOGIN_TIMEOUT_S: Final = 10.0

Enter = Callable[[Device], AbstractContextManager["Shell"]]
"""Logs in at a device. Raises DriverError, or ControllerError for a credential that cannot be read."""


@dataclass(frozen=True, slots=True)
class OverSsh:
    """Asks devices over SSH. `login` looks a credential up by its name, anew each time."""

    enter: Enter
    login: Callable[[str], SshLogin]
    patience: Patience = field(default_factory=Patience)

    def __call__(self, device: Device, platform: Platform, at: int) -> Heard:
        """Log in, ask, log out; blocks. Raises CatalogError when what it said cannot be stored."""

        def login() -> SshLogin:
            return self.login(device.ssh_credentials)

        waiting = patiently(device, platform, at, self.patience, login)
        return waiting or hear(device, platform, at, lambda: self._told(device, at))

    def _told(self, device: Device, at: int) -> Told:
        way = OVER_SSH[device.platform]
        login = self.login(device.ssh_credentials)
        try:
            with self.enter(device) as shell:
                said, broken = gathered(way.ask(shell))
        except DriverError as error:
            self.patience.learn(device.name, login, error)
            raise
        self.patience.learn(device.name, login, broken)
        return way.read(device, said, at), broken


def nobody(device: Device) -> NoReturn:
    """The way in of those who only look at what would be asked."""
    raise Unreachable(device.name, "nobody may log in from here")
