"""`plaza firmware`: keeps images, flashes devices with them in waves, and shows what they run."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.apply import TYPED, YES
from controller.cli.rollout import DETACH, WHY, policy_options, with_options

if TYPE_CHECKING:
    from controller.app import App
    from controller.firmware.means import Means
    from controller.firmware.versions import Told
    from drivers.model import Device


@click.group()
def firmware() -> None:
    """Keep images, and flash devices with them in waves.

    A flash is a rollout: plaza rollout status, pause, resume, abort and retry are for it, too.
    """


@firmware.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--platform", default="", help="What it is for, where the file does not tell: openwrt.")
@click.option("--model", default="", help="The board it is for; refused if the image says another.")
@click.option("--version", default="", help="Its version; refused if the image says another.")
@click.option("--sha256", default="", help="As its maker publishes it; refused if the file has another.")
def add(file: Path, platform: str, model: str, version: str, sha256: str) -> None:
    """Keep a copy of the image in FILE. What the image says of itself is read from it."""
    from controller.firmware.images import Claim

    image = _means().images.add(file, Claim(platform, model, version, sha256))
    click.echo(f"{image.name}: {image.platform} {image.version} for {', '.join(image.models)}")
    click.echo(f"sha256 {image.sha256}")


@firmware.command("list")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_images(as_json: bool) -> None:
    """Show the images that are kept, newest first."""
    from dataclasses import asdict

    kept = _means().images
    images = [(image, kept.lacks(image)) for image in kept.all()]
    if as_json:
        click.echo(json.dumps([asdict(image) | {"lacks": lacks} for image, lacks in images], indent=2))
        return
    if not images:
        click.echo("no image is kept; plaza firmware add FILE", err=True)
    for image, lacks in images:
        more = f" and {len(image.models) - 1} more" if len(image.models) > 1 else ""
        what = f"{image.platform} {image.version} for {image.models[0]}{more}"
        said = f": {lacks}" if lacks else ""
        click.echo(f"{image.sha256[:12]}  {image.octets / 1e6:6.1f} MB  {what}  {image.name}{said}")


@firmware.command()
@click.argument("image")
def remove(image: str) -> None:
    """Forget IMAGE (its name, or the beginning of its sha256) and its file."""
    from controller.errors import FirmwareError

    means = _means()
    found = means.images.find(image)
    if waiting := means.ledger.waiting_for(found.sha256):
        names = ", ".join(sorted(waiting)[:5])
        raise FirmwareError(f"{found.name} is still to come to {names}; plaza rollout abort ends that")
    means.images.remove(found)
    click.echo(f"{found.name} is removed", err=True)


@firmware.command()
@click.argument("selector")
@click.option("--image", required=True, help="Its name, or the beginning of its sha256.")
@click.option("--kbps", type=click.IntRange(1), help="What its way to a site may use; else by its uplink.")
@WHY
@policy_options
@DETACH
@YES
@TYPED
def start(selector: str, image: str, kbps: int | None, why: str, **asked: Any) -> None:
    """Flash the devices of SELECTOR that the image is for and that do not run it, in waves.

    The image crosses the uplink of a site once, to its gateway, in the maintenance window. Until a device's
    flash begins, plaza rollout abort cancels it; nothing on a device goes back to its old image.
    """
    from dataclasses import replace

    from controller.cli import rollout_run
    from controller.errors import FirmwareError
    from controller.firmware.work import Firmware
    from controller.rollouts.seam import Policy
    from controller.selector import select

    if not why.strip():
        raise click.UsageError("say why: --why TEXT")
    built = _built()
    means = _means(built)
    found = means.images.find(image)
    if lacks := means.images.lacks(found):
        raise FirmwareError(f"image {found.name}: {lacks}")
    work = Firmware(replace(means, sha256=found.sha256))
    policy = with_options(Policy(image=found.sha256, kbps=kbps or 0), asked)
    said = rollout_run.Said(asked["yes"], asked["typed"], asked["detach"])
    asked_for = rollout_run.Asked(work, selector, why, policy)
    sys.exit(rollout_run.start(built, asked_for, select(built.inventory, selector), said))


@firmware.command()
@click.argument("selector", default="all")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def status(selector: str, as_json: bool) -> None:
    """Show what the devices of SELECTOR ran when they were last looked at, and where copies of images are."""
    from controller.cli.rollout_show import when
    from controller.firmware import versions
    from controller.selector import select
    from drivers.firmware.ways import FLASHERS

    built = _built()
    devices = select(built.inventory, selector)
    told = versions.told(built.engine)
    flashed = [device for device in devices if device.platform in FLASHERS]
    copies = _copies(_means(built), devices)
    if as_json:
        found = [_as_json(device, told.get(device.name)) for device in flashed]
        click.echo(json.dumps({"devices": found, "copies": copies}, indent=2))
        return
    for device in flashed:
        click.echo(f"{device.name}: {_said(told.get(device.name))}")
    for copy in copies:
        share = f"{copy['octets']} of {copy['of']} octets" if copy["of"] else f"{copy['octets']} octets"
        sent = f"{copy['sent']} went over the uplink"
        click.echo(f"copy at {copy['device']}: {copy['image']}, {share}; {sent}, {when(copy['updated_at'])}")


def _copies(means: "Means", devices: "Sequence[Device]") -> list[dict[str, Any]]:
    names = {device.name for device in devices}
    images = {image.sha256: image for image in means.images.all()}
    return [
        {
            "device": copy.device,
            "image": images[copy.sha256].name if copy.sha256 in images else copy.sha256[:12],
            "sha256": copy.sha256,
            "octets": copy.octets,
            "of": images[copy.sha256].octets if copy.sha256 in images else None,
            "sent": copy.sent,
            "updated_at": copy.updated_at,
        }
        for copy in means.ledger.all()
        if copy.device in names
    ]


def _said(told: "Told | None") -> str:
    from controller.cli.rollout_show import when

    if told is None:
        return "nobody looked at it yet"
    return f"{told.version or 'a version it does not tell'} on {told.model}, seen {when(told.seen_at)}"


def _as_json(device: "Device", told: "Told | None") -> dict[str, Any]:
    about = (told.model, told.version, told.seen_at) if told is not None else (None, None, None)
    return {"device": device.name, **dict(zip(("model", "version", "seen_at"), about, strict=True))}


def _built() -> "App":
    from controller import app, settings

    return app.build(settings.load())


def _means(built: "App | None" = None) -> "Means":
    from controller.firmware.means import means_of

    return means_of(built or _built())
