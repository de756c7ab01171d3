"""A box is replaced or stolen: what stays with its name, and what must never be believed again."""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from controller import audit, inventory_edit
from controller.access import Pinning, pinned
from controller.audit import Entry
from controller.credential_audit import held_by, lies_there, scope_of
from controller.errors import CredentialError, InventoryError
from controller.model import Inventory
from controller.rotation import carry
from controller.rotation.carry import Means
from controller.rotation.ledger import Accepts, Kind
from controller.secrets import SCOPES, rotated_file
from controller.store.tables import audit as audit_log
from controller.store.tables import claims, host_keys
from drivers.host_key import HostKey
from drivers.model import Device, GatewayKind, Lifecycle, Role

_REPLACED: Final = "device-replaced"


class How(StrEnum):
    """What becomes of something that a stolen device held."""

    ROTATES = "will be rotated"
    PERSON = "a person must change it"
    NOTHING = "nothing to do"


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that a device knew, or knew a part of."""

    credential: str
    how: How
    said: str


def put_in_place(means: Means, device: Device, serial: str, mac: str) -> Inventory:
    """Another box stands under this name: write what is printed on it into the inventory, audited.

    What rotations saw of the old box is no evidence of the new one. Raises ControllerError.
    """
    _require_in_service(device)
    path = means.app.settings.inventory
    known = inventory_edit.set_keys(path, device.name, {"serial": serial, "mac": mac or None})
    boxes = {"serial": serial, "mac": mac, "serial before": device.serial, "mac before": device.mac}
    _audit(means, _REPLACED, device.name, boxes)
    for rotation in means.ledger.running():
        for step in means.ledger.steps(rotation):
            if step.device == device.name and step.accepts is not Accepts.OLD:
                unknown = replace(
                    step, accepts=Accepts.OLD, detail="another box took its place", checked_at=0
                )
                means.ledger.note(rotation, unknown)
    return known


def try_in_place(means: Means, device: Device, serial: str, mac: str) -> None:
    """Raises what `put_in_place` would; nothing is written."""
    _require_in_service(device)
    path = means.app.settings.inventory
    inventory_edit.try_keys(path, device.name, {"serial": serial, "mac": mac or None})


def _require_in_service(device: Device) -> None:
    if device.state is Lifecycle.RETIRED:
        raise CredentialError(f"{device.name}: is retired; give it `state: active` again first")


def require_seen(device: str, shown: HostKey, typed: str) -> None:
    """Raises CredentialError when a box shows another key than a person read at the box itself."""
    if shown.fingerprint != typed.strip():
        what = f"{device}: it shows {shown.fingerprint}, which is not what was typed; nothing was pinned"
        raise CredentialError(f"{what}. Somebody may stand in between: read it again at the box")


def pin_seen(means: Means, device: str, shown: HostKey, typed: str) -> None:
    """Believe the key a box shows, because a person read the same fingerprint at the box itself.

    Raises CredentialError when it is another; the old one stays pinned.
    """
    require_seen(device, shown, typed)
    Pinning(means.app.engine, means.ledger.audit_key, means.ledger.actor).pin(
        device, shown, means.ledger.clock()
    )


def was_claimed(means: Means, device: Device) -> bool:
    """Whether the box that stands there now proved itself with a claim to replace, bound to its MAC.

    A claim from before it was said that another box stands there proves nothing of that one.
    """
    of = (audit_log.c.action == _REPLACED, audit_log.c.subject == device.name)
    asked = select(func.max(audit_log.c.at)).where(*of).scalar_subquery()
    used = (claims.c.device == device.name, claims.c.kind == "replace", claims.c.mac == device.mac)
    since = (claims.c.used_at.is_not(None), claims.c.issued_at >= func.coalesce(asked, 0))
    statement = select(claims.c.used_at).where(*used, *since)
    with means.app.engine.connect() as connection:
        return bool(device.mac) and connection.execute(statement).first() is not None


def held(inventory: Inventory, device: Device) -> list[Held]:
    """What a thief of this device has, and what is to be done about each."""
    return [_held(inventory, device, name) for name in dict.fromkeys(held_by(inventory, device))]


def take_away(means: Means, device: Device, why: str) -> None:
    """Retire a stolen device: nobody asks or enters it any more, and its host key is never believed again.

    May be done again after it was interrupted. Raises CredentialError where only the inventory cannot take
    that it is retired, and any ControllerError where that cannot be written.
    """
    _disbelieve(means, device, why)
    carry.taint(means, device.name)
    if device.state is Lifecycle.RETIRED:
        return
    try:
        inventory_edit.set_key(means.app.settings.inventory, device.name, "state", Lifecycle.RETIRED.value)
    except InventoryError as error:
        done = f"{device.name}: its host key is never believed again and its open claims are void"
        wait = "but it cannot be `state: retired` before this is mended; then type the same again"
        raise CredentialError(f"{done}, {wait}:\n{error}") from error


def _disbelieve(means: Means, device: Device, why: str) -> None:
    key = pinned(means.app.engine, device.name)
    now = int(means.ledger.clock().timestamp())
    open_ones = (claims.c.device == device.name, claims.c.used_at.is_(None), claims.c.expires_at > now)
    with means.app.engine.begin() as connection:
        void = connection.execute(update(claims).where(*open_ones).values(expires_at=now)).rowcount
        connection.execute(delete(host_keys).where(host_keys.c.device == device.name))
        if key is not None:
            line = f"{key.kind} {key.public_key}"
            means.ledger.refuse_host(connection, device.name, line, why)
        detail = {"why": why, "host key": key.fingerprint if key else "", "claims void": str(void)}
        _audit(means, "device-stolen", device.name, detail, connection)


def _held(inventory: Inventory, device: Device, name: str) -> Held:
    entry = inventory.credentials[name]
    kind = entry["kind"]
    files = ", ".join(dict.fromkeys(filter(None, map(rotated_file, entry.values()))))
    if kind == "gateway":
        return _of_gateway(inventory, device, name, files)
    if not lies_there(entry):
        return Held(name, How.NOTHING, "it held the public half only")
    scope = scope_of(entry)
    if scope == "device":
        return Held(name, How.NOTHING, "no other device has the same")
    if kind == Kind.SNMP and files:
        wide = ", everywhere, as all are made of one master" if scope else ""
        return Held(name, How.ROTATES, f"as plaza credentials rotate {name} does it{wide}")
    if scope:
        return Held(name, How.PERSON, _renamed(inventory, device, name, scope))
    files = files or "the variable that it is read from"
    mend = {
        "wifi": f"write another passphrase into {files}, plaza apply, and tell those who use it",
        "portal": f"write another secret into {files}, and plaza apply",
        "ssh": f"set another password at each device and in {files}; better: log in with a key",
    }.get(kind, f"set another at each device, and write it into {files}")
    return Held(name, How.PERSON, mend)


def _renamed(inventory: Inventory, device: Device, name: str, scope: str) -> str:
    """How one municipality or site gets another secret from the same master: by another name of it."""
    kind, place = inventory.credentials[name]["kind"], SCOPES[scope](device)
    new = next(f"{name}-{n}" for n in count(2) if f"{name}-{n}" not in inventory.credentials)
    devices = f"mun={place}" if scope == "municipality" else f"site={place}"
    written = {
        "wifi": f"`passphrase: {new}` in its `ssids` (the whole list, as it is there now)",
        "portal": f"`captive: {{credentials: {new}}}`",
    }.get(kind, f"`snmp: {{credentials: {new}}}`")
    then = {
        "wifi": f"plaza rollout start {devices} --why TEXT, and tell those who use it",
        "portal": f"plaza rollout start {devices} --why TEXT",
    }.get(
        kind, f"write by hand at each device of {devices} what `plaza credentials show {new} DEVICE` prints"
    )
    return (
        f"only {scope} {place} has the same, so leave the master. Below `credentials:` write {new} with what "
        f"{name} says (another name gives another secret), at {scope} {place} write {written}, then {then}"
    )


def _of_gateway(inventory: Inventory, device: Device, name: str, files: str) -> Held:
    ours = device.captive is None or device.captive.kind is GatewayKind.PLAZA
    if device.role is not Role.GATEWAY or not ours:
        return Held(name, How.NOTHING, "it is no gateway of ours, and had no key of it")
    sites = sorted(site.key for site in inventory.sites.values() if site.portal.gateway_credentials == name)
    others = "" if len(sites) == 1 else f" and, because all share that master, {len(sites) - 1} other sites"
    mend = f"write another master into {files}, then `plaza gateway build` for {device.site}{others}"
    return Held(name, How.PERSON, mend)


def _audit(
    means: Means, action: str, subject: str, detail: dict[str, str], connection: Connection | None = None
) -> None:
    entry = Entry(means.ledger.actor, action, subject, detail, means.ledger.clock())
    audit.record(connection or means.app.engine, means.ledger.audit_key, entry)
