"""Copies of images at a device with a POSIX shell: received in parts, checked, served, removed."""

import re
import shlex
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.configurers import shell
from drivers.configurers.seam import Talk
from drivers.configurers.shell import Call, Program, Refusals
from drivers.errors import ConfigRejected, UnexpectedReply
from drivers.firmware.seam import Image, Upload
from drivers.redact import redact

_AGAIN: Final = "it is sent again at the next try"
_REFUSALS: Final[Refusals] = MappingProxyType(
    {
        30: (
            ConfigRejected,
            "it cannot keep an image in",
            "look at that folder and its owner",
            True,
        ),
        31: (ConfigRejected, "the image did not come whole", _AGAIN, True),
        32: (ConfigRejected, "the image arrived damaged: its sha256 is another", _AGAIN, False),
        33: (ConfigRejected, "it has no room for the image", "make room there, then retry", True),
        34: (ConfigRejected, "it could not fetch the image from its gateway", "look at their network", True),
        35: (ConfigRejected, "it cannot serve the image to its site, for there is", "install one", True),
        36: (ConfigRejected, "its web server did not start at", "look at its address in the inventory", True),
    }
)
PROGRAM: Final = Program("shared/copies.sh", _REFUSALS)
FOLDERS: Final = MappingProxyType({"openwrt": "/tmp/plaza-firmware", "linux": "/var/tmp/plaza-firmware"})  # noqa: S108
"""Where a platform keeps images: memory, as sysupgrade needs it, or a disk that outlives a restart."""

SLOWEST_BPS: Final = 500_000
"""What the network of a site carries at least, for how long a copy may take."""

_PORT: Final = 8471


@dataclass(frozen=True, slots=True)
class Parts:
    """The images in the folder of one platform."""

    folder: str

    def received(self, talk: Talk, image: Image) -> int:
        """As Flasher."""
        said = self._act(talk, image, Call("received")).strip()
        if not said.isdigit():
            raise UnexpectedReply(talk.device, "it did not say how much of the image it has", redact(said))
        return int(said)

    def receive(self, talk: Talk, image: Image, upload: Upload) -> None:
        """As Flasher; what was taken stays when the line breaks."""
        part = f"{image.sha256}.part"
        script = (
            f'cd "${{PLAZA_ROOT:-}}{self.folder}" || exit 30; '
            f'[ "$(cat {part} 2>/dev/null | wc -c)" -eq {upload.offset} ] || exit 31; '
            f"echo $$ >{image.sha256}.pid; umask 077; exec cat >>{part}"
        )
        said = talk.session.send(f"exec sh -c {shlex.quote(script)}", upload.pieces, talk.timeout_s)
        if said.status != 0:
            words = redact(said.stderr[:2000]).strip().rpartition("\n")[2][:200]
            raise ConfigRejected(
                talk.device,
                f"it did not keep what it was sent: {words or said.status}",
                "look at its disk",
            )

    def finish(self, talk: Talk, image: Image) -> None:
        """Make a copy of what came. Raises ConfigRejected where it is not the image; then it is removed."""
        self._act(talk, image, Call("finish"))

    def fetch(self, talk: Talk, image: Image, url: str) -> None:
        """As Flasher, and checked."""
        long = Talk(talk.session, talk.device, talk.timeout_s + image.octets * 8 / SLOWEST_BPS)
        self._act(long, image, Call("fetch", {"URL": url}))

    def serve(self, talk: Talk, image: Image, address: str, secret: str, seconds: int) -> str:
        """Serve a copy at an address of the site for so long; its URL, which nobody guesses."""
        values = {"ADDRESS": address, "PORT": str(_PORT), "SECRET": secret, "SERVE_S": str(seconds)}
        said = self._act(talk, image, Call("serve", values))
        found = re.fullmatch(r"port=(\d+)\n", said)
        if found is None:
            raise UnexpectedReply(talk.device, "it did not say where it serves", redact(said[:2000]))
        return f"http://{address}:{found[1]}/{secret}/{image.sha256}"

    def unserve(self, talk: Talk, image: Image) -> None:
        """Serve it no more."""
        self._act(talk, image, Call("unserve"))

    def clear(self, talk: Talk, image: Image) -> None:
        """As Flasher."""
        self._act(talk, image, Call("clear"))

    def _act(self, talk: Talk, image: Image, call: Call) -> str:
        known = {"FOLDER": self.folder, "NAME": image.sha256, "OCTETS": str(image.octets)}
        return shell.act(talk, PROGRAM, Call(call.function, {**known, **call.values}))
