"""No secret of a device, ours or hand-made, comes out of what reads, changes, compares or keeps it."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from controller import planfile
from controller.drift import State
from controller.planning import plan_back
from controller.store.tables import metadata
from drivers.apply import read
from drivers.configurers.seam import Running, Wish
from drivers.errors import DriverError
from drivers.model import Band, Secret, Security, SnmpV3, Ssid
from tests.configure.desk import PATIENT
from tests.configure.peers import PEERS
from tests.drift.canaries import STEM, Aviary, heard, songs, type_7
from tests.drift.hands import OURS
from tests.drift.nests import NESTS
from tests.drift.post import Post, make_post

SOAK = (pytest.mark.soak,)
FEW: dict[str, tuple[()]] = dict.fromkeys(("aruba_instant", "openwrt"), ())
"""What `make test` takes of it, `make soak` takes all."""


@pytest.fixture
def aviary() -> Aviary:
    """Secrets, each another."""
    return Aviary()


@pytest.fixture
def post(platform: str, tmp_path: Path, aviary: Aviary) -> Iterator[Post]:
    """A device full of secrets, whose inventory wishes for more of them."""
    with PEERS[platform](tmp_path) as peer:
        NESTS[platform](peer, aviary)
        yield make_post(tmp_path / "controller", peer, _wish(peer.wish(), platform, aviary))


def _wish(wish: Wish, platform: str, aviary: Aviary) -> Wish:
    """The peer's, with secrets that are canaries."""
    users = {
        name: replace(user, auth_key=Secret(aviary()), priv_key=Secret(aviary()))
        for name, user in wish.snmp_users.items()
        if isinstance(user, SnmpV3)
    }
    staff = Ssid("Personal", Security.WPA2, bands=(Band.GHZ_5,), passphrase="staff")
    named = [ssid for ssid in wish.intent.ssids if ssid.passphrase]
    intent = wish.intent if named else replace(wish.intent, ssids=(*wish.intent.ssids, staff))
    names = {ssid.passphrase for ssid in intent.ssids if ssid.passphrase}
    return Wish(intent, {name: Secret(aviary()) for name in names}, users, wish.portal_secrets)


def test_a_canary_is_heard_in_any_disguise() -> None:
    for disguise in (
        STEM,
        f'"{STEM}"',
        STEM.encode().hex(),
        *(type_7(f"x{STEM}y", seed) for seed in (0, 7, 52)),
    ):
        assert heard(f"antes {disguise} despues"), disguise
    assert len(set(songs())) == 3 + 3 + 53
    assert not heard("nada de nada")


@pytest.mark.parametrize("platform", PEERS)
def test_no_secret_shows_in_a_text_that_was_read(post: Post, platform: str, aviary: Aviary) -> None:
    running = read(post.peer.target(PATIENT))
    assert aviary.given > 20
    assert len(heard(running.text.reveal())) > aviary.given / 2
    assert heard(post.peer.configurer.redacted(running)) == []
    assert heard(repr(running)) == []


@pytest.mark.parametrize("platform", [pytest.param(one, marks=FEW.get(one, SOAK)) for one in PEERS])
def test_no_secret_comes_out(
    post: Post, platform: str, aviary: Aviary, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[object] = []

    planned = post.plan()
    assert planned.pending, planned
    said += (
        planned,
        str(planned),
        planned.plan and planned.plan.change.text,
        planned.plan and planned.plan.staged,
    )
    said += planned.plan.change.lines if planned.plan else ()
    file = tmp_path / "plan.json"
    planfile.save(file, "all", [planned], post.works.history.key)
    said.append(file.read_text())
    post.apply()
    said.append(post.look())

    OURS[platform](post, "Otra")
    found = post.look()
    assert found.state is State.OWNED, found.text
    said += found, found.text, found.detail
    said.append(plan_back(post.works.access, post.works.history, post.device, None))
    post.apply()

    versions = post.works.history.versions(post.device.name)
    assert len(versions) >= 3
    said += (one.text for one in versions)
    assert any(aviary.given and STEM in _whole(post, one.number) for one in versions)
    said += _errors(post)

    everything = "\n".join([*map(str, said), *map(repr, said), caplog.text, *_stored(post)])
    assert heard(everything) == []
    for kept in (tmp_path / "controller").rglob("*"):
        octets = kept.read_bytes().decode("latin-1") if kept.is_file() else ""
        assert heard(octets) == [], kept


def _whole(post: Post, number: int) -> str:
    return post.works.history.running(post.device, number).text.reveal()


def _errors(post: Post) -> Iterator[str]:
    """What is said of a text that nobody can read, of any length, and of a wish that no device carries."""
    whole = _whole(post, 1)
    configurer = post.peer.configurer
    wish = post.peer.wish()
    starts = [at + 1 for at, letter in enumerate(whole) if letter == "\n"]
    starts, ends = starts[:: max(1, len(starts) // 8)], range(1, len(whole), max(1, len(whole) // 8))
    for broken in (
        *(whole[at:] + "\n'\"" for at in starts),
        *(whole[:at] for at in ends),
        *(whole[at:] for at in ends),
    ):
        running = Running(Secret(broken), "0")
        try:
            yield configurer.change("ap-1", running, wish).text
            yield configurer.restoration("ap-1", running, post.works.history.running(post.device, 1)).text
        except DriverError as error:
            yield f"{error} {error!r} {error.reason} {error.hint}"
    for whole_lines in (*(whole[at:] + "\n'\"" for at in starts), *(whole[:at] for at in ends)):
        with suppress(DriverError):
            yield configurer.redacted(Running(Secret(whole_lines), "0"))
    bad = Wish(
        replace(wish.intent, ssids=(Ssid("mala", Security.WPA2, passphrase="x"),)), {"x": Secret(f"{STEM}\n")}
    )
    try:
        yield configurer.change("ap-1", post.works.history.running(post.device, 1), bad).text
    except DriverError as error:
        yield f"{error} {error!r}"


def _stored(post: Post) -> Iterator[str]:
    """All rows of all tables but what is sealed."""
    with post.works.journal.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(text(f"select * from {table.name}")).mappings():
                yield json.dumps({name: str(value) for name, value in row.items() if name != "sealed"})
