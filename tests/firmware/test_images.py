"""Images: what they say of themselves, and how they are kept."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import audit
from controller.errors import FirmwareError
from controller.firmware.images import Claim, Images
from controller.store.engine import open_engine
from controller.store.tables import audit as audit_table
from controller.store.tables import metadata
from drivers.firmware import npk, trailer
from drivers.firmware.trailer import NotAnImage, Told
from tests.configure.desk import utc_now
from tests.firmware import image as made
from tests.firmware.image import BOARD, chunk, openwrt


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """An empty shelf."""
    engine = open_engine(f"sqlite:///{tmp_path / 'plaza.db'}")
    metadata.create_all(engine)
    return Images(engine, tmp_path / "firmware", audit.load_key(tmp_path), "tecnica", utc_now)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file to be added."""

    def write(octets: bytes, name: str = "sysupgrade.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(octets)
        return path

    return write


def test_an_openwrt_image_tells_its_boards_and_its_version(file: Callable[..., Path]) -> None:
    assert trailer.read(file(openwrt("24.10.1", (BOARD, "archer-c7-v2")))) == Told(
        (BOARD, "archer-c7-v2"), "24.10.1"
    )


def test_a_snapshot_is_known_by_its_revision_as_the_device_tells_it(file: Callable[..., Path]) -> None:
    assert trailer.read(file(openwrt("SNAPSHOT"))).version == "SNAPSHOT r28597-0425664679"


def test_an_image_without_metadata_tells_nothing(file: Callable[..., Path]) -> None:
    assert trailer.read(file(b"\x27\x05\x19\x56" + bytes(500))) == Told()
    assert trailer.read(file(chunk(bytes(500), 0, b"only a signature"))) == Told()


@pytest.mark.parametrize(
    "beginning",
    [b"hsqs", b"UBI#", b"sysupgrade-a_b/", gzip.compress(bytes(510) + b"\x55\xaa"), bytes(510) + b"\x55\xaa"],
    ids=["squashfs", "ubi", "tar", "a disk in gzip", "a disk"],
)
def test_an_image_is_known_by_its_beginning(file: Callable[..., Path], beginning: bytes) -> None:
    assert trailer.read(file(beginning + bytes(500))) == Told()


JUNK = {
    "empty": b"",
    "a page": b"<!DOCTYPE html><title>404</title>" + b" " * 600,
    "a program": b"\x7fELF" + bytes(600),
    "a text in gzip": gzip.compress(b"hola" * 200),
    "a broken gzip": b"\x1f\x8b" + b"x" * 600,
    "zeros": bytes(2000),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=list(JUNK))
@pytest.mark.parametrize(
    "claim", [Claim(), Claim("openwrt", "x86-64", "24.10.1")], ids=["as it is", "as openwrt"]
)
def test_what_is_no_image_is_refused_whatever_is_said_of_it(
    images: Images, file: Callable[..., Path], junk: bytes, claim: Claim
) -> None:
    with pytest.raises(FirmwareError, match=r"sysupgrade.bin: it (is no firmware image|has neither)"):
        images.add(file(junk), claim)
    assert (images.all(), list(images.folder.iterdir())) == ((), [])


@pytest.mark.parametrize("place", [0, 1000, -200, -60, -20, -10])
def test_a_flipped_octet_anywhere_is_told(file: Callable[..., Path], place: int) -> None:
    damaged = bytearray(openwrt(octets=2000))
    damaged[place] ^= 1
    with pytest.raises(NotAnImage, match="damaged"):
        trailer.read(file(bytes(damaged)))


def test_metadata_that_is_no_json_is_told(file: Callable[..., Path]) -> None:
    with pytest.raises(NotAnImage, match="cannot be read"):
        trailer.read(file(chunk(bytes(100), 1, bytes(8) + b"{boards: none}")))
    with pytest.raises(NotAnImage, match="does not know"):
        trailer.read(file(chunk(bytes(100), 1, b"\0\0\0\1" + bytes(4) + b"{}")))


def test_a_routeros_package_tells_its_architecture_and_its_version(file: Callable[..., Path]) -> None:
    assert npk.read(file(made.npk())) == Told(("arm64",), "7.18.2")
    assert npk.read(file(made.npk((7, 19, 0)))).version == "7.19"


def test_another_package_or_a_cut_one_is_no_image(file: Callable[..., Path]) -> None:
    for octets, why in (
        (made.npk(name="wireless"), "package 'wireless'"),
        (made.npk()[:-10], "cut short"),
        (b"\x7fELF" + bytes(100), "no RouterOS package"),
        (b"", "no RouterOS package"),
    ):
        with pytest.raises(NotAnImage, match=why):
            npk.read(file(octets))


def test_what_was_added_is_kept_for_its_owner_only_and_found_by_name_or_sha256(
    images: Images, file: Callable[..., Path]
) -> None:
    octets = openwrt()
    image = images.add(file(octets), Claim())
    assert (image.platform, image.models, image.version) == ("openwrt", (BOARD,), "24.10.1")
    kept = images.path(image.sha256)
    assert kept.read_bytes() == octets
    assert kept.stat().st_mode & 0o777 == 0o600
    assert images.find("sysupgrade.bin") == images.find(image.sha256[:8].upper()) == image
    assert images.all() == (image,)
    images.remove(image)
    assert images.all() == ()
    assert list(images.folder.iterdir()) == []
    with images.engine.connect() as connection:
        rows = connection.execute(select(audit_table).order_by(audit_table.c.seq)).all()
    assert [(row.action, row.subject) for row in rows] == [
        ("firmware-added", image.sha256),
        ("firmware-removed", image.sha256),
    ]


def test_the_platform_of_a_package_is_known_by_itself(images: Images, file: Callable[..., Path]) -> None:
    image = images.add(file(made.npk(), "routeros-7.18.2-arm64.npk"), Claim())
    assert (image.platform, image.models, image.version) == ("mikrotik_routeros", ("arm64",), "7.18.2")


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (Claim(sha256="0" * 64), "its sha256 is "),
        (Claim(model="glinet,gl-mt300n-v2"), f"it is for {BOARD}, not for glinet,gl-mt300n-v2"),
        (Claim(version="24.10.2"), "it is version 24.10.1, not 24.10.2"),
        (Claim(platform="mikrotik_routeros"), "no RouterOS package"),
        (Claim(platform="cisco_ios"), "Plaza does not flash 'cisco_ios'"),
    ],
)
def test_what_contradicts_the_image_is_refused_and_nothing_is_kept(
    images: Images, file: Callable[..., Path], claim: Claim, why: str
) -> None:
    with pytest.raises(FirmwareError, match=why):
        images.add(file(openwrt()), claim)
    assert images.all() == ()
    assert list(images.folder.iterdir()) == []


def test_an_image_that_says_nothing_needs_to_be_told_of(images: Images, file: Callable[..., Path]) -> None:
    plain = file(bytes(510) + b"\x55\xaa" + bytes(500), "combined.img")
    for claim, why in (
        (Claim(), "give --platform"),
        (Claim("openwrt"), "give --model"),
        (Claim("openwrt", "x86-64"), "give --version"),
    ):
        with pytest.raises(FirmwareError, match=why):
            images.add(plain, claim)
    image = images.add(plain, Claim("openwrt", "x86-64", "24.10.1"))
    assert (images.find("combined.img").models, image.version) == (("x86-64",), "24.10.1")
    assert images.add(plain, Claim("openwrt", "x86-64", "24.10.1")) == image
    for claim in (Claim("openwrt", "x86-64", "24.10.2"), Claim("openwrt", "x86-generic", "24.10.1")):
        with pytest.raises(FirmwareError, match=r"it is kept already, as 24.10.1 for x86-64; if"):
            images.add(plain, claim)
    assert images.all() == (image,)


def test_a_name_belongs_to_one_image(images: Images, file: Callable[..., Path]) -> None:
    image = images.add(file(openwrt("24.10.1")), Claim())
    mend = f"rename the file, or plaza firmware remove {image.sha256[:12]} first"
    with pytest.raises(FirmwareError, match=f"another image has this name .*{image.sha256[:12]}.*{mend}"):
        images.add(file(openwrt("24.10.2")), Claim())
    assert images.all() == (image,)
    assert [kept.name for kept in images.folder.iterdir()] == [image.sha256]
    images.remove(image)
    assert images.add(file(openwrt("24.10.2")), Claim()).version == "24.10.2"


def test_what_is_cut_short_is_told_of_though_it_begins_as_an_image(
    images: Images, file: Callable[..., Path]
) -> None:
    with pytest.raises(FirmwareError, match=r"routeros.npk: it is cut short"):
        images.add(file(made.npk()[:-10], "routeros.npk"), Claim())
    damaged = bytearray(openwrt())
    damaged[1000] ^= 1
    with pytest.raises(FirmwareError, match=r"sysupgrade.bin: it is damaged: its checksum is wrong"):
        images.add(file(bytes(damaged)), Claim())


@pytest.mark.parametrize("text", ["abc", "0" * 63, "g" * 64, "0" * 65])
def test_what_is_no_sha256_is_told_before_the_file_is_read(images: Images, tmp_path: Path, text: str) -> None:
    with pytest.raises(FirmwareError, match=f"--sha256 '{text}' is no sha256, which has 64 digits"):
        images.add(tmp_path / "nothing", Claim(sha256=text))


def test_an_image_whose_file_is_gone_or_cut_is_told_of_and_can_be_added_again(
    images: Images, file: Callable[..., Path]
) -> None:
    image = images.add(file(openwrt()), Claim(sha256=hashlib.sha256(openwrt()).hexdigest().upper()))
    assert images.lacks(image) == ""
    with images.path(image.sha256).open("r+b") as kept:
        kept.truncate(100)
    assert images.lacks(image) == "its file is damaged; add it again"
    images.path(image.sha256).unlink()
    assert images.lacks(image) == "its file is gone; add it again"
    assert images.add(file(openwrt()), Claim()) == image
    assert images.lacks(image) == ""


def test_a_file_that_cannot_be_read_is_told_in_one_line(images: Images, tmp_path: Path) -> None:
    with pytest.raises(FirmwareError, match="No such file"):
        images.add(tmp_path / "nothing", Claim())
