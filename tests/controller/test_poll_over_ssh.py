"""Devices without snmpd are asked over SSH: the same samples and verdicts, and nobody waits for them."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from controller import audit
from controller.access import Access, Pinning
from controller.app import App, build, utc_now
from controller.demo import make_secrets
from controller.errors import SecretError
from controller.files import write_private
from controller.health import State
from controller.inventory import load
from controller.poller import Polled, Targets, poll_once, turn
from controller.poller_role import keeping
from controller.poller_ssh import OverSsh
from controller.secrets import FileSecrets
from controller.settings import load as settings_of
from drivers.definition import load_platforms
from drivers.model import Device, Endpoint, PollBy
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import Reason
from drivers.ssh import Output, SshShell, fetch_host_key
from metrics.line_protocol import encode
from tests import need
from tests.configure.device import keygen
from tests.simulator.lab import Simulator
from tests.town import INVENTORY, Town, environment, town, wait_for

DEVICES = """\
devices:
  ap-kiosk: {{site: 08027-plaza, address: {kiosk}, ssh: {{port: {kiosk_ssh}}}, poll: ssh}}
  ap-stranger: {{site: 08027-plaza, address: {stranger}, ssh: {{port: {stranger_ssh}, credentials: others}},
    poll: ssh}}
  ap-new: {{site: 08027-plaza, address: {new}, ssh: {{port: {new_ssh}}}, poll: ssh}}
  ap-changed: {{site: 08027-plaza, address: {changed}, ssh: {{port: {changed_ssh}}}, poll: ssh}}
  ap-silent: {{site: 08027-plaza, address: 127.0.0.1, ssh: {{port: {silent_ssh}}}, poll: ssh}}
  ap-school: {{site: 08027-plaza, address: {school}, snmp: {{port: {school_snmp}, credentials: aps-snmp}}}}
"""


@dataclass
class Square:
    """Devices of which only `ap-school` is asked over SNMP; `silent` is where `ap-silent` never says a word.

    `hidden` is the SNMP port that `ap-kiosk` has in truth and no inventory knows.
    """

    town: Town
    app: App
    hidden: Endpoint
    silent: socket.socket

    def device(self, name: str) -> Device:
        return self.app.inventory.devices[name]

    def callers(self) -> list[socket.socket]:
        """Who has called `ap-silent` since it was last looked at."""
        found = []
        while True:
            try:
                found.append(self.silent.accept()[0])
            except BlockingIOError:
                return found

    def targets(self, *devices: Device) -> Targets:
        """With the patience of an hour, so that only what the test does ends a wait."""
        enter = Access(self.app.secrets, self.app.engine, login_timeout_s=3600).enter
        return Targets.of(devices, load_platforms(), self.app.secrets, enter)


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    directory = tmp_path_factory.mktemp("town")
    secrets = directory / "var" / "secrets"
    keygen(secrets / "aps-ssh-key")
    write_private(secrets / "snmp-community", "plaza")
    simulator = Simulator(directory, (secrets / "aps-ssh-key.pub").read_text().strip())
    names = ("kiosk", "stranger", "new", "changed", "school")
    aps = {name: simulator.ap(f"ap-{name}") for name in names}
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)
    silent.setblocking(False)
    with town(directory, "127.76.1") as made, silent:
        ports = {"silent_ssh": silent.getsockname()[1]} | {n: ap["ssh"]["host"] for n, ap in aps.items()}
        ports |= {f"{name}_{way}": ap[way]["port"] for name, ap in aps.items() for way in ("ssh", "snmp")}
        _write_inventory(directory / "inventory.yaml", ports)
        make_secrets(load(directory / "inventory.yaml"), secrets)
        simulator.start()
        try:
            app = build(settings_of(made.environ, directory))
            _pin(app)
            yield Square(made, app, Endpoint(ports["kiosk"], ports["kiosk_snmp"]), silent)
        finally:
            simulator.stop()


def _write_inventory(file: Path, ports: Mapping[str, Any]) -> None:
    """Nobody has SNMP credentials unless it says so itself."""
    above = INVENTORY.format(snmp_port=1, ssh_port=1, gateway_port=1, network="").partition("devices:\n")[0]
    above = above.replace("  snmp: {port: 1, credentials: aps-snmp}\n", "")
    others = "  others: {kind: ssh, user: root, private_key: ref+file:others}\n"
    above = above.replace("  gateways: {kind", f"{others}  gateways: {{kind")
    file.write_text(above + DEVICES.format(**ports))


def _pin(app: App) -> None:
    """All are adopted but `ap-new`; `ap-changed` was another device then."""
    pinning = Pinning(app.engine, audit.load_key(app.settings.data_dir), "tecnica")
    keys = {name: name for name in ("ap-kiosk", "ap-stranger")}
    for name, shown_by in (keys | {"ap-changed": "ap-kiosk", "ap-silent": "ap-kiosk"}).items():
        pinning.pin(name, fetch_host_key(app.inventory.devices[shown_by]), utc_now())


def once(targets: Targets) -> list[Polled]:
    async def run() -> list[Polled]:
        poller = open_poller()
        try:
            return await poll_once(targets, poller, 30)
        finally:
            await poller.close()

    return asyncio.run(run())


def by_place(polled: Polled) -> dict[tuple[str, ...], dict[str, float]]:
    """Measurement and tags → fields, without what is measured differently: processor, cost of the poll."""
    different = ("cpu_pct", "poll_ms", "poll_octets")
    return {
        (sample.measurement, *sample.tags.values()): {
            key: value for key, value in sample.fields.items() if key not in different
        }
        for sample in polled.samples
    }


def test_without_snmpd_a_device_is_up_with_its_clients(square: Square) -> None:
    said = square.town.plaza("poll", "ap-kiosk", "--once", "--json")
    assert said.returncode == 0, said.stderr
    assert (
        '"way": "ssh", "state": "up", "agent_answers": true, "service_works": true, "clients": '
        in said.stdout
    )
    assert '"clients": null' not in said.stdout


def test_the_running_poller_stores_its_samples(square: Square) -> None:
    def stored() -> bool:
        with square.town.samples() as store:
            latest = store.latest("wifi_ap", 0)
        return any(sample.tags["ap"] == "ap-kiosk" and sample.fields["up"] for sample in latest)

    poller = subprocess.Popen([*square.town.program, "run", "poller"], env=square.town.environ)
    try:
        wait_for(stored, "a sample of ap-kiosk in the store")
    finally:
        poller.terminate()
        poller.wait(60)


def test_the_samples_are_those_that_come_over_snmp(square: Square) -> None:
    over_ssh = square.device("ap-kiosk")
    over_snmp = replace(over_ssh, poll=PollBy.SNMP, snmp=square.hidden, snmp_credentials="aps-snmp")

    def all_between() -> bool:
        """What the device said in the middle lies between what it said over SNMP before and after."""
        before, said, after = (
            by_place(once(square.targets(device))[0]) for device in (over_snmp, over_ssh, over_snmp)
        )
        if {place: set(fields) for place, fields in said.items()} != {
            place: set(fields) for place, fields in before.items()
        }:
            return False  # a device that has just booted has measured no airtime yet
        assert len(said) == 5  # the device, two radios, a name on each
        return all(
            min(before[place][key], after[place][key]) <= value <= max(before[place][key], after[place][key])
            for place, fields in said.items()
            for key, value in fields.items()
        )

    wait_for(all_between, "two polls over SNMP with one over SSH between them that agree")
    (polled,) = once(square.targets(over_ssh))
    assert polled.samples[0].fields["poll_ms"] > 0
    assert not polled.problems


def test_a_silent_device_costs_only_itself_and_is_asked_once_at_a_time(square: Square) -> None:
    kept: list[Polled] = []
    for caller in square.callers():
        caller.close()
    names = ("ap-silent", "ap-kiosk", "ap-school")
    targets = square.targets(*(square.device(name) for name in names))

    def times(name: str) -> int:
        return sum(one.device.name == name for one in kept)

    def others_were_asked_again() -> bool:
        return times("ap-kiosk") >= 3 and times("ap-school") >= 3

    async def run() -> None:
        poller = open_poller()
        task = asyncio.create_task(turn(targets, poller, kept.extend, 1, 1))
        try:
            await asyncio.to_thread(wait_for, others_were_asked_again, "polls of the others")
            assert times("ap-silent") == 0
            (caller,) = square.callers()
            caller.close()
            await asyncio.to_thread(wait_for, lambda: times("ap-silent"), "the silent one's verdict")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await poller.close()

    asyncio.run(run())  # and the stop waits for no login that is still under way
    verdict = next(one.verdict for one in kept if one.device.name == "ap-silent")
    assert (verdict.state, verdict.agent_answers, verdict.service_works) == (State.DOWN, False, None)
    assert verdict.reason.startswith(f"no SSH at 127.0.0.1:{square.device('ap-silent').ssh.port}: ")
    assert all(one.verdict.state is State.UP for one in kept if one.device.name != "ap-silent")


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        (
            "ap-changed",
            State.DOWN,
            "; somebody may stand in between; if it was reinstalled, `plaza adopt --replace-key ",
        ),
        ("ap-new", State.UNKNOWN, "no SSH host key is pinned; run `plaza adopt ap-new`"),
        ("ap-stranger", State.DOWN, "it refused our SSH login; check credentials 'others'"),
    ],
)
def test_a_device_we_do_not_or_may_not_enter_says_its_own_reason(
    square: Square, name: str, state: State, reason: str
) -> None:
    (polled,) = once(square.targets(square.device(name)))
    assert polled.verdict.state is state
    assert reason in polled.verdict.reason
    assert [(sample.measurement, sample.fields["up"]) for sample in polled.samples] == [("wifi_ap", 0)]


def test_a_changed_host_key_is_told_by_the_command_line_too(square: Square) -> None:
    said = square.town.plaza("poll", "ap-changed", "--once", "--json")
    assert '"state": "down", "agent_answers": true' in said.stdout
    assert "it shows the SSH host key SHA256:" in said.stdout


@dataclass
class Shell:
    """A login that answers any script with the same words."""

    words: str

    def run(self, script: str, timeout_s: float) -> Output:
        return Output(0, self.words, "")

    ask = run

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        return


def hear(square: Square, words: str) -> Any:
    over_ssh = OverSsh(lambda device: Shell(words), square.app.secrets.ssh)
    return over_ssh(square.device("ap-kiosk"), load_platforms()["openwrt"], 30)


def test_a_device_that_is_polled_again_is_not_logged_into_again(square: Square) -> None:
    logins: list[str] = []

    @dataclass(frozen=True, slots=True)
    class Counting(Access):
        def enter(self, device: Device) -> SshShell:
            logins.append(device.name)
            return Access.enter(self, device)

    enter = keeping(Counting(square.app.secrets, square.app.engine, login_timeout_s=3600))
    device = square.device("ap-kiosk")
    targets = Targets.of([device], load_platforms(), square.app.secrets, enter)
    for _ in range(3):
        assert [one.failure for one in once(targets)] == [None]
    assert logins == ["ap-kiosk"]


def test_a_device_that_is_no_openwrt_is_an_error_and_not_silence(square: Square) -> None:
    heard = hear(square, "%% Unknown command\n")
    assert heard.failure.reason is Reason.ERROR
    assert "is it OpenWrt?" in heard.failure.detail
    assert heard.collected.samples[0].fields["up"] == 0


def test_octets_that_are_no_text_can_be_stored(square: Square) -> None:
    heard = hear(square, "plaza version=1\nssid band=2g4 name=Ni\udcf1o clients=1\nplaza end=1\n")
    assert heard.failure is None
    assert "Ni\N{REPLACEMENT CHARACTER}o" in encode(heard.collected.samples).decode("utf-8")


def test_a_login_that_is_missing_is_told_before_anything_is_asked(square: Square, tmp_path: Path) -> None:
    nothing = FileSecrets(square.app.inventory.credentials, tmp_path)
    with pytest.raises(SecretError, match="aps-ssh"):
        Targets.of([square.device("ap-kiosk")], load_platforms(), nothing)


def test_no_end_of_the_program_waits_for_a_device(tmp_path: Path) -> None:
    program = (
        "import asyncio, threading; from controller.poller_aside import aside\n"
        "async def main():\n"
        "    task = asyncio.create_task(aside(threading.Event().wait))\n"
        "    await asyncio.sleep(0)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
        "print('ended')\n"
    )
    assert need.ran(["-c", program], environment(tmp_path, tmp_path / "inventory.yaml")) == "ended\n"
