"""Why a phone has Internet or not, in lines for a technician: what to do first stands first; pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from captive_portal.gateway.control import Facts

TAP: Final = "open any http:// page on the phone and tap again"
MEANINGS: Final[Mapping[str, str]] = {
    "invalid": "its ticket was made for another phone or address, or is damaged",
    "spent": "its ticket had been used, or its session was dismissed",
    "inside": "it showed a used ticket while it was in",
    "blocked": "it was sent away, because the policy blocks it",
    "User-Request": "somebody pressed 'leave' on it",
    "Admin-Reset": "staff dismissed it",
    "Session-Timeout": "its time was over",
    "Octet-Limit": "its data was used up",
    "Lost-Carrier": "another session took its address",
    "Lost-Service": "its door was gone before its time, because somebody changed the rules of this machine",
    "NAS-Reboot": "the rest of its time was over since this machine restarted, and it had not come back",
}
TOLD: Final = 5

Line = Callable[[Facts], list[str]]


def lines(facts: Facts) -> list[str]:
    """What the facts of `why` mean."""
    return [line for reason in _IN_ORDER for line in reason(facts)]


def span(seconds: int) -> str:
    """A length of time as one says it."""
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def amount(octets: int | None) -> str:
    """Octets as one says them; nobody counted None."""
    if octets is None:
        return "?"
    return f"{octets / 1_000_000:,.1f} MB" if octets >= 100_000 else f"{octets / 1000:,.1f} kB"


def rate(told: Mapping[str, Any] | None) -> str:
    """The rates of a door as one says them."""
    if told is None:
        return "rate not known"
    ways = [f"{told[name]:,} kbit/s {way}" for way, name in (("down", "down_kbps"), ("up", "up_kbps"))]
    held = [way for way, name in zip(ways, ("down_kbps", "up_kbps"), strict=True) if told[name]]
    return f"at most {' and '.join(held)}" if held else "no rate limit"


def _records(facts: Facts) -> list[str]:
    return [f"Nobody is kept out here; {facts['notice']}."] if facts["notice"] else []


def _emergency(facts: Facts) -> list[str]:
    if not facts["emergency_s"]:
        return []
    return [
        f"An emergency holds for {span(facts['emergency_s'])} more: everybody passes, also who is blocked."
    ]


def _blocked(facts: Facts) -> list[str]:
    found = facts["blocked"]
    if found is None:
        return []
    ends = "without an end" if found["left_s"] is None else f"for {span(found['left_s'])} more at most"
    return [
        f"The policy blocks it: {found['reason'] or 'no reason given'} (by {found['author']}; {ends}). "
        "Only the controller lifts that, with `plaza gateway unblock`."
    ]


def _copied(facts: Facts) -> list[str]:
    if not facts["copied"]:
        return []
    return [
        "Its MAC lives at two places at once: another device has copied it. Take the phone off the Wi-Fi, "
        "`dismiss` what stays, and let the phone use another MAC here."
    ]


def _unseen(facts: Facts) -> list[str]:
    if facts["addresses"]:
        return []
    if facts["inside"]:
        return ["Its door is open, but the phone is not seen on the guests' network: is it away or asleep?"]
    return [
        "This gateway does not see the phone. Let it join the site's Wi-Fi and read its MAC there: "
        "most phones use another MAC for each network."
    ]


def _twice(facts: Facts) -> list[str]:
    found = facts["addresses"]
    if len(found) < 2:
        return []
    return [
        f"The MAC has {len(found)} addresses: {', '.join(found)}. The phone changed its address just now, or "
        "another device has copied its MAC: take the phone off the Wi-Fi and look whether one stays."
    ]


def _moved(facts: Facts) -> list[str]:
    doors = {one["ip"] for one in facts["inside"]}
    if not doors or not facts["addresses"] or doors & set(facts["addresses"]):
        return []
    return [f"Its door is open for another address than it has now: {TAP}, nothing is lost."]


def _portal(facts: Facts) -> list[str]:
    if facts["portal_down"]:
        since = span(facts["portal_failing_s"])
        if facts["internet_down"]:
            return [
                f"The portal has been out of reach for {since}: mend the uplink first. Nobody new gets in."
            ]
        new = "Who presses the button of our own page" if facts["away"] == "open" else "Nobody new"
        return [f"The portal has been out of reach for {since}, and the Internet is there. {new} gets in."]
    if facts["portal_failing_s"] is not None:
        return ["The last try to reach the portal failed: ask again in half a minute."]
    return []


def _shut(facts: Facts) -> list[str]:
    kept_out = facts["portal_down"] or facts["blocked"] or facts["emergency_s"]
    if facts["inside"] or not facts["addresses"] or kept_out:
        return []
    return [f"Its door is shut: {TAP}; or let it in by hand with `admit`."]


def _open(facts: Facts) -> list[str]:
    return [
        f"Its door at {one['ip']} stays open for {span(one['seconds_left'])}: {_used(one)}, "
        f"{rate(one['rate'])}; session {one['session']}{_resumed(one)}."
        for one in facts["inside"]
    ]


def _resumed(one: Facts) -> str:
    return ", resumed after a power cut" if one["resumed"] else ""


def _six(facts: Facts) -> list[str]:
    if not facts["inside"]:
        return []
    return ["Its IPv6 passes with its door." if facts["ipv6"] else "Its IPv6 is refused, as the policy says."]


def _well(facts: Facts) -> list[str]:
    here = {one["ip"] for one in facts["inside"]} & set(facts["addresses"])
    if not here or facts["portal_failing_s"] is not None:
        return []
    return [
        "If it has no Internet all the same: look at this machine's uplink, then restart the phone's Wi-Fi."
    ]


def _used(one: Facts) -> str:
    ways = one["octets_down"], one["octets_up"]
    used = "octets not counted" if None in ways else f"{amount(sum(ways))} used"
    return f"{used}, {amount(one['octets_max'])} at most" if one["octets_max"] else f"{used}, no cap"


def _lately(facts: Facts) -> list[str]:
    return [
        f"{span(one['ago_s'])} ago {MEANINGS.get(one['what'], one['what'])}."
        for one in facts["lately"][:TOLD]
    ]


def _controller(facts: Facts) -> list[str]:
    if facts["controller_away_s"] is None:
        return []
    return [
        f"The controller has not answered for {span(facts['controller_away_s'])}: doors work, reports wait."
    ]


_IN_ORDER: Final[tuple[Line, ...]] = (
    _records, _emergency, _blocked, _copied, _unseen, _twice, _moved, _portal, _shut, _open, _six, _well,
    _lately, _controller,
)  # fmt: skip
