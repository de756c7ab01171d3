"""Fixtures shared by all rooms' tests."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine

from captive_portal.radius.tables import associations
from captive_portal.tables import metadata
from controller.store.engine import open_engine
from tests import compiled, need
from tests.postgres import Cluster, cluster

# What was started in the background, or under nohup, has these ignored, and so has every program it starts:
# then Ctrl-C ends nothing, and a test that presses it waits for ever.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# A program that a test starts would compile all it imports of ours again: once is enough for them all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

compiled.once()

# Of each property, unless its test says how many; `PLAZA_EXAMPLES=2000` looks longer.
settings.register_profile("plaza", max_examples=int(os.environ.get("PLAZA_EXAMPLES", "25")))
settings.load_profile("plaza")

# Files of few tests that take long, the longest first. They start before all others: last, one of them
# would run for a minute beside workers that have nothing left to do.
LONG_FIRST = (
    "configure/test_faults.py",
    "portal/test_readable.py",
    "test_story.py",
    "gateway/test_square_policy.py",
    "configure/test_unarmed.py",
    "gateway/test_two_days.py",
    "configure/test_linux.py",
    "gateway/test_square.py",
    "configure/test_resume.py",
    "gateway/test_install.py",
    "controller/test_gateway_staff.py",
    "configure/test_openwrt_trial.py",
    "configure/test_cli_plans.py",
    "controller/test_running.py",
    "people/test_people.py",
    "people/test_rotation.py",
    "vouchers/test_cli.py",
    "portal/test_privacy_cli.py",
    "configure/test_routeros_apply.py",
    "gateway/test_twins.py",
    "gateway/test_install_systemd.py",
    "controller/test_bad_input.py",
    "controller/test_prober.py",
    "controller/test_store_cli.py",
    "controller/test_remote_poller_process.py",
    "configure/test_vanishing.py",
    "controller/test_demo.py",
    "controller/test_snmp_cli.py",
    "simulator/test_state.py",
    "rollouts/test_rollout_cli.py",
    "probe/test_probe.py",
    "metrics/test_kills.py",
    "snmp/test_roundtrip.py",
    "crowd/test_four_kinds.py",
    "radius/test_role.py",
    "attacks/test_slow_callers.py",
    "portal/test_mini_browser.py",
    "controller/test_serving.py",
    "console/test_browser.py",
    "controller/test_poll_over_ssh.py",
    "configure/test_uci_text.py",
    "snmp/test_learning.py",
    "collectors/test_mutations.py",
    "controller/test_gateways.py",
    "drift/test_sweeper.py",
    "probe/test_entering.py",
    "rollouts/test_rollout_told.py",
    "rollouts/test_rollout_killed.py",
    "crowd/test_opennds.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files of LONG_FIRST to the front, by turns with those of most tests; in a file the order stays.

    Long ones mostly wait for something, those of many tests never do: together they leave no processor idle.
    """
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONG_FIRST)}
    sizes = Counter(item.path for item in items)
    long = sorted(sizes.keys() & ranks.keys(), key=lambda path: ranks[path])
    others = sorted(sizes.keys() - ranks.keys(), key=lambda path: (-sizes[path], str(path)))
    turns = [path for pair in zip_longest(long, others) for path in pair if path is not None]
    order = {path: turn for turn, path in enumerate(turns)}
    items.sort(key=lambda item: order[item.path])


def pytest_collectstart() -> None:
    """What is imported and collected stays to the end: to look through it for garbage would find none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, among what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real headless Chromium, driven by playwright; pages are opened with `chromium.new_context(...)`.

    Per module: playwright keeps an event loop in this thread, which the `asyncio.run` of others refuses.
    """
    path = need.program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The outside SNMP recordings; tests that read them skip where they are absent."""
    default = Path(__file__).parents[2] / "shared" / "data" / "recordings"
    path = Path(os.environ.get("PLAZA_RECORDINGS", str(default)))
    if not path.is_dir():
        pytest.skip(f"no recordings in {path}: set PLAZA_RECORDINGS")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL for the tests of this process."""
    with cluster() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty store, on each engine that may hold it."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path}/store.db")
        metadata.create_all(engine)
        associations.metadata.create_all(engine)
    else:
        engine = open_engine(request.getfixturevalue("postgres").new())
    yield engine
    engine.dispose()
