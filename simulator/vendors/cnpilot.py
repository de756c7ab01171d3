"""A virtual Cambium cnPilot of the E series, 4.x.

Modelled from one public description: a login starts in configuration mode, nothing works before `apply`,
nothing stays without `save`. Nobody documents where typed lines wait: with `shared` every login sees them
(also in `show config`) and they outlive it, without it each login has its own. Passphrases are shown
encrypted unless `plainly`. All texts, prompts and the words of WLANs, radios and guests are made up after
the vendor's web pages.
"""

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from simulator.vendors.device import Box, Cut, DiskFull, Look, Session
from simulator.vendors.sectioned import TOP, Command, Tree, Unreadable, Words, check, command, join, split

_ONE: Final = Command(1, 1)
_FLAG: Final = Command()
_SHUT: Final = Command(kept=True)
_TOP: Final = MappingProxyType(
    {
        "hostname": _ONE,
        "country-code": _ONE,
        "timezone": _ONE,
        "location": _ONE,
        "ntp server": Command(1, 1, several=1),
        "logging syslog": Command(1, 2),
        "snmp-server user": Command(5, 5, several=1, secrets=(4, 6)),
        "snmp-server community": Command(1, 1, secrets=(2,)),
        "management ssh": _FLAG,
        "management cambium-remote url": _ONE,
    }
)
_SECTIONS: Final = MappingProxyType(
    {
        "wireless wlan": {
            "ssid": _ONE, "shutdown": _SHUT, "security": _ONE, "passphrase": Command(1, 1, secrets=(1,)),
            "vlan": _ONE, "band": _ONE, "client-isolation": _FLAG, "rate-limit downlink": _ONE,
            "rate-limit uplink": _ONE, "guest-access enable": _FLAG, "guest-access portal-mode": _ONE,
            "guest-access external-page-url": _ONE, "guest-access whitelist": Command(1, 1, several=1),
            "guest-access radius-server": Command(4, 4, secrets=(5,)),
        },
        "wireless radio": {"channel": _ONE, "channel-width": _ONE, "power": _ONE, "shutdown": _SHUT},
    }
)  # fmt: skip
_NUMBERS: Final = MappingProxyType({"wireless wlan": range(1, 17), "wireless radio": range(1, 3)})
_QUESTIONS: Final = MappingProxyType(
    {"save": "Save the configuration? [y/n] ", "restart": "Reboot the device? [y/n] "}
)
_SECURITY: Final = frozenset({"open", "enhanced-open", "wpa2-psk", "wpa3-sae"})

VERSION: Final = """\
Model            : cnPilot E410
Software Version : 4.2.2-r3
Serial Number    : W8TG0AB12CDE
"""

FACTORY: Final = """\
hostname E410-AABBCC
country-code MX
management ssh
wireless radio 1
 channel auto
 channel-width 20
 power auto
wireless radio 2
 channel auto
 channel-width 80
 power auto
wireless wlan 1
 ssid "La red de la tecnica"
 security wpa2-psk
 passphrase hecha-a-mano
 no shutdown
"""
"""What is on flash at first: a technician's own network."""


class CnPilot:
    """An access point; see the top of this file.

    Lines that begin with `refuses` it takes no more, and those that begin with `forgets` it takes and loses.
    """

    look = Look(pager="--More--", height=60, keys="?", exec=False, channels=1)

    def __init__(self, box: Box | None = None, saved: str = FACTORY, *, shared: bool = True) -> None:
        self.box = box or Box()
        self.shared = shared
        self.plainly = False
        self.refuses = self.forgets = "\0"
        self.running = Tree()
        self._waiting: Tree | None = None
        self.box.flash.setdefault("config", saved)
        self.box.runs(self.boot)

    def boot(self) -> None:
        self.running = Tree.read(self.box.flash["config"], tuple(_SECTIONS))
        self._waiting = None

    def greet(self, session: Session) -> None:
        session.facts |= {"head": TOP, "waiting": None}

    def leave(self, session: Session) -> None:
        """What it typed is kept where all see it, or nowhere."""

    def prompt(self, session: Session) -> str:
        if asked := session.facts.get("asked"):
            return _QUESTIONS[asked]
        name = next(line[1] for line in self.running.sections[TOP] if line[0] == "hostname")
        head = session.facts["head"]
        return f"{name}(config{'-' + '-'.join(head.split()[1:]) if head else ''})# "

    def press(self, session: Session, key: str, typed: str) -> str:
        return "<cr>\n"

    def execute(self, session: Session, line: str) -> str:
        if asked := session.facts.pop("asked", ""):
            yes = line.strip().lower() == "y"
            if asked == "save":
                session.facts["asked"] = "restart"
                return self._save() if yes else ""
            if not yes:
                return ""
            self.box.lose_power()
            raise Cut("Rebooting\n")
        try:
            words = split(line)
            return self._obey(session, words) if words else ""
        except Unreadable as error:
            return f"% Invalid command: {error}\n"

    def _obey(self, session: Session, words: Words) -> str:
        head = session.facts["head"]
        match words:
            case ("exit",) if head == TOP:
                raise Cut
            case ("exit",):
                session.facts["head"] = TOP
            case ("show", ("config" | "version") as what):
                shown = self._typed(session) or self.running
                return VERSION if what == "version" else "".join(f"{one}\n" for one in self._listed(shown))
            case ("apply",):
                self.running = self._typed(session) or self.running
                self._keep(session, None)
            case ("save",):
                return self._save()
            case ("reboot",):
                unsaved = self.running.text() != self.box.flash["config"]
                session.facts["asked"] = "save" if unsaved else "restart"
            case _ if join(words).startswith(self.refuses):
                return f"% Invalid value: {join(words[1:])}\n"
            case _:
                self._type(session, head, words)
        return ""

    def _type(self, session: Session, head: str, words: Words) -> None:
        tree = (self._typed(session) or self.running).copy()
        if opened := _opened(words):
            tree.sections.setdefault(opened, [])
            session.facts["head"] = opened
        elif words[0] == "no" and (closed := _opened(words[1:])):
            tree.sections.pop(closed, None)
        else:
            commands = _SECTIONS[_kind(head)] if head else _TOP
            check(commands, words)
            if words[0] == "security" and words[1] not in _SECURITY:
                raise Unreadable("no such security")
            if not join(words).startswith(self.forgets):
                tree.set(commands, head, words)
        self._keep(session, tree)

    def _typed(self, session: Session) -> Tree | None:
        found = self._waiting if self.shared else session.facts["waiting"]
        assert found is None or isinstance(found, Tree)  # noqa: S101  # facts hold anything
        return found

    def _keep(self, session: Session, tree: Tree | None) -> None:
        if self.shared:
            self._waiting = tree
        else:
            session.facts["waiting"] = tree

    def _save(self) -> str:
        try:
            self.box.write("config", self.running.text())
        except DiskFull:
            return "% Failed to save: no space left\n"
        return "Configuration saved\n"

    def _listed(self, tree: Tree) -> Iterator[str]:
        yield "!"
        for head, lines in tree.sections.items():
            commands: Mapping[str, Command] = _SECTIONS[_kind(head)] if head else _TOP
            if head:
                yield head
            yield from ((" " if head else "") + join(self._shown(commands, line)) for line in lines)
            yield "!"

    def _shown(self, commands: Mapping[str, Command], line: Words) -> Words:
        if self.plainly:
            return line
        _, known = command(commands, line[1:] if line[0] == "no" else line)
        return tuple(
            "$crypt$1$" + hashlib.sha256(word.encode()).hexdigest()[:32] if at in known.secrets else word
            for at, word in enumerate(line)
        )


def _kind(head: str) -> str:
    return next((kind for kind in _SECTIONS if f"{head} ".startswith(f"{kind} ")), "")


def _opened(words: Words) -> str:
    """The head of the section that a line enters; empty when it enters none."""
    kind = _kind(join(words))
    if not kind:
        return ""
    if len(words) != 3 or words[2] not in map(str, _NUMBERS[kind]):
        raise Unreadable("no such number")
    return join(words)
