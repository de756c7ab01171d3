"""On every platform what somebody changed in ours is told apart from what is theirs, and from our work."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller import drift
from controller.drift import State
from tests.configure.peers import PEERS
from tests.drift.hands import OURS, THEIRS
from tests.drift.post import Post, make_post

SOAK = (pytest.mark.soak,)
FEW: dict[str, tuple[()]] = dict.fromkeys(("cisco_ios", "mikrotik_routeros"), ())
"""What `make test` takes of it, beside those of test_leaks.py; `make soak` takes all."""


@pytest.fixture
def post(platform: str, tmp_path: Path) -> Iterator[Post]:
    """A device as wished, in front of a controller."""
    with PEERS[platform](tmp_path) as peer:
        made = make_post(tmp_path / "controller", peer)
        made.apply()
        yield made


@pytest.mark.parametrize("platform", [pytest.param(one, marks=FEW.get(one, SOAK)) for one in PEERS])
def test_drift_is_told_apart(post: Post, platform: str) -> None:
    found = post.look()
    assert (found.state, found.owned, found.text) == (State.SAME, 0, ""), found
    again = post.look()
    assert again == replace(found, checked_at=again.checked_at)

    THEIRS[platform](post, "7")
    found = post.look()
    assert (found.state, found.owned) == (State.FOREIGN, 0), found
    drift.accept(post.works, post.device, found)
    assert post.look().state is State.SAME

    OURS[platform](post, "Otra")
    found = post.look()
    assert (found.state, found.owned > 0) == (State.OWNED, True), found.text
    assert "Otra" in found.text

    THEIRS[platform](post, "9")
    found = post.look()
    assert (found.state, found.owned > 0) == (State.BOTH, True), found.text

    post.apply()
    found = post.look()
    assert (found.state, found.owned, found.text) == (State.SAME, 0, ""), found
