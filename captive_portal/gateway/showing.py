"""What an install or an uninstall changes, in words, before it does so: a line each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway import fence, kernel, service
from captive_portal.gateway.config import Config
from captive_portal.gateway.manifest import PLACE, Manifest
from captive_portal.gateway.systems import System

FORWARDING: Final = "net.ipv4.ip_forward"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is written: directories with modes, files with what they say and modes, links with targets."""

    site: str
    system: System
    directories: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, bytes, int], ...]
    links: tuple[tuple[str, str], ...]


def files(wanted: Plan, manifest: Manifest) -> Iterator[str]:
    """What an install makes and writes."""
    yield f"The gateway of {wanted.site} on {wanted.system.name}. This will change:"
    above = [one for path, _ in wanted.directories for one in (*reversed(Path(path).parents), Path(path))]
    for path in dict.fromkeys(map(str, above)):
        if not manifest.at(path).is_dir():
            yield f"  make     {path}"
    for path, _, mode in wanted.files:
        yield f"  {_verb(manifest.at(path))}  {path} ({mode:04o})"
    for path, target in wanted.links:
        yield f"  {_verb(manifest.at(path))}  {path}, a link to {target}"


def running(wanted: Config, system: System) -> Iterator[str]:
    """What an install does to the running machine, by the service that it starts."""
    yield f"  set      {FORWARDING} to 0, now and at boot; to 1 whenever the gateway is ready"
    yield f"  start    {system.service}, now and at boot; while it runs it will"
    yield f"  load     the nftables tables {', '.join(service.TABLES)}"
    if wanted.territory is None:
        return
    lan, wan = wanted.territory.lan, wanted.territory.wan
    yield f"  add      the routing rules {fence.STAMPED} and {fence.REST} for packets from {lan}"
    for name, (now, value) in kernel.changes(lan, wan).items():
        yield f"  set      {name.replace('/', '.')} from {now} to {value}"
    if wanted.network:
        yield f"  run      three dnsmasq, for addresses and names in {wanted.network.guests}"
        yield f"  make     {system.run}, in memory: their leases"
    if wanted.uplink.down_kbps or wanted.uplink.up_kbps:
        yield f"  replace  the queues of {lan} and {wan}, so that phones take turns"


def kept() -> Iterator[str]:
    """What becomes of what was there."""
    yield f"What is there now is kept in {PLACE}; `uninstall` puts it back."


def going(manifest: Manifest, lans: Iterable[str], settings: Mapping[str, str]) -> Iterator[str]:
    """What an uninstall does to the running machine."""
    yield "  stop     the gateway and its dnsmasq; phones that are in are cut"
    yield f"  remove   the nftables tables {', '.join(service.TABLES)}, and the queues"
    for lan in lans:
        yield f"  remove   the routing rules {fence.STAMPED} and {fence.REST} for packets from {lan}"
    for name, (now, before) in kernel.restored(settings).items():
        yield f"  set      {name.replace('/', '.')} from {now} to {before}, as it was"
    yield f"  set      {FORWARDING} to {manifest.fact(FORWARDING) or service.forwarding()}, as it was"


def put_back(manifest: Manifest) -> Iterator[str]:
    """What an uninstall puts back on the disk."""
    for path, former in reversed([*manifest.formers.items()]):
        yield f"  {'remove ' if former.kind == 'nothing' else 'restore'}  {path}"
    yield "What the controller was not told of yet is lost."


def _verb(path: Path) -> str:
    return "replace" if path.exists() or path.is_symlink() else "write  "
