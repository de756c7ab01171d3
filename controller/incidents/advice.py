"""What to do next about an outage, by its class and root; the words are where they are read."""

from collections.abc import Sequence
from typing import Final

from controller.incidents.model import POLLER, SERVICE, Cause, Evidence, Finding, Reach, Root

_FEEDS: Final = frozenset({"gateway-calls", "poe-off", "poe-fault"})
"""Something at the site that has power itself says that the devices have none."""
_NO_MAINS: Final = frozenset({"ups-low", "ups-dark"})


def advice(root: Root, finding: Finding) -> str:
    """The code of the next step: a key of controller.incidents.words.ADVICE."""
    codes = {one.code for one in finding.evidence}
    if codes & {"refused", "served"}:
        return "look-at-access"
    if root.reach in {Reach.PORTAL, Reach.POLLER}:
        own = "read-its-log" if "poller-runs" in codes else "look-at-poller"
        return own if root.reach is Reach.POLLER else "look-at-portal"
    if finding.cause is Cause.POWER:
        return "look-at-feed" if codes & _FEEDS and not codes & _NO_MAINS else "ask-for-power"
    if finding.cause is Cause.BACKHAUL:
        shared = root.reach in {Reach.UPLINK, Reach.MUNICIPALITY, Reach.PROVIDER, Reach.SITE}
        return "call-provider" if shared else "look-at-line"
    if root.reach is Reach.SERVICE:
        return "be-a-phone"
    return "go-there" if finding.cause is Cause.DEVICE else "find-out"


def step(root: Root, finding: Finding, members: Sequence[str], *, back: bool = False) -> Evidence:
    """The next step with the names that its words want.

    `members` are still down; `back`: all of it answers again.
    """
    devices = [one for one in members if not one.startswith((SERVICE, POLLER))]
    named = [one.said["device"] for one in finding.evidence if one.code in {"refused", "said"}]
    own = [root.key] if root.reach is Reach.DEVICE else []
    device = next(iter((*own, *(one for one in named if one in devices), *devices, root.key)))
    return Evidence(
        "wait" if back else advice(root, finding), {"device": device, "site": root.key, "poller": root.key}
    )
