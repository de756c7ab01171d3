"""A gateway that runs in a square, and what phones ask of it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bench.gateway import crowd
from bench.gateway.account import Account
from bench.gateway.places import AHEAD
from bench.poll.child import ClientFailed
from bench.poll.machine import FARM_CORE, REPOSITORY, pinned
from captive_portal.model import Arrival, Gateway, Grant, Redirect
from tests.gateway.streets import WEB
from tests.gateway.town import Town

PROBE: Final = f"http://{WEB}/generate_204"
_LONGEST_S: Final = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a phone was answered; times are monotonic seconds."""

    status: int
    location: str
    begun_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Gate:
    """`portal` is the portal's side of this kind of gateway; `grant` opens a session in its books."""

    name: str
    town: Town
    account: Account
    portal: Gateway
    grant: Callable[[Arrival], Grant]

    def ask(self, asked: Sequence[tuple[int, str]], at_once: int) -> list[Answer]:
        """What phones of these numbers get from these URLs. Raises ClientFailed."""
        addressed = [(crowd.address(number), url) for number, url in asked]
        return [Answer(*told) for told in self.phones("bench.gateway.asking", addressed, str(at_once))]

    def phones(self, module: str, told: object, *arguments: str) -> Any:
        """What a program of the phones prints, when it is told this; JSON both ways. Raises ClientFailed."""
        program = pinned(FARM_CORE, [*AHEAD, sys.executable, "-m", module, *arguments])
        argv, text = ["ip", "netns", "exec", self.town.ns(crowd.PHONE), *program], json.dumps(told)
        done = subprocess.run(
            argv, cwd=REPOSITORY, input=text, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
        if done.returncode:
            raise ClientFailed(f"{self.name}: the phones: {' '.join(done.stderr.splitlines()[-1:])}")
        return json.loads(done.stdout)

    def knock(self, phones: Iterable[int], at_once: int) -> list[Answer]:
        """The probe of phones that are outside: each is led to the portal. Raises ClientFailed."""
        answers = self.ask([(number, PROBE) for number in phones], at_once)
        self.require(answers, lambda one: one.status in (302, 307) and "?" in one.location, "led")
        return answers

    def ticket(self, answer: Answer) -> str:
        """Where the portal sends the phone that arrived so."""
        arrival = self.portal.read(urlsplit(answer.location).query)
        admitted = self.portal.admit(arrival, self.grant(arrival))
        if not isinstance(admitted, Redirect):
            raise ClientFailed(f"{self.name}: the portal does not send the phone back")
        return admitted.url

    def enter(self, tickets: Sequence[tuple[int, str]], at_once: int) -> list[Answer]:
        """Phones carry their tickets: each is in. Raises ClientFailed."""
        answers = self.ask(tickets, at_once)
        self.require(answers, lambda one: one.status in (302, 303, 307), "let in")
        return answers

    def require_online(self, phones: Iterable[int]) -> None:
        """The same probe is answered by the Internet. Raises ClientFailed."""
        answers = self.ask([(number, PROBE) for number in phones], 8)
        self.require(answers, lambda one: one.status == 204, "online")

    def require(self, answers: Sequence[Answer], holds: Callable[[Answer], bool], what: str) -> None:
        """Raises ClientFailed."""
        wrong = [one for one in answers if not holds(one)]
        if wrong:
            told = f"{wrong[0].status} {wrong[0].location[:60]}"
            raise ClientFailed(f"{self.name}: {len(wrong)} of {len(answers)} not {what}: {told}")
