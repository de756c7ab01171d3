"""The firmware images that Plaza keeps: each a file named after its sha256, and what is known of it."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, RowMapping, delete, insert, select

from controller import audit
from controller.audit import Entry
from controller.errors import FirmwareError
from controller.store.engine import READ_ONLY
from controller.store.tables import firmware_images as table
from drivers.firmware.seam import Image
from drivers.firmware.trailer import NotAnImage, Told
from drivers.firmware.ways import FLASHERS, READERS, platform_of

_PIECE: Final = 1 << 20
_SHORTEST: Final = 4
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person says of a file; "" is left to the file."""

    platform: str = ""
    model: str = ""
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Images:
    """Adds, finds and removes images in a folder of the data directory."""

    engine: Engine
    folder: Path
    audit_key: bytes
    actor: str
    clock: Callable[[], datetime]

    def add(self, file: Path, claim: Claim) -> Image:
        """Keep a copy.

        Raises FirmwareError for a file that is no image, or not the one it is said to be, and for a name
        under which another image is kept.
        """
        if claim.sha256 and not _SHA256.fullmatch(claim.sha256.strip().lower()):
            raise FirmwareError(
                f"--sha256 {claim.sha256!r} is no sha256, which has 64 digits of 0-9 and a-f: "
                "copy all of it from where the maker publishes it"
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new.")  # mkstemp makes it 0600
        new = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy:
                sha256 = _copy(file, copy.write)
                copy.flush()
                os.fsync(copy.fileno())
            image = _checked(file.name, new, sha256, claim)
            self._is_free(image)
            new.replace(self.path(sha256))
        except OSError as error:
            raise FirmwareError(f"{file}: {error.strerror or error}") from error
        finally:
            new.unlink(missing_ok=True)
        self._record(image, claim.model or image.models[0])
        return image

    def path(self, sha256: str) -> Path:
        """Where the file of an image is."""
        return self.folder / sha256

    def all(self) -> tuple[Image, ...]:
        """Every image, newest first."""
        statement = select(table).order_by(table.c.added_at.desc(), table.c.sha256)
        with self.engine.connect().execution_options(**READ_ONLY) as connection:
            return tuple(self._image(row) for row in connection.execute(statement).mappings())

    def find(self, text: str) -> Image:
        """The image of this name, or whose sha256 begins so. Raises FirmwareError."""
        known = self.all()
        found = [image for image in known if image.name == text]
        if len(text) >= _SHORTEST:
            found = found or [image for image in known if image.sha256.startswith(text.lower())]
        if not found:
            raise FirmwareError(f"no image {text!r} is kept; see plaza firmware list")
        if len(found) > 1:
            raise FirmwareError(f"{text!r} is {len(found)} images; write the beginning of a sha256")
        return found[0]

    def lacks(self, image: Image) -> str:
        """Why an image that is known cannot be sent anywhere; "" where its file is there, as long as ever."""
        try:
            octets = self.path(image.sha256).stat().st_size
        except FileNotFoundError:
            return "its file is gone; add it again"
        return "" if octets == image.octets else "its file is damaged; add it again"

    def remove(self, image: Image) -> None:
        """Forget it and its file; whether somebody needs it is for the caller to know."""
        with self.engine.begin() as connection:
            connection.execute(delete(table).where(table.c.sha256 == image.sha256))
            detail = {"name": image.name, "version": image.version}
            entry = Entry(self.actor, "firmware-removed", image.sha256, detail, self.clock())
            audit.record(connection, self.audit_key, entry)
        self.path(image.sha256).unlink(missing_ok=True)

    def _is_free(self, image: Image) -> None:
        """What is kept is not taken for something else: by its name, or with other words than before."""
        for kept in self.all():
            what = f"{kept.platform} {kept.version}, sha256 {kept.sha256[:12]}"
            mend = f"plaza firmware remove {kept.sha256[:12]}"
            if kept.name == image.name and kept.sha256 != image.sha256:
                raise FirmwareError(
                    f"{image.name}: another image has this name ({what}); rename the file, or {mend} first"
                )
            same = kept.version == image.version and kept.models[0] in image.models
            if kept.sha256 == image.sha256 and not same:
                said = f"it is kept already, as {kept.version} for {kept.models[0]}"
                raise FirmwareError(f"{image.name}: {said}; if that is wrong, {mend} first")

    def _record(self, image: Image, model: str) -> None:
        now = self.clock()
        values = {
            "sha256": image.sha256,
            "name": image.name,
            "platform": image.platform,
            "model": model[:64],
            "version": image.version,
            "octets": image.octets,
            "added_at": int(now.timestamp()),
            "added_by": self.actor,
        }
        detail = {key: str(values[key]) for key in ("name", "platform", "model", "version", "octets")}
        with self.engine.begin() as connection:
            connection.execute(delete(table).where(table.c.sha256 == image.sha256))
            connection.execute(insert(table).values(values))
            entry = Entry(self.actor, "firmware-added", image.sha256, detail, now)
            audit.record(connection, self.audit_key, entry)

    def _image(self, row: RowMapping) -> Image:
        """The boards that an image is for stand in the image itself."""
        try:
            models = READERS[row["platform"]](self.path(row["sha256"])).models
        except (OSError, NotAnImage):
            models = ()  # the file is damaged or gone: who sends it will see
        return Image(
            row["sha256"],
            row["name"],
            row["platform"],
            models or (row["model"],),
            row["version"],
            row["octets"],
        )


def _copy(file: Path, write: Callable[[bytes], object]) -> str:
    """The sha256 (hex) of what was copied."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            digest.update(piece)
            write(piece)
    return digest.hexdigest()


def _checked(name: str, file: Path, sha256: str, claim: Claim) -> Image:
    """What the file says, and the person where it says nothing. Raises FirmwareError."""
    if claim.sha256 and claim.sha256.strip().lower() != sha256:
        raise FirmwareError(f"{name}: its sha256 is {sha256}, not the one given; download it again")
    try:
        platform = claim.platform or platform_of(file)
        told = READERS[platform](file) if platform in READERS else Told()
    except NotAnImage as error:
        raise FirmwareError(f"{name}: {error}; get the whole and right one from its maker") from error
    if platform not in FLASHERS:
        known = ", ".join(FLASHERS)
        said = f"Plaza does not flash {platform!r}" if platform else "it does not tell its platform"
        raise FirmwareError(f"{name}: {said}; give --platform, one of {known}")
    models = told.models or ((claim.model,) if claim.model else ())
    version = told.version or claim.version
    _contradicted(name, told, claim)
    if not models or not version:
        lacks = "--model" if not models else "--version"
        raise FirmwareError(
            f"{name}: it does not say what it is for (it is of an old kind, or cut short); give {lacks}"
        )
    return Image(sha256, name[:128], platform, models, version[:64], file.stat().st_size)


def _contradicted(name: str, told: Told, claim: Claim) -> None:
    if claim.model and told.models and claim.model not in told.models:
        raise FirmwareError(f"{name}: it is for {', '.join(told.models)}, not for {claim.model}")
    if claim.version and told.version and claim.version != told.version:
        raise FirmwareError(f"{name}: it is version {told.version}, not {claim.version}")
