"""A village of devices in memory behind the seam of a rollout's work, on a clock that the test moves."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import event

from controller import audit, rollout
from controller.errors import NotBegun
from controller.journal import OPEN, Journal, Row, State
from controller.model import Hours, Inventory, Municipality, Portal, Site, Uplink, UplinkKind
from controller.rollouts import starting
from controller.rollouts.order import behind, network, stands_in_the_way
from controller.rollouts.runner import Fleet
from controller.rollouts.seam import Asked, Evidence, Fits, Kind, Phase, Policy, Preflight, Tell
from controller.rollouts.store import Rollout, Store
from controller.store.engine import open_engine
from controller.store.tables import metadata
from drivers.facts import Facts
from drivers.model import Device, Endpoint, Role

TIMER_S = 300
GOOD, REFUSES, GONE, ANSWER_LOST = "good", "refuses", "gone", "answer lost"
NOON = 1_795_370_400


class Killed(BaseException):
    """What SIGKILL is to a process."""


@dataclass
class Box:
    """One device: two halves that a change writes one after the other, and a timer that puts both back."""

    halves: list[str] = field(default_factory=lambda: ["old", "old"])
    trial: str = ""
    reverts_at: int = 0
    ended: dict[str, str] = field(default_factory=dict)
    online: bool = True
    fate: str = GOOD
    wanted: str = "new"
    model: str = "m1"


@dataclass
class Village:
    """The devices, the clock, and a fuse that kills whoever carries a rollout on."""

    inventory: Inventory
    folder: Path
    boxes: dict[str, Box] = field(default_factory=dict)
    now: int = NOON
    fuse: int = 0  # 0 = not lit
    dead: bool = False
    good: bool | None = True
    begun: list[str] = field(default_factory=list)
    at_event: Callable[[], None] | None = None
    at_begin: Callable[[Row], None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.boxes = {name: Box() for name in self.inventory.devices}
        engine = open_engine(f"sqlite:///{self.folder / 'plaza.db'}")
        metadata.create_all(engine)
        key = audit.load_key(self.folder)
        self.store = Store(Journal(engine, key, "tecnica", lambda: datetime.fromtimestamp(self.now, UTC)))
        event.listen(engine, "before_cursor_execute", self._burn_at_a_row)

    def _burn_at_a_row(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE rollout_step"):
            self.burn()

    def burn(self) -> None:
        """One more thing happens; the fuse may be at its end, and then nothing happens any more."""
        with self.lock:
            if self.fuse:
                self.fuse -= 1
                self.dead = self.dead or not self.fuse
            if self.dead:
                raise Killed

    def tick(self, seconds: int) -> None:
        """Time passes, and timers end."""
        self.now += seconds
        for box in self.boxes.values():
            if box.trial and self.now >= box.reverts_at:
                self._end(box, "old", "reverted")

    def _end(self, box: Box, text: str, ending: str) -> None:
        box.halves = [text, text]
        box.ended[box.trial] = ending
        box.trial = ""

    def act(self, row: Row, what: str) -> None:
        """One remote act; the journal must have announced it."""
        self.burn()
        if self.at_event is not None:
            self.at_event()
        box = self.boxes[row.device]
        with self.lock:
            stored = next(one for one in self.store.rows(row.rollout) if one.device == row.device)
            announced = {"arm": "armed", "apply": "applied", "confirm": "verified"}[what]
            assert stored.state.value == announced, f"{what} at {row.device} though it is {stored.state}"
            if what == "arm":
                self._may_begin(row)
                box.trial, box.reverts_at = row.token, self.now + TIMER_S
            elif what == "apply":
                box.halves[0] = box.wanted
            else:
                self._end(box, box.wanted, "confirmed")
        if what == "apply":
            self.burn()
            box.halves[1] = box.wanted

    def _may_begin(self, row: Row) -> None:
        """What must hold whenever a device is begun."""
        if self.at_begin is not None:
            self.at_begin(row)
        self.begun.append(row.device)
        devices, of = self.inventory.devices, network(self.inventory)
        rows = {one.device: one for one in self.store.rows(row.rollout)}
        partner = next((name for name, device in devices.items() if device.link == row.device), "")
        allowed = {row.device, partner, devices[row.device].link}
        same = [name for name, device in devices.items() if device.site == devices[row.device].site]
        others = [name for name in same if self.boxes[name].trial and name not in allowed]
        assert not others, f"{row.device} is begun while {others} of its site are on trial"
        leaves = [name for name in behind(of, row.device) if name in rows and name not in allowed]
        waiting = [name for name in leaves if stands_in_the_way(rows[name].state, rows[name].attempts)]
        assert not waiting, f"{row.device} is begun before {waiting} behind it"

    def look(self, site: str, _since: int) -> Sequence[Evidence]:
        """What the village shows after a wave."""
        return [Evidence(site, asked, self.good, "as set") for asked in Asked]

    def fleet(self, work: "Work") -> Fleet:
        """What carries its rollouts on."""
        return Fleet(self.inventory, self.store, work, self.look, lambda _row: self.burn())

    def frame(self, policy: Policy) -> starting.Frame:
        """What a list is made for, now."""
        return starting.Frame(self.inventory, {}, policy, datetime.fromtimestamp(self.now, UTC))

    def start(self, policy: Policy, devices: Collection[str] = ()) -> str:
        """A rollout over all devices, or some."""
        names = devices or self.inventory.devices
        found = [Work(self).preflight(self.inventory.devices[name]) for name in names]
        planned = starting.plan("r1", found, self.frame(policy))
        made = Rollout("r1", Kind.CONFIGURE, "all", "a new network name", policy, names=planned.names)
        self.store.begin(made, planned.rows)
        return "r1"

    def retry(self, name: str) -> None:
        """What `plaza rollout retry` does."""
        now = self.store.get(name)
        rows = self.store.rows(name)
        found = [Work(self).preflight(device) for device in starting.to_retry(rows, self.inventory)]
        planned = starting.plan(name, found, self.frame(now.policy))
        after, changed = starting.plan_again(now, rows, planned, self.frame(now.policy))
        self.store.replan(now, replace(after, phase=Phase.RUNNING, reason="mended"), changed)


@dataclass(frozen=True)
class Work:
    """Changes the village's devices as drivers.apply changes real ones."""

    village: Village

    @property
    def kind(self) -> Kind:
        """As the real one."""
        return Kind.CONFIGURE

    def preflight(self, device: Device) -> Preflight:
        """What is there."""
        box = self.village.boxes[device.name]
        facts = Facts(box.model) if box.online else None
        diff = "" if box.halves == [box.wanted] * 2 and box.online else "+new"
        return Preflight(device.name, facts, wanted=box.wanted, diff=diff)

    def carry_out(self, rows: Sequence[Row], fits: Fits, tell: Tell) -> tuple[Row, ...]:
        """One after the other, the far end first."""
        try:
            return tuple(self.change(row, fits, tell) for row in rows)
        except NotBegun:
            return tuple(rows)

    def change(self, row: Row, fits: Fits, tell: Tell) -> Row:
        """One device."""
        box = self.village.boxes[row.device]
        if not box.online:
            return self.write(replace(row, state=State.PENDING, detail="no answer"), tell)
        if box.halves == [box.wanted] * 2:
            return self.write(replace(row, state=State.SKIPPED, detail="as intended"), tell)
        if row.intent_hash != box.wanted:
            return self.write(replace(row, state=State.HELD, detail="the inventory changed"), tell)
        if not fits(TIMER_S):
            return replace(row, state=State.PLANNED, detail="too late")
        token, deadline_at = f"{row.device}-{len(box.ended)}", self.village.now + TIMER_S + 60
        armed = replace(row, state=State.ARMED, token=token, deadline_at=deadline_at)
        self.act_after(armed, "arm", tell)
        return self.applied(replace(armed, state=State.APPLIED), box, tell)

    def applied(self, applied: Row, box: Box, tell: Tell) -> Row:
        """What comes once it is armed, as its fate has it."""
        if box.fate == GONE:
            return self.gone(applied, tell)
        self.act_after(applied, "apply", tell)
        if box.fate == REFUSES:
            self.village._end(box, "old", "reverted")
            return self.write(replace(applied, state=State.ROLLED_BACK, detail="it refused"), tell)
        verified = replace(applied, state=State.VERIFIED)
        self.act_after(verified, "confirm", tell)
        if box.fate == ANSWER_LOST:
            return self.write(replace(verified, detail="out of reach after the change: lost"), tell)
        return self.write(replace(verified, state=State.CONFIRMED), tell)

    def gone(self, applied: Row, tell: Tell) -> Row:
        """The change cuts it off, and nobody hears of it until its timer ends."""
        self.act_after(applied, "apply", tell)
        self.village.boxes[applied.device].online = False
        return self.write(replace(applied, detail="out of reach after the change: no answer"), tell)

    def act_after(self, row: Row, what: str, tell: Tell) -> None:
        """The row is durable, then it is done."""
        self.write(row, tell)
        self.village.act(row, what)

    def write(self, row: Row, tell: Tell) -> Row:
        """As the real one."""
        return rollout.write(self.village.store.journal, row, tell)

    def resume(self, rows: Sequence[Row], tell: Tell) -> tuple[Row, ...]:
        """Ask each once."""
        return tuple(self.ask(row, tell) if row.state in OPEN else row for row in rows)

    def ask(self, row: Row, tell: Tell) -> Row:
        """As rollout.ask_after; a trial that is wished, whole and still open is confirmed."""
        self.village.burn()
        box = self.village.boxes[row.device]
        if not box.online:
            return row
        if box.trial == row.token and box.halves == [row.intent_hash] * 2:
            self.village._end(box, row.intent_hash, "confirmed")
        if box.trial == row.token:
            return row
        if box.ended.get(row.token) == "confirmed":
            return self.write(replace(row, state=State.CONFIRMED, detail=""), tell)
        interrupted = rollout.was_interrupted(row)
        state = State.PLANNED if interrupted else State.ROLLED_BACK
        return self.write(replace(row, state=state, detail=row.detail or "died", token=""), tell)


def village(folder: Path) -> Village:
    """Three sites: two access points behind a gateway; three beside each other; a radio link to a school."""
    devices = [
        _device("ap-a1", "a", parent="gw-a"),
        _device("ap-a2", "a", parent="gw-a"),
        _device("gw-a", "a", Role.GATEWAY),
        _device("ap-b1", "b"),
        _device("ap-b2", "b"),
        _device("ap-b3", "b"),
        _device("ap-c1", "c", parent="link-far"),
        _device("link-far", "c", Role.BACKHAUL, parent="link-near", link="link-near"),
        _device("link-near", "a", Role.BACKHAUL, parent="gw-a", link="link-far"),
    ]
    return Village(inventory_of(devices), folder)


def town(folder: Path, sites: int) -> Village:
    """Many sites with two access points each."""
    names = [(f"ap-{site:03}-{one}", f"s{site:03}") for site in range(sites) for one in (1, 2)]
    return Village(inventory_of([_device(*each) for each in names]), folder)


def inventory_of(devices: Sequence[Device], maintenance: Hours | None = None) -> Inventory:
    """One municipality."""
    return Inventory(
        municipalities={"08019": Municipality("08019", "Chihuahua", "Chihuahua", "America/Chihuahua")},
        sites={site: _site(site, maintenance) for site in sorted({device.site for device in devices})},
        devices={device.name: device for device in devices},
        credentials={},
    )


def _device(name: str, site: str, role: Role = Role.AP, parent: str = "", link: str = "") -> Device:
    place = Endpoint("127.0.0.1", 22)
    plain = Device(name, role, "08019", site, "openwrt", "10.0.0.1", place, place, place)
    return replace(plain, parent=parent, link=link, snmp_credentials="nms", ssh_credentials="aps")


def _site(key: str, maintenance: Hours | None) -> Site:
    return Site(
        key=key,
        name=key,
        municipality="08019",
        lat=28.6,
        lon=-106.1,
        opened_on=date(2024, 1, 1),
        hours=Hours("America/Chihuahua", ((),) * 7),
        uplink=Uplink(UplinkKind.FIBRE, "CFE", 100, 100),
        portal=Portal(("es",), "hora", timedelta(hours=1), "http://10.19.1.1:2060", "gateways"),
        maintenance=maintenance,
    )
