"""A network in the middle of a day: what the poller, the gateways and the portal left in the stores."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from flask import Flask
from sqlalchemy import Engine, insert

from captive_portal.tables import sessions
from controller.console.app import STALE_POLLS, create_app
from controller.console.overview import Overview, overview
from controller.console.reading import read
from controller.health import State, Verdict
from controller.incidents.reading import Every
from controller.model import Inventory
from controller.store import health
from drivers.model import Device
from metrics.sample import Sample

NOW = datetime(2026, 11, 22, 15, 8, 42, tzinfo=UTC)
SLOT = int(NOW.timestamp()) // 30 * 30
STALE_AFTER_S = 120


class Store(Protocol):
    """The two ends of the metrics store that these tests need."""

    def write(self, writer: str, samples: list[Sample]) -> None:
        """Keep samples."""

    def latest(self, measurement: str, since: int) -> list[Sample]:
        """Newest per tag set."""


@dataclass
class Network:
    """An inventory and two real stores; each method leaves what a poll or a tap would leave."""

    inventory: Inventory
    engine: Engine
    store: Store
    opened: int = field(default=0)

    def device(self, name: str) -> Device:
        """A device by name."""
        return self.inventory.devices[name]

    def up(self, name: str, clients: int | None, at: int = SLOT) -> None:
        """A poll that was answered; None: the answer did not say how many clients."""
        fields = {"up": 1, "poll_ms": 12.5} | ({} if clients is None else {"clients": clients})
        self.sample(name, fields, at)
        self.judge(name, State.UP, "", at)

    def degraded(self, name: str, reason: str, clients: int | None = None, at: int = SLOT) -> None:
        """The agent answers, something else does not work."""
        self.sample(name, {"up": 1} | ({} if clients is None else {"clients": clients}), at)
        self.judge(name, State.DEGRADED, reason, at)

    def down(self, name: str, reason: str, at: int = SLOT) -> None:
        """A poll that nobody answered."""
        self.sample(name, {"up": 0, "poll_ms": 3000.0}, at)
        self.judge(name, State.DOWN, reason, at)

    def sample(self, name: str, fields: dict[str, int | float], at: int) -> None:
        """What the poll measured."""
        device = self.device(name)
        tags = {"ap": name, "mun": device.municipality, "site": device.site, "vendor": device.platform}
        self.store.write("poller", [Sample("wifi_ap", tags, fields, at)])

    def judge(self, name: str, state: State, reason: str, at: int) -> None:
        """The health table's row."""
        verdict = Verdict(state, state is not State.DOWN, None, reason)
        health.keep(self.engine, [(name, verdict, at)])

    def citizens(self, site: str, count: int, **changes: int | None) -> None:
        """Running sessions of the portal; `changes` replaces columns."""
        with self.engine.begin() as connection:
            for _ in range(count):
                self.opened += 1
                row = {
                    "acctuniqueid": f"s{self.opened}",
                    "site": site,
                    "device": f"d{self.opened}",
                    "plan": "free",
                    "granted_at": SLOT - 60,
                    "acctstarttime": SLOT - 58,
                    "expires_at": SLOT + 3540,
                }
                connection.execute(insert(sessions).values(row | changes))

    def everything_up(self, except_for: Iterable[str] = ()) -> None:
        """Every other device answers, with a few clients each."""
        for number, name in enumerate(sorted(set(self.inventory.devices) - set(except_for))):
            self.up(name, clients=number * 7 % 23)

    def app(self, now: datetime = NOW) -> Flask:
        """The console over these stores."""
        every = Every(STALE_AFTER_S // STALE_POLLS, 900)
        return create_app(self.inventory, self.engine, self.store, lambda: now, every)

    def overview(self, now: datetime = NOW) -> Overview:
        """What the page would show."""
        reading = read(self.engine, self.store, now, STALE_AFTER_S)
        return overview(self.inventory, reading, STALE_AFTER_S)


TIMED_OUT = "no answer after 3 tries from SNMP at 10.8.37.11:161: off, unreachable, or the wrong community"


def afternoon(network: Network) -> None:
    """A believable moment: two squares dark, some half broken, one that nobody measures."""
    named = {
        name for name in network.inventory.devices if name.startswith(("ap-08037", "ap-08029", "ap-08008"))
    }
    named |= {f"ap-{key}-{n}" for key in ("08017", "08040", "08065", "08052") for n in (1, 2)}
    named |= {"ap-08019-2", "ap-08021-1", "ap-08027-2"}
    network.everything_up(except_for=named)
    for name in ("ap-08029-1", "ap-08029-2", "ap-08065-1", "ap-08065-2"):
        network.down(name, TIMED_OUT.replace("10.8.37", "10.8.29" if "29" in name else "10.8.65"))
    network.up("ap-08037-1", 41)
    network.down("ap-08037-2", TIMED_OUT)
    network.degraded("ap-08017-1", "2 radios up, but no network name is on the air", 0)
    network.up("ap-08017-2", 6)
    network.down(
        "ap-08019-2",
        "SNMP at 10.8.19.12:161 refuses: the host is up, snmpd is not running or listens elsewhere",
    )
    network.degraded("ap-08021-1", "answers in part: the table of radios never came", 9)
    network.up("ap-08027-2", None)
    network.up("ap-08008-1", 3, at=SLOT - 5400)
    network.up("ap-08008-2", 5, at=SLOT - 5400)
    network.up("ap-08040-1", 4)
    network.up("ap-08052-1", 11)
    network.down("ap-08052-2", TIMED_OUT.replace("10.8.37.11", "10.8.52.12"), at=SLOT - 30)
    for site, count in (("08019-plaza", 18), ("08037-plaza", 31), ("08052-plaza", 7)):
        network.citizens(site, count)
