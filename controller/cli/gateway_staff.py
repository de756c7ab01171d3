"""The part of `plaza gateway` for whoever looks after the gateways: who is kept out, and how a box stands."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.gateway_blocks import Block
    from controller.gateway_facts import Box, Facts

JSON = click.option("--json", "as_json", is_flag=True, help="For a program.")


@click.command()
@click.argument("site")
@click.argument("mac")
@click.option("--reason", required=True, help="Why; its citizen reads this, so write it in Spanish.")
@click.option("--days", required=True, type=click.IntRange(1, 366), help="For how many days.")
def block(site: str, mac: str, reason: str, days: int) -> None:
    """Keep the device MAC (or -, to be asked for it) out of SITE; it is dismissed if it is in.

    The MAC is kept nowhere, only what the gateway calls it there.
    """
    from controller import gateway_blocks, settings
    from controller.app import build

    app = build(settings.load())
    there = gateway_blocks.own_site(app, site)
    wish = gateway_blocks.Wish(_typed(mac), reason, timedelta(days=days))
    made = gateway_blocks.block(app, there, wish, datetime.now(UTC))
    click.echo(f"{made.block}: kept out of {site} until {made.until.isoformat()}; {_FOLLOWS}")


@click.command()
@click.argument("site")
@click.argument("which", metavar="MAC|BLOCK")
def unblock(site: str, which: str) -> None:
    """Let a device into SITE again, by its MAC (or -, to be asked for it) or by the name of its block."""
    from controller import gateway_blocks, settings
    from controller.app import build

    app = build(settings.load())
    there = gateway_blocks.own_site(app, site)
    name = gateway_blocks.unblock(app, there, _typed(which), datetime.now(UTC))
    click.echo(f"{name}: let into {site} again; {_FOLLOWS}")


@click.command()
@click.argument("site", required=False, default="")
@JSON
def blocks(site: str, as_json: bool) -> None:
    """List who is kept out of SITE, or of all sites: why, who said so, until when. No MAC is kept."""
    import json

    from controller import gateway_blocks, settings
    from controller.app import build

    app = build(settings.load())
    if site:
        gateway_blocks.own_site(app, site)
    found = gateway_blocks.blocks(app, site, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        why = f"until {one.until.isoformat()}  {one.author}: {one.reason}"
        click.echo(f"{one.block}  {one.site}  {one.device}  {why}")
    click.echo(f"{len(found)} kept out")


@click.command()
@click.argument("site")
@JSON
def show(site: str, as_json: bool) -> None:
    """Show how SITE's gateway stands: its boxes, the policy that it follows, how full it is, its alarms."""
    import json
    from dataclasses import asdict

    from controller import gateway_blocks, gateway_facts, settings
    from controller.app import build

    app = build(settings.load())
    now = datetime.now(UTC)
    facts = gateway_facts.facts_of(app, gateway_blocks.own_site(app, site), now)
    if as_json:
        click.echo(json.dumps(asdict(facts), indent=2))
        return
    for line in _lines(facts):
        click.echo(line)


_FOLLOWS = "its gateway hears of it within a minute, or half an hour where nobody is in"


def _typed(said: str) -> str:
    return str(click.prompt("MAC", hide_input=True, err=True)) if said == "-" else said


def _told(one: "Block") -> dict[str, str]:
    return {
        "block": one.block,
        "site": one.site,
        "device": one.device,
        "reason": one.reason,
        "author": one.author,
        "made_at": one.made_at.isoformat(),
        "until": one.until.isoformat(),
    }


def _lines(facts: "Facts") -> list[str]:
    if not facts.boxes:
        return [f"{facts.site}: no gateway ever called; plaza gateway build {facts.site} makes one"]
    lines = [f"{facts.site}: policy {facts.serial}, key epoch {facts.epoch}"]
    lines += [_of_box(one, facts) for one in facts.boxes]
    if facts.pulse_at is not None:
        told = ", ".join(f"{name} {value}" for name, value in sorted(facts.pulse.items()))
        lines.append(f"pulse of {_at(facts.pulse_at)}: {told}")
    alarms = ", ".join(f"{times} {cause}" for cause, times in facts.alarms.items())
    return [*lines, f"alarms in the last day: {alarms or 'none'}"]


def _of_box(one: "Box", facts: "Facts") -> str:
    behind = "" if one.serial == facts.serial else f" (not {facts.serial})"
    old = "" if one.epoch == facts.epoch else f" (not {facts.epoch})"
    follows = f"follows policy {one.serial}{behind}, signs in epoch {one.epoch}{old}"
    return f"{one.box[:8]}  {one.state}  heard {_at(one.heard_at)}, first {_at(one.first_at)}  {follows}"


def _at(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
