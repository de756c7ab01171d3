"""`plaza snmp`: ask one device for objects, and say why it does not answer."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.cli.snmp_shown import Reading
    from drivers.errors import DriverError
    from drivers.model import Device
    from drivers.snmp.names import Names
    from drivers.snmp.seam import Learned, Oid, PollReply, PollRequest

WALK_DEADLINE_S = 300.0


@click.group()
def snmp() -> None:
    """Ask one device for SNMP objects, and learn why it does not answer."""


def _asks(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that `get` and `walk` share."""
    for add in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option(
            "--mib",
            "mibs",
            multiple=True,
            type=click.Path(exists=True, path_type=Path),
            help="Know the names of a vendor's MIB too: a file, or a directory of them.",
        ),
        click.argument("objects", nargs=-1, required=True, metavar="OID..."),
        click.argument("name"),
    ):
        command = add(command)
    return command


@snmp.command()
@_asks
def get(name: str, objects: tuple[str, ...], mibs: tuple[Path, ...], as_json: bool) -> None:
    """Ask a device for single objects.

    OID is dotted or a name: 1.3.6.1.2.1.1.3.0, sysName.0, ifHCInOctets.3.

    The device NAME is asked as the poller asks it, with its credential and what its agent has taught us.
    Nothing is stored.
    """
    from controller.cli.snmp_shown import got

    desk = Desk.of(name, objects, mibs)
    desk.ask(replace(desk.request, scalars=desk.oids), got, as_json=as_json)


@snmp.command()
@_asks
@click.option(
    "--rows", default=10_000, show_default=True, type=click.IntRange(1), help="Most rows of each OID."
)
def walk(name: str, objects: tuple[str, ...], mibs: tuple[Path, ...], as_json: bool, rows: int) -> None:
    """Show all that a device has below each OID.

    OID is dotted or a name: 1.3.6.1.2.1.1, ifTable, ifHCInOctets.

    The device NAME is asked as the poller asks it, with its credential and what its agent has taught us.
    Nothing is stored.
    """
    from controller.cli.snmp_shown import walked

    desk = Desk.of(name, objects, mibs)
    request = replace(desk.request, columns=desk.oids, max_rows=rows, deadline_s=WALK_DEADLINE_S)
    desk.ask(request, walked, as_json=as_json)


@snmp.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; its times are UTC.")
def why(name: str, as_json: bool) -> None:
    """Say why a device is in its state, and what to try next.

    With what asking it costs, what its agent has taught us, and its last errors. Nothing is asked of the
    device: this is what the running poller has noted. Times are those of its site.
    """
    import time

    from controller import settings
    from controller.app import build
    from controller.cli import snmp_why
    from controller.diagnosis import diagnose
    from controller.profiles import interval_s
    from controller.wire_cost import wire_cost
    from drivers.snmp.names import known

    app = build(settings.load())
    device = _one(app, name)
    now = int(time.time())
    found = diagnose(app.engine, device, interval_s(device, app.settings.poll_interval_s), now)
    site = app.inventory.sites[device.site]
    cost = wire_cost(app.samples, device, site, app.settings.poll_interval_s, now)
    if as_json:
        click.echo(json.dumps(snmp_why.machine(found, cost), ensure_ascii=False))
        return
    kind = app.inventory.credentials.get(device.snmp_credentials, {}).get("kind", "")
    place = snmp_why.Place(site, kind, now)
    click.echo("\n".join(snmp_why.sentences(found, place, known(), cost)))


@dataclass(frozen=True, slots=True)
class Desk:
    """One device to ask, what it is asked for, and how it likes to be asked."""

    app: "App"
    device: "Device"
    names: "Names"
    oids: "tuple[Oid, ...]"
    request: "PollRequest"

    @classmethod
    def of(cls, name: str, objects: Sequence[str], mibs: Sequence[Path]) -> "Desk":
        """Raises ControllerError for a name, a selector or a credential that is wrong."""
        from controller import settings
        from controller.app import build
        from controller.errors import SelectorError
        from drivers.snmp.names import UnknownName
        from drivers.snmp.seam import PollRequest

        names = _names(mibs)
        try:
            oids = tuple(dict.fromkeys(names.oid(text) for text in objects))
        except UnknownName as error:
            raise SelectorError(str(error)) from error
        app = build(settings.load())
        device = _one(app, name)
        if not device.snmp_credentials:
            raise SelectorError(f"{device.name}: has no `snmp: {{credentials: …}}`; add it to the inventory")
        credentials = app.secrets.of(device).snmp(device.snmp_credentials)
        request = PollRequest(device.name, device.snmp, credentials, ())
        return cls(app, device, names, oids, request)

    def ask(self, request: "PollRequest", read: "Reading", *, as_json: bool) -> None:
        """Show its answer. Raises DriverError after it when not everything was answered."""
        from controller.cli import snmp_shown

        reply = asyncio.run(_ask(self.app, request))
        rows = read(self.oids, reply)
        if as_json:
            click.echo(json.dumps(snmp_shown.machine(self.names, rows, reply), ensure_ascii=False))
        else:
            for line in snmp_shown.lines(self.names, rows):
                click.echo(line)
        if (trouble := _trouble(self.device, request, reply)) is not None:
            raise trouble


def _one(app: "App", name: str) -> "Device":
    from controller.errors import SelectorError
    from controller.selector import select

    devices = select(app.inventory, name)
    if len(devices) > 1:
        raise SelectorError(f"{name!r} fits {len(devices)} devices; name one, as {devices[0].name}")
    return devices[0]


def _names(mibs: Sequence[Path]) -> "Names":
    from controller.errors import SelectorError
    from drivers.snmp import mibs as mib_files
    from drivers.snmp.names import known, with_definitions

    names = known()
    if not mibs:
        return names
    try:
        definitions = [one for place in mibs for one in mib_files.read(place)]
    except OSError as error:
        raise SelectorError(f"{error.filename}: {error.strerror}; name a file you may read") from error
    if not definitions:
        raise SelectorError(f"{', '.join(map(str, mibs))}: defines no names; is it a MIB file?")
    names, orphans = with_definitions(names, definitions)
    if orphans:
        said = f"what hangs on {', '.join(sorted(orphans))} has no number: name the MIB that defines it too"
        click.echo(said, err=True)
    return names


async def _ask(app: "App", request: "PollRequest") -> "PollReply":
    from controller.store import snmp as store
    from drivers.snmp.backends import open_poller

    taught = {name: _afresh(one) for name, one in store.learned(app.engine).items() if name == request.device}
    poller = open_poller(learned=taught, backend=app.settings.snmp_backend)
    try:
        [reply] = [reply async for reply in poller.poll([request])]
        return reply
    finally:
        await poller.close()


def _afresh(learned: "Learned") -> "Learned":
    """A person wants the agent's answer, not our memory of what it lacks, nor our guess of its tables."""
    from drivers.snmp.seam import Learned

    return replace(learned, missing=(), rows=Learned().rows)


def _trouble(device: "Device", request: "PollRequest", reply: "PollReply") -> "DriverError | None":
    """The one line that says why not everything is there, and what to do about it."""
    from controller.advice import steps_over_snmp
    from drivers.errors import DriverError

    failure = reply.failure
    if failure is None:
        return None
    stopped = "stopped early: " if reply.columns else ""
    if any(len(rows) >= request.max_rows for rows in reply.columns.values()):
        return DriverError(device.name, f"{stopped}{failure.detail}", "raise --rows")
    said = f"{stopped}{failure.reason}: {failure.detail}"
    return DriverError(device.name, said, steps_over_snmp(device, failure.reason)[0])
