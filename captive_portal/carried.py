"""What a phone carries from page to page in its own addresses, sealed: its arrival, and its session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway import monthly, ticket
from captive_portal.model import Arrival, Phone, PortalSite
from captive_portal.sealing import Unsealed, seal, unseal

Opened = TypeVar("Opened")

ARRIVAL: Final = "arrival"
SESSION: Final = "session"
GLANCE: Final = "glance"
OLDEST: Final = timedelta(days=1)
"""Reading the page is not hurried, but yesterday's page starts again."""


@dataclass(frozen=True, slots=True)
class Held:
    """An arrival that was believed, and the session that it will have if it opens one."""

    arrival: Arrival
    session: str


def seal_arrival(site: PortalSite, arrival: Arrival, session: str, now: datetime) -> str:
    """The token of a page with a button."""
    fields = _fields(arrival) | {"s": session, "at": int(now.timestamp())}
    return seal(_current(site), ARRIVAL, fields)


def open_arrival(site: PortalSite, token: str, now: datetime) -> Held:
    """What the token holds. Raises ArrivalInvalid."""
    try:
        fields = _by_any(site, lambda key: unseal(key, ARRIVAL, token))
    except Unsealed as error:
        raise ArrivalInvalid(site.key, "the page's arrival cannot be believed") from error
    at = datetime.fromtimestamp(int(str(fields["at"])), UTC)
    if now - at > OLDEST:
        raise ArrivalInvalid(site.key, "the page is older than a day")
    return Held(_arrival(site, fields), str(fields["s"]))


def seal_session(site: PortalSite, session: str, logout: str = "") -> str:
    """The token of the pages after the tap: the same each time, for it is in forms that are compared.

    `logout` is the address at its gateway where the phone can log itself out, "" where there is none.
    """
    fields: ticket.Fields = {"s": session, "o": logout} if logout else {"s": session}
    return ticket.seal(_current(site), SESSION, fields)


def seal_glance(site: PortalSite, session: str) -> str:
    """A token that shows how a session stands and asks for more time, but ends nothing and proves nothing.

    For whoever names a session by a number that could be guessed.
    """
    return ticket.seal(_current(site), GLANCE, {"s": session})


def open_either(site: PortalSite, token: str) -> tuple[str, bool]:
    """The session that a token of either sort holds, and whether it is a glance. Raises ArrivalInvalid."""
    try:
        return str(_by_any(site, lambda key: ticket.unseal(key, GLANCE, token))["s"]), True
    except (ticket.BadToken, KeyError):
        return open_session(site, token), False


def open_session(site: PortalSite, token: str) -> str:
    """The session that the token holds. Raises ArrivalInvalid."""
    return _session(site, token)["s"]


def logout_in(site: PortalSite, token: str) -> str:
    """The logout address that the token of a session holds, "" if none. Raises ArrivalInvalid."""
    return _session(site, token)["o"]


def _current(site: PortalSite) -> bytes:
    """The key that a box which was stolen, and is two epochs behind, does not have."""
    return site.wiring.keys.signing[0]


def _by_any(site: PortalSite, opened: Callable[[bytes], Opened]) -> Opened:
    """What a token holds, by the key of this epoch or of the one before. Raises what `opened` raises."""
    *others, last = site.wiring.keys.signing
    for key in others:
        try:
            return opened(key)
        except (Unsealed, ticket.BadToken):
            continue
    return opened(last)


def _session(site: PortalSite, token: str) -> dict[str, str]:
    try:
        fields = _by_any(site, lambda key: ticket.unseal(key, SESSION, token))
        return {"s": str(fields["s"]), "o": str(fields.get("o", ""))}
    except (ticket.BadToken, KeyError) as error:
        raise ArrivalInvalid(site.key, "the page's session cannot be believed") from error


def _fields(arrival: Arrival) -> dict[str, object]:
    phone = [arrival.phone.mac, arrival.phone.ip] if arrival.phone else None
    told: dict[str, object] = {"e": arrival.epoch} if arrival.epoch else {}
    told |= {"m": arrival.mark.written()} if arrival.mark else {}
    return told | {
        "d": arrival.device,
        "b": arrival.binding,
        "t": arrival.stamp,
        "n": arrival.nonce,
        "p": phone,
        "c": dict(arrival.carried),
    }


def _arrival(site: PortalSite, fields: Mapping[str, object]) -> Arrival:
    """Sealed by us with this site's key, so its shape is ours."""
    phone, carried = fields["p"], fields["c"]
    return Arrival(
        site=site.key,
        device=str(fields["d"]),
        binding=str(fields["b"]),
        stamp=str(fields["t"]),
        nonce=str(fields["n"]),
        phone=Phone(*phone) if isinstance(phone, list) else None,
        carried=carried if isinstance(carried, dict) else {},
        epoch=int(str(fields.get("e", 0))),
        mark=monthly.read(str(fields.get("m", ""))),
    )
