"""What a device says after its flash: which version it runs, and whether all else is as it was."""

import time
from dataclasses import dataclass

from drivers import apply
from drivers.apply import Target
from drivers.configurers.seam import Running, Talk, Wish
from drivers.errors import DriverError, UnexpectedReply, Unreachable, VerifyFailed
from drivers.firmware.seam import Flasher, Flashing, Image, Present, Stage


@dataclass(frozen=True, slots=True)
class Found:
    """What it runs, and how it stands with the image."""

    present: Present
    flashing: Flashing


@dataclass(frozen=True, slots=True)
class Flashed:
    """A device that was told to take an image."""

    to: Target
    flasher: Flasher
    image: Image

    def look_once(self, token: str) -> Found:
        """Ask it now. Raises DriverError."""
        with self.to.connect() as session:
            return self._look(self.to.talk(session), token)

    def wait(self, token: str, wait_s: float) -> Found:
        """Ask until it has restarted, or says that it did not take the image.

        Raises Unreachable when neither is so after `wait_s`, and any other DriverError of a login.
        """

        def look(talk: Talk) -> Found | DriverError:
            try:
                found = self._look(talk, token)
            except UnexpectedReply as error:  # its processes are ended one by one
                return Unreachable(self.to.device, error.reason, error.hint)
            new = found.present.version == self.image.version
            if new or found.flashing.stage in {Stage.NONE, Stage.REFUSED}:
                return found
            return Unreachable(self.to.device, "its upgrade is still under way", "ask again later")

        return apply.ask(self.to, time.monotonic() + wait_s, look)

    def prove(self, before: Running | None, wished: Wish | None) -> tuple[Running, str]:
        """What it runs as configuration, where ours is as before and at work; and a word on what else is not.

        Raises DriverError where that is not so when its services had the time to start.
        """

        def look(talk: Talk) -> tuple[Running, str] | DriverError:
            configurer = self.to.configurer
            running = configurer.read(talk)
            if before is not None and configurer.restoration(self.to.device, running, before):
                return VerifyFailed(self.to.device, "its settings are not as before")
            if wished is not None and (trouble := configurer.trouble(talk, wished)):
                return VerifyFailed(self.to.device, trouble)
            same = before is None or before.fingerprint == running.fingerprint
            return (
                running,
                "" if same else "; what is not ours of its settings is not as before",
            )

        return apply.ask(self.to, time.monotonic() + 2 * self.to.timers.grace_s, look)

    def _look(self, talk: Talk, token: str) -> Found:
        present = self.flasher.present(talk, self.image)
        if present.version == self.image.version:
            return Found(present, Flashing(Stage.NONE))
        return Found(present, self.flasher.status(talk, self.image, token))
