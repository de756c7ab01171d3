"""The configuration of a virtual RouterOS device: items in menus, checked, changed, exported."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulator.vendors.routeros_menus import MENUS, SIX_NTP, Check, Menu
from simulator.vendors.routeros_script import ScriptError

Item = dict[str, Any]
"""`id` "*1F", `values` by property; `fixed` for what nobody can add or remove."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,:/*@+!%~<>|^-]+")
_TIME: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_MANY: Final = 32
_SINCE_7: Final = frozenset({"system ntp client servers", "system device-mode"})


class Configuration:
    """All menus. Raises ScriptError with the console's own words for what it refuses."""

    def __init__(self, version: int, content: dict[str, list[Item]] | None = None) -> None:
        self.version = version
        self.content: dict[str, list[Item]] = content or {}
        self.policy = ""  # what the user who adds an entry may, where that is not everything
        self.refuses: frozenset[str] = frozenset()  # properties that this model's drivers do not have
        self._last = max(
            (int(item["id"][1:], 16) for items in self.content.values() for item in items), default=0
        )

    def menu(self, name: str) -> Menu | None:
        """What a menu is, None where this version has none of that name."""
        if self.version < 7 and name == "system ntp client":
            return SIX_NTP
        if self.version < 7 and (name.startswith("interface wifi") or name in _SINCE_7):
            return None
        return MENUS.get(name)

    def copied(self) -> dict[str, list[Item]]:
        """Everything, as it is now."""
        return copy.deepcopy(self.content)

    def items(self, menu: str) -> list[Item]:
        """The items of a menu; one that stands alone always is there."""
        items = self.content.setdefault(menu, [])
        known = self.menu(menu)
        if known is not None and known.alone and not items:
            items.append({"id": self._next(), "values": {}, "fixed": True})
        return items

    def put(self, menu: str, values: Mapping[str, str], *, fixed: bool = False) -> Item:
        """An item without any check, as the factory makes it."""
        item: Item = {"id": self._next(), "values": dict(values), "fixed": fixed}
        self.content.setdefault(menu, []).append(item)
        return item

    def add(self, menu: str, values: Mapping[str, str]) -> Item:
        """As `add` does."""
        known = self._known(menu)
        for name in known.needed:
            if name not in values:
                raise ScriptError(f"failure: missing value(s) of argument(s) {name}")
        self._check(menu, values, None)
        owned = {"policy": self.policy} if "policy" in known.properties and self.policy else {}
        return self.put(menu, {**known.made, **owned, **values})

    def set(self, menu: str, item: Item, values: Mapping[str, str]) -> None:
        """As `set` does."""
        self._check(menu, values, item)
        item["values"].update(values)

    def remove(self, menu: str, item: Item) -> None:
        """As `remove` does: what somebody else refers to stays."""
        if item["fixed"]:
            raise ScriptError("failure: can not remove this item")
        name = self.value(menu, item, "name")
        for other, items in self.content.items():
            for one in items:
                if any(self._refers(other, one, menu, name)):
                    raise ScriptError(f"failure: {name} is used by {other}")
        self.items(menu).remove(item)

    def value(self, menu: str, item: Item, name: str) -> str:
        """What a property has, its default too."""
        known = self._known(menu).properties.get(name)
        default = known.default if known is not None else ""
        if name == "name":
            default = item["values"].get("default-name", default)
        return str(item["values"].get(name, default or ""))

    def export(self, *, secrets: bool, only: str = "") -> Iterator[str]:
        """The lines of `/export terse`."""
        for menu, known in MENUS.items():
            if self.menu(menu) is None or not known.exported or (only and menu != only):
                continue
            for item in self.items(menu):
                line = self._exported(menu, item, secrets=secrets)
                if line:
                    yield line

    def _exported(self, menu: str, item: Item, *, secrets: bool) -> str:
        known = self._known(menu)
        shown = {}
        for name, value in sorted(item["values"].items()):
            its = known.properties[name]
            if (
                name != "default-name"
                and (secrets or not its.secret)
                and value != self._hidden(menu, item, name)
            ):
                shown[name] = value
        words = list(_grouped(shown))
        if not item["fixed"]:
            return " ".join([f"/{menu} add", *words])
        if not words:
            return ""
        where = [] if known.alone else [f"[ find default-name={_word(item['values']['default-name'])} ]"]
        return " ".join([f"/{menu} set", *where, *words])

    def _hidden(self, menu: str, item: Item, name: str) -> str | None:
        """The value that an export leaves out."""
        if menu == "interface wireless" and name == "mode" and not item["fixed"]:
            return "ap-bridge"
        if (
            menu == "interface wireless"
            and name == "frequency"
            and item["values"].get("band", "").startswith("5")
        ):
            return "5180"
        if name == "name" and item["fixed"] and "default-name" in item["values"]:
            return str(item["values"]["default-name"])
        if (
            menu == "interface wireless security-profiles"
            and name == "supplicant-identity"
            and not item["fixed"]
        ):
            return None
        return self._known(menu).properties[name].default

    def _refers(self, other: str, item: Item, menu: str, name: str) -> Iterator[bool]:
        for property_name, its in self._known(other).properties.items():
            if "ref" in its.check[:2] and menu in its.check:
                yield name != "" and item["values"].get(property_name) == name

    def _known(self, menu: str) -> Menu:
        known = self.menu(menu)
        if known is None:
            raise ScriptError(f"bad command name {menu.rpartition(' ')[2]} (line 1 column 1)")
        return known

    def _next(self) -> str:
        self._last += 1
        return f"*{self._last:X}"

    def _check(self, menu: str, values: Mapping[str, str], item: Item | None) -> None:
        known = self._known(menu)
        for name, value in values.items():
            if name in self.refuses:
                raise ScriptError(f"failure: {name} is not supported by this interface")
            self._check_value(name, value, known.properties[name].check)
        for name in known.unique:
            others = [one for one in self.items(menu) if one is not item]
            if name in values and any(self.value(menu, one, name) == values[name] for one in others):
                raise ScriptError(f"failure: already have such {name}")

    def _check_value(self, name: str, value: str, check: Check) -> None:
        kind, *rest = check
        if kind == "empty":
            if value == "":
                return
            kind, *rest = rest
        if not self._fits(kind, rest, value):
            known = {"one", "some", "ref", "zone"}
            raise ScriptError(
                f"input does not match any value of {name}"
                if kind in known
                else f"invalid value for argument {name}"
            )

    def _fits(self, kind: str, rest: list[str], value: str) -> bool:
        match kind:
            case "one":
                return value in rest
            case "some":
                return set(value.split(",")) <= set(rest)
            case "int":
                return re.fullmatch(r"-?\d+", value) is not None and int(rest[0]) <= int(value) <= int(
                    rest[1]
                )
            case "none-or-int":
                return value == "none" or self._fits("int", rest, value)
            case "ref":
                return any(self._names(menu, value) for menu in rest) or (
                    value in {"none", "default", "memory"}
                )
            case _:
                return (
                    _FORMS[kind].fullmatch(value) is not None
                    if kind != "ssid"
                    else len(value.encode()) <= _MANY
                )

    def _names(self, menu: str, value: str) -> bool:
        if self.menu(menu) is None:
            return False
        return any(self.value(menu, item, "name") == value for item in self.items(menu))


_FORMS: Final = {
    "any": re.compile(r"[^\0]*", re.DOTALL),
    "frequency": re.compile(r"auto|\d{4}(?:[,-]\d{4})*"),
    "letters": re.compile(r"[A-Za-z0-9]+"),
    "time": _TIME,
    "psk": re.compile(r"|[ -~]{8,63}"),
    "key": re.compile(r"(?:ssh-ed25519|ssh-rsa) [A-Za-z0-9+/=]+(?: .*)?"),
    "zone": re.compile(r"manual|[A-Z][A-Za-z]+/[A-Za-z_/-]+|UTC"),
}


def seconds(text: str) -> float:
    """A span of time as the console writes it: 1m30s, 90s."""
    found = _TIME.fullmatch(text)
    if found is None:
        return 0.0
    units = (604_800, 86_400, 3_600, 60, 1)
    return float(sum(int(number or 0) * unit for number, unit in zip(found.groups(), units, strict=True)))


def _grouped(values: Mapping[str, str]) -> Iterator[str]:
    """`a.b=1 a.c=2` is written `a.b=1 .c=2`."""
    group = ""
    for name, value in values.items():
        head, dot, last = name.rpartition(".")
        yield f".{last}={_word(value)}" if dot and head == group else f"{name}={_word(value)}"
        group = head


def _word(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\$?':
        return "\\" + char
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if " " <= char <= "~":
        return char
    return "".join(f"\\{octet:02X}" for octet in char.encode("utf-8", "replace"))
