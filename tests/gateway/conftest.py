"""What the tests of the gateway share: a clock that a test moves, a key, a portal that signs tickets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.ticket import Fields, seal, unseal
from tests.gateway.alley import Alley, alley
from tests.gateway.squares import standing
from tests.gateway.town import Town

SITE = "08019-plaza"
KEY = bytes(range(32))
PHONE = Phone("02:ca:fe:5e:00:01", "10.99.0.51")
OTHER = Phone("02:ca:fe:5e:00:02", "10.99.0.52")


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The square with its gateway started and everybody outside."""
    with standing(tmp_path_factory.mktemp("square")) as built:
        yield built


@pytest.fixture(name="streets", scope="module")
def an_alley(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alley]:
    """The square without the program, in which a test says itself who is in."""
    with alley(tmp_path_factory.mktemp("alley")) as built:
        yield built


@dataclass
class Clock:
    """A boot that a test lets pass, and ends."""

    boot: str = "b00700000001"
    seconds: float = 1000.0
    boots: int = 1

    def now(self) -> Moment:
        return Moment(self.boot, self.seconds)

    def reboot(self) -> None:
        self.boots += 1
        self.boot, self.seconds = f"b007{self.boots:08d}", 20.0


@dataclass
class Portal:
    """Signs tickets as the portal does: it echoes the arrival and knows nothing of MACs or clocks."""

    key: bytes = KEY
    sessions: int = 0
    tickets: list[str] = field(default_factory=list)

    def ticket(self, arrival: str, seconds: int = 600, octets: int = 0, **changed: str | int) -> str:
        fields = unseal(self.key, "arrival", arrival)
        self.sessions += 1
        given: Fields = {"session": f"session{self.sessions}", "seconds": seconds, "octets": octets}
        told: Fields = {"issued": 1_800_000_000, "lang": "es"}
        token = seal(self.key, "ticket", fields | given | told | changed)
        self.tickets.append(token)
        return token


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def site() -> SiteKey:
    return SiteKey(SITE, KEY)


def write_config(directory: Path, **changed: object) -> Path:
    """A good configuration of the enforcer that only records, with changes; None leaves a key out."""
    key_file = directory / "site.key"
    key_file.write_text(KEY.hex() + "\n")
    key_file.chmod(0o600)
    values: dict[str, object] = {
        "site": SITE,
        "key_file": "site.key",
        "listen": "127.0.0.1:2060",
        "portal_url": "http://127.0.0.1:8080",
        "edge_url": "http://127.0.0.1:8090",
        "enforcer": "ledger",
        "state_dir": "state",
    }
    lines = [f"{name} = {_toml(value)}" for name, value in (values | changed).items() if value is not None]
    config = directory / "gateway.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value)
