"""What each piece of evidence says in English; the console has the same in the reader's language."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.incidents.model import Evidence

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "said": "the last word on %(device)s: %(said)s",
        "refused": "%(device)s is there and answers, only not what it was asked: %(said)s",
        "served": "a phone gets online at %(site)s all the same: only its devices do not answer us",
        "ups-low": "%(ups)s, which feeds it, was on battery and nearly empty before (%(left)s s left)",
        "ups-battery": "%(ups)s, which feeds it, was on battery before",
        "ups-mains": "%(ups)s, which feeds it, was fed from the mains",
        "ups-dark": "%(ups)s is down, and so is what it feeds; devices: %(count)s",
        "poe-fault": "port %(port)s of %(switch)s, which feeds it, reports a fault",
        "poe-off": "port %(port)s of %(switch)s gives it no power",
        "poe-on": "port %(port)s of %(switch)s feeds it",
        "fed-at-once": "all that %(source)s feeds went down at once; devices: %(count)s",
        "at-once": "everything went down at once; devices: %(count)s",
        "site-dark": "no device of %(site)s answers; down: %(count)s",
        "modem-offline": "the modem of %(site)s says that it carries no data",
        "modem-online": "the modem of %(site)s says that it carries data",
        "sites-together": "sites that went dark at the same time: %(count)s; they share %(shared)s",
        "gateway-silent": "nothing was heard of the gateway of %(site)s since either",
        "gateway-calls": "the gateway of %(site)s still calls us, so its line is up and it has power itself",
        "line-device": "%(device)s carries the line of others, which are down with it: %(count)s",
        "line-alone": "%(device)s carries a line, and is down",
        "behind-silent": "all devices behind %(device)s went down: %(count)s; nobody can ask it itself",
        "parent-answers": "%(parent)s, on which it hangs, answers",
        "siblings-answer": "devices beside it that answer: %(count)s",
        "devices-answer": "devices of the site that answer: %(count)s",
        "restarted": "%(device)s had restarted when it came back",
        "kept-running": "%(device)s had run all the time when it came back, so it was the way to it",
        "ran-on": "%(device)s had run all the time when it came back, so it had power",
        "probe": "a phone got stuck at %(step)s: %(said)s",
        "portal-shared": "sites that serve nobody at the same time, though their devices answer: %(count)s",
        "poller-silent": "the poller %(poller)s has brought nothing since %(at)s",
        "poller-runs": "%(poller)s still asks for its lease, so its machine runs and reaches us",
        "poller-away": "%(poller)s does not ask for its lease either",
        "poller-devices": "devices that only it asks, unknown until it brings something again: %(count)s",
        "samples-unreadable": "the samples could not be read: %(said)s",
        "missing-power": "missing: what feeds it (`powered_by` in the inventory), or what that says",
        "missing-neighbour": "missing: anything on its way or beside it that answers or is down",
        "missing-line": "missing: a gateway that calls us, or a modem, by which to tell line and mains apart",
        "missing-step": "missing: the step at which a phone got stuck",
    }
)

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "look-at-access": "see why it does not answer us: plaza snmp why %(device)s",
        "look-at-portal": "look at the portal itself: plaza doctor, and its certificate",
        "ask-for-power": "ask at the site, or the utility, whether there is power; it may return by itself",
        "look-at-feed": "look at what feeds them: PoE injector, switch, cable; the site itself has power",
        "call-provider": "call the provider of the line with the contract and the time it went",
        "look-at-line": "look at the radio link, the modem or the gateway that carries the line",
        "be-a-phone": "be a phone there: plaza probe %(site)s",
        "go-there": "go there: it has power and a line, and does not answer",
        "find-out": "ask why it does not answer: plaza snmp why %(device)s; "
        "then find out what is missing above, and go there or call",
        "look-at-poller": "look at the machine of %(poller)s: has it power and a line, does plaza run there",
        "read-its-log": "read the log of %(poller)s, and that of the edge for what it refuses of it",
        "wait": "nothing: all of it answers again, and it closes by itself if that lasts",
    }
)


def said(evidence: Evidence) -> str:
    """One piece of evidence as a sentence."""
    return WORDS[evidence.code] % evidence.said
