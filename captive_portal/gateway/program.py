"""The gateway put together: who is told of whom, what runs in which thread, and in which order it begins."""

import logging
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from captive_portal.gateway import dnsmasq, household, kernel, nft, pulse, rekeying, seen
from captive_portal.gateway.alarms import Alarms
from captive_portal.gateway.backhaul import Lookout, reach, reach_any
from captive_portal.gateway.border import Border
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.clock import Clock, KernelClock
from captive_portal.gateway.config import Config
from captive_portal.gateway.control import Control
from captive_portal.gateway.desk import Around, Desk
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.edge import HttpEdge
from captive_portal.gateway.enforcer import Enforcer
from captive_portal.gateway.heart import Heart, watcher
from captive_portal.gateway.household import Household
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.lanes import Lanes
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.monthly import Marker
from captive_portal.gateway.patrol import Patrol
from captive_portal.gateway.pulse import Gauge, Pulse, Watch
from captive_portal.gateway.rounds import Rounds
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.server import Reception
from captive_portal.gateway.sync import Orders, Pace, Sync
from captive_portal.gateway.web import Listener

log = logging.getLogger(__name__)

LANES_S: Final = 10.0


@dataclass(slots=True)
class Grounds:
    """What stands around the doors on the machine itself; nothing of it where packets are only recorded.

    `house` gives addresses and names, and is None where somebody else does.
    """

    patrol: Patrol
    lanes: Lanes
    house: Household | None

    def settle(self, ruling: Ruling) -> None:
        """Give addresses and names, and lay the lanes: the doors are shut, and the sets of names are there.

        Raises ConfigError, HouseholdFailed.
        """
        if self.house:
            self.house.start(ruling.policy)
            ruling.on_change.append(self.house.apply)
        self.lanes.lay()

    def pool(self) -> tuple[int, int] | None:
        """How many addresses are given, of how many. Raises OSError."""
        if self.house is None:
            return None
        found = self.house.pool()
        return found.used, found.size

    def gauge(self) -> Mapping[str, int]:
        """How full everything is. Raises OSError, EnforcerFailed."""
        pool = self.pool()
        addresses = {} if pool is None else {"pool_used": pool[0], "pool_size": pool[1]}
        return {**kernel.usage(), **addresses, "copied": len(self.patrol.copied), "rogue": self.patrol.rogue}

    def watches(self, names_key: bytes) -> list[Watch]:
        """What is looked out for."""
        house = self.house
        found = [
            pulse.copied(lambda: self.patrol.copied, names_key),
            pulse.rising("rogue", lambda: self.patrol.rogue),
        ]
        if house is not None:
            found.append(pulse.rising("starved", lambda: house.starved))
            found.append(pulse.nearly_full("filled", lambda: self.pool() or (0, 0)))
        return found

    def works(self) -> list[Callable[[threading.Event], None]]:
        """What runs for ever beside the doors."""
        return [self.patrol.run, self._watch_lanes, *([self.house.run] if self.house else [])]

    def _watch_lanes(self, stop: threading.Event) -> None:
        while not stop.wait(LANES_S):
            self.lanes.watch()


class Program:
    """One gateway: put together it has touched no rule yet; `run` begins."""

    def __init__(self, wanted: Config) -> None:
        """Raises GatewayError when it cannot be put together."""
        self._wanted = wanted
        self._clock = clock = KernelClock(wanted.boot_id_file)
        self._grounds = _grounds(wanted, clock)
        self._journal = journal = Journal(wanted.state_dir / "state.db")
        self._enforcer = _enforcer(wanted, clock)
        borrowed = Borrowed(clock, journal)
        keys = rekeying.keyring(wanted.site, journal, Marker(lambda: borrowed.now))
        own_list = wanted.network is not None and wanted.network.rpz is not None
        self._ruling = ruling = Ruling(
            wanted.site.names, wanted.site.site, journal, borrowed, wanted.policy, own_list=own_list
        )
        self._doorkeeper = doorkeeper = Doorkeeper(
            keys, self._enforcer, journal, clock, lambda: secrets.token_urlsafe(12), ruling
        )
        self._lookout = Lookout(partial(reach, wanted.portal_url), clock)
        self._internet = Lookout(self._reach_internet, clock, "Internet", patience_s=0)
        self._listeners = self._bound()
        self._alarms = Alarms(journal, clock, doorkeeper.news)
        self._phones = partial(seen.on, wanted.territory.lan) if wanted.territory else list
        self._rounds = Rounds(doorkeeper, ruling, borrowed, clock, self._phones)
        edge = HttpEdge(f"{wanted.edge_url}/gw/{wanted.site.site}/sync")
        orders = Orders(lambda: ruling.serial, ruling.take, borrowed.told)
        self._sync = Sync(keys, edge, doorkeeper, journal, clock, orders)

    def run(self, stop: threading.Event) -> None:
        """Keep the doors until told to stop. Raises GatewayError when it cannot begin."""
        grounds = self._grounds
        if grounds:
            grounds.patrol.begin()  # nothing passes from here on but what a rule lets through
        self._doorkeeper.start()
        if grounds:
            grounds.settle(self._ruling)
        self._console(stop)
        threads = [_started(work) for work in self._works(stop)]
        heart = Heart(watcher(), threads, partial(self._doorkeeper.why, ""))
        for notice in (self._enforcer.notice, grounds.patrol.notice if grounds else ""):
            if notice:
                log.warning(notice)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        heart.ready()
        heart.run(stop)
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()
        self._rounds.keep()
        if grounds and grounds.house:
            grounds.house.stop()

    def _works(self, stop: threading.Event) -> list[Callable[[], None]]:
        """What runs for ever, each in a thread of its own."""
        pace = Pace(self._wanted.sync_s, self._wanted.idle_s)
        return [
            *(listener.serve_forever for listener in self._listeners),
            partial(self._sync.run, stop, pace),
            partial(self._rounds.run, stop),
            partial(self._lookout.run, stop),
            partial(self._internet.stand_by, stop, lambda: self._lookout.failing_since is not None),
            partial(self._pulse().run, stop),
            *(partial(work, stop) for work in (self._grounds.works() if self._grounds else ())),
        ]

    def _pulse(self) -> Pulse:
        gauges: list[Gauge] = [self._away, *([self._grounds.gauge] if self._grounds else [])]
        watches = [
            pulse.rising("tampered", lambda: self._doorkeeper.tampered),
            *(self._grounds.watches(self._wanted.site.names) if self._grounds else []),
        ]
        return Pulse(self._journal, self._clock, self._alarms, gauges, watches)

    def _away(self) -> Mapping[str, int]:
        """For how long the controller has been away."""
        since = self._sync.away_since
        return {"away_s": 0 if since is None else int(self._clock.now().seconds - since)}

    def _reach_internet(self) -> None:
        """Raises OSError."""
        reach_any(dnsmasq.resolvers(self._ruling.policy), self._wanted.edge_url)

    def _bound(self) -> list[Listener]:
        """Raises AddressTaken."""
        wanted, (ip, port) = self._wanted, self._wanted.listen
        portal, own = f"{wanted.portal_url}/p/{wanted.site.site}", f"http://{ip}:{port}"
        secure = f"https://{wanted.tls.name}:{wanted.tls.listen[1]}" if wanted.tls else own
        reception = Reception(
            self._doorkeeper, self._ruling, portal, own, secure, self._lookout, self._internet
        )
        listeners = [Listener(wanted.listen, reception.plain)]
        if wanted.tls:
            listeners.append(Listener(wanted.tls.listen, reception.api, wanted.tls.context))
        return listeners

    def _console(self, stop: threading.Event) -> None:
        desk = Desk(
            self._wanted.site.site, self._doorkeeper, self._enforcer, self._journal, self._lookout,
            self._internet, self._sync, self._clock, self._ruling, self._phones, self._around(),
        )  # fmt: skip
        try:
            control = Control(self._wanted.state_dir, desk.answer)
        except OSError as error:
            # the doors matter more than who looks at them
            log.error("no console", extra={"error": error.strerror})
            return
        _started(partial(control.run, stop))

    def _around(self) -> Around:
        grounds, alarms = self._grounds, self._alarms
        if grounds is None:
            return Around(alarms=lambda: alarms.standing)
        return Around(grounds.pool, lambda: grounds.patrol.copied, lambda: alarms.standing)


def _grounds(wanted: Config, clock: Clock) -> Grounds | None:
    """Raises HouseholdFailed, EnforcerFailed."""
    if wanted.territory is None:
        return None
    lan, wan, network = wanted.territory.lan, wanted.territory.wan, wanted.network
    border = Border(lan, wanted.listen[0], nft.command())
    house = Household(network, network.run_dir, household.command(), clock) if network else None
    return Grounds(Patrol(lan, wan, border, clock), Lanes(lan, wan, wanted.uplink), house)


def _enforcer(wanted: Config, clock: Clock) -> Enforcer:
    if wanted.territory is None:
        return Ledger(wanted.state_dir / "ledger.json", clock)
    return nft.Nft(wanted.territory, clock, nft.command())


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
