"""What to do next about an outage, by its class and root; the words are where they are read."""

from controller.incidents.model import Cause, Finding, Reach, Root


def advice(root: Root, finding: Finding) -> str:
    """The code of the next step: a key of controller.incidents.words.ADVICE."""
    if any(one.code in {"refused", "served"} for one in finding.evidence):
        return "look-at-access"
    if root.reach is Reach.PORTAL:
        return "look-at-portal"
    if finding.cause is Cause.POWER:
        return "ask-for-power"
    if finding.cause is Cause.BACKHAUL:
        shared = root.reach in {Reach.UPLINK, Reach.MUNICIPALITY, Reach.PROVIDER, Reach.SITE}
        return "call-provider" if shared else "look-at-line"
    if root.reach is Reach.SERVICE:
        return "be-a-phone"
    return "go-there" if finding.cause is Cause.DEVICE else "find-out"
