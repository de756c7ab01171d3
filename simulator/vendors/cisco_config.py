"""The running configuration of a virtual Cisco device, and how typed lines change it."""

import re
from collections.abc import Mapping
from typing import Final

from simulator.vendors.cisco_grammar import WORDS, Node, Rule
from simulator.vendors.cisco_keys import decrypted, encrypted
from simulator.vendors.device import Session

_SHORT_KEY: Final = "% Invalid key length\n"  # unverified
_UP: Final = "% WLAN needs to be disabled before performing this operation.\n"  # unverified
_UNKNOWN: Final = "% Unknown command or computer name, or unable to find computer address\n"
_SNMP_USER: Final = re.compile(
    r"snmp-server user (\S+) \S+ v3(?: auth (?:md5|sha) (\S+)(?: priv (?:aes (?:128|192|256)|des) (\S+))?)?"
)


class Configuration:
    """`running` is what the device does, `snmp_users` what no configuration shows.

    `hidden_keys`: keys are stored as type 8, as with `password encryption aes`.
    """

    def __init__(self, grammar: Mapping[str, tuple[Rule, ...]], *, hidden_keys: bool) -> None:
        self.running = Node("")
        self.snmp_users: dict[str, str] = {}
        self._grammar = grammar
        self._hidden_keys = hidden_keys

    def obey(self, session: Session, line: str, prompt: str) -> str:
        """One line in any configuration mode; what it prints."""
        path: list[Node] = session.facts["path"]
        for depth in range(len(path), -1, -1):
            section = path[depth - 1] if depth else self.running
            rules = self._grammar[session.modes[depth + 1]]
            rule = next((rule for rule in rules if rule.slot(line) is not None), None)
            if rule is not None or _negates(rules, section, line):
                del session.modes[depth + 2 :]
                session.facts["path"] = path[:depth]
                return self._take(session, section, rule, line)
            if depth == 0 and line.removeprefix("no ").startswith("snmp-server user "):
                return self._snmp_user(line, prompt)
        return nonsense(line, WORDS, prompt)

    def _take(self, session: Session, section: Node, rule: Rule | None, line: str) -> str:
        if rule is None:
            _remove(section, line.removeprefix("no "))
            return ""
        if section.line.startswith("wlan ") and section.find("no shutdown") and "security" in line:
            return _UP
        stored = self._stored(line)
        if stored is None:
            return _SHORT_KEY
        node = section.find(stored)
        if node is None:
            node = Node(stored)
            slot = rule.slot(line)
            old = next((n for n in section.below if rule.slot(n.line) == slot), None)
            if old is not None:
                node.below = old.below
                section.below[section.below.index(old)] = node
            else:
                section.below.append(node)
        opposite = stored.removeprefix("no ") if stored.startswith("no ") else f"no {stored}"
        section.below = [n for n in section.below if n.line != opposite]
        if rule.opens:
            session.modes.append(rule.opens)
            session.facts["path"] = [*session.facts["path"], node]
        return ""

    def _stored(self, line: str) -> str | None:
        """As the running configuration shows it; None for a key that is too short."""
        psk = re.fullmatch("wpa-psk ascii ([07]) (.+)", line)
        if psk:
            key = decrypted(psk[2]) if psk[1] == "7" else psk[2]
            return f"wpa-psk ascii 7 {encrypted(key)}" if key and 8 <= len(key) <= 63 else None
        hidden = re.fullmatch("(security wpa psk set-key ascii|key) [07] (.+)", line)
        if hidden and hidden[1] != "key" and not 8 <= len(hidden[2]) <= 63:
            return None
        if hidden and self._hidden_keys:
            return f"{hidden[1]} 8 {encrypted(hidden[2])}X"
        if line.startswith("wlan "):
            _, name, number, ssid = line.split(" ", 3)
            bare = ssid.strip('"')
            return f'wlan {name} {number} "{bare}"' if " " in bare else f"wlan {name} {number} {bare}"
        return line

    def _snmp_user(self, line: str, prompt: str) -> str:
        found = _SNMP_USER.fullmatch(line.removeprefix("no "))
        if found is None:
            return nonsense(line, WORDS, prompt)
        if line.startswith("no "):
            self.snmp_users.pop(found[1], None)  # of one that is not there: unverified
        else:
            self.snmp_users[found[1]] = line
        return ""


def _negates(rules: tuple[Rule, ...], section: Node, line: str) -> bool:
    """Whether it is the `no` form of a line of this mode, or takes a `no` line back."""
    if not line.startswith("no "):
        return section.find(f"no {line}") is not None
    rest = line[3:]
    known = any(rule.slot(rest) is not None for rule in rules)
    return known or any(node.line == rest or node.line.startswith(rest + " ") for node in section.below)


def _remove(section: Node, rest: str) -> None:
    section.below = [
        node
        for node in section.below
        if node.line not in {rest, f"no {rest}"} and not node.line.startswith(rest + " ")
    ]


def nonsense(line: str, known: tuple[str, ...], prompt: str) -> str:
    """What IOS answers to a line it does not take."""
    first = line.removeprefix("no ").split(" ")[0]
    if first in known and line == first:
        return "% Incomplete command.\n\n"
    near = [word for word in known if word.startswith(first) and word != first]
    if len(near) > 1:
        return f'% Ambiguous command:  "{line}"\n'
    if " " not in line and not near and first not in known and prompt[-2] != ")":
        return f'Translating "{line}"\n{_UNKNOWN}'
    at = len(prompt) + (len(first) + 1 if first in known else 0)
    return " " * at + "^\n% Invalid input detected at '^' marker.\n\n"
