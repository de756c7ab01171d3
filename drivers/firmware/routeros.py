"""RouterOS takes a package that lies among its files at its next restart (help.mikrotik.com, Upgrading)."""

import re
from typing import Final

from drivers.configurers import told
from drivers.configurers.routeros import console
from drivers.configurers.routeros.language import quote
from drivers.configurers.seam import Talk
from drivers.errors import ConfigRejected, Unreachable
from drivers.firmware.parts import SLOWEST_BPS
from drivers.firmware.seam import Flashing, Image, Present, Stage, Upload
from drivers.redact import redact

_END: Final = "plaza-end"
_PROPERTY: Final = re.compile(r"^ *([a-z-]+): (.*)$", re.MULTILINE)
_SPARE: Final = 2 << 20  # it unpacks beside the package; how much it needs is unverified


class RouterOs:
    """The flasher of RouterOS.

    It has no digest of a file: the size is compared, and RouterOS itself installs no package whose signature
    is wrong.
    """

    platform = "mikrotik_routeros"
    verified = False
    takes_older = False  # /system package downgrade is for a person
    back_s = 600.0

    def present(self, talk: Talk, image: Image) -> Present:
        """Of /system resource; its boards are its architecture."""
        said = console.ask(talk, f"/system resource print; :put {_END}")
        if not re.search(rf"^{_END}$", said, re.MULTILINE):
            raise Unreachable(talk.device, "it ended the session before it had answered", "ask again later")
        known = dict(_PROPERTY.findall(said))
        version = told.word(known.get("version", "")).partition(" ")[0]
        architecture = told.word(known.get("architecture-name", ""))
        free = told.octets(known.get("free-hdd-space", ""))
        room = free + _size(talk, _part(image)) if free is not None else None
        return Present(version, (architecture,) if architecture else (), room)

    def received(self, talk: Talk, image: Image) -> int:
        """Its size among the files."""
        there = _size(talk, _part(image))
        if there > image.octets:
            self.clear(talk, image)
        return there if there <= image.octets else 0

    def receive(self, talk: Talk, image: Image, upload: Upload) -> None:
        """Over SFTP. That it writes on from an offset is unverified; else the size is wrong in the end."""
        self._has_room(talk, image)
        talk.session.put(_part(image), upload.offset, upload.pieces, talk.timeout_s)

    def fetch(self, talk: Talk, image: Image, url: str) -> None:
        """With /tool fetch, which waits for the end."""
        if self.received(talk, image) == image.octets:
            return
        self._has_room(talk, image)
        long = Talk(talk.session, talk.device, talk.timeout_s + image.octets * 8 / SLOWEST_BPS)
        said = console.ask(long, f"/tool fetch url={quote(url)} dst-path={quote(_part(image))}")
        there = self.received(talk, image)
        if there != image.octets:
            words = redact(said.strip()).rpartition("\n")[2][:200]
            reason = f"it could not fetch the image: {there} of {image.octets} octets; {words}"
            raise ConfigRejected(talk.device, reason, "look at the network between it and its gateway")

    def check(self, talk: Talk, image: Image, token: str) -> None:
        """Its size; the architecture was compared before."""
        there = self.received(talk, image)
        if there != image.octets:
            raise ConfigRejected(talk.device, f"it has {there} of {image.octets} octets of the image")

    def flash(self, talk: Talk, image: Image, token: str) -> None:
        """Give it the name of a package, which no power cut installs before, and restart.

        In a script, which is asked no question. That a file can be renamed is after the manual (File).
        """
        self.check(talk, image, token)
        console.ask(talk, f"/file set {_find(_part(image))} name={quote(_package(image))}")
        if _size(talk, _package(image)) != image.octets:
            self.clear(talk, image)
            raise ConfigRejected(talk.device, "it did not make a package of the image")
        console.ask(talk, ':execute script="/system reboot"')

    def status(self, talk: Talk, image: Image, token: str) -> Flashing:
        """By the name of the file; a package lies there until it was installed."""
        if _size(talk, _package(image)):
            return Flashing(Stage.FLASHING)
        return Flashing(Stage.READY if _size(talk, _part(image)) else Stage.NONE)

    def clear(self, talk: Talk, image: Image) -> None:
        """Under either name."""
        for name in (_part(image), _package(image)):
            console.ask(talk, f"/file remove {_find(name)}")

    def _has_room(self, talk: Talk, image: Image) -> None:
        room = self.present(talk, image).room_octets
        if room is not None and room < image.octets + _SPARE:
            raise ConfigRejected(talk.device, f"it has no room for the image: {room} octets are free for it")


def _package(image: Image) -> str:
    """Where RouterOS looks for packages: at the top, which is memory where there is a folder flash."""
    return f"routeros-{image.version}-{image.models[0]}.npk"


def _part(image: Image) -> str:
    return f"plaza-{image.sha256[:16]}.part"


def _find(name: str) -> str:
    return f"[/file find name={quote(name)}]"


def _size(talk: Talk, name: str) -> int:
    """0 where there is none."""
    said = console.ask(talk, f":put [/file get {_find(name)} size]").strip()
    return int(said) if said.isdigit() else 0
