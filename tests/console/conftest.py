"""The console over real stores, and a real HTTP server in front of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

import captive_portal.tables
import controller.store.tables
from controller.inventory import load
from controller.model import Inventory
from controller.store.engine import open_engine
from metrics.local.store import LocalStore
from tests.console.network import Network, afternoon


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    """The example network: 67 municipalities, a site with two access points each."""
    return load(Path(__file__).parents[2] / "inventory.yaml")


@pytest.fixture
def network(inventory: Inventory, tmp_path: Path) -> Iterator[Network]:
    """A network that nobody has polled yet."""
    yield from _network(inventory, tmp_path)


@pytest.fixture(scope="session")
def mixed(inventory: Inventory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A network in a believable afternoon; only for reading."""
    for network in _network(inventory, tmp_path_factory.mktemp("mixed")):
        afternoon(network)
        yield network


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Flask], str]]:
    """Serves an application on a free port of the loopback; gives its address."""
    running: list[tuple[BaseWSGIServer, Thread]] = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def _network(inventory: Inventory, directory: Path) -> Iterator[Network]:
    engine = open_engine(f"sqlite:///{directory / 'plaza.db'}")
    for metadata in (controller.store.tables.metadata, captive_portal.tables.metadata):
        metadata.create_all(engine)
    with closing(LocalStore.open(directory / "samples")) as store:
        yield Network(inventory, engine, store)
    engine.dispose()
