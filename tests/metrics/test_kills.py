"""Server and controller are killed in the middle, again and again: what was acknowledged is in the server."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics.processes import Child
from tests.metrics.samples import slot
from tests.metrics.servers import Influxd, Server, VictoriaMetrics, until

ALL = Window(1_795_390_000, 1_795_440_000)
APS = 20


BOTH, CHILD, SERVER = ("server", "child"), ("child",), ("server",)


def killed_and_restarted(server: Server, child: Child, rounds: Sequence[tuple[str, ...]]) -> None:
    """A killed child sends again what may be lost, so rounds end with kills that only the server suffers."""
    child.start()
    held = 0
    for number, killed in enumerate(rounds):
        until_written(child, 5 + 5 * number, "slots are written")
        until(lambda: points(server) > held, "the server takes points in this run")  # noqa: B023
        if "server" in killed:
            server.kill()
        if "child" in killed:
            child.kill()
            child.start()
        if "server" in killed:
            until_written(child, 5, "polling goes on without a server")
            server.start()
        held = points(server)
    until_written(child, 10, "slots are written at the end")
    child.finish(within_s=120)


def points(server: Server) -> int:
    return sum(server.sink().counts(ALL).values())


def until_written(child: Child, slots: int, what: str) -> None:
    enough = len(child.acknowledged) + slots
    until(lambda: len(child.acknowledged) >= enough, what)


@pytest.fixture
def child(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    server, dialect, settle_s = request.param
    running = request.getfixturevalue(server)
    found = Child(tmp_path / "metrics", str(APS), "0.03", dialect, running.url, settle_s)
    yield found
    found.kill()


def nothing_is_missing(server: Server, child: Child, directory: Path) -> None:
    store = LocalStore.open(directory)
    written = dict(store.counts(ALL))
    slots = {sample.time for sample in store.read("wifi_ap", ALL)}
    store.close()
    assert set(child.acknowledged) <= slots
    assert sum(written.values()) == len(slots) * len(slot(0, APS))
    assert dict(server.sink().counts(ALL)) == written


@pytest.mark.parametrize("child", [("victoria", "victoriametrics", "10")], indirect=True)
def test_victoriametrics_holds_every_acknowledged_point(
    victoria: VictoriaMetrics, child: Child, tmp_path: Path
) -> None:
    killed_and_restarted(victoria, child, (BOTH, CHILD, SERVER))
    nothing_is_missing(victoria, child, tmp_path / "metrics")


@pytest.mark.parametrize("child", [("victoria", "victoriametrics", "0")], indirect=True)
def test_without_settling_a_killed_victoriametrics_loses_points(
    victoria: VictoriaMetrics, child: Child, tmp_path: Path
) -> None:
    """The reason for `settle_s`: if this ever fails, the server has become durable and settling can go."""
    child.start()
    until(lambda: len(child.acknowledged) >= 20, "slots are written")
    child.finish(within_s=60)
    victoria.kill()
    victoria.start()
    store = LocalStore.open(tmp_path / "metrics")
    assert victoria.sink().counts(ALL) != store.counts(ALL)
    store.close()


@pytest.mark.parametrize("child", [("influxd", "v1", "0")], indirect=True)
def test_influxdb_holds_every_acknowledged_point(influxd: Influxd, child: Child, tmp_path: Path) -> None:
    killed_and_restarted(influxd, child, (CHILD, BOTH, SERVER))
    nothing_is_missing(influxd, child, tmp_path / "metrics")
