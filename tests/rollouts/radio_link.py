"""Two real devices joined by radio: the far one is reached only while both send on the same channel."""

import re
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from drivers import apply, ssh
from drivers.apply import Goal, Plan, Step, Target, Timers
from drivers.configurers.airos import AirOs
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Configurer, Wish
from drivers.errors import Unreachable
from drivers.host_key import HostKey
from drivers.model import Band, Endpoint, Intent, Radio, Ssid
from drivers.pair import End
from drivers.pair_end import Link, OnTrial, Talks
from tests.configure import airosbox
from tests.configure.device import Ap, make_ap, quickest, wait_until
from tests.configure.relay import Relay

FAR, NEAR = "far", "near"

QUICK = Timers(revert_s=3, settle_s=0.1, grace_s=60, command_s=10, longest_pause_s=0.5)
"""For changes that shall go back."""

PATIENT = Timers(revert_s=120, settle_s=0.1, grace_s=120, command_s=30, longest_pause_s=0.5)
"""For changes that shall stay, however busy the machine."""


@dataclass(frozen=True)
class Kind:
    """A platform of radios: `channel` finds in `on_air` what a radio sends on, `saved` is an open trial's."""

    configurer: Configurer
    make: Callable[[Path, str], Ap]
    on_air: tuple[str, ...]
    channel: re.Pattern[str]
    bands: tuple[Band, ...]
    settings: Callable[[Ap], object]
    saved: str
    cut_off: str

    def sends(self, ap: Ap) -> str:
        """What a radio sends on; "" while it starts."""
        for file in self.on_air:
            with suppress(FileNotFoundError):
                found = self.channel.search((ap.root / file).read_text())
                return found[1] if found else ""
        return ""

    def wish(self, name: str, at: int, country: str = "MX") -> Wish:
        """Another channel, which is what the two must agree on."""
        radios = (Radio(Band.GHZ_2, 6), Radio(Band.GHZ_5, at))[-len(self.bands) :]
        return Wish(Intent(name, name, country, radios, (Ssid("Chihuahua Gratis", bands=self.bands),)))


def make_openwrt(folder: Path, name: str) -> Ap:
    """A device whose radio sends what was configured when it last reloaded or started."""
    ap = make_ap(folder, quickest(), name)
    for hook in (ap.root / "sbin/reload_config", ap.root / "bin/reload_config"):
        if hook.exists():
            text = hook.read_text()
            on_air = 'cp "$R/etc/config/wireless" "$R/tmp/air.new" && mv "$R/tmp/air.new" "$R/tmp/air"\n'
            hook.write_text(text.replace("echo reloaded", f"{on_air}echo reloaded", 1))
    shutil.copy(ap.root / "etc/config/wireless", ap.root / "tmp/air")
    return ap


def make_airos(folder: Path, name: str) -> Ap:
    """A radio of the kind that most links of the state are built with."""
    radio = airosbox.make_radio(folder / name, quickest())
    radio.name = name
    return radio


def airos_settings(ap: Ap) -> object:
    """What is to run, and what a power cycle would bring."""
    assert isinstance(ap, airosbox.Radio)
    with tarfile.open(ap.root / "flash/kept") as kept:
        member = kept.extractfile("tmp/system.cfg")
        assert member is not None
        return ap.cfg(), member.read()


KINDS = {
    "openwrt": Kind(
        OpenWrt(),
        make_openwrt,
        ("tmp/air", "etc/config/wireless"),
        re.compile(r"config wifi-device 'radio1'.*?option channel '(\d+)'", re.DOTALL),
        (Band.GHZ_2, Band.GHZ_5),
        Ap.configuration,
        "etc/plaza/rollback.tgz",
        "XX",
    ),
    "ubiquiti_airos": Kind(
        AirOs(),
        make_airos,
        ("tmp/running.cfg",),
        re.compile(r"^radio\.1\.freq=(\d+)$", re.MULTILINE),
        (Band.GHZ_5,),
        airos_settings,
        "tmp/plaza/rollback.cfg",
        "ES",
    ),
}


@dataclass
class Journal:
    """What was announced, durable before each act."""

    file: Path

    def write(self, device: str, step: Step, token: str) -> None:
        """One line."""
        with self.file.open("a") as file:
            file.write(f"{device} {step.value} {token}\n")

    def read(self) -> list[tuple[str, Step, str]]:
        """All lines."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [(device, Step(step), token) for device, step, token in map(str.split, lines)]


@dataclass
class Joined:
    """Both ends and the air between them; `out` while something else than their settings parts them."""

    platform: str
    far: Ap
    near: Ap
    relay: Relay
    journal: Journal
    keys: dict[str, HostKey]
    out: bool = False
    hangs: bool = False

    @property
    def kind(self) -> Kind:
        """Of both."""
        return KINDS[self.platform]

    def target(self, name: str, timers: Timers) -> Target:
        """How the controller has it."""
        ap = self.far if name == FAR else self.near
        port = self.relay.port if name == FAR else ap.port
        return target_of(self.platform, ap, port, self.keys[name], timers)

    def wish(self, name: str, at: int = 149, country: str = "MX") -> Wish:
        """Of its platform."""
        return self.kind.wish(name, at, country)

    def end(self, name: str, goal: Goal, token: str, timers: Timers) -> End:
        """Planned."""
        to = self.target(name, timers)
        return End(to, apply.plan(to, goal), token)

    def ends(self, timers: Timers, far: Wish | None = None, near: Wish | None = None) -> tuple[End, End]:
        """Both planned."""
        wishes = far or self.wish(FAR), near or self.wish(NEAR)
        return (
            self.end(FAR, wishes[0], "f" * 32, timers),
            self.end(NEAR, wishes[1], "n" * 32, timers),
        )

    def link(self, timers: Timers, far: Goal | None = None, near: Goal | None = None) -> Link:
        """As the journal has it."""
        said = self.journal.read()
        last = {device: (step, token) for device, step, token in said}
        return Link(
            OnTrial(self.target(FAR, timers), last.get(FAR, (Step.ARMED, ""))[1], far or self.wish(FAR)),
            OnTrial(self.target(NEAR, timers), last.get(NEAR, (Step.ARMED, ""))[1], near or self.wish(NEAR)),
            last.get(FAR, (Step.ARMED, ""))[0],
        )

    def settings(self) -> tuple[object, object]:
        """Of both, octet for octet."""
        return self.kind.settings(self.far), self.kind.settings(self.near)

    def open_trials(self) -> list[str]:
        """Where an old configuration is kept for a revert."""
        return [ap.name for ap in (self.far, self.near) if (ap.root / self.kind.saved).exists()]

    def plans(self) -> tuple[Plan, Plan]:
        """What there is still to do at either end; on a busy machine the link may be late to follow."""
        found: list[tuple[End, End]] = []

        def planned() -> bool:
            with suppress(Unreachable):
                found.append(self.ends(PATIENT))
            return bool(found)

        wait_until("both ends answer", planned)
        far, near = found[0]
        return far.plan, near.plan

    def up(self) -> bool:
        """Whether the air carries."""
        sends = self.kind.sends(self.far)
        return not self.out and sends != "" and sends == self.kind.sends(self.near)

    def carries(self) -> bool:
        """Whether a login gets through."""
        return self.up() and not self.relay.down and not self.relay.deaf

    def watch(self, ended: threading.Event) -> None:
        """Let the link follow what both ends send."""
        while not ended.wait(0.02):
            up = self.up()
            if up and (self.relay.down or self.relay.deaf):
                self.relay.heal()
            elif not up and self.hangs:
                self.relay.deaf = True
            elif not up and not self.relay.down:
                self.relay.down = True
                self.relay.cut()


def target_of(platform: str, ap: Ap, port: int, host_key: HostKey, timers: Timers) -> Target:
    """Over a port that may be the link's."""
    device = replace(ap.device, ssh=Endpoint("127.0.0.1", port))
    login = ap.login
    return Target(
        device.name,
        KINDS[platform].configurer,
        lambda: ssh.connect(device, login, host_key, timers.command_s),
        timers,
    )


@contextmanager
def joined(folder: Path, platform: str) -> Iterator[Joined]:
    """A link for the length of a test."""
    far, near = (KINDS[platform].make(folder, name) for name in (FAR, NEAR))
    relay, ended = Relay(far.port), threading.Event()
    keys = {FAR: far.host_key(), NEAR: near.host_key()}
    link = Joined(platform, far, near, relay, Journal(folder / "journal"), keys)
    watching = threading.Thread(target=link.watch, args=(ended,), daemon=True)
    watching.start()
    try:
        yield link
    finally:
        ended.set()
        watching.join(60)
        relay.close()
        far.lose_power()
        near.lose_power()


def talks(journal: Journal) -> Talks:
    """Of a controller that takes over."""
    tokens = (f"{number:032x}" for number in range(int(time.time()), 2**32))
    return Talks(journal.write, lambda: next(tokens))


def until_ended(ask: Callable[[], bool]) -> None:
    """Ask as the worker does."""
    wait_until("both ends have ended", ask, 180)
