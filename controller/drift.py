"""Whether a device is still what it was when we last knew it, and whose work it is where it is not."""

import difflib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, or_, select

from captive_portal.tables import insert
from controller import audit, planning
from controller import intent as wanting
from controller.access import Access
from controller.audit import Entry
from controller.errors import ControllerError
from controller.history import ACCEPTED, SEEN, WISHED, Seen
from controller.journal import OPEN
from controller.rollout import Works
from controller.store.engine import READ_ONLY
from controller.store.tables import drift as table
from controller.store.tables import rollout_steps
from drivers import apply
from drivers.apply import Target, Timers
from drivers.change import Change
from drivers.configurers import features, lasting
from drivers.configurers.seam import Configurer, Running, Wish
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import AuthFailed, DriverError, HostKeyChanged, HostKeyUnknown
from drivers.model import Device

if TYPE_CHECKING:
    from drivers.ssh import SshShell

WORKERS: Final = 16
_OPEN: Final = frozenset(state.value for state in OPEN)
REFUSED: Final = "refused"
"""In place of a fingerprint: it let us not in, so it is not asked again soon."""

_REFUSALS: Final = (AuthFailed, HostKeyChanged, HostKeyUnknown)
_NOTHING_SHOWS: Final = (
    "what differs does not show: a secret, a comment, or somebody's line in a file that we write in, such as "
    "a login key"
)

Enter = Callable[[Device], AbstractContextManager["SshShell"]]
"""A login at a device. Raises DriverError or SecretError."""


def entering(access: Access) -> Enter:
    """A new login for each look. One that is kept until the next night would cost more than it saves."""
    return lambda device: access.enter(device, CONFIGURERS[device.platform].traits.user_suffix)


class State(StrEnum):
    """What was found: `owned` is what is ours and not as wished, `foreign` what somebody else changed."""

    SAME = "same"
    OWNED = "owned"
    FOREIGN = "foreign"
    BOTH = "both"
    UNKNOWN = "unknown"  # it could not be read


DRIFTED: Final = frozenset({State.OWNED, State.FOREIGN, State.BOTH})


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a device's drift; times are UTC epoch seconds, texts hold no secret.

    `owned` counts the lines that `plaza apply` would send: with the state `same` it is the inventory that
    asks for more. `text` shows what changed since the version that is known, then what is not as wished.
    `fingerprint` is a keyed digest over all that the verdict was made from, REFUSED, or "".
    """

    device: str
    state: State
    fingerprint: str
    owned: int
    text: str
    detail: str
    since: int
    checked_at: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Reads devices side by side and keeps what it finds; one that fails costs only itself."""

    works: Works
    enter: Enter

    def look(self, devices: Sequence[Device]) -> list[Finding]:
        """Read these devices now. A device that is being changed meanwhile is not judged and not in it."""
        engine = self.works.journal.engine
        started = int(self.works.journal.clock().timestamp())
        standing = _standing(engine, devices, started)
        waiting = [one for one in devices if not (_on_trial(standing[one.name]) or wanting.why_not(one))]
        before, known = findings(engine, waiting), self.works.history.known_of(waiting)
        with ThreadPoolExecutor(WORKERS) as pool:
            found = list(
                pool.map(lambda one: self._look(one, known[one.name], before.get(one.name)), waiting)
            )
        still = _standing(engine, waiting, started)
        found = [one for one in found if still[one.device] == standing[one.device]]
        keep(engine, found)
        return found

    def _look(self, device: Device, known: int | None, before: Finding | None) -> Finding:
        now = int(self.works.journal.clock().timestamp())
        try:
            wish = planning.wish(self.works.inventory, self.works.access, device)
            to = Target(device.name, CONFIGURERS[device.platform], lambda: self.enter(device), Timers())
            running = apply.read(to)
            return _Judging(self.works, device, wish, now).judge(running, known, before)
        except (DriverError, ControllerError) as error:
            reason = error.reason if isinstance(error, DriverError) else str(error)
            refused = REFUSED if isinstance(error, _REFUSALS) else ""
            since = before.since if before and before.state is State.UNKNOWN else now
            return Finding(device.name, State.UNKNOWN, refused, 0, "", reason, since, now)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the inventory asks for and the device does not have; `refused` is why it cannot be said."""

    lines: int
    text: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Judging:
    """One device, as it is wished, at one moment."""

    works: Works
    device: Device
    wish: Wish
    now: int

    @property
    def configurer(self) -> Configurer:
        """Of its platform."""
        return CONFIGURERS[self.device.platform]

    def judge(self, running: Running, known: int | None, before: Finding | None) -> Finding:
        """The verdict; the one from before where nothing changed that it was made from."""
        known = known or self._keep(running)
        judged_from = self._judged_from(running, known)
        if before is not None and before.fingerprint == judged_from:
            return replace(before, checked_at=self.now)
        earlier = self.works.history.running(self.device, known)
        asked = self._asked(running)
        if lasting.mark(self.device.platform, earlier) == lasting.mark(self.device.platform, running):
            return self._same(judged_from, asked, before)
        return self._changed(judged_from, running, (known, earlier), asked, before)

    def _same(self, judged_from: str, asked: _Asked, before: Finding | None) -> Finding:
        detail = "; ".join(filter(None, (self._more() if asked.lines else "", asked.refused)))
        since = before.since if before and before.state is State.SAME else self.now
        name = self.device.name
        return Finding(name, State.SAME, judged_from, asked.lines, asked.text, detail, since, self.now)

    def _more(self) -> str:
        return f"the inventory asks for more: `plaza diff {self.device.name}`"

    def _changed(
        self,
        judged_from: str,
        running: Running,
        known: tuple[int, Running],
        asked: _Asked,
        before: Finding | None,
    ) -> Finding:
        number, earlier = known
        name, back = self.device.name, self.configurer.restoration(self.device.name, running, earlier)
        old, new = (self.configurer.redacted(one) for one in (earlier, running))
        taken = self._revoked_since(earlier) if old != new else Change(name, (), "")
        foreign = not (back or taken) or lasting.others(self.device.platform, old, new, back, taken)
        owned = bool(back) and bool(asked.lines or asked.refused)
        newest = self._keep(running)
        if not owned and not foreign:  # an apply that died behind its confirmation; a hand that did as wished
            with self.works.journal.engine.begin() as connection:
                self.works.history.settle(connection, self.device, newest, WISHED)
            return self._same(self._judged_from(running, newest), asked, before)
        state = State.BOTH if owned and foreign else State.OWNED if owned else State.FOREIGN
        text = self._difference(number, old, new)
        first_seen = self._first_seen(newest)
        since = before.since if before and before.state is state else first_seen
        said = (
            self._when(first_seen, before),
            lasting.told_by(running),
            "" if text else _NOTHING_SHOWS,
            asked.refused,
            self._more() if asked.lines and not owned else "",
        )
        detail = "; ".join(filter(None, said))
        return Finding(name, state, judged_from, asked.lines, text + asked.text, detail, since, self.now)

    def _revoked_since(self, earlier: Running) -> Change:
        """What has to go from an earlier version, whoever put it there: keys that were revoked."""
        gone, name = self.wish.intent.manage.revoked_keys, self.device.name
        try:
            return self.configurer.restoration(name, earlier, earlier, gone)
        except DriverError:  # it was read with a key that is revoked since, or a line of them is no key
            return Change(name, (), "")

    def _asked(self, running: Running) -> _Asked:
        try:
            features.check(self.device.platform, self.configurer.traits, self.wish.intent)
            change = self.configurer.change(self.device.name, running, self.wish)
        except DriverError as error:
            return _Asked(0, "", f"what the inventory asks for cannot be compared: {error.reason}")
        return _Asked(len(change.lines), change.text)

    def _keep(self, running: Running) -> int:
        shown = self.configurer.redacted(running)
        return self.works.history.keep(self.device, Seen(running, shown, SEEN, ""))

    def _judged_from(self, running: Running, known: int) -> str:
        """Keyed, because a poor secret could be guessed from a plain digest."""
        mark = lasting.mark(self.device.platform, running)
        said = json.dumps([mark, known, wanting.digest(self.wish.intent), _words(self.wish)])
        text = said.encode("utf-8", "surrogateescape")
        return hmac.new(self.works.history.key, text, hashlib.sha256).hexdigest()

    def _difference(self, number: int, before: str, after: str) -> str:
        old, new = ([*lasting.lasting(self.device.platform, text)] for text in (before, after))
        names = f"{self.device.name} (version {number}, known)", f"{self.device.name} (now)"
        return "".join(f"{line}\n" for line in difflib.unified_diff(old, new, *names, lineterm=""))

    def _first_seen(self, number: int) -> int:
        versions = self.works.history.versions(self.device.name)
        return next((one.at for one in versions if one.number == number), self.now)

    def _when(self, first_seen: int, before: Finding | None) -> str:
        if before is None or before.state is State.UNKNOWN or first_seen < self.now:
            return f"changed before {shown(first_seen)}"
        return f"changed between {shown(before.checked_at)} and {shown(self.now)}"


def shown(at: int) -> str:
    """A time (epoch seconds) for a person."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")


def findings(engine: Engine, devices: Iterable[Device]) -> dict[str, Finding]:
    """What the last look at each of these devices found, by its name."""
    statement = select(table).where(table.c.device.in_([device.name for device in devices]))
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(statement).mappings()
        return {row["device"]: Finding(**{**row, "state": State(row["state"])}) for row in rows}


def keep(engine: Engine, found: Iterable[Finding]) -> None:
    """Make findings durable, in place of earlier ones."""
    with engine.begin() as connection:
        _write(connection, found)


def _standing(engine: Engine, devices: Iterable[Device], since: int) -> dict[str, set[tuple[str, str]]]:
    """Each of these devices' rows in the journal that are open or were written since then: rollout, state."""
    columns = (rollout_steps.c.device, rollout_steps.c.rollout, rollout_steps.c.state)
    recent = or_(rollout_steps.c.state.in_(_OPEN), rollout_steps.c.updated_at >= since)
    found: dict[str, set[tuple[str, str]]] = {device.name: set() for device in devices}
    statement = select(*columns).where(rollout_steps.c.device.in_(found), recent)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        for row in connection.execute(statement):
            found[row.device].add((row.rollout, row.state))
    return found


def _on_trial(rows: Iterable[tuple[str, str]]) -> bool:
    return any(state in _OPEN for _, state in rows)


def accept(works: Works, device: Device, found: Finding) -> int:
    """What others changed there, as last seen, is known from now on; audited. Returns the version."""
    newest = works.history.versions(device.name)[0].number
    now = works.journal.clock()
    detail = f"version {newest} accepted by {works.journal.actor}"
    after = replace(
        found, state=State.SAME, fingerprint="", text="", detail=detail, since=int(now.timestamp())
    )
    with works.journal.engine.begin() as connection:
        works.history.settle(connection, device, newest, ACCEPTED)
        entry = Entry(works.journal.actor, "drift-accepted", device.name, {"version": str(newest)}, now)
        audit.record(connection, works.journal.audit_key, entry)
        _write(connection, [after])
    return newest


def _words(wish: Wish) -> list[list[str]]:
    """Every secret of a wish with its name, so that a new one is noticed."""
    named = (*wish.passphrases.items(), *wish.portal_secrets.items())
    users = [
        [name, user.user, user.auth_protocol, user.priv_protocol, user.context]
        + [key.reveal() for key in (user.auth_key, user.priv_key) if key]
        for name, user in wish.snmp_users.items()
    ]
    return sorted([*([name, word.reveal()] for name, word in named), *users])


def _write(connection: Connection, found: Iterable[Finding]) -> None:
    rows = [{one.name: getattr(finding, one.name) for one in fields(Finding)} for finding in found]
    if not rows:
        return
    statement = insert(connection, table)
    changed = {one.name: statement.excluded[one.name] for one in table.c if one.name != "device"}
    connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=changed), rows)
