"""A virtual conductor of an Aruba Instant cluster, 8.x.

Modelled: exec and configuration mode with their prompts, lines that wait for a commit (seen by every login,
at most 4 KB), `commit apply [no-save]`, `commit revert`, `write memory`, secrets encrypted anew at each
showing unless asked for `no-encrypt`, defaults that it adds to a new profile, the role it makes and removes
with a profile, nothing removed while the running configuration refers to it, `reload` with its questions. The
shape of its texts follows public recordings and user guides; the wording of refusals other than `% Parse
error` is made up.
"""

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from simulator.vendors.device import Box, Cut, DiskFull, Look, Session
from simulator.vendors.sectioned import TOP, Command, Tree, Unreadable, Words, check, command, join, split

MOST_OCTETS: Final = 4096
_ONE: Final = Command(1, 1)
_FLAG: Final = Command()

_TOP: Final = MappingProxyType(
    {
        "name": _ONE,
        "organization": _ONE,
        "syslocation": _ONE,
        "virtual-controller-country": _ONE,
        "ntp-server": _ONE,
        "clock timezone": Command(3, 3),
        "clock summer-time": Command(2, 12),
        "syslog-server": _ONE,
        "snmp-server community": Command(1, 1, secrets=(2,)),
        "snmp-server user": Command(5, 5, several=1, secrets=(4, 6)),
        "time-range": Command(6, 6, several=1),
    }
)
_RADIO: Final = MappingProxyType({"min-tx-power": _ONE, "max-tx-power": _ONE, "allowed-channels": _ONE})
_SECTIONS: Final = MappingProxyType(
    {
        "wlan ssid-profile": {
            "enable": _FLAG, "disable": _FLAG, "type": _ONE, "essid": _ONE, "utf8": _FLAG, "opmode": _ONE,
            "wpa-passphrase": Command(1, 1, secrets=(1,)), "vlan": _ONE, "rf-band": _ONE,
            "captive-portal": Command(1, 3), "auth-server": _ONE, "set-role-pre-auth": _ONE, "index": _ONE,
            "deny-inter-user-bridging": _FLAG, "time-range": Command(2, 2, several=1), "dtim-period": _ONE,
            "max-authentication-failures": _ONE,
        },
        "wlan access-rule": {
            "rule": Command(7, 8, several=8), "index": _ONE, "utf8": _FLAG,
            "bandwidth-limit peruser downstream": _ONE, "bandwidth-limit peruser upstream": _ONE,
        },
        "wlan auth-server": {
            "ip": _ONE, "port": _ONE, "acctport": _ONE, "key": Command(1, 1, secrets=(1,)), "rfc3576": _FLAG,
        },
        "wlan external-captive-portal": {
            "server": _ONE, "port": _ONE, "url": _ONE, "auth-text": _ONE, "https": _FLAG,
        },
        "arm": {"wide-bands": _ONE, "80mhz-support": _FLAG, "scanning": _FLAG},
        "rf dot11g-radio-profile": _RADIO,
        "rf dot11a-radio-profile": _RADIO,
    }
)  # fmt: skip
_CONTEXTS: Final = MappingProxyType(
    {
        "wlan ssid-profile": "SSID Profile",
        "wlan access-rule": "Access Rule",
        "wlan auth-server": "Auth Server",
        "wlan external-captive-portal": "External Captive Portal",
        "arm": "ARM",
        "rf dot11g-radio-profile": "RF dot11 g Radio Profile",
        "rf dot11a-radio-profile": "RF dot11 a Radio Profile",
    }
)
_REFERRED: Final = MappingProxyType(
    {"wlan auth-server": "auth-server", "wlan external-captive-portal": "captive-portal external profile"}
)
_OPMODES: Final = frozenset({"opensystem", "enhanced-open", "wpa2-psk-aes", "wpa3-sae-aes"})
_QUESTIONS: Final = MappingProxyType(
    {
        "save": "Do you want to save the configuration(y/n): ",
        "restart": "Do you really want to reset the system(y/n): ",
    }
)
PARSE_ERROR: Final = "% Parse error\n"

VERSION: Final = """\
Aruba Operating System Software.
ArubaOS (MODEL: 515), Version 8.10.0.6
Website: http://www.arubanetworks.com
(c) Copyright 2023 Hewlett Packard Enterprise Development LP.
Compiled on 2023-03-20 at 10:13:11 UTC (build 86144) by jenkins
FIPS Mode :disabled

AP uptime is 3 weeks 2 days 4 hours 5 minutes 6 seconds
"""
APS: Final = """\

2 Access Points
---------------
Name         IP Address  Mode    Spectrum  Clients  Type  Mesh Role  Zone  Serial #    radio0 Channel
----         ----------  ----    --------  -------  ----  ---------  ----  --------    --------------
AP-AA-BB-00  10.8.19.3   access  disable   4        515   N/A        N/A   CNB0K9X111  6
AP-C3-74-00  10.8.19.2*  access  disable   2        515   N/A        N/A   CNB0K9X222  11
"""

FACTORY: Final = """\
virtual-controller-country MX
name SetMeUp-C3:74:00
syslocation "Plaza vieja"
clock timezone none 00 00
arm
 wide-bands 5ghz
 80mhz-support
 scanning
wlan access-rule tecnica
 index 0
 rule any any match any any any permit
wlan ssid-profile tecnica
 enable
 index 0
 type employee
 essid "La red de la tecnica"
 opmode wpa2-psk-aes
 wpa-passphrase hecha-a-mano
 captive-portal disable
"""
"""What is on flash at first: a technician's own network."""


class ArubaInstant:
    """A conductor with one configuration; see the top of this file.

    `conductor` False is a member of the cluster, which refuses to be configured. `hostname` is of the access
    point and stands in its prompt. Lines that begin with `refuses` it takes no more, those with `forgets` a
    commit loses.
    """

    look = Look(
        pager="--More--",
        height=60,
        keys="?",
        exec=False,
        channels=1,
        banner="\nshow tech-support is of use to support.\n\n",
    )

    def __init__(self, box: Box | None = None, saved: str = FACTORY, hostname: str = "AP-C3-74-00") -> None:
        self.box = box or Box()
        self.hostname = hostname
        self.conductor = True
        self.refuses = self.forgets = "\0"
        self.running = Tree()
        self.staged: list[tuple[str, Words]] = []
        self._shown = 0
        self.box.flash.setdefault("config", saved)
        self.box.runs(self.boot)

    def boot(self) -> None:
        self.running = Tree.read(self.box.flash["config"], tuple(_SECTIONS))
        self.staged.clear()

    def greet(self, session: Session) -> None:
        session.facts["head"] = None

    def leave(self, session: Session) -> None:
        """What it typed goes on waiting for a commit."""

    def prompt(self, session: Session) -> str:
        head = session.facts["head"]
        if asked := session.facts.get("asked"):
            return _QUESTIONS[asked]
        if head is None:
            return f"{self.hostname}# "
        kind = _kind(head)
        name = split(head)[-1] if kind.startswith("wlan ") else ""
        where = f'{_CONTEXTS[kind]} "{name}"' if name else _CONTEXTS[kind] if kind else "config"
        return f"{self.hostname} ({where}) # "

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
            raise Cut("Restarting system.\n")
        try:
            words = split(line)
            if not words:
                return ""
            return (
                self._exec(session, words) if session.facts["head"] is None else self._typed(session, words)
            )
        except Unreadable:
            return PARSE_ERROR

    def _exec(self, session: Session, words: Words) -> str:
        match words:
            case ("exit",):
                raise Cut
            case ("configure", "terminal"):
                if not self.conductor:
                    return "% Configuration is allowed on the conductor only\n"
                session.facts["head"] = TOP
                return ""
            case ("show", *what):
                return self._show(what)
            case ("reload",):
                unsaved = self.running.text() != self.box.flash["config"]
                session.facts["asked"] = "save" if unsaved else "restart"
                return ""
        return self._act(words)

    def _show(self, what: list[str]) -> str:
        match what:
            case ["running-config", *option] if option in ([], ["no-encrypt"]):
                return "".join(f"{one}\n" for one in self._listed(plain=bool(option)))
            case ["uncommitted-config"]:
                return "".join(f"{one}\n" for one in self._uncommitted())
            case ["version"]:
                return VERSION
            case ["aps"]:
                return APS
        raise Unreadable("unknown command")

    def _act(self, words: Words) -> str:
        match words:
            case ("commit", "revert"):
                self.staged.clear()
                return ""
            case ("commit", "apply", *option) if option in ([], ["no-save"]):
                self._commit()
                return "committing configuration...\n" + ("" if option else self._save())
            case ("write", "memory"):
                return self._save()
        raise Unreadable("unknown command")

    def _typed(self, session: Session, words: Words) -> str:
        head = session.facts["head"]
        if join(words).startswith(self.refuses):
            return f"% Invalid value: {join(words[1:])}\n"
        if words == ("end",):
            session.facts["head"] = None
        elif words == ("exit",):
            session.facts["head"] = TOP if head else None
        else:
            return self._line(session, head, words)
        return ""

    def _line(self, session: Session, head: str, words: Words) -> str:
        """A line of the configuration, checked before it waits."""
        if head == TOP and (opened := _opened(words)):
            session.facts["head"] = opened
        elif head == TOP and words[0] == "no" and (closed := _opened(words[1:])):
            if self._refers_to(closed):
                return f"% {closed} is in use\n"
        else:
            check(_SECTIONS[_kind(head)] if head else _TOP, words)
            if words[0] == "opmode" and words[1] not in _OPMODES:
                raise Unreadable("no such mode")
            if head == TOP and words[:2] == ("no", "time-range") and self._uses_time_range(words[2]):
                return "% time-range is in use\n"
        return self._wait(head, words)

    def _wait(self, head: str, words: Words) -> str:
        octets = sum(len(join(one).encode()) + 2 for _, one in [*self.staged, (head, words)])
        if octets > MOST_OCTETS:
            return "% Uncommitted configuration is too large, commit first\n"
        self.staged.append((head, words))
        return ""

    def _uncommitted(self) -> Iterator[str]:
        for head, words in self.staged:
            yield (" " if head else "") + join(words)

    def _commit(self) -> None:
        for head, words in self.staged:
            if head == TOP and (opened := _opened(words)):
                self._make(opened)
            elif head == TOP and words[0] == "no" and (closed := _opened(words[1:])):
                self.running.sections.pop(closed, None)
                if _kind(closed) == "wlan ssid-profile":
                    self.running.sections.pop(closed.replace("ssid-profile", "access-rule"), None)
            elif head in self.running.sections and not join(words).startswith(self.forgets):
                self.running.set(_SECTIONS[_kind(head)] if head else _TOP, head, words)
        self.staged.clear()

    def _make(self, head: str) -> None:
        if head in self.running.sections:
            return
        kind = _kind(head)
        number = sum(_kind(one) == kind for one in self.running.sections if one)
        defaults = {
            "wlan ssid-profile": ("index {}", "max-authentication-failures 0", "dtim-period 1"),
            "wlan access-rule": ("index {}",),
        }
        self.running.sections[head] = [split(line.format(number)) for line in defaults.get(kind, ())]
        role = head.replace("ssid-profile", "access-rule")
        if kind == "wlan ssid-profile" and role not in self.running.sections:
            self._make(role)
            self.running.sections[role].append(split("rule any any match any any any permit"))

    def _save(self) -> str:
        try:
            self.box.write("config", self.running.text())
        except DiskFull:
            return "% Failed to save configuration: no space left on device\n"
        return "Save configuration.\n"

    def _listed(self, *, plain: bool) -> Iterator[str]:
        yield "version 8.10.0.0-8.10.0"
        yield "virtual-controller-key 0c8f1d22"
        for head, lines in self.running.sections.items():
            if head:
                yield ""
                yield head
            for line in lines:
                commands = _SECTIONS[_kind(head)] if head else _TOP
                yield (" " if head else "") + join(line if plain else self._encrypted(commands, line))
        yield ""

    def _encrypted(self, commands: Mapping[str, Command], line: Words) -> Words:
        self._shown += 1
        _, known = command(commands, line[1:] if line[0] == "no" else line)
        return tuple(
            hashlib.sha256(f"{self._shown} {word}".encode()).hexdigest()[:48] if at in known.secrets else word
            for at, word in enumerate(line)
        )

    def _refers_to(self, head: str) -> bool:
        first = _REFERRED.get(_kind(head))
        name = split(head)[-1]
        return first is not None and self.running.has(f"{first} {name}")

    def _uses_time_range(self, name: str) -> bool:
        return self.running.has(f"time-range {name} enable")


def _kind(head: str) -> str:
    return next((kind for kind in _SECTIONS if f"{head} ".startswith(f"{kind} ")), "")


def _opened(words: Words) -> str:
    """The head of the section that a line enters; empty when it enters none."""
    kind = _kind(join(words))
    if not kind:
        return ""
    named = kind.startswith("wlan ")
    if len(words) != len(kind.split()) + named or not all(words):
        raise Unreadable("a name is missing")
    return join(words)
