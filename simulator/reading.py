"""What one virtual AP would measure of itself at one second."""

from dataclasses import dataclass
from urllib.parse import quote

from simulator.air import Bss, RadioAir, frequency_mhz
from simulator.model import Band, Platform


@dataclass(frozen=True, slots=True)
class Iface:
    """A network interface; `kind` is IANAifType, octets and packets count since the AP started."""

    index: int
    name: str
    kind: int
    mtu: int
    speed_mbps: int
    mac: bytes
    rx_octets: int
    tx_octets: int
    rx_packets: int
    tx_packets: int


@dataclass(frozen=True, slots=True)
class RadioReading:
    """A radio that is on. `active_ms` and `busy_ms` are the survey's totals since the AP started."""

    air: RadioAir
    clients: int
    utilisation_pct: float
    noise_dbm: int
    active_ms: int
    busy_ms: int


@dataclass(frozen=True, slots=True)
class BssReading:
    """A network name on the air."""

    band: Band
    bss: Bss
    clients: int
    rx_octets: int
    tx_octets: int


@dataclass(frozen=True, slots=True)
class Processor:
    """Ticks of 10 ms since the AP started, over all cores."""

    cores: int
    user: int
    system: int
    softirq: int
    idle: int
    load: float


@dataclass(frozen=True, slots=True)
class Memory:
    """kibioctets."""

    total: int
    free: int
    buffers: int
    cached: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One second of one AP; times are seconds since the epoch and since the AP's start."""

    name: str
    platform: Platform
    hostname: str
    epoch_s: int
    uptime_s: int
    processor: Processor
    memory: Memory
    processes: int
    ifaces: tuple[Iface, ...]
    radios: tuple[RadioReading, ...]
    bsses: tuple[BssReading, ...]
    lines: tuple[bytes, ...]


def extend_lines(radios: tuple[RadioReading, ...], bsses: tuple[BssReading, ...]) -> tuple[bytes, ...]:
    """The output of the `plaza` extend: its version, a line per radio that sends, a line per network name."""
    lines = ["plaza version=1"]
    lines += [_radio_line(radio) for radio in radios if radio.air.bsses]
    lines += [
        f"ssid band={b.band} name={quote(b.bss.ssid, safe='')} clients={b.clients}"
        f" rx_octets={b.rx_octets} tx_octets={b.tx_octets}"
        for b in bsses
    ]
    return tuple(line.encode() for line in lines)


def _radio_line(radio: RadioReading) -> str:
    air = radio.air
    return (
        f"radio band={air.band} channel={air.channel} frequency_mhz={frequency_mhz(air.band, air.channel)}"
        f" width_mhz={air.width_mhz} utilisation_pct={radio.utilisation_pct} noise_dbm={radio.noise_dbm}"
        f" power_dbm={air.power_dbm} clients={radio.clients}"
    )
