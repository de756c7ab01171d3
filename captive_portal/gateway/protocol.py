"""What a gateway says to the controller's edge and what it hears, version 2: signed JSON, a nonce each time.

The edge's own words for it are in `controller.edge.protocol`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from captive_portal.gateway import signed
from captive_portal.gateway.admission import SESSION
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.journal import Event
from captive_portal.gateway.monthly import MONTH, MonthKey
from captive_portal.gateway.policy import Signed

VERSION: Final = 2
AT_MOST: Final = 150
AT_LEAST: Final = 100
"""A call with fewer events than this says to the edge that no more wait."""

OCTETS: Final = 40_000
KEY_OCTETS: Final = 32
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
VALUES: Final = 32
LARGEST: Final = 2**62 - 1


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the site, the box, the epoch of its key, and the serial of the policy that it follows.

    `month` is the one by whose key it counts, "" while it has none.
    """

    site: str
    box: str
    epoch: int
    serial: int
    month: str = ""


@dataclass(frozen=True, slots=True)
class Rekey:
    """The key of a later epoch, under a pad that only the holder of the current key can take off."""

    epoch: int
    padded: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the controller says: its time (UTC, s), up to which event it has all, what is to be done."""

    now: int
    have: int
    dismiss: tuple[str, ...] = ()
    policy: Signed | None = None
    rekey: Rekey | None = None
    month: MonthKey | None = None


def told(event: Event, age_s: int) -> dict[str, Any]:
    """An event as it travels. It has an age and no time, because we have no clock to trust."""
    given = {
        "seconds": event.seconds, "octets_down": event.octets_down, "octets_up": event.octets_up,
    }  # fmt: skip
    words = {
        "session": event.session, "cause": event.cause, "device": event.device,
        "values": _sound(event.values or {}),
    }  # fmt: skip
    return (
        {"seq": event.seq, "kind": event.kind, "age_s": age_s}
        | {name: number for name, number in given.items() if number is not None}
        | {name: word for name, word in words.items() if word}
    )


def _sound(values: Mapping[str, int]) -> Mapping[str, int]:
    """What the edge takes of these: one number that it refuses would hold up all that wait behind it."""
    found = {name: min(max(0, int(value)), LARGEST) for name, value in values.items() if NAME.fullmatch(name)}
    return dict(list(found.items())[:VALUES])


def used(event: Event) -> dict[str, Any]:
    """What a session has used so far, as it travels."""
    given = {
        "session": event.session, "seconds": event.seconds, "octets_down": event.octets_down,
        "octets_up": event.octets_up,
    }  # fmt: skip
    return {name: one for name, one in given.items() if one is not None}


def fitting(events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """As many of the first as one call should hold."""
    octets = 0
    for count, event in enumerate(events):
        octets += len(json.dumps(event))
        if count >= AT_LEAST and octets > OCTETS:
            return events[:count]
    return events[:AT_MOST]


def question(
    caller: Caller, nonce: str, events: Sequence[Mapping[str, Any]], usage: Sequence[Mapping[str, Any]]
) -> bytes:
    """The body of a call."""
    said = {
        "version": VERSION, "site": caller.site, "box": caller.box, "nonce": nonce, "epoch": caller.epoch,
        "serial": caller.serial,
    }  # fmt: skip
    more: dict[str, object] = {"month": caller.month} if caller.month else {}
    more |= {name: list(many) for name, many in (("events", events), ("usage", usage)) if many}
    return json.dumps(said | more, separators=(",", ":")).encode()


def understand(key: bytes, nonce: str, body: bytes, signature: str) -> Answer:
    """The answer to the question with this nonce. Raises ControllerAway when another could have said it."""
    if not signed.genuine(key, signed.ANSWER, body, signature):
        raise ControllerAway("the answer is not signed with this site's key")
    try:
        found = json.loads(body)
        if found["version"] != VERSION or found["nonce"] != nonce:
            raise ControllerAway("the answer is to another question")
        return _answer(found, key)
    except (ValueError, TypeError, KeyError) as error:
        raise ControllerAway("the answer cannot be read") from error


def _answer(found: Mapping[str, Any], key: bytes) -> Answer:
    """Raises ValueError, TypeError, KeyError."""
    dismiss = tuple(found["dismiss"])
    if not all(isinstance(one, str) and SESSION.fullmatch(one) for one in dismiss):
        raise ValueError("dismiss names no session")
    policy, rekey, month = (found.get(name) for name in ("policy", "rekey", "month"))
    return Answer(
        _number(found, "now"),
        _number(found, "have"),
        dismiss,
        policy and Signed(str(policy["text"]), str(policy["signature"])),
        rekey and Rekey(_number(rekey, "epoch"), _key(rekey["pad"])),
        month and _month(month, key, found["nonce"]),
    )


def _month(found: Mapping[str, Any], key: bytes, nonce: str) -> MonthKey:
    name = found["name"]
    if not isinstance(name, str) or not MONTH.fullmatch(name):
        raise ValueError("month has no name")
    clear = signed.hidden(key, nonce, name, _key(found["pad"]))
    return MonthKey(name, clear, _number(found, "ends_at"))


def _number(found: Mapping[str, Any], name: str) -> int:
    number = found[name]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**62:
        raise ValueError(f"{name} is no number")
    return number


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_OCTETS:
        raise ValueError("pad is no key")
    return key
