"""Carries a rotation on: devices get the next secret, are seen to accept it, and give the old one up."""

import fcntl
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from controller import audit
from controller.access import Access
from controller.app import App, utc_now
from controller.errors import CredentialError, SecretError
from controller.people import blob, carries_keys
from controller.rotation import generations, look
from controller.rotation.ledger import CREDENTIALS, Accepts, Kind, Ledger, Rotation, Stage, Step
from controller.rotation.look import Seen
from controller.secrets import NEXT, NOW, rotated_file
from drivers.model import Device, Lifecycle

_AT_ONCE: Final = 16
_LOGIN_S: Final = 15.0
_STOLEN: Final = "it was stolen while it may have known the next secret"
_THERE: Final = frozenset({Lifecycle.ACTIVE, Lifecycle.STAGING})
_KINDS: Final = {"ssh": Kind.SSH, "snmp-v3": Kind.SNMP}

Tell = Callable[[Seen], None]
"""Told of every device that was looked at, after it is in the store."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a rotation is done with."""

    app: App
    ledger: Ledger
    access: Access


def means_of(app: App, actor: str = "") -> Means:
    """What this process does rotations with, for the person at the keyboard unless an actor is named."""
    key = audit.load_key(app.settings.data_dir)
    ledger = Ledger(app.engine, key, actor or audit.actor(), utc_now)
    return Means(app, ledger, Access(app.secrets, app.engine, _LOGIN_S, app.inventory.devices))


def require_rotatable(means: Means, name: str) -> None:
    """Raises CredentialError for a name that is none, or one that cannot be given a successor."""
    _rotatable(means, name)


def begin(means: Means, name: str, why: str) -> Rotation:
    """Make the next secret of a credential and begin to give it to its devices. Raises CredentialError."""
    with _alone(means.app.settings.data_dir):
        entry, kind = _rotatable(means, name)
        user = means.app.secrets.snmp_user(name + NOW) if kind is Kind.SNMP else ""
        devices = participants(means, kind, name)
        if not devices:
            raise CredentialError(f"credential {name}: no device uses it; write another secret into its file")
        generations.prepare(means.app.settings.secrets_dir, kind, entry, name, user)
        new = means.ledger.begin(name, kind, why, [device.name for device in devices])
        _forget_thieves(means, new)
        return new


def revoke(means: Means, person: str, lines: Sequence[str], why: str) -> Rotation:
    """These keys of a person may log in nowhere from now on, and every device is to give them up.

    Raises CredentialError for a key that Plaza itself logs in with, or is about to.
    """
    theirs = {blob(line) for line in lines}
    for name, said in means.app.inventory.credentials.items():
        if theirs & _own_keys(means, name, said):
            mend = f"plaza credentials rotate {name} revokes it once devices take another"
            raise CredentialError(f"{person}: one of these is Plaza's own key {name}; {mend}")
    devices = [device.name for device in participants(means, Kind.PERSON, person)]
    return means.ledger.begin(person, Kind.PERSON, why, devices, lines)


def participants(means: Means, kind: Kind, name: str) -> list[Device]:
    """The devices that a credential, or a person's key, has to do with.

    Of an SSH key those are all whose host key is pinned, a box that was claimed and is still `expected` among
    them: it takes our key already. Where none is pinned nobody of Plaza ever logs in.
    """
    if kind is not Kind.SNMP:
        entered, known = means.access.adopted(), means.app.inventory.devices.values()
        devices = [
            one
            for one in known
            if one.ssh_credentials and one.name in entered and one.state is not Lifecycle.RETIRED
        ]
        return devices if kind is Kind.PERSON else [one for one in devices if one.ssh_credentials == name]
    return [device for device in _there(means) if name == device.snmp_credentials or name in _users(device)]


def is_used(means: Means, name: str) -> bool:
    """Whether any device in service has to do with a credential."""
    return any(participants(means, kind, name) for kind in (Kind.SSH, Kind.SNMP))


def taint(means: Means, device: str) -> None:
    """Remember that a stolen device may know what users of SNMP are rotated to: another follows that."""
    for rotation in means.ledger.running():
        if rotation.kind is Kind.SNMP:
            for step in _steps(means, rotation):
                if step.device == device:
                    means.ledger.note(rotation, replace(step, detail=_STOLEN))


def owed(means: Means) -> list[str]:
    """Credentials, not being rotated now, of which a stolen device may know what they were rotated to."""
    running = {rotation.credential for rotation in means.ledger.running() if rotation.kind is Kind.SNMP}
    names = dict.fromkeys(rotation.credential for rotation, _ in _of_thieves(means))
    return [name for name in names if name not in running and is_used(means, name)]


def _of_thieves(means: Means) -> Iterator[tuple[Rotation, Step]]:
    for rotation in means.ledger.all():
        if rotation.kind is Kind.SNMP:
            steps = means.ledger.steps(rotation)
            yield from ((rotation, step) for step in steps if step.detail == _STOLEN)


def _forget_thieves(means: Means, new: Rotation) -> None:
    for rotation, step in _of_thieves(means):
        if rotation.credential == new.credential:
            means.ledger.note(rotation, replace(step, detail="it was stolen, and another secret followed"))


def left(means: Means, rotation: Rotation) -> dict[str, Step]:
    """The steps of devices in service that have not given the old one up yet, by device."""
    here = {device.name for device in participants(means, rotation.kind, rotation.credential)}
    steps = (step for step in _steps(means, rotation) if step.device in here)
    return {step.device: step for step in steps if step.accepts is not Accepts.NEW}


def look_at(
    means: Means, rotation: Rotation, tell: Tell, names: Collection[str] | None = None
) -> dict[str, Seen]:
    """Ask these devices; unless they are named, those that have not given the old one up yet."""
    known = {step.device: step for step in _steps(means, rotation)}
    names = left(means, rotation) if names is None else names
    devices = participants(means, rotation.kind, rotation.credential)
    asked = [device for device in devices if device.name in names]
    found: dict[str, Seen] = {}
    for seen in _looks(means, rotation, asked):
        before = known[seen.device]
        at = int(means.ledger.clock().timestamp()) if seen.accepts else before.checked_at
        means.ledger.note(rotation, Step(seen.device, seen.accepts or before.accepts, seen.detail, at))
        found[seen.device] = seen
        tell(seen)
    return found


def forward(means: Means, rotation: Rotation) -> Rotation:
    """The next stage, where what was seen allows it; the last one makes the next secret the present one."""
    here = {device.name for device in participants(means, rotation.kind, rotation.credential)}
    steps = [step for step in _steps(means, rotation) if step.device in here]
    if rotation.state is Stage.ADDING and _may_remove(steps):
        rotation = means.ledger.remove(rotation)
    if rotation.state is Stage.REMOVING and all(step.accepts is Accepts.NEW for step in steps):
        rotation = _finish(means, rotation)
    return rotation


def unconfigured(means: Means, rotation: Rotation) -> list[Device]:
    """Devices whose keys Plaza does not write, so that a person has to."""
    devices = participants(means, rotation.kind, rotation.credential)
    if rotation.kind is Kind.SNMP:
        return [device for device in devices if rotation.credential not in _users(device)]
    return [device for device in devices if not carries_keys(device)]


def unknown(means: Means) -> list[Device]:
    """Devices in service that Plaza never enters, so that it cannot know whose keys they take."""
    entered = means.access.adopted()
    return [device for device in _there(means) if not device.ssh_credentials or device.name not in entered]


def to_change(means: Means, rotation: Rotation) -> list[Device]:
    """Devices that still have something to get or to give up, and that Plaza configures."""
    by_hand = {device.name for device in unconfigured(means, rotation)}
    names = left(means, rotation).keys() - by_hand
    devices = participants(means, rotation.kind, rotation.credential)
    return [device for device in devices if device.name in names]


def _may_remove(steps: Sequence[Step]) -> bool:
    """Once every device that could be reached accepts the new one, and some do."""
    waiting = [step for step in steps if step.accepts is Accepts.OLD]
    off = [step for step in waiting if step.detail.startswith(look.NOT_REACHED)]
    return len(waiting) == len(off) < len(steps)


def _finish(means: Means, rotation: Rotation) -> Rotation:
    if rotation.kind is Kind.PERSON:
        return means.ledger.close(rotation)
    base_dir = means.app.settings.secrets_dir
    entry = means.app.inventory.credentials.get(rotation.credential)
    if entry is None:
        raise CredentialError(f"credential {rotation.credential}: is not in the inventory; put it back")
    revoked = [_old_line(means, rotation, entry)] if rotation.kind is Kind.SSH else []
    generations.promote(base_dir, rotation.kind, entry)
    return means.ledger.close(rotation, revoked)


def _old_line(means: Means, rotation: Rotation, entry: Mapping[str, str]) -> str:
    base_dir, name = means.app.settings.secrets_dir, rotation.credential
    if not generations.is_prepared(base_dir, rotation.kind, entry):  # it was promoted by one that died then
        return generations.public_line(generations.old_private_key(base_dir, entry), name)
    return public_key(means, name + NOW)


def public_key(means: Means, name: str) -> str:
    """The public half of an SSH credential. Raises CredentialError where it is a password."""
    login = means.app.secrets.ssh(name)
    if login.private_key is None:
        raise CredentialError(f"credential {name}: is a password; give it `private_key:` first")
    return generations.public_line(login.private_key.reveal(), name.partition("+")[0])


def _rotatable(means: Means, name: str) -> tuple[Mapping[str, str], Kind]:
    credentials = means.app.inventory.credentials
    entry = credentials.get(name)
    if entry is None:
        raise CredentialError(f"credential {name}: is not in the inventory; it has {', '.join(credentials)}")
    kind = _KINDS.get(entry["kind"])
    if kind is None or (kind is Kind.SSH and "private_key" not in entry):
        what = "a password" if entry["kind"] == "ssh" else f"of kind {entry['kind']}"
        raise CredentialError(f"credential {name}: is {what}; only SSH keys and SNMPv3 users are rotated")
    before = means.ledger.of(name, CREDENTIALS)
    if before is not None and before.state is not Stage.DONE:
        raise CredentialError(f"credential {name}: is being rotated; see plaza credentials status {name}")
    if not all(generations.files(kind, entry)) or ".user" in generations.files(kind, entry):
        raise CredentialError(
            f"credential {name}: is not in a file; write ref+file:NAME where it is ref+env:"
        )
    _require_alone(means, name, kind, entry)
    return entry, kind


def _require_alone(means: Means, name: str, kind: Kind, entry: Mapping[str, str]) -> None:
    """Nothing else may have the same file or the same key: it would change, or be revoked, with it."""
    ours = set(generations.files(kind, entry))
    for other, said in means.app.inventory.credentials.items():
        same_file = ours & {rotated_file(value) for value in said.values()}
        if other != name and (same_file or (kind is Kind.SSH and _same_key(means, name, other))):
            trouble = f"is the same secret as {other}; give it one of its own"
            raise CredentialError(f"credential {name}: {trouble}")


def _own_keys(means: Means, name: str, entry: Mapping[str, str]) -> set[str]:
    """What of its keys a credential is, and of the next; nothing where nobody can read them to log in."""
    found: set[str] = set()
    if entry["kind"] == Kind.SSH and "private_key" in entry:
        for mark in (NOW, NEXT):
            with suppress(SecretError):
                found.add(blob(public_key(means, name + mark)))
    return found


def _same_key(means: Means, name: str, other: str) -> bool:
    said = means.app.inventory.credentials[other]
    if said["kind"] != "ssh" or "private_key" not in said:
        return False
    return blob(public_key(means, other)) == blob(public_key(means, name))


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Two people who begin at once would write over each other's next secret: one waits for the other."""
    with (data_dir / "rotation.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _there(means: Means) -> Iterator[Device]:
    return (device for device in means.app.inventory.devices.values() if device.state in _THERE)


def _users(device: Device) -> list[str]:
    return [name.partition("+")[0] for name in device.manage.snmp_users]


def _steps(means: Means, rotation: Rotation) -> tuple[Step, ...]:
    """Those of devices that came later, too."""
    steps = means.ledger.steps(rotation)
    known = {step.device for step in steps}
    new = [
        device.name
        for device in participants(means, rotation.kind, rotation.credential)
        if device.name not in known
    ]
    if new:
        means.ledger.add(rotation, new)
        return means.ledger.steps(rotation)
    return steps


def _looks(means: Means, rotation: Rotation, devices: Sequence[Device]) -> Iterator[Seen]:
    if rotation.kind is Kind.SNMP:
        backend = means.app.settings.snmp_backend
        yield from look.at_polls(means.access, devices, rotation.credential, backend)
        return
    lines = [one.line for one in means.ledger.revoked() if one.person == rotation.credential]

    def one(device: Device) -> Seen:
        if rotation.kind is Kind.PERSON:
            return look.at_keys(means.access, device, lines)
        return look.at_login(means.access, device, rotation.state is Stage.REMOVING)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(one, devices)
