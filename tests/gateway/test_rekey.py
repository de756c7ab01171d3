"""A site's key of a later epoch, from the real edge to the disk of the gateway."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway import rekeying, signed
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.protocol import Rekey
from captive_portal.model import Keys
from tests.gateway.conftest import KEY, SITE
from tests.gateway.outpost import Controller, Outpost, edge_at, serving
from tests.gateway.test_sync import World

FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
RAISED = Keys(KEY, 1, (FIRST, KEY))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    controller = Controller(tmp_path)
    with serving(controller) as port:
        yield World(Outpost(tmp_path, edge_at(port)), controller, port)


def test_a_raised_epoch_reaches_the_gateway_and_outlives_it(world: World) -> None:
    outpost = world.outpost
    outpost.sync.step()
    assert outpost.keys.current.epoch == 0
    world.controller.keys[SITE] = RAISED
    outpost.sync.step()
    assert outpost.keys.current == SiteKey(SITE, FIRST, KEY, 1)
    session = world.enter()
    outpost.start()
    assert outpost.keys.current == SiteKey(SITE, FIRST, KEY, 1)
    world.controller.keys[SITE] = Keys(KEY, 2, (SECOND, FIRST))
    outpost.sync.step()
    assert outpost.keys.current.epoch == 2
    assert world.controller.row(session)["acctstarttime"] is not None


def test_an_answer_that_is_lost_leaves_the_former_key_which_is_still_believed(world: World) -> None:
    world.controller.keys[SITE] = RAISED
    world.controller.deaf = {1}
    with pytest.raises(ControllerAway):
        world.outpost.sync.step()
    assert world.outpost.keys.current.epoch == 0
    world.outpost.start()
    world.outpost.sync.step()
    assert world.outpost.keys.current.epoch == 1


def test_a_stolen_box_is_locked_out_by_raising_twice(world: World) -> None:
    world.controller.keys[SITE] = Keys(KEY, 2, (SECOND, FIRST))
    with pytest.raises(ControllerAway, match="401"):
        world.outpost.sync.step()
    assert world.outpost.keys.current.epoch == 0


def test_who_listens_learns_no_key(world: World) -> None:
    """Neither key is in what travels, and two pads of one key tell nothing of each other."""
    world.controller.keys[SITE] = RAISED
    said: list[str] = []
    for nonce in (secrets.token_hex(16), secrets.token_hex(16)):
        said.append(signed.padded(KEY, nonce, 1, FIRST).hex())
        assert signed.padded(KEY, nonce, 1, bytes.fromhex(said[-1])) == FIRST
        assert signed.padded(FIRST, nonce, 1, bytes.fromhex(said[-1])) != FIRST
    assert said[0] != said[1]
    assert FIRST.hex() not in said


def test_a_key_of_no_later_epoch_is_not_taken(tmp_path: Path) -> None:
    journal, keys = Journal(tmp_path / "state.db"), Keyring(SiteKey(SITE, FIRST, KEY, 1))
    for epoch in (0, 1):
        assert not rekeying.adopt(keys, journal, Rekey(epoch, THIRD), "n")
    assert (keys.current.key, journal.fact("key")) == (FIRST, "")


def test_an_install_with_a_later_key_counts_more_than_what_was_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state.db")
    keys = Keyring(SiteKey(SITE, KEY))
    assert rekeying.adopt(keys, journal, Rekey(1, signed.padded(KEY, "n", 1, FIRST)), "n")
    assert rekeying.keyring(SiteKey(SITE, KEY), journal).current.key == FIRST
    assert rekeying.keyring(SiteKey(SITE, SECOND, KEY, 2), journal).current.key == SECOND


@pytest.mark.parametrize("installed", [SiteKey(SITE, THIRD), SiteKey("08027-otra", THIRD)])
def test_a_key_that_was_kept_under_another_installed_key_is_not_ours(
    tmp_path: Path, installed: SiteKey
) -> None:
    journal = Journal(tmp_path / "state.db")
    rekeying.adopt(Keyring(SiteKey(SITE, KEY)), journal, Rekey(1, signed.padded(KEY, "n", 1, FIRST)), "n")
    assert rekeying.keyring(installed, journal).current == installed


@pytest.mark.parametrize("damage", ["", "x", "1:zz abc", f"9:{'00' * 32} {'0' * 64}"])
def test_a_kept_key_that_nobody_signed_is_not_used(tmp_path: Path, damage: str) -> None:
    journal = Journal(tmp_path / "state.db")
    journal.keep("key", damage)
    assert rekeying.keyring(SiteKey(SITE, KEY), journal).current.epoch == 0


def test_no_key_is_logged_or_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.controller.keys[SITE] = RAISED
    with caplog.at_level("DEBUG"):
        world.outpost.sync.step()
    shown = repr(world.outpost.keys.current) + "".join(str(vars(record)) for record in caplog.records)
    assert "key of a later epoch" in shown
    for key in (KEY, FIRST):
        assert key.hex() not in shown
        assert repr(key) not in shown
