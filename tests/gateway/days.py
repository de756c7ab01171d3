"""A process of its own that is a gateway for some of two days, faster than time: `days DIRECTORY PLAN`.

PLAN is JSON: the boot, its seconds at the first minute, which minutes, where the edge would be. Each minute
people come, go and stay, the same whenever it is tried. What has come back as done is a line of `truth` in
DIRECTORY. A dot on stdout is a minute, so that whoever started it knows when to kill it.
"""

import json
import random
import sys
from pathlib import Path
from typing import IO, Final

from captive_portal.gateway.admission import Admit
from captive_portal.gateway.alarms import Alarms
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Terms
from captive_portal.gateway.pulse import Pulse
from tests.gateway.conftest import Clock
from tests.gateway.outpost import Outpost, edge_at

A_DAY: Final = 500
TERMS: Final = Terms(3600)


class Day:
    """Life at a square, minute by minute."""

    def __init__(self, outpost: Outpost, truth: IO[str]) -> None:
        self.outpost = outpost
        self.truth = truth
        alarms = Alarms(outpost.journal, outpost.clock, outpost.keeper.news)
        self.pulse = Pulse(outpost.journal, outpost.clock, alarms, [lambda: {"memory_kb": 1000}], [])

    def minute(self, number: int) -> None:
        """Everything that happens within one."""
        chance = random.Random(number)
        keeper = self.outpost.keeper
        for who, phone in self.people(number - 7):
            if who % 3 == 0 and keeper.seconds_left(phone) is not None:
                keeper.leave(phone)
        for who, phone in self.people(number):
            self.outpost.clock.seconds += 1 + chance.random() * 15
            if who % 50 == 49:
                self.say(number, keeper.admit_by_hand(phone, 1800))
            else:
                decision = keeper.carry_on(phone, keeper.invitation(phone), TERMS)
                assert isinstance(decision, Admit), decision
                self.say(number, decision.session)
        if number % 3 == 0:
            keeper.reconcile()
        self.pulse.step()
        if number % 10 == 0:
            keeper.keep()
            try:
                self.outpost.sync.step()
            except ControllerAway:
                self.say(number, "")

    def people(self, minute: int) -> list[tuple[int, Phone]]:
        """Who comes in this minute, numbered from the first of all."""
        numbers = range(max(0, minute) * A_DAY // 1440, (minute + 1) * A_DAY // 1440)
        found = [
            (who, self.outpost.keeper.neighbour(f"127.20.{who // 250}.{who % 250 + 1}")) for who in numbers
        ]
        return [(who, phone) for who, phone in found if phone]

    def say(self, minute: int, session: str) -> None:
        self.truth.write(f"{minute} {session}\n")
        self.truth.flush()


def main(directory: Path, plan: dict[str, int | str]) -> None:
    """Live through the minutes of the plan."""
    begins = float(plan["seconds"])
    clock = Clock(str(plan["boot"]), begins)
    outpost = Outpost(directory, edge_at(int(plan["port"])), clock)
    with (directory / "truth").open("a") as truth:
        day = Day(outpost, truth)
        for passed, number in enumerate(range(int(plan["first"]), int(plan["last"]))):
            clock.seconds = max(clock.seconds, begins + 60 * passed)
            day.minute(number)
            sys.stdout.write(".")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
