"""What RouterOS is given to import, as far as our simulator speaks its language; no hardware ran it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.adoption import scripts
from controller.adoption.claims import Ticket
from controller.adoption.tokens import QUESTION, Identity, sign, token_of
from drivers import ssh
from simulator.vendors.routeros_script import Command, Text, parse
from tests.configure.routerosbox import mikrotik

IDENTITY = Identity("0123456789abcdef" * 2, "ap-1", "02:00:5e:10:00:01")


@pytest.fixture
def ticket() -> Ticket:
    """Of an expected access point."""
    return Ticket(IDENTITY, token_of(b"m" * 32, IDENTITY), datetime(2026, 11, 27, tzinfo=UTC))


def source(script: str) -> str:
    """The text of the script that the import makes."""
    adding = next(command for command in parse(script) if command.words[2].bare == "add")
    parameters = [word.parameter() for word in adding.words]
    (word,) = [found[1] for found in parameters if found is not None and found[0] == "source"]
    (piece,) = word.pieces
    assert isinstance(piece, Text)
    return piece.value


def local(commands: tuple[Command, ...], name: str) -> str:
    """What a variable is set to."""
    words = next(
        each.words for each in commands if [word.bare for word in each.words[:2]] == [":local", name]
    )
    return "".join(piece.value for piece in words[2].pieces if isinstance(piece, Text))


def test_the_import_and_the_script_in_it_are_of_the_language(ticket: Ticket) -> None:
    script = scripts.routeros(ticket, "https://edge.example.mx", "plaza")
    commands = parse(source(script))
    assert local(commands, "mac") == "02:00:5E:10:00:01"
    assert local(commands, "url") == "https://edge.example.mx/adopt/claim"
    assert ticket.token.reveal() not in script


def test_what_the_script_signs_with_gives_our_signature(ticket: Ticket) -> None:
    commands = parse(source(scripts.routeros(ticket, "https://edge.example.mx", "plaza")))
    inner, outer = (local(commands, name).encode() for name in ("inner", "outer"))
    text = b"plaza-claim-1\nstep=hello"
    half = hashlib.sha512(inner + QUESTION.encode() + b"\n" + text).digest()
    assert hashlib.sha512(outer + half).hexdigest() == sign(ticket.token, QUESTION, text, 128)


def test_a_simulated_device_keeps_the_script_and_its_scheduler(ticket: Ticket, tmp_path: Path) -> None:
    script = scripts.routeros(ticket, "https://edge.example.mx", "plaza")
    lines = [line for line in script.splitlines() if not line.startswith(("#", "/system script run"))]
    with mikrotik(tmp_path) as peer:
        with ssh.connect(peer.device, peer.login, peer.host_key) as session:
            said = [session.ask(line, 60).stdout for line in lines * 2]
        assert not any(said), said
        assert peer.fake.value("system script", "source", ("name", "plaza-claim")) == source(script)
        assert peer.fake.value("system scheduler", "on-event", ("name", "plaza-claim")) == "plaza-claim"
