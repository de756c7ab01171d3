"""A revoked key that went is as wished, even where nobody noted that we took it; any other key is not."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from controller.drift import State
from drivers.apply import carry_out
from tests.configure.desk import PATIENT
from tests.configure.openwrt import KEY
from tests.configure.peers import PEERS, ShellPeer
from tests.configure.shellbox import nothing
from tests.drift.post import make_post

LEAVER: Final = KEY.replace("1pA", "9zZ")
STRANGER: Final = KEY.replace("1pA", "7xY")


def _line_by_hand(root: Path, key: str) -> None:
    file = root / "etc/dropbear/authorized_keys"
    file.parent.mkdir(parents=True, exist_ok=True)
    there = file.read_text() if file.exists() else (root / "ssh/client.pub").read_text()
    file.write_text(f"{there}{key} a mano\n")


def _slot_by_hand(root: Path, key: str) -> None:
    text = (root / "tmp/system.cfg").read_text()
    slot = f"sshd.auth.key.{50 + text.count('.comment=a mano')}"
    blob = base64.b64encode(base64.b64decode(key.split()[1])).decode()
    values = f"{slot}.status=enabled\n{slot}.value={blob}\n{slot}.comment=a mano\n"
    for name in ("tmp/system.cfg", "tmp/running.cfg"):
        (root / name).write_text(text + values)


BY_HAND: Final = {"openwrt": _line_by_hand, "ubiquiti_airos": _slot_by_hand}


@pytest.mark.parametrize("platform", ["openwrt", pytest.param("ubiquiti_airos", marks=pytest.mark.soak)])
def test_a_revoked_key_that_is_gone_is_nobodys_drift(platform: str, tmp_path: Path) -> None:
    with PEERS[platform](tmp_path) as peer:
        assert isinstance(peer, ShellPeer)
        BY_HAND[platform](peer.ap.root, LEAVER)
        post = make_post(tmp_path / "controller", peer)
        post.apply()
        assert post.look().state is State.SAME
        post.want(replace(post.device, manage=replace(post.device.manage, revoked_keys=(f"{LEAVER} j",))))
        found = post.look()
        assert (found.state, found.owned > 0) == (State.SAME, True), found

        planned = post.plan().plan
        assert planned is not None
        carry_out(
            peer.target(PATIENT), planned, "t" * 32, nothing
        )  # and the controller died before it noted it
        found = post.look()
        assert (found.state, found.owned, found.detail) == (State.SAME, 0, ""), found


@pytest.mark.parametrize("platform", ["openwrt", pytest.param("ubiquiti_airos", marks=pytest.mark.soak)])
def test_a_strangers_key_beside_a_revoked_one_is_drift(platform: str, tmp_path: Path) -> None:
    with PEERS[platform](tmp_path) as peer:
        assert isinstance(peer, ShellPeer)
        BY_HAND[platform](peer.ap.root, LEAVER)
        post = make_post(tmp_path / "controller", peer)
        post.apply()
        post.want(replace(post.device, manage=replace(post.device.manage, revoked_keys=(f"{LEAVER} j",))))
        BY_HAND[platform](peer.ap.root, STRANGER)
        found = post.look()
        assert found.state is State.FOREIGN, found
        assert STRANGER.split()[1][-20:] in found.text
