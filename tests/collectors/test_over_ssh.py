"""Over SSH: whose login is refused is left alone, and half an answer is half an answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controller.patience import Patience
from controller.poller_ssh import OverSsh
from drivers.collectors.routeros_ssh import COMMANDS
from drivers.definition import load_platforms
from drivers.errors import AuthFailed, Unreachable
from drivers.model import Device, Secret, SshLogin
from drivers.snmp.seam import Reason
from drivers.ssh import Output
from tests.collectors.dialogue import SLOT, Clock, Dialogue, device, load
from tests.collectors.replay_ssh import replayed

AIROS = load("airos_ssh")
ROUTEROS = load("routeros_wireless_ssh")


@dataclass
class Shell:
    """A login whose device says what it is told to say."""

    says: Callable[[str], str]

    def run(self, script: str, timeout_s: float) -> Output:
        return Output(0, self.says(script), "")

    ask = run

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        return


@dataclass
class Lodge:
    """Counts who wants in, and refuses or lets in."""

    refuses: type[AuthFailed] | type[Unreachable] | None = None
    came: list[str] = field(default_factory=list)

    def enter(self, device: Device) -> Shell:
        self.came.append(device.name)
        if self.refuses is not None:
            raise self.refuses(device.name, "no")
        return Shell(lambda script: "")


def hear(dialogue: Dialogue, shell: Shell) -> Any:
    over_ssh = OverSsh(lambda device: shell, lambda name: SshLogin("plaza"))
    return over_ssh(device(dialogue), load_platforms()[dialogue.platform], SLOT)


def test_an_answer_that_is_cut_short_is_an_error_and_not_silence() -> None:
    heard = hear(AIROS, Shell(lambda script: AIROS.exchanges[0]["say"]))
    assert heard.failure.reason is Reason.ERROR
    assert heard.failure.detail == "the answer was cut short; try again"
    assert heard.collected.samples[0].fields["up"] == 0


def test_a_device_that_is_something_else_says_so() -> None:
    heard = hear(AIROS, Shell(lambda script: "sh: mca-status: not found\n\nplaza end=1\n"))
    assert "is it airOS?" in heard.failure.detail
    heard = hear(ROUTEROS, Shell(lambda command: "% Unknown command\n"))
    assert "is it RouterOS" in heard.failure.detail


def test_what_was_said_before_the_line_broke_is_kept() -> None:
    said = {exchange["ask"]: exchange["say"] for exchange in ROUTEROS.exchanges}

    def say(command: str) -> str:
        if command == COMMANDS["wireless"]:
            raise Unreachable("kiosko", "the SSH session broke")
        return said[command]

    heard = hear(ROUTEROS, Shell(say))
    assert heard.failure.detail == "the SSH session broke"
    (own,) = heard.collected.samples
    assert (own.fields["up"], own.fields["rx_octets"]) == (1, 7_700_100_200)


@pytest.mark.parametrize("menu", ["wireless-clients", "wireless-monitor"])
def test_a_menu_that_did_not_come_whole_is_absent_and_never_zero(menu: str) -> None:
    said = {exchange["ask"]: exchange["say"] for exchange in ROUTEROS.exchanges}
    said[COMMANDS[menu]] = said[COMMANDS[menu]].removesuffix("end\n")
    heard = hear(ROUTEROS, Shell(said.__getitem__))
    radios = [sample for sample in heard.collected.samples if sample.measurement == "wifi_radio"]
    assert ["noise_dbm" in radio.fields for radio in radios] == [menu == "wireless-clients"] * len(radios)
    assert ["rssi_dbm" in radio.fields for radio in radios] == [menu == "wireless-monitor"] * len(radios)
    assert all(radio.fields["clients"] > 0 for radio in radios)  # told by either


def test_a_refused_login_is_not_tried_again_until_it_changes_or_an_hour_is_over() -> None:
    clock, lodge = Clock(), Lodge(AuthFailed)
    login = SshLogin("plaza", password=Secret("old"))
    over_ssh = OverSsh(lodge.enter, lambda name: login, Patience(clock))
    platform = load_platforms()[AIROS.platform]
    first = over_ssh(device(AIROS), platform, SLOT)
    again = over_ssh(device(AIROS), platform, SLOT + 30)
    assert len(lodge.came) == 1
    assert first.failure == again.failure
    assert again.collected.samples[0].fields == {"up": 0}
    clock.now_s = 3601.0
    over_ssh(device(AIROS), platform, SLOT + 60)
    assert len(lodge.came) == 2
    login = SshLogin("plaza", password=Secret("new"))
    over_ssh(device(AIROS), platform, SLOT + 90)
    assert len(lodge.came) == 3


def test_a_silent_device_is_asked_more_and_more_rarely_and_at_once_as_ever_when_it_is_back() -> None:
    clock, lodge = Clock(), Lodge(Unreachable)
    over_ssh = OverSsh(lodge.enter, lambda name: SshLogin("plaza"), Patience(clock))
    platform = load_platforms()[AIROS.platform]
    asked_at = []
    for clock.now_s in range(0, 1200, 30):
        before = len(lodge.came)
        over_ssh(device(AIROS), platform, SLOT)
        if len(lodge.came) > before:
            asked_at.append(clock.now_s)
    assert asked_at == [0, 30, 60, 120, 240, 480, 720, 960]
    lodge.refuses = None
    for clock.now_s in (1200, 1230, 1260):
        over_ssh(device(AIROS), platform, SLOT)
    assert len(lodge.came) == len(asked_at) + 3


def test_airos_is_asked_by_a_real_shell_behind_a_real_sshd(tmp_path: Path) -> None:
    with replayed(tmp_path, AIROS) as door, door.enter(door.device) as shell:
        said = shell.run("mca-status | grep -c .", 30)
    assert said.stdout.strip() == str(len(AIROS.exchanges[0]["say"].strip().splitlines()))


def test_a_console_that_ends_without_a_word_of_its_status_is_no_fault(tmp_path: Path) -> None:
    with replayed(tmp_path, ROUTEROS) as door, door.enter(door.device) as shell:
        assert shell.ask("/interface wifi print", 30).text == "bad command name\n"
        assert shell.ask(COMMANDS["identity"], 30).text == "row\n name=ap-kiosko\nend\n"
