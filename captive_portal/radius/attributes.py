"""The JSON of rlm_rest (FreeRADIUS 3.2, `raw_value = yes`): read into nouns, written from answers."""

import re
from collections.abc import Mapping
from typing import Any, Final

from captive_portal.radius.model import Accept, Reject, Report, Speaker, Status

MAX_TEXT: Final = 253
_MAC: Final = re.compile(
    r"[0-9a-f]{2}(?:([-:]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{2}(?:\.[0-9a-f]{4}){2})"
)

# Acct-Terminate-Cause (RFC 2866 §5.10).
CAUSES: Final = dict(
    enumerate(
        (
            "user-request", "lost-carrier", "lost-service", "idle-timeout", "session-timeout",
            "admin-reset", "admin-reboot", "port-error", "nas-error", "nas-request",
            "nas-reboot", "port-unneeded", "port-preempted", "port-suspended",
            "service-unavailable", "callback", "user-error", "host-request",
        ),
        start=1,
    )
)  # fmt: skip


class Malformed(ValueError):
    """The body is not what rlm_rest sends; the text names the attribute and shows no value."""


def mac_of(text: str) -> str:
    """A MAC however a vendor spells it, as lower-case octets with colons; empty when it is none."""
    lowered = text.lower()
    if not _MAC.fullmatch(lowered):
        return ""
    digits = re.sub("[-:.]", "", lowered)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def speaker_of(body: object) -> Speaker:
    """Who an Access-Request or Accounting-Request is of. Raises Malformed."""
    told = _told(body)
    return Speaker(
        nas=_text(told, "NAS-Identifier") or _text(told, "NAS-IP-Address"),
        user=_text(told, "User-Name"),
        mac=mac_of(_text(told, "Calling-Station-Id")),
    )


def report_of(body: object) -> Report | None:
    """An Accounting-Request; None for a status that tells nothing of citizens. Raises Malformed.

    Acct-Input-Octets is what the access point received from the phone (RFC 2866 §5.3): up.
    """
    told = _told(body)
    status = _number(told, "Acct-Status-Type")
    if status is None:
        raise Malformed("Acct-Status-Type is missing")
    if status not in set(Status):
        return None
    speaker = speaker_of(body)
    return Report(
        speaker=speaker,
        status=Status(status),
        association=_text(told, "Acct-Session-Id"),
        labels=(_unhexed(_text(told, "Class")), speaker.user),
        seconds=_number(told, "Acct-Session-Time"),
        octets_up=_octets(told, "Acct-Input"),
        octets_down=_octets(told, "Acct-Output"),
        delay_s=_number(told, "Acct-Delay-Time") or 0,
        cause=CAUSES.get(_number(told, "Acct-Terminate-Cause") or 0, ""),
    )


def written(answer: Accept | Reject) -> dict[str, Any]:
    """The answer to an Access-Request; nothing in it is expanded by FreeRADIUS once more."""
    if isinstance(answer, Reject):
        return {"reply:Reply-Message": _value(answer.reason.value)}
    if answer.password is None:
        proof = {"control:Auth-Type": _value("Accept")}
    else:
        proof = {"control:Cleartext-Password": _value(answer.password)}
    return proof | {f"reply:{name}": _value(value) for name, value in answer.attributes.items()}


def _value(value: int | str) -> dict[str, Any]:
    return {"op": ":=", "do_xlat": False, "value": [value]}


def _told(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Malformed("the body is no object")
    return body


def _first(told: Mapping[str, Any], name: str) -> object:
    """The attribute's first value; None when it is absent."""
    attribute = told.get(name)
    if attribute is None:
        return None
    values = attribute.get("value") if isinstance(attribute, dict) else None
    if not isinstance(values, list) or not values:
        raise Malformed(f"{name} has no value")
    return values[0]


def _text(told: Mapping[str, Any], name: str) -> str:
    value = _first(told, name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 2 * MAX_TEXT + 2:
        raise Malformed(f"{name} is no text")
    return value


def _number(told: Mapping[str, Any], name: str) -> int | None:
    value = _first(told, name)
    if value is None:
        return None
    if not isinstance(value, int) or not 0 <= value < 2**32:
        raise Malformed(f"{name} is no number of 32 bits")
    return value


def _octets(told: Mapping[str, Any], name: str) -> int | None:
    """RFC 2869 §5.1: the gigawords say how often the octets passed 2^32; absent, they never did."""
    low = _number(told, f"{name}-Octets")
    return None if low is None else (_number(told, f"{name}-Gigawords") or 0) << 32 | low


def _unhexed(text: str) -> str:
    """Class is octets, which rlm_rest writes as 0x…; empty when it is not of our making."""
    try:
        return bytes.fromhex(text.removeprefix("0x")).decode("ascii")
    except ValueError:
        return ""
