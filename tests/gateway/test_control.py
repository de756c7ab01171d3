"""The socket by which a technician reaches the program: who may, and what cannot harm it."""

import json
import os
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captive_portal.gateway.control import ANSWER_OCTETS, NAME, QUESTION_OCTETS, Answering, Control, ask
from captive_portal.gateway.errors import CannotDo
from tests import need
from tests.gateway.box import Box
from tests.gateway.conftest import SITE

NOBODY = 65534


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.stop.set()


GARBAGE = [
    b"\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"{\n", b'{"ask": 1}\n', b'{"ask": "__class__"}\n',
    b'{"ask": "why"}\n', b'{"ask": "why", "mac": ["a"]}\n', b'{"ask": "why", "mac": "\\u001b[2J"}\n',
    b"[" * 400 + b"\n", b"x" * (QUESTION_OCTETS + 1), b"no end of line", b"",
    b'{"ask": "admit", "mac": "02:00:7f:09:01:01", "minutes": ' + b"9" * 300 + b"}\n",
]  # fmt: skip


@pytest.mark.parametrize("said", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_answered_with_an_error_or_with_nothing_and_the_next_is_served(
    box: Box, said: bytes
) -> None:
    try:
        answer = box.call(said)
    except ConnectionError:
        answer = b""
    assert not answer or "error" in json.loads(answer)
    assert b"\x1b" not in answer
    assert box.ask("status")["site"] == SITE
    assert box.thread.is_alive()


def test_who_says_nothing_or_reads_nothing_keeps_nobody_waiting_for_long(box: Box) -> None:
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as dripping:
        silent.connect(str(box.socket))
        dripping.connect(str(box.socket))
        dripping.sendall(b'{"ask"')
        assert box.ask("status")["site"] == SITE
        box.enter()
        assert box.keeper.seconds_left(box.phone()) is not None, "and phones never wait"


@contextmanager
def controlled(directory: Path, answering: Answering, patience_s: float = 0.3) -> Iterator[None]:
    stop = threading.Event()
    control = Control(directory, answering, patience_s)
    threading.Thread(target=control.run, args=(stop,), daemon=True).start()
    yield
    stop.set()


def test_an_answer_that_nobody_reads_is_given_up(tmp_path: Path) -> None:
    long = {"long": "x" * (ANSWER_OCTETS - 100)}
    with controlled(tmp_path, lambda _: long), socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(tmp_path / NAME))
        deaf.sendall(b"{}\n")
        assert ask(tmp_path, {}) == long


def test_an_answer_too_long_is_an_error_instead(tmp_path: Path) -> None:
    with (
        controlled(tmp_path, lambda _: {"long": "x" * ANSWER_OCTETS}),
        pytest.raises(CannotDo, match="too long"),
    ):
        ask(tmp_path, {})


def test_a_line_without_end_is_not_heard_to_its_end(tmp_path: Path) -> None:
    with (
        controlled(tmp_path, lambda _: {}, patience_s=60),
        socket.socket(socket.AF_UNIX) as caller,
    ):
        caller.connect(str(tmp_path / NAME))
        with pytest.raises(ConnectionError):
            caller.sendall(b"x" * 13_000_000)


CONNECT = (
    "import socket, sys; s = socket.socket(1); s.connect(sys.argv[1]); s.sendall(b'{}\\n'); print(s.recv(9))"
)


def as_nobody(box: Box) -> str:
    """What a user without rights hears, or the error that it gets."""
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", CONNECT, str(box.socket)],
        capture_output=True, text=True, check=False, timeout=60, user=NOBODY, group=NOBODY, cwd="/",
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.splitlines()[-1].partition(":")[0]


@pytest.fixture
def open_box() -> Iterator[Box]:
    """In a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)
        made = Box(Path(directory))
        yield made
        made.stop.set()


@pytest.mark.root
def test_only_root_and_the_programs_own_user_are_answered(open_box: Box) -> None:
    need.root()
    box = open_box
    assert stat.S_IMODE(box.socket.stat().st_mode) == 0o600
    assert as_nobody(box) == "PermissionError"
    box.socket.chmod(0o666)
    assert as_nobody(box) in {"b''", "BrokenPipeError", "ConnectionResetError"}
    assert box.call(b"{}\n").startswith(b'{"error": "no such question')


def test_nobody_may_connect_at_any_moment_before_the_mode_is_set(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Control(tmp_path, lambda _: {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_state_directory_with_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["directory" * 3] * 5)
    deep.mkdir(parents=True)
    with controlled(deep, lambda asked: {"heard": asked}):
        assert ask(deep, {"ask": "x"}) == {"heard": {"ask": "x"}}
