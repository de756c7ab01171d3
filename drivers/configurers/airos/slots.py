"""SSH keys in airOS's system.cfg: numbered slots, of which those whose comment begins so are ours."""

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from drivers.configurers import keys
from drivers.configurers.airos.cfg import Values, value
from drivers.errors import ValueRefused
from drivers.model import Intent

OWN_COMMENT: Final = "plaza:"

_BEGIN: Final = "sshd.auth.key."
_SLOT: Final = re.compile(r"sshd\.auth\.key\.[^.]+\.")
_NAMES: Final = ("status", "type", "value", "comment")
_PUBLIC_KEY: Final = re.compile(
    r"((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]+={0,2})(?: ([!-~]+(?: [!-~]+)*))?"
)


def own(values: Values, *, of: str = "") -> frozenset[str]:
    """The keys that we put there; of one public key (base64) only."""
    mine = (slot for slot in _own_slots(values) if of in {"", values.get(f"{slot}value")})
    return frozenset(f"{slot}{name}" for slot in mine for name in _NAMES)


def refused(device: str, login: str, revoked: tuple[str, ...]) -> frozenset[bytes]:
    """The keys that may not log in. Raises ValueRefused, and ConfigRejected where `login` is among them."""
    gone = keys.revoked(device, revoked)
    keys.refuse_own(device, own=_blob(login) in gone)
    return gone


def without(values: Values, gone: frozenset[bytes]) -> Values:
    """All but the slots that hold one of these keys."""
    held = _holding(values, gone)
    return {key: found for key, found in values.items() if not key.startswith(held)}


def wanted(intent: Intent, running: Values, login: str) -> Iterator[tuple[str, str | None]]:
    """A key that stays keeps its slot, a new one gets a free one. No slot has a revoked key.

    Raises ValueRefused, and ConfigRejected where the key of this login is revoked.
    """
    gone = refused(intent.device, login, intent.manage.revoked_keys)
    for slot in _holding(running, gone):
        yield from _emptied(running, slot)
    if intent.manage.ssh_keys:
        wished = keys.without(intent.manage.ssh_keys, gone)
        yield from _ours(running, dict(_public_key(intent, line) for line in wished), login)


def _ours(
    running: Values, missing: dict[str, tuple[str, str]], login: str
) -> Iterator[tuple[str, str | None]]:
    """Of our slots, and for the keys that are missing, with their kind and comment."""
    for slot in _own_slots(running):
        known = running.get(f"{slot}value", "")
        if missing.pop(known, None) is None and known != login:
            yield from _emptied(running, slot)
    taken = _slots(running)
    others = {running.get(f"{slot}value", "") for slot in taken}
    free = (slot for number in range(1, 1000) if (slot := f"{_BEGIN}{number}.") not in taken)
    for slot, (known, (kind, comment)) in zip(free, missing.items(), strict=False):
        if known not in others:
            parts = ("enabled", kind, known, f"{OWN_COMMENT}{comment}")
            yield from ((f"{slot}{name}", part) for name, part in zip(_NAMES, parts, strict=True))


def _slots(values: Values) -> tuple[str, ...]:
    """How the keys of each slot begin."""
    return tuple(sorted({match[0] for key in values if (match := _SLOT.match(key))}))


def _holding(values: Values, gone: frozenset[bytes]) -> tuple[str, ...]:
    return tuple(slot for slot in _slots(values) if _blob(values.get(f"{slot}value", "")) in gone)


def _own_slots(values: Values) -> tuple[str, ...]:
    mine = (slot for slot in _slots(values) if values.get(f"{slot}comment", "").startswith(OWN_COMMENT))
    return tuple(mine)


def _emptied(running: Values, slot: str) -> Iterator[tuple[str, None]]:
    """Every key of a slot, those that only others write too."""
    return ((key, None) for key in sorted(running) if key.startswith(slot))


def _blob(encoded: str) -> bytes:
    """A slot's value or our login's key; empty for what is none."""
    with suppress(binascii.Error):
        return binascii.a2b_base64(encoded.encode("utf-8", "surrogateescape").rstrip(b"=") + b"==")
    return b""


def _public_key(intent: Intent, line: str) -> tuple[str, tuple[str, str]]:
    """The key itself, and its kind with its comment."""
    match = _PUBLIC_KEY.fullmatch(line)
    if match is None:
        what = "a line of ssh_keys is no key that airOS can carry"
        raise ValueRefused(intent.device, what, "write kind, key and comment, without options")
    try:
        return match[2], (match[1], value(match[3] or ""))
    except ValueError as error:
        what = f"the comment of an SSH key {error}"
        raise ValueRefused(intent.device, what, "mend the value in the inventory") from None
