"""`plaza voucher`: codes on paper for sites that ask for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from controller.cli.newfile import NewFile
from controller.cli.printed_url import printed_url
from controller.cli.quantities import Length, Octets

if TYPE_CHECKING:
    from controller.vouchers import Count, Wish

RATE = click.IntRange(0, 10_000_000)
WHY = click.option("--why", required=True, help="Why, for the audit log.")


class Given(TypedDict):
    """What a batch is to be, as typed."""

    count: int
    duration: timedelta
    octets: int
    down_kbps: int
    up_kbps: int
    devices: int
    expires: datetime


@click.group()
def voucher() -> None:
    """Make, count and revoke vouchers. A code is printed and forgotten: no command can show it again."""


@voucher.command()
@click.argument("place")
@click.option("--count", required=True, type=click.IntRange(1, 2000), help="How many vouchers.")
@click.option("--duration", required=True, type=Length(), help="What one gives, like 2h or 1h30m.")
@click.option("--octets", default="0", type=Octets(), help="Data of one device both ways, like 500MB.")
@click.option("--down-kbps", default=0, type=RATE, help="Rate to one device; 0 is no limit.")
@click.option("--up-kbps", default=0, type=RATE, help="Rate from one device; 0 is no limit.")
@click.option("--devices", default=1, show_default=True, type=click.IntRange(1, 1000), help="Of one voucher.")
@click.option("--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day to begin.")
@click.option("-o", "--output", type=NewFile(), help="The PDF: eight cards a page, letter size.")
@click.option("--csv", "table", type=NewFile(), help="A CSV file instead of a PDF.")
@WHY
def make(place: str, output: Path | None, table: Path | None, why: str, **given: Unpack["Given"]) -> None:
    """Make vouchers for PLACE, the key of a site or of a municipality, and write them into a new file."""
    from controller import settings, vouchers
    from controller.app import build
    from controller.printing import cards, sheets, tables

    file = _one(output, table)
    app = build(settings.load())
    where = vouchers.place_of(app, place)
    wish = _wish(given, why)
    batch = vouchers.planned(where, wish, datetime.now(UTC))
    for site in where.sites:
        if not site.portal.vouchers:
            click.echo(f"{site.key}: asks for no voucher; set portal.vouchers in the inventory", err=True)
    click.echo(f"batch {batch.name}; throw {file} away if plaza voucher list does not show it", err=True)
    sheet = sheets.sheet(where, wish, batch, app.inventory.devices.values(), printed_url(app.settings))
    draw = tables.drawn if table else cards.drawn
    with _gone_if_it_fails(file):
        vouchers.make(app, where, batch, wish.count, lambda codes: _keep(file, draw(sheet, codes)))
    click.echo(f"{batch.name}: {wish.count} vouchers for {place} in {file}; who has the file has the codes")


def _wish(given: "Given", why: str) -> "Wish":
    from captive_portal.model import Plan
    from controller.vouchers import Wish

    plan = Plan(
        "voucher",
        given["duration"],
        octets=given["octets"],
        down_kbps=given["down_kbps"],
        up_kbps=given["up_kbps"],
    )
    return Wish(given["count"], plan, given["devices"], given["expires"].date(), why)


def _one(output: Path | None, table: Path | None) -> Path:
    """The file to write: printed codes are never overwritten."""
    files = [file for file in (output, table) if file is not None]
    if len(files) != 1:
        raise click.UsageError("name one file, with -o for a PDF or --csv for a table")
    if files[0].exists():
        raise click.UsageError(f"{files[0]} is there already and may hold codes; name a new file")
    return files[0]


@contextmanager
def _gone_if_it_fails(file: Path) -> Iterator[None]:
    """Whatever fails, an interruption too, leaves no file of codes that are worth nothing."""
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _keep(file: Path, octets: bytes) -> None:
    from controller.files import write_private_octets

    try:
        write_private_octets(file, octets)
    except OSError as error:
        raise click.FileError(str(file), f"{error.strerror}; no batch was made") from error


@voucher.command("list")
def list_batches() -> None:
    """List the batches, the newest first: place, last moment to begin, how many are used."""
    from controller import settings, vouchers
    from controller.app import build

    found = vouchers.counts(build(settings.load()).engine)
    for one in found:
        click.echo(f"{one.batch}  {one.place}  until {one.expires_at.isoformat()}  {_numbers(one)}")
    click.echo(f"{len(found)} batches")


@voucher.command()
@click.argument("batch")
def show(batch: str) -> None:
    """Show who made BATCH and why, and how many of its vouchers are used; which ones nobody can see."""
    from controller import settings, vouchers
    from controller.app import build

    one = vouchers.count(build(settings.load()).engine, batch)
    click.echo(f"{one.batch}: for {one.place}, made {one.made_at.isoformat()} by {one.made_by}: {one.why}")
    click.echo(f"until {one.expires_at.isoformat()}")
    click.echo(_numbers(one))


@voucher.command()
@click.argument("batch")
@click.argument("number", required=False, type=click.IntRange(1))
@WHY
def revoke(batch: str, number: int | None, why: str) -> None:
    """Make BATCH, or the voucher NUMBER of it, worth nothing; running sessions go on to their end."""
    from controller import settings, vouchers
    from controller.app import build

    what = batch if number is None else f"{batch} voucher {number}"
    app = build(settings.load())
    if vouchers.revoke(app, batch, number, why, datetime.now(UTC)):
        click.echo(f"{what}: revoked")
    else:
        click.echo(f"{what}: was revoked before, nothing was changed")


def _numbers(one: "Count") -> str:
    return f"{one.used} used, {one.unused} unused, {one.revoked} revoked"
