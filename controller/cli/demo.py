"""`plaza demo`: the real thing against simulated access points."""

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.settings import Settings

READY_WITHIN_S = 110


@click.group(invoke_without_command=True)
@click.pass_context
def demo(context: click.Context) -> None:
    """Run everything here against simulated access points and citizens. Ctrl-C stops it; the data stays."""
    if context.invoked_subcommand is None:
        _run()


@demo.command("break")
@click.argument("name")
@click.option(
    "--how",
    default="dead",
    show_default=True,
    help="dead (silent), no-service (answering, but no network on the air), wrong-community, or one of the "
    "simulator's ways to answer SNMP badly, such as closed-port or lossy; a wrong name lists them all.",
)
def break_(name: str, how: str) -> None:
    """Break the simulated access point NAME, to see Plaza find out."""
    _order({"op": "break", "ap": name, "how": how})
    click.echo(f"{name} is broken ({how}); plaza poll --once {name} shows it now, the console within 30 s")
    if how not in ("dead", "no-service", "wrong-community"):
        click.echo("Plaza bears some of these: then it stays up, and plaza snmp why tells what was learned")


@demo.command()
@click.argument("name")
def mend(name: str) -> None:
    """Mend the simulated access point NAME."""
    _order({"op": "mend", "ap": name})
    click.echo(f"{name} is mended")


@demo.command()
def status() -> None:
    """Show what is simulated and what is broken."""
    answer = _order({"op": "status"})
    click.echo(json.dumps(answer, ensure_ascii=False))


def _run() -> None:
    from controller import demo as demonstration
    from controller import inventory, logs, roles, settings, supervisor

    wanted = settings.load()
    moved = demonstration.choose_free_ports(wanted)
    for variable, listen in moved.items():
        _say(f"{variable.removeprefix('PLAZA_')} is taken by another program; {listen} is used instead")
    os.environ.update(moved)
    wanted = settings.load()
    logs.set_up("ERROR")
    made = demonstration.make_secrets(inventory.load(wanted.inventory), wanted.secrets_dir)
    if made:
        click.echo(f"Made {len(made)} secrets in {_short(wanted.secrets_dir)}")
    from controller.app import build

    app = build(wanted)
    extra = demonstration.children(app)
    programs = len(extra) + len(roles.wanted(wanted, app.inventory))
    _say(f"Starting {programs} programs; their logs are in {_short(_logs(wanted))}")
    done = Event()
    Thread(target=_greet, args=(app, done), daemon=True).start()
    try:
        supervisor.run_all(wanted, extra, _logs(wanted))
    finally:
        done.set()
    _say("Stopped. The data stays; run it again to go on.")


def _logs(wanted: "Settings") -> Path:
    return wanted.data_dir / "log"


def _greet(app: "App", done: Event) -> None:
    """Wait until things answer, pin the simulated host keys, then say where to look and what to try."""
    from controller.demo import adopt_new, in_service, recording_sites

    began_s = int(time.time())
    console = f"http://{app.settings.console_listen}/"
    portal = [f"{site.portal.gateway_url}/" for site in recording_sites(app.inventory)]
    if not _answers([console + "healthz", f"{app.settings.public_portal_url}/healthz", *portal[:1]], done):
        return
    for error in adopt_new(app):
        _say(str(error))
    plaza = _short(Path(sys.argv[0]))
    names = [device.name for device in in_service(app.inventory)]
    lines = [
        "",
        f"Plaza runs with {len(names)} simulated access points, polled every "
        f"{app.settings.poll_interval_s} s; the first round is on its way.",
        "",
        f"  Console  {console}",
        f"  Portal   {portal[0]}   as a phone in the plaza meets it",
        "",
        "DEMONSTRATION: no packet is filtered. The gateways only record whom they would let through.",
        "",
        "Try next, in another terminal:",
        f"  {plaza} poll --once",
        f"  {plaza} diff mun=08019",
        f"  {plaza} demo break {names[0]}      then find it red in the console, with the reason",
        "",
        "Ctrl-C stops everything.",
    ]
    _say("\n".join(lines))
    _say_when_all_are_polled(app, names, began_s, done)


def _answers(urls: list[str], done: Event) -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    waiting = list(urls)
    while waiting and not done.wait(0.3):
        waiting = [url for url in waiting if not _reachable(url)]
        if time.monotonic() > deadline:
            _say(f"Not answering yet: {', '.join(waiting)}; see the logs")
            deadline += READY_WITHIN_S
    return not waiting


def _reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own http:// addresses
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _say_when_all_are_polled(app: "App", names: list[str], since_s: int, done: Event) -> None:
    from controller.store import health

    while not done.wait(1.0):
        latest = health.latest(app.engine)
        verdicts = [latest[name][0] for name in names if name in latest and latest[name][1] >= since_s]
        if len(verdicts) == len(names):
            up = sum(1 for verdict in verdicts if verdict.state == "up")
            _say(f"All {len(names)} access points have been polled: {up} up.")
            return


def _order(order: dict[str, str]) -> dict[str, object]:
    from controller import settings
    from controller.errors import ControllerError

    path = settings.load().control_socket
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(json.dumps(order).encode() + b"\n")
            answer: dict[str, object] = json.loads(client.makefile("rb").readline())
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControllerError(
            f"{path}: no demonstration runs on this data; start one with make run"
        ) from None
    if not answer.get("ok"):
        raise ControllerError(str(answer.get("error", "the simulator refused")))
    return answer


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
