"""Which configuration lines a virtual Cisco device takes in which mode; anything else is invalid input."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Rule:
    """One kind of line. `opens` is the mode behind it. Two lines of a rule with equal `slot` groups are one
    setting, of which the later wins; without such a group every different line stays."""

    pattern: re.Pattern[str]
    opens: str = ""

    def slot(self, line: str) -> tuple[str, ...] | None:
        """What tells this setting from others of its rule; None when the line is not of this rule."""
        found = self.pattern.fullmatch(line)
        if found is None:
            return None
        slots = tuple(found[name] or "" for name in self.pattern.groupindex if name.startswith("slot"))
        return slots if slots or "(?P<one>" in self.pattern.pattern else (line,)


@dataclass
class Node:
    """A line of a configuration, and the lines below it."""

    line: str
    below: list["Node"] = field(default_factory=list)

    def find(self, line: str) -> "Node | None":
        """The line of exactly that text below this one."""
        return next((node for node in self.below if node.line == line), None)

    def lines(self, depth: int = 0) -> Iterator[str]:
        """All below, indented as a device prints it."""
        for node in self.below:
            indent = "   " if depth == 1 and self.line.startswith("dot11 ssid") else " " * depth
            yield indent + node.line
            yield from node.lines(depth + 1)
            if depth == 0:
                yield "!"


def parse(text: str) -> Node:
    """A tree from what `Node.lines` printed, or from a file of the same shape."""
    root = Node("")
    stack = [(-1, root)]
    for raw in text.splitlines():
        line = raw.strip()
        depth = len(raw) - len(raw.lstrip())
        if not line or line.startswith("!") or line == "end":
            continue
        while stack[-1][0] >= depth:
            stack.pop()
        node = Node(line)
        stack[-1][1].below.append(node)
        stack.append((depth, node))
    return root


def _rules(*lines: str) -> tuple[Rule, ...]:
    """`pattern` or `pattern -> mode`; (?P<one>) marks a setting of which there is one."""
    made = []
    for line in lines:
        pattern, _, opens = line.partition(" -> ")
        made.append(Rule(re.compile(pattern), opens))
    return tuple(made)


_GLOBAL: Final = _rules(
    "(?P<one>)hostname [A-Za-z][A-Za-z0-9-]{0,62}",
    "alias exec (?P<slot>[\\w-]+) .+",
    "archive -> config-archive",
    "(?:s?ntp) server [\\w.:-]+(?: prefer)?",
    "(?P<one>)clock timezone [A-Za-z]{3,7} -?[0-9]{1,2} [0-9]{1,2}",
    "(?P<one>)clock summer-time [A-Za-z]{3,7} recurring",
    "logging host (?P<slot>[\\w.:-]+)(?: transport (?:udp|tcp) port [0-9]+)?",
    "snmp-server group (?P<slot>[\\w-]+) v3 (?:noauth|auth|priv)",
    "(?P<one>)snmp-server location .+",
    "username (?P<slot>[\\w.@-]+)(?: privilege [0-9]+)? (?:secret|password) [0-9] .+",
    "ip ssh pubkey-chain -> conf-ssh-pubkey",
)
_COMMON: Final[Mapping[str, tuple[Rule, ...]]] = {
    "config-archive": _rules("(?P<one>)path [\\w:/.-]+", "(?P<one>)maximum [0-9]+", "write-memory"),
    "conf-ssh-pubkey": _rules("username [\\w.@-]+ -> conf-ssh-pubkey-user"),
    "conf-ssh-pubkey-user": _rules("key-hash (?:ssh-rsa) [0-9A-F]{32}(?: [!-~]+)?"),
}
_INTERFACE: Final = (
    "(?P<one>)description .+",
    "shutdown",
    "(?P<one>)encapsulation dot1Q [0-9]+(?: native)?",
    "(?P<one>)bridge-group [0-9]+",
    "bridge-group [0-9]+ [a-z-]+",
    "(?P<one>)ip address [0-9.]+ [0-9.]+",
    "no ip address",
)
AUTONOMOUS: Final[Mapping[str, tuple[Rule, ...]]] = {
    **_COMMON,
    "config": _GLOBAL
    + _rules(
        "dot11 ssid [^!#; ?][^?]{0,31} -> config-ssid",
        "interface (?:Dot11Radio[01]|GigabitEthernet0)\\.[0-9]+ -> config-subif",
        "interface (?:Dot11Radio[01]|GigabitEthernet0|BVI1) -> config-if",
    ),
    "config-ssid": _rules(
        "(?P<one>)vlan [0-9]+",
        "authentication open",
        "(?P<one>)authentication key-management wpa(?: version [12])?",
        "mbssid guest-mode",
        "guest-mode",
        "(?P<one>)wpa-psk ascii [07] .+",
    ),
    "config-if": _rules(
        *_INTERFACE,
        "(?P<one>)encryption mode ciphers [a-z -]+",
        "encryption vlan (?P<slot>[0-9]+) mode ciphers [a-z -]+",
        "ssid .{1,32}",
        "(?P<one>)channel (?:[0-9]+|least-congested|dfs)",
        "(?P<one>)channel width (?:20|40-above|40-below|80|160)",
        "(?P<one>)power local (?:-?[0-9]+|maximum)",
        "(?P<one>)world-mode dot11d country-code [A-Z]{2} (?:indoor|outdoor|both)",
        "mbssid",
        "(?P<one>)station-role root",
        "no dot11 extension aironet",
    ),
    "config-subif": _rules(*_INTERFACE),
}
CATALYST: Final[Mapping[str, tuple[Rule, ...]]] = {
    **_COMMON,
    "config": _GLOBAL
    + _rules(
        "aaa new-model",
        "aaa authentication login (?P<slot>[\\w-]+) .+",
        "aaa group server radius [\\w-]+ -> config-sg-radius",
        "radius server [\\w-]+ -> config-radius-server",
        "parameter-map type webauth [\\w-]+ -> config-params-parameter-map",
        "policy-map [\\w-]+ -> config-pmap",
        "urlfilter list [\\w-]+ -> config-urlfilter-params",
        'wlan (?P<slot>[\\w-]+) [0-9]+ (?:[^ "?]{1,32}|"[^"?]{1,32}") -> config-wlan',
        "wireless country (?P<slot>[A-Z]{2})",
        "(?P<one>)wireless management interface (?:Vlan[0-9]+|GigabitEthernet[0-9]+)",
        "wireless profile policy [\\w-]+ -> config-wireless-policy",
        "wireless tag policy [\\w-]+ -> config-policy-tag",
        "interface (?:Vlan[0-9]+|GigabitEthernet[0-9]+) -> config-if",
        "ap dot11 (?P<slot>24ghz|5ghz|6ghz) rrm channel dca chan-width (?:20|40|80|160|best)",
        "ap dot11 (?P<slot>24ghz|5ghz|6ghz) rrm txpower (?P<slot2>min|max) -?[0-9]+",
    ),
    "config-if": _rules(*_INTERFACE),
    "config-sg-radius": _rules("server name [\\w-]+"),
    "config-radius-server": _rules(
        "(?P<one>)address ipv4 [\\w.:-]+ auth-port [0-9]+ acct-port [0-9]+", "(?P<one>)key [0-9] .+"
    ),
    "config-params-parameter-map": _rules(
        "(?P<one>)type (?:webauth|consent|webconsent|authbypass)",
        "(?P<one>)redirect for-login [!->@-~]+",
        "redirect append (?P<slot>[a-z-]+) tag [\\w-]+",
        "(?P<one>)redirect portal ipv4 [0-9.]+",
    ),
    "config-pmap": _rules("class class-default -> config-pmap-c"),
    "config-pmap-c": _rules("(?P<one>)police (?:cir )?[0-9]+"),
    "config-urlfilter-params": _rules("(?P<one>)action (?:permit|deny)", "url [\\w.*-]+"),
    "config-wlan": _rules(
        "no security wpa(?: .+)?",
        "security wpa(?: wpa[123]| akm (?:dot1x|psk|sae|owe))?",
        "(?P<one>)security wpa psk set-key ascii [08] [!->@-~]+",
        "(?P<one>)security pmf (?:mandatory|optional)",
        "security web-auth",
        "(?P<one>)security web-auth authentication-list [\\w-]+",
        "(?P<one>)security web-auth parameter-map [\\w-]+",
        "(?P<one>)peer-blocking (?:drop|forward-upstream)",
        "radio policy dot11 (?:24ghz|5ghz|6ghz)",
        "no shutdown",
    ),
    "config-wireless-policy": _rules(
        "(?P<one>)description .+",
        "(?P<one>)vlan [\\w-]+",
        "service-policy client (?P<slot>input|output) [\\w-]+",
        "(?P<one>)urlfilter list pre-auth-filter [\\w-]+",
        "no shutdown",
    ),
    "config-policy-tag": _rules("wlan (?P<slot>[\\w-]+) policy [\\w-]+"),
}
WORDS: Final = (
    *(
        "aaa",
        "alias",
        "ap",
        "archive",
        "dot11",
        "hostname",
        "interface",
        "ip",
        "logging",
        "ntp",
        "policy-map",
    ),
    *("parameter-map", "radius", "snmp-server", "sntp", "urlfilter", "username", "wireless", "wlan"),
)
"""First words of global lines, for `% Incomplete command.` and `% Ambiguous command`."""
