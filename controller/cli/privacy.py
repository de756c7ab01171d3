"""`plaza privacy`: what is kept of a citizen who asks, and what notice was shown."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.data_requests import Request


class Brought(TypedDict):
    """What a citizen brings, one of three, and why it is asked."""

    session: str
    device: bool
    voucher: bool
    why: str


def brought(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which a data request says whose data it is about."""
    for option in (
        click.option("--why", required=True, help="The request's folio, for the audit log; names nobody."),
        click.option("--voucher", is_flag=True, help="Ask for a voucher's code; it is never an argument."),
        click.option("--device", is_flag=True, help="Ask for a telephone's MAC; it is never an argument."),
        click.option("--session", default="", help="A session's number, or the address of its page."),
    ):
        command = option(command)
    return command


@click.group()
def privacy() -> None:
    """Answer a citizen's data request, and print a privacy notice as it was shown."""


@privacy.command()
@brought
def export(**given: Unpack[Brought]) -> None:
    """Print as JSON all that is kept of a session, a telephone or a voucher, and for how long.

    Exit code 2 when nothing is.
    """
    import json

    from controller import data_requests, settings
    from controller.app import build
    from controller.errors import SelectorError

    request = _request(given)
    answer = data_requests.export(build(settings.load()), request, datetime.now(UTC))
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    if not answer["tables"]:
        raise SelectorError(f"nothing found: nothing is kept of that {request.by}")


@privacy.command()
@brought
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def erase(as_json: bool, **given: Unpack[Brought]) -> None:
    """Erase for good all that is kept of a session, a telephone or a voucher; sums stay."""
    import json

    from controller import data_requests, settings
    from controller.app import build

    request = _request(given)
    erased = data_requests.erase(build(settings.load()), request, datetime.now(UTC))
    until = erased.by_law_until.isoformat() if erased.by_law_until else None
    if as_json:
        click.echo(json.dumps({"rows": dict(erased.rows), "by_law_until": until}, indent=2))
        return
    for name, rows in erased.rows.items():
        click.echo(f"{name}: {rows} erased")
    if until:
        click.echo(f"an address stays sealed until {until}, as was signed for its site")


@privacy.command()
@click.argument("name", required=False, metavar="[SITE|VERSION]")
def notice(name: str | None) -> None:
    """Print the privacy notice in force at SITE, or that of VERSION as sessions were shown it.

    Without either, list the versions that sessions were shown: where and when first, the newest last.
    """
    from controller import settings
    from controller.app import build

    app = build(settings.load())
    if name is None:
        _list_versions(app)
    else:
        click.echo(_in_force(app, name) if name in app.inventory.sites else _as_shown(app, name), nl=False)


def _list_versions(app: "App") -> None:
    from captive_portal import published
    from controller.store.engine import READ_ONLY

    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        found = published.versions(connection)
    for version, municipality, first in found:
        click.echo(f"{version}  {municipality}  first shown {first.isoformat()}")
    click.echo(f"{len(found)} versions; plaza privacy notice SITE prints the one in force there")


def _in_force(app: "App", site: str) -> str:
    from captive_portal.notice_words import words
    from controller.app import portal_sites
    from controller.keeping import retention

    return words(portal_sites(app)[site], retention(app.settings))


def _as_shown(app: "App", version: str) -> str:
    from captive_portal import published
    from controller.errors import SelectorError
    from controller.store.engine import READ_ONLY

    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        text = published.text_of(connection, version.lower())
    if text is None:
        raise SelectorError(
            f"{version!r} is no site, and no session was ever shown such a version; "
            "`plaza privacy notice` lists those there are"
        )
    return text


def _request(given: Brought) -> "Request":
    from controller.data_requests import By, Request

    asked = [by for by in By if given[by.value]]
    if len(asked) != 1:
        raise click.UsageError("say whose data with one of --session, --device or --voucher")
    said = given["session"] or _typed("MAC" if given["device"] else "code")
    return Request(asked[0], said, given["why"])


def _typed(what: str) -> str:
    """A line of the standard input; at a terminal it is asked for and not shown."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline().strip()
