"""Incidents as a person at a terminal reads them, and as a program does."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from controller.errors import SelectorError
from controller.incidents.advice import step
from controller.incidents.desk import Incident, Member
from controller.incidents.expecting import Announced
from controller.incidents.job import Outlook
from controller.incidents.model import Seen
from controller.incidents.outlook import Standing
from controller.incidents.repair import Repairs, repairs
from controller.incidents.returning import Return, returned
from controller.incidents.words import ADVICE, said
from controller.model import Inventory

_SHOWN = 20


def zone(inventory: Inventory, place: str) -> str:
    """The zone of a site or municipality. Raises SelectorError."""
    site = inventory.sites.get(place)
    key = site.municipality if site is not None else place
    if key not in inventory.municipalities:
        raise SelectorError(f"{place!r} is no site and no municipality of the inventory")
    return inventory.municipalities[key].zone


def line(inventory: Inventory, one: Incident, answering: Mapping[str, Seen]) -> str:
    """One incident in one line; `answering` is who answers now, in an incident or not."""
    has = f", {one.acked_by} has it" if one.acked_by and one.is_open else ""
    expected = ", expected" if one.expected else ""
    if one.is_open:
        back = returned(one, answering)
        lasted = f"for {length(one.open_s)}"
        members = f"{len(one.down) - len(back.members)} of {len(one.members)} down"
        members += _back(inventory, one, back)
    else:
        lasted, members = f"repaired in {length(one.repair_s or 0)}", f"{len(one.members)} were down"
    known = inventory.municipalities.get(one.municipality)
    where = known.name if known is not None else "several municipalities"
    what = f"{one.name}  {one.state}  {one.finding.cause}  {one.root}  {where}"
    since = clock(inventory, one, one.opened_at)
    return f"{what}  since {since}  {lasted}  {members}{has}{expected}"


def _back(inventory: Inventory, one: Incident, back: Return) -> str:
    if not back.members:
        return ""
    if not back.whole:
        return f", {len(back.members)} answer again"
    since = f"answers again since {clock(inventory, one, back.since)}"
    return f", {since}, closes about {clock(inventory, one, back.closes_at)} if that lasts"


def whole(inventory: Inventory, one: Incident, answering: Mapping[str, Seen]) -> list[str]:
    """One incident with all that is known of it."""
    back = returned(one, answering)
    lines = [line(inventory, one, answering), "why we think so:"]
    lines += [f"  {said(evidence)}" for evidence in one.finding.evidence] or ["  nothing was looked at yet"]
    if one.acked_at is not None:
        lines.append(f"taken on by {one.acked_by}, {clock(inventory, one, one.acked_at)}: {one.acked_why}")
    if one.closed_at is not None:
        by = f" by {one.closed_by}: {one.closed_why}" if one.closed_by else ": everything works again"
        lines.append(f"closed {clock(inventory, one, one.closed_at)}{by}")
    if one.merged_into:
        lines.append(f"it turned out to be part of {one.merged_into}")
    if one.is_open:
        down = [each.key for each in one.down if each.key not in back.members]
        next_one = step(one.root, one.finding, down, back=back.whole)
        lines.append(f"next: {ADVICE[next_one.code] % next_one.said}")
    shown = [_member(inventory, one, member, back) for member in one.members[:_SHOWN]]
    rest = len(one.members) - len(shown)
    return [*lines, "members:", *shown, *([f"  and {rest} more; see --json"] if rest else [])]


def as_json(found: Sequence[Incident], answering: Mapping[str, Seen]) -> str:
    """Incidents for a program."""
    rows = [_as_json(one, returned(one, answering)) for one in found]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def announced(inventory: Inventory, one: Announced) -> str:
    """One announced outage in one line."""
    where = ZoneInfo(zone(inventory, one.place)) if _is_known(inventory, one.place) else UTC
    start, until = (_clock(at, where) for at in (one.start_at, one.until))
    return f"{one.name}  {one.place}  {start} to {until}  {one.author}: {one.why}"


def announced_json(known: Sequence[Announced]) -> str:
    """Announced outages for a program."""
    rows = [
        {
            "id": one.name,
            "place": one.place,
            "from": _iso(one.start_at),
            "until": _iso(one.until),
            "why": one.why,
            "author": one.author,
        }
        for one in known
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def figures(inventory: Inventory, found: Sequence[Incident], *, as_json: bool) -> str:
    """Repair times of all, and by municipality."""
    keys = sorted({one.municipality for one in found})
    rows = {"all": repairs(found)} | {
        key or "several": repairs([one for one in found if one.municipality == key]) for key in keys
    }
    if as_json:
        return json.dumps({key: _figures(row) for key, row in rows.items()}, indent=2)
    names = {key: one.name for key, one in inventory.municipalities.items()}
    lines = [f"{'':24} closed  median     p90  open  >72 h  expected  median with open  p90 with open"]
    for key, row in rows.items():
        name = f"{key} {names.get(key, '')}"[:24]
        closed = f"{row.closed:6}  {_or_none(row.closed_median_s):>6}  {_or_none(row.closed_p90_s):>6}"
        rest = f"{row.open:4}  {row.open_long:5}  {row.expected:8}"
        lines.append(f"{name:24} {closed}  {rest}  {_or_none(row.median_s):>16}  {_or_none(row.p90_s):>13}")
    lines.append(
        "with open: what still goes on lasts longer than it did yet; '-' = too few are repaired to say"
    )
    return "\n".join(lines)


def states(inventory: Inventory, found: Mapping[str, Outlook]) -> str:
    """Municipalities, and below each the sites that are not up."""
    lines = []
    for key, (whole, sites) in found.items():
        lines.append(f"{key} {inventory.municipalities[key].name}: {whole.condition}{_why(whole)}")
        lines += [f"  {one.key}: {one.condition}{_why(one)}" for one in sites if one.condition != "up"]
    return "\n".join(lines)


def states_json(found: Mapping[str, Outlook]) -> str:
    """The same for a program, with every site."""
    rows = {
        key: {
            "state": whole.condition.value,
            "reason": whole.reason,
            "sites": {one.key: {"state": one.condition.value, "reason": one.reason} for one in sites},
        }
        for key, (whole, sites) in found.items()
    }
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _why(one: Standing) -> str:
    return f", {one.reason}" if one.reason else ""


def length(seconds: int) -> str:
    """How long, in one or two units."""
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def clock(inventory: Inventory, one: Incident, at: int) -> str:
    """A moment on the clock of the incident's municipality, of several in UTC, with how far that is off."""
    known = inventory.municipalities.get(one.municipality)
    return _clock(at, ZoneInfo(known.zone) if known is not None else UTC)


def _clock(at: int, where: tzinfo) -> str:
    """As `2026-11-26 14:19 -06`: two municipalities may have two clocks."""
    local = datetime.fromtimestamp(at, where)
    return f"{local:%Y-%m-%d %H:%M} UTC" if where is UTC else f"{local:%Y-%m-%d %H:%M %z}".removesuffix("00")


def _member(inventory: Inventory, one: Incident, member: Member, back: Return) -> str:
    if member.key in back.members:
        state = f"answers again since {clock(inventory, one, back.members[member.key].since)}"
    elif member.is_down:
        state = "down"
    elif member.restored_at is not None:
        state = f"back {clock(inventory, one, member.restored_at)}"
    else:
        state = member.went
    times = f", {member.times} times" if member.times > 1 else ""
    return f"  {member.key}  {member.site}  since {clock(inventory, one, member.since)}  {state}{times}"


def _as_json(one: Incident, back: Return) -> dict[str, object]:
    return {
        "id": one.name,
        "state": one.state,
        "root": {"kind": str(one.root.reach), "key": one.root.key},
        "municipality": one.municipality,
        "class": str(one.finding.cause),
        "evidence": [
            {"code": each.code, "said": said(each), **dict(each.said)} for each in one.finding.evidence
        ],
        "opened_at": _iso(one.opened_at),
        "detected_at": _iso(one.detected_at),
        "open_s": one.open_s,
        "expected": one.expected,
        "acknowledged": None
        if one.acked_at is None
        else {"at": _iso(one.acked_at), "by": one.acked_by, "why": one.acked_why},
        "closed": None
        if one.closed_at is None
        else {"at": _iso(one.closed_at), "by": one.closed_by, "why": one.closed_why},
        "repair_s": one.repair_s,
        "merged_into": one.merged_into,
        "answers_again": None
        if not back.whole
        else {"since": _iso(back.since), "closes_about": _iso(back.closes_at)},
        "members": [
            {
                "key": each.key,
                "site": each.site,
                "since": _iso(each.since),
                "restored_at": None if each.restored_at is None else _iso(each.restored_at),
                "down": each.is_down,
                "answers_again_since": _iso(back.members[each.key].since)
                if each.key in back.members
                else None,
                "went": each.went,
                "times": each.times,
            }
            for each in one.members
        ],
    }


def _figures(row: Repairs) -> dict[str, int | None]:
    return {
        "closed": row.closed,
        "closed_median_s": row.closed_median_s,
        "closed_p90_s": row.closed_p90_s,
        "open": row.open,
        "open_longer_than_72_h": row.open_long,
        "expected": row.expected,
        "median_with_open_s": row.median_s,
        "p90_with_open_s": row.p90_s,
    }


def _or_none(seconds: int | None) -> str:
    return "-" if seconds is None else length(seconds)


def _is_known(inventory: Inventory, place: str) -> bool:
    return place in inventory.sites or place in inventory.municipalities


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
