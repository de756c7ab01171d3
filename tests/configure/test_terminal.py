"""A terminal sends lines in chunks, and each answer belongs to its line whatever the octets look like."""

import base64
import random
import re
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import hearing, ssh
from drivers.change import Line
from drivers.errors import UnexpectedReply, Unreachable, ValueRefused
from drivers.hearing import Hearing
from drivers.host_key import HostKey
from drivers.model import Device, Endpoint, Role, Secret, SshLogin
from drivers.terminal import Style, Terminal
from simulator.vendors.device import Box, Cut, Look, Session
from simulator.vendors.server import VendorServer
from tests.configure.device import wait_until

STYLE = Style(
    prompt=re.compile(r"acme(\(\w+\))?[#>]"),
    refusal=re.compile("^% "),
    pager=re.compile("--More--"),
    question=re.compile(r".*\[y/n\]"),
)
SECRET = "hecha-a-mano-9"


class Acme:
    """A device that repeats, refuses, asks and never ends, as it is told."""

    look = Look(height=5, keys="\x18", banner="Welcome to acme#\nacme# is not the prompt\n")

    def __init__(self, look: Look | None = None) -> None:
        self.box = Box()
        self.look = look or Acme.look
        self.heard: list[str] = []
        self.box.runs(self.boot)

    def boot(self) -> None:
        self.heard.clear()

    def greet(self, session: Session) -> None:
        session.facts["user"] = session.user + "+" + session.suffix

    def prompt(self, session: Session) -> str:
        modes = {"": "acme# ", "conf": "acme(conf)# ", "ask": "Really? [y/n]"}
        return modes["".join(session.modes)]

    def execute(self, session: Session, line: str) -> str:
        self.heard.append(line)
        word, _, rest = line.partition(" ")
        said = {
            "say": f"said {rest}\n",
            "no": f"% Invalid word {rest}\n",
            "count": "".join(f"line {n}\n" for n in range(int(rest) if word == "count" else 0)),
            "who": f"{session.facts['user']} {session.width}\n",
            "flood": "x" * 5_000_000,
        }
        if word in {"conf", "ask"}:
            session.modes.append(word)
        if word == "exit":
            raise Cut("bye\n")
        return said.get(word, "")

    def press(self, session: Session, key: str, typed: str) -> str:
        self.heard.append("key")
        return ""

    def leave(self, session: Session) -> None:
        self.heard.append("left")


@pytest.fixture
def server() -> Iterator[VendorServer]:
    with VendorServer(Acme(), user="admin") as found:
        yield found


def device_at(port: int) -> Device:
    """What the inventory says of a server on this machine."""
    at = Endpoint("127.0.0.1", port)
    return Device("ap-1", Role.AP, "08019", "08019-plaza", "acme", "127.0.0.1", at, at, at)


def enter(server: VendorServer, suffix: str = "") -> ssh.SshShell:
    """A login at a virtual device."""
    device = device_at(server.port)
    login = SshLogin(server.user, password=Secret(server.password))
    kind, public_key = server.public_key.split()
    pinned = HostKey(kind, public_key, ssh.fingerprint(base64.b64decode(public_key)))
    return ssh.connect(device, login, pinned, user_suffix=suffix)


@pytest.fixture
def terminal(server: VendorServer) -> Iterator[Terminal]:
    with enter(server) as shell, shell.terminal(STYLE) as found:
        yield found


def line(command: str, shown: str = "") -> Line:
    """A line of a change."""
    return Line(Secret(command), shown or command, "path")


def acme(server: VendorServer) -> Acme:
    """The model behind a server."""
    assert isinstance(server.device, Acme)
    return server.device


def commands(server: VendorServer) -> list[str]:
    """What it obeyed."""
    return [one for one in acme(server).heard if one != "left"]


def test_the_output_of_a_command_comes_without_echo_prompt_and_pager(terminal: Terminal) -> None:
    assert terminal.ask("say ñandú #1", 30) == "said ñandú #1"
    assert terminal.ask("count 23", 30) == "\n".join(f"line {n}" for n in range(23))
    assert terminal.ask("nothing", 30) == ""


def test_a_refused_question_is_an_error_with_the_devices_sentence(terminal: Terminal) -> None:
    with pytest.raises(UnexpectedReply, match=r"'no show'.*% Invalid word show"):
        terminal.ask("no show", 30)


def test_every_line_gets_its_own_answer_over_many_chunks(server: VendorServer) -> None:
    lines = [
        line("conf"),
        *(line(f"say {n} {'x' * (n % 90)}") for n in range(300)),
        line("say 1"),
        line("say 1"),
    ]
    with enter(server) as shell, shell.terminal(replace(STYLE, chunk_octets=500)) as terminal:
        answers = terminal.send(lines, 60)
    assert [answer.line for answer in answers] == lines
    assert [answer.said for answer in answers[1:]] == ["said" + one.shown[3:] for one in lines[1:]]
    assert not any(answer.refused for answer in answers)
    assert commands(server) == [one.shown for one in lines]


def test_a_refusal_names_its_line_and_later_chunks_are_not_sent(server: VendorServer) -> None:
    lines = [line(f"say {n}") for n in range(10)]
    lines[4] = line("no way")
    with enter(server) as shell, shell.terminal(replace(STYLE, chunk_octets=24)) as terminal:
        answers = terminal.send(lines, 30)
    assert [answer.line.shown for answer in answers if answer.refused] == ["no way"]
    assert 5 <= len(answers) < 10
    assert commands(server) == [answer.line.shown for answer in answers]


def test_a_secret_that_the_device_repeats_is_not_in_the_answer(terminal: Terminal) -> None:
    answer = terminal.send([line(f"no key {SECRET}", "no key •••")], 30)[0]
    assert answer.refused == "% Invalid word key •••"
    assert SECRET not in repr(answer)


@pytest.mark.parametrize("bad", ["say a\nno b", "say a\rno b", "say \x18", "say \x7f"])
def test_a_control_character_is_never_sent(server: VendorServer, terminal: Terminal, bad: str) -> None:
    with pytest.raises(ValueRefused, match="the name"):
        terminal.send([line("say 1"), line(bad, "the name")], 30)
    assert acme(server).heard == []


def test_a_line_wider_than_the_terminal_is_sent_alone(server: VendorServer) -> None:
    lines = [line("say 1"), line("say " + "y" * 600), line("say 3")]
    assert [len(chunk) for chunk in hearing.chunks(lines, STYLE)] == [1, 1, 1]
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        assert [a.said[:6] for a in terminal.send(lines, 30)] == ["said 1", "said y", "said 3"]


def test_an_unexpected_question_ends_the_talk(terminal: Terminal) -> None:
    with pytest.raises(UnexpectedReply, match=r"asks 'Really\? \[y/n\]'"):
        terminal.ask("ask", 30)


def test_a_command_that_looks_like_a_question_or_a_pager_is_no_question(terminal: Terminal) -> None:
    said = terminal.send([line("say ok? [y/n]"), line("say --More--"), line("--More--"), line("x [y/n]")], 30)
    assert [answer.said for answer in said] == ["said ok? [y/n]", "said --More--", "", ""]


def test_endless_output_is_given_up(terminal: Terminal) -> None:
    with pytest.raises(UnexpectedReply, match="more than 4194304 octets"):
        terminal.ask("flood", 60)


def test_a_closed_terminal_is_unreachable(terminal: Terminal) -> None:
    with pytest.raises(Unreachable):
        terminal.ask("exit", 30)
    with pytest.raises(Unreachable):
        terminal.ask("say 1", 30)


def test_a_line_cut_in_the_middle_is_unreachable(server: VendorServer, terminal: Terminal) -> None:
    server.device.box.faults.cut_after = 3
    with pytest.raises(Unreachable):
        terminal.send([line(f"say {n}") for n in range(9)], 30)
    assert acme(server).heard[:3] == ["say 0", "say 1", "say 2"]


def test_a_half_open_line_is_unreachable_in_time(server: VendorServer) -> None:
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        server.device.box.faults.deaf_after = 1
        began = time.monotonic()
        with pytest.raises(Unreachable, match="within 1 s"):
            terminal.ask("say 1", 1)
        with pytest.raises(Unreachable), shell.terminal(STYLE, 1):
            raise AssertionError("a deaf device opened a terminal")
        with pytest.raises(Unreachable):
            shell.ask("say 2", 1)
        assert time.monotonic() - began < 30


def test_what_was_not_delivered_when_a_line_was_given_up_never_is(server: VendorServer) -> None:
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        transport = shell.client.get_transport()
        assert transport is not None
        assert isinstance(transport.sock, socket.socket)
        server.device.box.faults.deaf_after = 1
        with pytest.raises(Unreachable):
            terminal.ask("say 1", 0.5)
        told = transport.sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert struct.unpack("ii", told) == (1, 0)


def test_a_slow_device_is_waited_for_and_a_slower_one_given_up(
    server: VendorServer, terminal: Terminal
) -> None:
    server.device.box.faults.slow_s = 0.3
    assert terminal.ask("say 1", 30) == "said 1"
    server.device.box.faults.slow_s = 2
    with pytest.raises(Unreachable, match="'say 2' did not end"):
        terminal.ask("say 2", 0.5)


def test_a_key_is_pressed_without_a_line(server: VendorServer, terminal: Terminal) -> None:
    terminal.key(b"\x18")
    assert terminal.ask("say 1", 30) == "said 1"
    assert acme(server).heard == ["key", "say 1"]


def test_colours_and_redrawn_prompts_are_not_in_the_answers() -> None:
    with VendorServer(Acme(Look(colour=True)), user="admin") as server:
        style = replace(STYLE, opening=("say opening",), user_suffix="+ct511w")
        with enter(server, "+ct511w") as shell, shell.terminal(style) as terminal:
            said = terminal.send([line("say 1"), line("conf"), line("say 2")], 30)
            assert [answer.said for answer in said] == ["said 1", "", "said 2"]
            assert terminal.ask("who", 30) == "admin+ct511w 511"


def test_power_loss_ends_the_terminal_and_the_device_comes_back(server: VendorServer) -> None:
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        server.device.box.lose_power()
        with pytest.raises(Unreachable):
            terminal.ask("say 1", 30)
    wait_until("it is up", lambda: server.device.box.up)
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        assert terminal.ask("say 2", 30) == "said 2"


def test_an_unmanageable_device_is_silent_until_it_is_manageable_again(server: VendorServer) -> None:
    with enter(server) as shell, shell.terminal(STYLE) as terminal:
        server.device.box.faults.unmanageable = lambda: True
        with pytest.raises(Unreachable):
            terminal.ask("say 1", 1)
    with pytest.raises(Unreachable):
        ssh.fetch_host_key(device_at(server.port), 5)
    server.device.box.faults.unmanageable = lambda: False
    enter(server).close()


WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[str], list[str], bytes]:
    """Commands, outputs, and the octets a device would say, colours included."""
    commands = draw(st.lists(WORDS.map(lambda word: f"say {word}".rstrip()), min_size=1, max_size=6))
    outputs = draw(
        st.lists(st.lists(WORDS, max_size=3), min_size=len(commands), max_size=len(commands)).map(
            lambda all_: [[f"out: {text}" for text in one] for one in all_]
        )
    )
    colour = draw(st.sampled_from(["", "\x1b[36m", "\x1b[9999B", "\x1b]0;title\x07", "\r\x1b[K"]))
    said = commands[0] + "\r\n"
    for place, output in enumerate(outputs):
        said += "".join(f"{text}\r\n" for text in output) + f"{colour}acme# "
        said += commands[place + 1] + "\r\n" if place + 1 < len(commands) else ""
    return commands, ["\n".join(one) for one in outputs], said.encode()


@given(conversations(), st.randoms(use_true_random=False))
def test_octets_may_arrive_in_any_pieces(
    conversation: tuple[list[str], list[str], bytes], chance: random.Random
) -> None:
    said, outputs, octets = conversation
    heard = Hearing(STYLE, said)
    while octets:
        cut = chance.randint(1, len(octets))
        assert heard.feed(octets[:cut]) == b""
        assert not heard.question
        octets = octets[cut:]
    assert heard.done
    assert list(heard.said) == outputs


@given(st.binary(max_size=400), st.lists(WORDS, max_size=3))
def test_no_octets_whatever_break_the_hearing(octets: bytes, commands: list[str]) -> None:
    heard = Hearing(STYLE, commands)
    heard.feed(octets)
    assert len(heard.said) == len(commands)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_text_without_control_characters_is_rendered_as_it_is(text: str) -> None:
    assert hearing.rendered(text.encode() + b"\r") == text


def test_a_rendered_line_obeys_the_cursor() -> None:
    assert hearing.rendered(b"--More--\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\bvlan 9") == "vlan 9"
    assert hearing.rendered(b"old text\rnew\x1b[K") == "new"
    assert hearing.rendered(b"\x1b[1;32mgreen\x1b[0m\x07") == "green"


@given(st.lists(st.integers(0, 700), max_size=40), st.integers(1, 3000))
def test_chunks_hold_every_line_once_and_no_more_octets_than_allowed(sizes: list[int], limit: int) -> None:
    lines = [line("ñ" * size) for size in sizes]
    found = list(hearing.chunks(lines, replace(STYLE, chunk_octets=limit)))
    assert [one for chunk in found for one in chunk] == lines
    for chunk in found:
        assert len(chunk) == 1 or sum(len(one.shown.encode()) + 1 for one in chunk) <= limit


def test_a_device_with_room_for_one_channel_is_talked_to_over_one_console() -> None:
    with VendorServer(Acme(Look(channels=1)), user="admin") as server, enter(server) as shell:
        assert shell.console(STYLE, 30).ask("say 1", 30) == "said 1"
        assert shell.console(STYLE, 30).ask("say 2", 30) == "said 2"
        assert shell.alive(5)
        with pytest.raises(Unreachable):
            shell.ask("say 3", 5)
