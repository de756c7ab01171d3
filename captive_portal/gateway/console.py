"""What a technician types at the gateway's own terminal, and reads there."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from captive_portal.gateway import config, control, whys
from captive_portal.gateway.control import Facts
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.systems import CONFIG

HOUR_MIN: Final = 60
FILTERED: Final = {"malware": "harmful ones", "family": "harmful ones and those for adults"}
ALARMS: Final = {
    "copied": "a MAC was copied",
    "starved": "somebody takes all addresses",
    "rogue": "somebody else plays the router",
    "filled": "hardly an address is left for phones",
    "damaged": "what was kept here was damaged, and begun anew",
    "forgotten": "the controller forgot what it was told",
    "dropped": "reports were dropped for want of room",
    "tampered": "somebody removed the rules",
}
TITLES: Final = ("MAC", "ADDRESS", "LEFT", "DOWN", "UP", "CAP", "SESSION")


def status(arguments: list[str]) -> int:
    """How the program stands."""
    return _asked(_parser("status", status), arguments, _said_status)


def devices(arguments: list[str]) -> int:
    """Who is in, the first to go first."""
    return _asked(_parser("devices", devices), arguments, _said_devices)


def admit(arguments: list[str]) -> int:
    """Open the door for a phone without a tap."""
    parser = _parser("admit", admit)
    parser.add_argument("mac", metavar="MAC", type=_written)
    parser.add_argument("--minutes", type=int, default=HOUR_MIN, help="1 to 1440; 60 when not given")
    parser.add_argument("--address", help="which, when the MAC has several")
    return _asked(parser, arguments, _said_admit)


def dismiss(arguments: list[str]) -> int:
    """Shut the door of a phone; it may tap again."""
    parser = _parser("dismiss", dismiss)
    parser.add_argument("who", metavar="MAC|SESSION", type=_written)
    return _asked(parser, arguments, _said_dismiss)


def why(arguments: list[str]) -> int:
    """Why a phone has Internet or not, and what to do first."""
    parser = _parser("why", why)
    parser.add_argument("mac", metavar="MAC", type=_written)
    return _asked(parser, arguments, whys.lines)


def _parser(name: str, command: Callable[[list[str]], int]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"gateway {name}", description=command.__doc__)
    parser.set_defaults(ask=name)
    parser.add_argument("--config", type=Path, default=Path(CONFIG), help=f"{CONFIG} when not given")
    parser.add_argument("--json", action="store_true", help="the facts, for a program")
    return parser


def _written(text: str) -> str:
    """A MAC as we write it; a session as it is."""
    mac = text.lower().replace("-", ":")
    return mac if len(text) == len("02:00:5e:10:00:01") and mac.count(":") == 5 else text


def _asked(
    parser: argparse.ArgumentParser, arguments: list[str], said: Callable[[Facts], Sequence[str]]
) -> int:
    """0, or 2 with one line."""
    chosen: dict[str, Any] = vars(parser.parse_args(arguments))
    path, as_json = chosen.pop("config"), chosen.pop("json")
    try:
        facts = control.ask(config.load(path).state_dir, chosen)
    except PermissionError:
        sys.stderr.write("gateway: only root may ask: sudo\n")
        return 2
    except GatewayError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    lines = [json.dumps(facts)] if as_json else said(facts)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _said_status(facts: Facts) -> list[str]:
    away, kept, pool = facts["controller_away_s"], facts["events_kept"], facts["pool"]
    waiting = f"; {kept} reports wait" if kept else ""
    not_back = f"; {facts['not_back']} from before the power cut may come back" if facts["not_back"] else ""
    lines = [
        f"site        {facts['site']}",
        f"inside      {facts['inside']}{not_back}",
        f"portal      {_portal(facts)}",
        f"controller  {'answers' if away is None else f'away for {whys.span(away)}'}{waiting}",
        f"policy      {facts['policy'] or 'none'}; while the portal is away {facts['away']}",
        f"IPv6        {'passes with the door' if facts['ipv6'] else 'refused'}",
        f"names       {'as they are' if facts['dns'] == 'none' else 'without ' + FILTERED[facts['dns']]}",
        f"addresses   {'{given} of {size} given'.format(**pool) if pool else 'given by somebody else'}",
        f"blocked     {facts['blocked']}",
        f"alarms      {', '.join(ALARMS.get(one, one) for one in facts['alarms']) or 'none'}",
        f"rules       {facts['notice'] or 'in the kernel'} ({whys.span(facts['rules_age_s'])})",
    ]
    left_s = facts["emergency_s"]
    return (
        [f"EMERGENCY   everybody passes for {whys.span(left_s)} more, also who is blocked", *lines]
        if left_s
        else lines
    )


def _portal(facts: Facts) -> str:
    if not facts["portal_down"]:
        return "in reach"
    internet = "no Internet either" if facts["internet_down"] else "the Internet is there"
    return f"out of reach for {whys.span(facts['portal_failing_s'] or 0)}; {internet}"


def _said_devices(facts: Facts) -> list[str]:
    rows = [_row(one) for one in facts["devices"]]
    widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
    shown = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (TITLES, *rows)]
    more = [f"and {facts['left_out']} more"] if facts["left_out"] else []
    return shown + more if rows else ["nobody is in"]


def _row(one: Facts) -> tuple[str, ...]:
    cap = whys.amount(one["octets_max"]) if one["octets_max"] else "-"
    octets = whys.amount(one["octets_down"]), whys.amount(one["octets_up"])
    return one["mac"], one["ip"], whys.span(one["seconds_left"]), *octets, cap, one["session"]


def _said_admit(facts: Facts) -> list[str]:
    return [f"in for {whys.span(facts['minutes'] * 60)}; session {facts['session']}"]


def _said_dismiss(facts: Facts) -> list[str]:
    return [f"dismissed {session}; the phone may tap again" for session in facts["dismissed"]]
