"""OpenWrt takes an image with sysupgrade, which keeps the settings."""

import re
from types import MappingProxyType
from typing import Final

from drivers.configurers import shell, told
from drivers.configurers.seam import Talk
from drivers.configurers.shell import Call, Program, Refusals
from drivers.errors import ConfigRejected, UnexpectedReply
from drivers.firmware.parts import FOLDERS, Parts
from drivers.firmware.seam import Flashing, Image, Present, Stage, Upload
from drivers.redact import redact

_REFUSALS: Final[Refusals] = MappingProxyType(
    {
        40: (ConfigRejected, "its sysupgrade refuses the image", "nothing was changed", True),
        41: (ConfigRejected, "the image is not there as it was checked", "nothing was changed; retry", False),
        42: (ConfigRejected, "it cannot be flashed: it has", "is it really OpenWrt?", True),
        43: (ConfigRejected, "it cannot write", "look at its memory", True),
        45: (ConfigRejected, "an upgrade began on it and has not ended", "look at it, or restart it", False),
        44: (ConfigRejected, "it knows of no image that was checked", "nothing was changed; retry", False),
    }
)
_PROGRAM: Final = Program("openwrt/firmware.sh", _REFUSALS)
_ANSWER: Final = re.compile(r"plaza firmware\nboard (.*)\nversion (.*)\nroom_kib (\d*)\nplaza end\n")


class OpenWrt:
    """The flasher of OpenWrt."""

    platform = "openwrt"
    verified = False
    takes_older = True
    back_s = 600.0
    _parts = Parts(FOLDERS["openwrt"])

    def present(self, talk: Talk, image: Image) -> Present:
        """Of openwrt_release and sysinfo; the room is of /tmp."""
        said = self._act(talk, image, "present", "")
        found = _ANSWER.search(said)
        if found is None:
            raise UnexpectedReply(talk.device, "it did not say what it runs", redact(said[:2000]))
        board, version, room_kib = found.groups()
        room = int(room_kib) * 1024 if room_kib else None
        return Present(told.word(version), (board,) if board else (), room)

    def received(self, talk: Talk, image: Image) -> int:
        """Of the part file in /tmp."""
        return self._parts.received(talk, image)

    def receive(self, talk: Talk, image: Image, upload: Upload) -> None:
        """Appended to the part file."""
        self._parts.receive(talk, image, upload)

    def fetch(self, talk: Talk, image: Image, url: str) -> None:
        """With uclient-fetch or wget."""
        self._parts.fetch(talk, image, url)

    def check(self, talk: Talk, image: Image, token: str) -> None:
        """Its sha256, then `sysupgrade -T`."""
        self._parts.finish(talk, image)
        self._act(talk, image, "check", token)

    def flash(self, talk: Talk, image: Image, token: str) -> None:
        """`sysupgrade`, detached from this login."""
        self._act(talk, image, "flash", token)

    def status(self, talk: Talk, image: Image, token: str) -> Flashing:
        """By its marks in /tmp, which a restart clears."""
        said = dict(line.partition("=")[::2] for line in self._act(talk, image, "status", token).splitlines())
        if said.get("stage") not in set(Stage):
            raise UnexpectedReply(talk.device, "it did not say how its flash stands")
        return Flashing(Stage(said["stage"]), redact(told.word(said.get("said", ""))))

    def clear(self, talk: Talk, image: Image) -> None:
        """Part file, copy and mark."""
        self._parts.clear(talk, image)

    def _act(self, talk: Talk, image: Image, function: str, token: str) -> str:
        return shell.act(talk, _PROGRAM, Call(function, {"NAME": image.sha256, "TOKEN": token}))
