"""A virtual access point: its state now, for whichever protocol asks."""

import threading
from pathlib import Path
from typing import Final

from simulator.air import Air, RadioAir, of_config, of_spec, silent
from simulator.chance import between, draw, wobble
from simulator.crowd import crowd
from simulator.home import Home, mac
from simulator.model import ApSpec, Fault, Platform
from simulator.reading import (
    BssReading,
    Iface,
    Memory,
    Processor,
    RadioReading,
    Reading,
    extend_lines,
)
from simulator.uci import parse

DOWN_OCTETS_PER_CLIENT_S: Final = 12_000
UP_OCTETS_PER_CLIENT_S: Final = 1_500
_TICKS_PER_S: Final = 100
_WIRED: Final = ((1, "lo", 24, 65536, 10), (2, "eth0", 6, 1500, 1000), (3, "br-lan", 6, 1500, 1000))
_CHATTER_OCTETS_S: Final = {"lo": 20, "eth0": 210, "br-lan": 90}


class VirtualAp:
    """Everything follows from seed, name and time, save the air, which follows the AP's own configuration.

    Counters are integrals of the crowd's curve over the time a network name was on the air, kept as
    client-seconds per interface and settled whenever the air changes; they never go backwards.
    """

    def __init__(self, seed: int, spec: ApSpec, state_dir: Path, started_s: int) -> None:
        self.spec = spec
        self.home = Home(state_dir, spec.name) if spec.ssh else None
        self.started_s = started_s
        self.fault: Fault | None = None
        self._seed = seed
        self._crowd = crowd(seed, spec.name, spec.bands)
        self._thirst = 0.5 + draw(seed, spec.name, "thirst")
        self._memory_kib = (121_104, 249_336, 508_384)[between(0, 2, seed, spec.name, "memory")]
        self._lock = threading.Lock()
        self._wanted: Air = of_spec(seed, spec)
        self._hostname = spec.name
        self._version: tuple[int, ...] = ()
        self._settled: dict[str, float] = {}
        self._settled_s = started_s
        self._on_air: Air = ()
        self._last: Reading | None = None

    def start(self) -> None:
        """Boot: make what the AP keeps on disk."""
        if self.home:
            self.home.start(self._seed, self.spec)

    def reading(self, now_s: float) -> Reading:
        """The AP at this second; several questions within one second get one answer."""
        with self._lock:
            second = max(int(now_s), self._last.epoch_s if self._last else self.started_s)
            air = self._air()
            if self._last is None:
                self._on_air = air  # since the start: counters do not depend on who asks first
            elif air != self._on_air:
                self._settle(second)
                self._on_air = air
            elif self._last.epoch_s == second and self._last.hostname == self._hostname:
                return self._last
            self._last = self._read(second)
            return self._last

    def _air(self) -> Air:
        """What is on the air, after any change of configuration or fault."""
        if self.home and self.spec.platform is Platform.OPENWRT:
            version = self.home.version()
            if version != self._version:
                self._version = version
                self._wanted = of_config(self._seed, self.spec, self.home.applied("wireless"))
                self._hostname = _hostname(self.home.applied("system"))
        return silent(self._wanted) if self.fault is Fault.NO_SERVICE else self._wanted

    def _settle(self, second: int) -> None:
        for radio in self._on_air:
            for bss, seconds in zip(radio.bsses, self._client_seconds(radio, second), strict=True):
                self._settled[bss.ifname] = seconds
        self._settled_s = second

    def _client_seconds(self, radio: RadioAir, second: int) -> list[float]:
        """Client-seconds of each of the radio's interfaces since the AP's start."""
        if not radio.bsses:
            return []
        fresh = self._crowd.client_seconds(radio.band, self._settled_s, second) / len(radio.bsses)
        return [self._settled.get(bss.ifname, 0.0) + fresh for bss in radio.bsses]

    def _read(self, second: int) -> Reading:
        uptime_s = second - self.started_s
        totals = dict(self._settled)
        radios, bsses = [], []
        for air in self._on_air:
            seconds = self._client_seconds(air, second)
            totals |= {bss.ifname: value for bss, value in zip(air.bsses, seconds, strict=True)}
            radio, on_it = self._radio(air, seconds, second)
            radios.append(radio)
            bsses += on_it
        used = sum(totals.values())
        load = sum(radio.clients for radio in radios) / self._crowd.peak
        return Reading(
            name=self.spec.name,
            platform=self.spec.platform,
            hostname=self._hostname,
            epoch_s=second,
            uptime_s=uptime_s,
            processor=_processor(uptime_s, used / self._crowd.peak, load),
            memory=self._memory(load, second),
            processes=between(48, 61, self._seed, self.spec.name, "processes", second // 300),
            ifaces=self._ifaces(uptime_s, used, tuple(bsses)),
            radios=tuple(radios),
            bsses=tuple(bsses),
            lines=extend_lines(tuple(radios), tuple(bsses)),
        )

    def _radio(
        self, air: RadioAir, seconds: list[float], second: int
    ) -> tuple[RadioReading, list[BssReading]]:
        key = (self._seed, self.spec.name, air.band)
        clients = self._crowd.clients(air.band, second) if air.bsses else 0
        neighbours_pct = 4 + 14 * draw(*key, "neighbours")
        airtime_pct = neighbours_pct + 1.1 * clients + 3 * wobble(second, 120, *key, "airtime")
        noise_dbm = -95 + int(6 * draw(*key, "noise")) + round(wobble(second, 600, *key, "noise"))
        uptime_ms = 1000 * (second - self.started_s)
        busy_ms = int(uptime_ms * neighbours_pct / 100 + 11 * sum(seconds))
        busy_255ths = round(min(97.0, max(1.0, airtime_pct)) * 255 / 100)  # hostapd counts in 255ths
        utilisation_pct = round(busy_255ths * 100 / 255, 1)
        radio = RadioReading(air, clients, utilisation_pct, noise_dbm, uptime_ms, min(busy_ms, uptime_ms))
        share, more = divmod(clients, max(1, len(air.bsses)))
        on_it = [
            BssReading(air.band, bss, share + (n < more), self._up(used), self._down(used))
            for n, (bss, used) in enumerate(zip(air.bsses, seconds, strict=True))
        ]
        return radio, on_it

    def _down(self, client_seconds: float) -> int:
        return int(client_seconds * DOWN_OCTETS_PER_CLIENT_S * self._thirst)

    def _up(self, client_seconds: float) -> int:
        return int(client_seconds * UP_OCTETS_PER_CLIENT_S * self._thirst)

    def _memory(self, load: float, second: int) -> Memory:
        total = self._memory_kib
        noise = 0.02 * wobble(second, 240, self._seed, self.spec.name, "memory")
        free = int(total * (0.48 - 0.15 * min(load, 1.0) + noise))
        return Memory(total, free, total // 60, total // 9)

    def _ifaces(self, uptime_s: int, used: float, bsses: tuple[BssReading, ...]) -> tuple[Iface, ...]:
        ifaces = []
        for number, (index, name, kind, mtu, speed) in enumerate(_WIRED):
            chatter = _CHATTER_OCTETS_S[name] * uptime_s
            down, up = (
                (chatter, chatter) if name == "lo" else (self._down(used) + chatter, self._up(used) + chatter)
            )
            address = b"" if name == "lo" else mac(self._seed, self.spec.name, number)
            ifaces.append(_iface((index, name, kind, mtu, speed), address, rx=down, tx=up))
        for reading in bsses:
            phy, number = (int(part) for part in reading.bss.ifname.removeprefix("phy").split("-ap"))
            row = (10 * (phy + 1) + number, reading.bss.ifname, 6, 1500, 300)
            address = mac(self._seed, self.spec.name, row[0])
            ifaces.append(_iface(row, address, rx=reading.rx_octets, tx=reading.tx_octets))
        return tuple(ifaces)


def _iface(row: tuple[int, str, int, int, int], address: bytes, rx: int, tx: int) -> Iface:
    return Iface(*row, address, rx, tx, rx // 410, tx // 410)


def _processor(uptime_s: int, busy_s: float, load: float) -> Processor:
    cores = 2
    total = _TICKS_PER_S * cores * uptime_s
    busy = min(int(_TICKS_PER_S * cores * (0.03 * uptime_s + 0.2 * busy_s)), total)
    user, system = busy * 45 // 100, busy * 25 // 100
    softirq = busy - user - system
    return Processor(cores, user, system, softirq, total - busy, round(0.04 + 0.9 * load, 2))


def _hostname(system: str) -> str:
    """As OpenWrt's boot does: the name in the system section, otherwise OpenWrt."""
    names = [s.options["hostname"] for s in parse(system) if s.kind == "system" and s.options.get("hostname")]
    return names[0] if names else "OpenWrt"
