"""What RouterOS is given to import is of its language, and signs as we do; no hardware ran it."""

import hashlib
from datetime import UTC, datetime

import pytest

from controller.adoption import scripts
from controller.adoption.claims import Ticket
from controller.adoption.tokens import QUESTION, Identity, sign, token_of
from simulator.vendors.routeros_script import Command, Text, parse

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
    assert local(commands, "ourMac") == "02:00:5E:10:00:01"
    assert local(commands, "edgeUrl") == "https://edge.example.mx/adopt/claim"
    assert ticket.token.reveal() not in script


def test_what_the_script_signs_with_gives_our_signature(ticket: Ticket) -> None:
    commands = parse(source(scripts.routeros(ticket, "https://edge.example.mx", "plaza")))
    inner, outer = (local(commands, name).encode() for name in ("innerPad", "outerPad"))
    text = b"plaza-claim-1\nstep=hello"
    half = hashlib.sha512(inner + QUESTION.encode() + b"\n" + text).digest()
    assert hashlib.sha512(outer + half).hexdigest() == sign(ticket.token, QUESTION, text, 128)
