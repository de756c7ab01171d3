"""kill -9 of `plaza rollout` at its journal rows, over simulated access points: each ends old or new."""

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controller import audit
from controller.journal import State
from controller.rollouts.seam import Phase
from tests.configure.device import wait_until
from tests.rollouts import dying
from tests.rollouts.fleet import QUICK, Fleet, fleet

Configurations = Mapping[str, Mapping[str, bytes]]
MANY = 200


@pytest.fixture
def new_fleet(tmp_path: Path) -> Iterator[Callable[[int], Fleet]]:
    """So many access points, fresh from their box."""
    made: list[Fleet] = []

    def make(aps: int) -> Fleet:
        made.append(fleet(tmp_path, aps))
        return made[0]

    yield make
    for each in made:
        each.simulator.stop()


def plaza(at: Fleet, command: str, row: int = 0) -> int:
    """The real command line, in a process that dies as it is about to write this row."""
    return at.plaza(command, "tests.rollouts.dying", **{dying.ROW: str(row)}).returncode


def begin(at: Fleet, row: int, parallel: int) -> int:
    """With a process that dies at a row."""
    rule = f"--number 0 --percent 0 --parallel {parallel} {QUICK}"
    return plaza(at, f"rollout start all --why nueva --yes {rule}", row)


def is_done(at: Fleet) -> bool:
    """By its own word."""
    store = at.store()
    return store.find("").phase is Phase.DONE


def end_it(at: Fleet) -> None:
    """Carry on until it is done, and again with what its controllers' deaths took back too often."""
    wait_until("the rollout is done", lambda: plaza(at, "rollout resume") in {0, 2} and is_done(at))
    if {row.state for row in at.rows().values()} != {State.CONFIRMED}:
        plaza(at, "rollout retry --why otra-vez --yes")
        wait_until("the retry is done", lambda: is_done(at) or plaza(at, "rollout resume") in {0, 2})


def picture(at: Fleet) -> Configurations:
    """Of the devices that are not on trial: one that is may just be writing its files."""
    kept = {name: at.root(name) / "etc/plaza/rollback.tgz" for name in at.configurations()}
    idle = [name for name, archive in kept.items() if not archive.exists()]
    taken = {name: at.configuration(name) for name in idle}
    return {name: files for name, files in taken.items() if not kept[name].exists()}


def all_old_or_new(at: Fleet, before: Configurations, seen: list[Configurations]) -> None:
    """In every picture that was taken on the way, each device was wholly the one or the other."""
    after = at.configurations()
    for taken in seen:
        mixed = [name for name, files in taken.items() if files not in (before[name], after[name])]
        assert not mixed
    assert [name for name in before if before[name] == after[name]] == []
    assert {row.state for row in at.rows().values()} == {State.CONFIRMED}
    journal = at.store().journal
    assert not audit.verify(journal.engine, journal.audit_key).broken_at


def test_killed_at_its_rows_it_is_gone_on_with_and_every_device_is_old_or_new(
    new_fleet: Callable[[int], Fleet],
) -> None:
    at = new_fleet(2)
    before: Configurations = at.configurations()
    seen: list[Configurations] = []
    assert begin(at, 2, 1) == -signal.SIGKILL
    seen.append(picture(at))
    assert plaza(at, "rollout resume", 4) == -signal.SIGKILL
    seen.append(picture(at))
    end_it(at)
    all_old_or_new(at, before, seen)


@pytest.mark.soak
def test_two_hundred_are_killed_at_every_row_aborted_and_retried_and_each_is_old_or_new(
    new_fleet: Callable[[int], Fleet],
) -> None:
    at = new_fleet(MANY)
    before: Configurations = at.configurations()
    seen: list[Configurations] = []
    begin(at, 1, 16)
    row = 1
    while not is_done(at):
        row += 1
        assert row < 2 * MANY, "it comes to no end"
        code = plaza(at, "rollout resume", row)
        seen.append(picture(at))
        if row == 12:
            assert plaza(at, "rollout abort --why otra-cosa") == 0
            retry = "rollout retry --why sigamos --yes"
            assert plaza(at, retry, row) == -signal.SIGKILL  # while it writes its list: all of it or nothing
            assert at.store().find("").phase is Phase.ABORTED
            assert plaza(at, retry, MANY + row) in {0, 2, 3, -signal.SIGKILL}
        assert code in {0, 2, 3, -signal.SIGKILL}
    end_it(at)
    all_old_or_new(at, before, seen)
