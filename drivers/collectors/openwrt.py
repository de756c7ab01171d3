"""OpenWrt over SSH: the samples that come over SNMP, from one script that only reads."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from drivers import extend
from drivers.collect import Collected, service, tags_of, whole_fleet
from drivers.definition import Platform, load_platforms
from drivers.errors import UnexpectedReply
from drivers.extend import Line
from drivers.labels import printable
from drivers.model import Device
from drivers.snmp.seam import Oid
from drivers.traffic import choose
from metrics import catalog
from metrics.sample import Sample

if TYPE_CHECKING:
    from drivers.ssh import Shell

TIMEOUT_S: Final = 20.0
_PLATFORM: Final = "openwrt"
_FACTS: Final = frozenset({"name", "description", "model"})
_RAW_OCTETS: Final = 2000
_AP_FIELDS: Final = catalog.MEASUREMENTS["wifi_ap"].fields

_SYSTEM: Final = r"""
# KEY: the first text with that key in the JSON on stdin, as one word
text() {
	sed -n "s/^.*\"$1\":[[:space:]]*\"\([^\"\\\\]*\)\".*\$/\1/p" | head -n 1 |
		awk "$PERCENT"' { print percent($0) }'
}

board=$(ubus call system board 2>/dev/null)
for pair in name:hostname model:model description:description; do
	value=$(printf '%s\n' "$board" | text "${pair#*:}")
	[ -n "$value" ] && echo "fact ${pair%%:*}=$value"
done

info=$(ubus call system info 2>/dev/null)
line=system
for key in uptime total free buffered cached; do
	value=$(printf '%s' "$info" | number "$key")
	[ "$value" = - ] || line="$line $key=$value"
done
echo "$line"

for name in wan lan eth0 eth1 eth2 eth3 br-lan; do
	counters=$(ubus call network.device status "{\"name\":\"$name\"}" 2>/dev/null)
	rx=$(printf '%s' "$counters" | number rx_bytes)
	tx=$(printf '%s' "$counters" | number tx_bytes)
	[ "$rx" = - ] || [ "$tx" = - ] || echo "interface name=$name rx_octets=$rx tx_octets=$tx"
done
echo 'plaza end=1'
"""


def _script() -> str:
    return files("drivers").joinpath("platforms", _PLATFORM, "snmp", "plaza.sh").read_text("utf-8") + _SYSTEM


SCRIPT: Final = _script()
"""What to send to `sh -s`; its output is what `collect` reads."""


def ask(shell: "Shell") -> Iterator[tuple[str, str]]:
    """One script, one answer."""
    yield "script", shell.run(SCRIPT, TIMEOUT_S).text


def read(device: Device, said: Mapping[str, str], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply."""
    return collect(device, said.get("script", ""), slot)


def collect(device: Device, output: str, slot: int) -> Collected:
    """The samples in the script's output. Raises UnexpectedReply when it is not that, or not all of it."""
    platform = load_platforms()[_PLATFORM]
    lines = extend.parse(output.splitlines())
    _check(device, lines, output)
    tags = tags_of(device, platform)
    kinds = platform.extend.lines if platform.extend else {}
    parts, problems = extend.samples(lines, kinds, tags, slot)
    measured = {"up": 1, **_system(lines), **_traffic(platform, lines)}
    samples = whole_fleet(Sample("wifi_ap", tags, measured, slot), parts)
    for sample in samples:
        catalog.check(sample)
    works, reason = service(platform, lines, parts, complete=True)
    return Collected(samples, _facts(lines), works, reason, tuple(problems))


def _check(device: Device, lines: Sequence[Line], output: str) -> None:
    marks = {key for line in lines if line.kind == "plaza" for key in line.values}
    if "version" not in marks:
        raise UnexpectedReply(device.name, "the script did not run", output[:_RAW_OCTETS], "is it OpenWrt?")
    if "end" not in marks:
        raise UnexpectedReply(device.name, "the answer was cut short", output[:_RAW_OCTETS], "try again")


def _system(lines: Sequence[Line]) -> dict[str, int | float]:
    values = _first(lines, "system")
    uptime = extend.number(_AP_FIELDS["uptime_s"], values.get("uptime", ""))
    found: dict[str, int | float] = {} if uptime is None else {"uptime_s": uptime}
    octets = {key: int(text) for key, text in values.items() if re.fullmatch(r"[0-9]{1,18}", text)}
    if octets.get("total") and "free" in octets:
        spare = octets["free"] + octets.get("buffered", 0) + octets.get("cached", 0)
        in_use = extend.fit(_AP_FIELDS["memory_pct"], 100 * (octets["total"] - spare) / octets["total"])
        found |= {} if in_use is None else {"memory_pct": in_use}
    return found


def _traffic(platform: Platform, lines: Sequence[Line]) -> dict[str, int | float]:
    """The counters of the interface that the platform's rule names, as over SNMP."""
    if platform.traffic is None:
        return {}
    ports = [line.values for line in lines if line.kind == "interface"]
    names: dict[Oid, str] = {(row,): port.get("name", "") for row, port in enumerate(ports)}
    chosen = [ports[row[0]] for row in choose(platform.traffic.interfaces, names, {})]
    found: dict[str, int | float] = {}
    for key in ("rx_octets", "tx_octets"):
        counters = [extend.number(_AP_FIELDS[key], port.get(key, "")) for port in chosen]
        known = [counter for counter in counters if counter is not None]
        if known and len(known) == len(chosen):
            found[key] = sum(known)
    return found


def _facts(lines: Sequence[Line]) -> dict[str, str]:
    pairs = [pair for line in lines if line.kind == "fact" for pair in line.values.items()]
    return {key: printable(unquote_to_bytes(text)) for key, text in pairs if key in _FACTS}


def _first(lines: Sequence[Line], kind: str) -> Mapping[str, str]:
    return next((line.values for line in lines if line.kind == kind), {})
