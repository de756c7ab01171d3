"""`plaza poll [SELECTOR]`: ask now and show."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.poller import Polled, Targets
    from drivers.model import Device
    from metrics.sample import Sample

COLOURS = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "white"}


@click.command()
@click.argument("selector", default="role=ap")
@click.option("--once", is_flag=True, help="Ask once and end; otherwise ask at every interval until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def poll(selector: str, once: bool, as_json: bool) -> None:
    """Ask devices, now, from here: over SNMP, SSH or HTTPS, as the inventory says. Nothing is stored.

    SELECTOR is a name, a pattern, or site=…, mun=…, platform=…, role=… (comma: and); all for everything.
    """
    from controller import settings
    from controller.access import Access
    from controller.app import build
    from controller.poller import Targets
    from controller.poller_ssh import LOGIN_TIMEOUT_S
    from controller.selector import select
    from drivers.definition import load_platforms

    app = build(settings.load())
    devices = select(app.inventory, selector)
    access = Access(app.secrets, app.engine, LOGIN_TIMEOUT_S, app.inventory.devices)
    targets = Targets.of(devices, load_platforms(), app.secrets, access.enter)
    show = _show_json if as_json else _show_table
    show(_rows(app, devices, targets))
    while not once:
        time.sleep(app.settings.poll_interval_s)
        show(_rows(app, devices, targets))


def _rows(app: "App", devices: "Sequence[Device]", targets: "Targets") -> list[dict[str, object]]:
    """One row per device, in the order they were selected; what nobody measured is None."""
    from controller.health import unmeasured

    before = {s.tags["ap"]: s for s in app.samples.latest("wifi_ap", int(time.time()) - 3600)}
    polled = {one.device.name: one for one in asyncio.run(_ask(app, targets))}
    rows: list[dict[str, object]] = []
    for device in devices:
        one = polled.get(device.name)
        verdict = unmeasured(device) if one is None else one.verdict
        now = _ap_sample(one)
        rows.append(
            {
                "name": device.name,
                "way": str(device.poll),
                "state": str(verdict.state),
                "agent_answers": verdict.agent_answers,
                "service_works": verdict.service_works,
                "clients": None if now is None else now.fields.get("clients"),
                "traffic_bps": _traffic_bps(before.get(device.name), now),
                "poll_octets": None if now is None else now.fields.get("poll_octets"),
                "reason": verdict.reason,
            }
        )
    return rows


async def _ask(app: "App", targets: "Targets") -> "list[Polled]":
    from controller.poller import poll_once
    from controller.store import snmp
    from drivers.snmp.backends import open_poller

    poller = open_poller(learned=snmp.learned(app.engine), backend=app.settings.snmp_backend)
    try:
        return await poll_once(targets, poller, app.settings.poll_interval_s)
    finally:
        await poller.close()


def _ap_sample(one: "Polled | None") -> "Sample | None":
    if one is None:
        return None
    return next((sample for sample in one.samples if sample.measurement == "wifi_ap"), None)


def _traffic_bps(before: "Sample | None", now: "Sample | None") -> int | None:
    """Bits per second in both directions since the stored sample; None without two, or over a reset."""
    if before is None or now is None:
        return None
    needed = ("uptime_s", "rx_octets", "tx_octets")
    if any(name not in sample.fields for name in needed for sample in (before, now)):
        return None
    deltas = {name: now.fields[name] - before.fields[name] for name in needed}
    if deltas["uptime_s"] <= 0 or min(deltas.values()) < 0:
        return None
    return int(8 * (deltas["rx_octets"] + deltas["tx_octets"]) / deltas["uptime_s"])


def _show_json(rows: Sequence[Mapping[str, object]]) -> None:
    click.echo(json.dumps({"access_points": list(rows)}, ensure_ascii=False))


def _show_table(rows: Sequence[Mapping[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "WAY", "STATE"):
        table.add_column(title, no_wrap=True)
    for title in ("CLIENTS", "TRAFFIC", "POLL"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("REASON", overflow="fold")
    for row in rows:
        state = str(row["state"])
        why = "" if state == "up" else str(row["reason"])
        table.add_row(
            Text(str(row["name"])),
            Text(str(row["way"])),
            Text(state, style=COLOURS[state]),
            _shown(row["clients"]),
            _rate(row["traffic_bps"]),
            _octets(row["poll_octets"]),
            Text(why),
        )
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    count = {state: sum(1 for row in rows if row["state"] == state) for state in COLOURS}
    click.echo(", ".join(f"{number} {state}" for state, number in count.items()))


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def _octets(on_wire: object) -> str:
    return "–" if on_wire is None else f"{on_wire:,} B"


def _rate(bps: object) -> str:
    if not isinstance(bps, int):
        return "–"
    for unit, size in (("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bps >= size:
            return f"{bps / size:.1f} {unit}"
    return f"{bps} bit/s"
