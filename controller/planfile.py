"""A plan in a file: what was shown to somebody is what is done, or nothing is."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from controller import intent as wanting
from controller.errors import PlanError
from controller.files import write_private
from controller.planning import Planned
from drivers.apply import Plan
from drivers.configurers.seam import Wish

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One device of a plan file.

    `intent` is the digest of what is wanted, `running` the fingerprint of what it was planned for, `change`
    an HMAC over the exact lines, so that a changed passphrase is noticed and none can be guessed. `diff` is
    for people.
    """

    device: str
    intent: str
    running: str
    change: str
    diff: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The devices that a file says are to be changed, and what was selected."""

    selector: str
    devices: tuple[PlannedChange, ...]


def save(path: Path, selector: str, planned: Sequence[Planned], key: bytes) -> PlanFile:
    """Write what is pending. Raises PlanError where the file cannot be written."""
    devices = tuple(
        _entry(item.device.name, item.plan, key) for item in planned if item.plan is not None and item.pending
    )
    content = _content(PlanFile(selector, devices))
    text = json.dumps({**content, "hash": _hash(content)}, indent=2, ensure_ascii=False) + "\n"
    try:
        write_private(path, text)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}; choose a place that can be written") from error
    return PlanFile(selector, devices)


def load(path: Path) -> PlanFile:
    """Read a plan file. Raises PlanError for one that is no plan or was changed since it was written."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise PlanError(f"{path}:{error.lineno}: is not JSON ({error.msg}); {_AGAIN}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read ({error}); {_AGAIN}") from error
    if not isinstance(content, dict) or content.get("plaza_plan") != _VERSION:
        raise PlanError(f"{path}:1: is no plan of version {_VERSION}; {_AGAIN}")
    said = content.pop("hash", "")
    if not hmac.compare_digest(str(said), _hash(content)):
        raise PlanError(f"{path}: was changed after it was written (its hash differs); {_AGAIN}")
    try:
        devices = tuple(PlannedChange(**entry) for entry in content["devices"])
        return PlanFile(str(content["selector"]), devices)
    except (KeyError, TypeError) as error:
        raise PlanError(f"{path}: lacks something of a plan ({error}); {_AGAIN}") from error


def check(file: PlanFile, planned: Sequence[Planned], key: bytes) -> None:
    """Raises PlanError unless exactly what the file says would be done now, or was done already."""
    now = {item.device.name: item for item in planned}
    causes = [cause for entry in file.devices if (cause := _why_not(entry, now, key))]
    if causes:
        raise PlanError(f"nothing was changed: {'; '.join(causes)}; {_AGAIN}")


_AGAIN: Final = "plan again with `plaza diff SELECTOR --out FILE`"


def _why_not(entry: PlannedChange, now: Mapping[str, Planned], key: bytes) -> str:
    item = now.get(entry.device)
    if item is None:
        return f"{entry.device} is no longer in the inventory"
    if item.error is not None:
        return str(item.error)
    if item.plan is None:
        return f"{entry.device} is not configured any more: {item.left_alone or item.held}"
    again = _entry(entry.device, item.plan, key)
    is_done = again.intent == entry.intent and not item.pending
    return "" if is_done else _what_differs(entry, again)


def _what_differs(entry: PlannedChange, again: PlannedChange) -> str:
    if again.running != entry.running:
        return f"{entry.device} runs another configuration than the one it was planned for"
    if (again.intent, again.change) != (entry.intent, entry.change):
        return f"{entry.device}: the inventory (or a secret) changed since the plan was made"
    return ""


def _entry(device: str, plan: Plan, key: bytes) -> PlannedChange:
    lines = "\n".join(line.command.reveal() for line in plan.change.lines)
    digest = hmac.new(key, lines.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
    wanted = wanting.digest(plan.goal.intent) if isinstance(plan.goal, Wish) else ""
    return PlannedChange(device, wanted, plan.fingerprint, digest, plan.change.text)


def _content(file: PlanFile) -> dict[str, Any]:
    devices = [
        {name: getattr(entry, name) for name in ("device", "intent", "running", "change", "diff")}
        for entry in file.devices
    ]
    return {"plaza_plan": _VERSION, "selector": file.selector, "devices": devices}


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
