"""A sweep costs little where nothing changed, keeps out of the way of changes, knows whose work is whose."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from controller import drift
from controller.drift import State, Sweep
from controller.history import History, Seen
from controller.journal import Row
from controller.journal import State as Step
from drivers.errors import Unreachable
from drivers.model import Device, Ssid
from drivers.ssh import SshShell
from drivers.ssh_kept import Kept
from tests.configure.peers import PEERS, ShellPeer
from tests.drift.hands import OURS, THEIRS
from tests.drift.post import Post, make_post


class Forgetful(History):
    """A controller that dies behind the confirmation."""

    def keep(self, device: Device, seen: Seen) -> int:
        """What was before is kept, and no more."""
        return 0 if seen.reason == "after" else super().keep(device, seen)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """An OpenWrt-like device as wished."""
    with PEERS["openwrt"](tmp_path) as peer:
        made = make_post(tmp_path / "controller", peer)
        made.apply()
        yield made


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Post]:
    """One that we have never changed."""
    with PEERS["aruba_instant"](tmp_path) as peer:
        yield make_post(tmp_path / "controller", peer)


def sweep_of(post: Post, kept: Kept) -> Sweep:
    """As the worker does it."""
    return Sweep(post.works, lambda device: kept.session(device, lambda: post.enter(device)))


def begin(post: Post, state: Step) -> None:
    """A change of the device comes to this state."""
    row = Row("r1", post.device.name, Step.PLANNED, "")
    if not post.works.journal.rows("r1"):
        post.works.journal.begin("r1", "all", [row])
    post.works.journal.write(replace(row, state=state, token="t1"))


def test_what_did_not_change_is_read_in_the_same_login_and_judged_once(post: Post) -> None:
    kept = Kept()
    sweep = sweep_of(post, kept)
    (first,) = sweep.look([post.device])
    statements: list[str] = []
    event.listen(
        post.works.journal.engine, "before_cursor_execute", lambda *all_: statements.append(str(all_[2]))
    )
    (second,) = sweep.look([post.device])
    kept.close()
    assert post.logins == 1
    assert replace(second, checked_at=0) == replace(first, checked_at=0)
    assert not [one for one in statements if "sealed" in one or "INSERT INTO config_version" in one]


def test_a_device_that_nobody_changed_yet_is_known_as_it_was_first_seen(untouched: Post) -> None:
    found = untouched.look()
    assert found.state is State.SAME
    assert found.owned > 0  # the inventory asks for more than it ever had
    assert [one.reason for one in untouched.works.history.versions(untouched.device.name)] == ["seen"]
    THEIRS["aruba_instant"](untouched, "otra")
    assert untouched.look().state is State.FOREIGN
    THEIRS["aruba_instant"](untouched, "Plaza")
    found = untouched.look()
    assert "syslocation Plaza" in found.text


def test_what_is_put_back_is_no_drift_any_more(post: Post) -> None:
    before = post.look()
    THEIRS["openwrt"](post, "7")
    assert post.look().state is State.FOREIGN
    THEIRS["openwrt"](post, "0")
    found = post.look()
    assert (found.state, found.text) == (State.SAME, "")
    assert before.since <= found.since


def test_a_drift_stays_and_keeps_its_beginning_until_somebody_does_something(post: Post) -> None:
    OURS["openwrt"](post, "Otra")
    first = post.look()
    second = post.look()
    assert (first.state, second.state, second.since) == (State.OWNED, State.OWNED, first.since)
    reasons = [one.reason for one in post.works.history.versions(post.device.name)]
    assert reasons == ["seen", "after", "before"]


def test_what_the_inventory_asks_anew_is_nobodys_drift(post: Post) -> None:
    post.look()
    post.want(replace(post.device, ssids=(*post.device.ssids, Ssid("Nueva"))))
    found = post.look()
    assert (found.state, found.owned > 0) == (State.SAME, True)
    assert "the inventory asks for more" in found.detail
    assert "+\toption ssid 'Nueva'" in found.text
    THEIRS["openwrt"](post, "7")
    assert post.look().state is State.FOREIGN
    OURS["openwrt"](post, "Otra")
    assert post.look().state is State.BOTH


def test_a_new_passphrase_in_the_inventory_is_noticed(post: Post) -> None:
    assert post.look().owned == 0
    post.works.access.secrets.words["staff"] = "otra-clave-de-ahora"  # type: ignore[attr-defined]
    assert post.look().owned > 0


def test_a_hand_made_key_that_changes_is_foreign_and_shows_nothing(post: Post) -> None:
    post.look()
    assert isinstance(post.peer, ShellPeer)
    file = post.peer.ap.root / "etc/config/wireless"
    file.write_text(file.read_text().replace("hecha-a-mano", "otra-hecha-a-mano"))
    found = post.look()
    assert (found.state, found.text) == (State.FOREIGN, "")
    assert "does not show: a secret" in found.detail


def test_a_change_that_died_behind_its_confirmation_is_no_drift(post: Post) -> None:
    post.look()
    post.want(replace(post.device, ssids=(*post.device.ssids, Ssid("Nueva"))))
    kept, works = post.works.history, post.works
    forgetful = Forgetful(kept.engine, kept.key, kept.actor, kept.clock)
    post.works = replace(works, history=forgetful)
    post.apply()
    post.works = replace(post.works, history=kept)
    found = post.look()
    assert (found.state, found.owned) == (State.SAME, 0)
    assert next(one.reason for one in kept.versions(post.device.name)) == "wished"
    THEIRS["openwrt"](post, "7")
    assert post.look().state is State.FOREIGN


def test_a_device_on_trial_is_not_even_asked(post: Post) -> None:
    begin(post, Step.ARMED)
    assert Sweep(post.works, post.enter).look([post.device]) == []
    assert post.logins == 0
    begin(post, Step.CONFIRMED)
    assert post.look().state is State.SAME


@pytest.mark.parametrize(
    "last",
    [Step.CONFIRMED, *(pytest.param(one, marks=pytest.mark.soak) for one in (Step.ARMED, Step.ROLLED_BACK))],
)
def test_a_device_that_is_changed_while_it_is_read_is_not_judged(post: Post, last: Step) -> None:
    def enter(device: Device) -> SshShell:
        begin(post, Step.ARMED)
        begin(post, last)
        return post.enter(device)

    assert Sweep(post.works, enter).look([post.device]) == []
    assert drift.findings(post.works.journal.engine, [post.device]) == {}


def test_what_cannot_be_read_is_unknown_and_costs_only_itself(post: Post) -> None:
    other = replace(post.device, name="ap-lejana")

    def enter(device: Device) -> SshShell:
        if device is other:
            raise Unreachable(device.name, "it does not answer", "check power")
        return post.enter(device)

    post.works = replace(
        post.works,
        inventory=replace(post.works.inventory, devices={one.name: one for one in (post.device, other)}),
    )
    found = {one.device: one for one in Sweep(post.works, enter).look([other, post.device])}
    assert found[post.device.name].state is State.SAME
    assert (found["ap-lejana"].state, found["ap-lejana"].detail) == (State.UNKNOWN, "it does not answer")
