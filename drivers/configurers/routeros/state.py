"""What a RouterOS device has, as read: its export, and what an export leaves out."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from drivers.configurers.routeros.language import Item, NotRouterOs, parse, quote, words
from drivers.configurers.routeros.menus import OWN_COMMENT, is_bookkeeping, is_secret
from drivers.configurers.seam import Running
from drivers.errors import UnexpectedReply
from drivers.model import Secret
from drivers.redact import HIDDEN, redact

PAGE: Final = "plaza/login.html"
"""Of the hotspot, below the folder that survives a reboot."""

_OURS: Final = re.compile(r"plaza SHA256:[A-Za-z0-9+/]+")
_KEY_WORD: Final = re.compile(r"(?:^| )(user|bits|rsa|key-type|key-owner|fingerprint|comment|;;;)(?:=| )")
_FACTS: Final = re.compile(r'# plaza user="(?P<user>[^"]*)" key="(?P<key>[^"]*)" folder="(?P<folder>[^"]*)"')
_SCRIPT: Final = re.compile(r"source|on-.+|(?:.+-)?script")
"""Properties that hold a script, and a script may hold anything."""
_ELSEWHERE: Final = frozenset({("/container envs", "value"), ("/zerotier", "identity")})
"""Properties that are secret in one menu, and in others of that name are not."""
_VERSION: Final = re.compile(r"^# .*by RouterOS (\d+)\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Login:
    """Whom we log in as, the fingerprint of the key we do it with, and the `folder` ("flash/" or empty)
    where files survive a reboot."""

    user: str
    key: str
    folder: str


@dataclass(frozen=True, slots=True)
class State:
    """The items of a device, and what only its login tells.

    `version` is the first number of its RouterOS.
    """

    items: tuple[Item, ...]
    login: Login
    version: int

    def of(self, menu: str) -> tuple[Item, ...]:
        """All items of one menu."""
        return tuple(item for item in self.items if item.menu == menu)


def digest_of(public_key: bytes) -> str:
    """As OpenSSH prints it: SHA256:… in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")


def compose(export: str, login: Login, keys: str, page: str | None) -> Running:
    """From what the device printed; `page` is the hotspot's login page, None where there is none."""
    lines = [f'# plaza user="{login.user}" key="{login.key}" folder="{login.folder}"']
    lines += [line.rstrip("\r") for line in export.splitlines()]
    lines += sorted({line for row in keys.splitlines() if (line := _key_line(row))})
    restored = "\n".join(line for line in lines if _is_restored(line))
    if page is not None:
        lines.append(f"/file add name={quote(login.folder + PAGE)} contents={quote(page)}")
    return Running(
        Secret("\n".join(lines) + "\n"), hashlib.sha256(restored.encode("utf-8", "replace")).hexdigest()
    )


def _key_line(row: str) -> str:
    """Of what `/user ssh-keys print terse` says of one: ours by our comment, others also by their owner.

    No RouterOS shows the key itself, and the values of such a row are in no quotes. What no command could
    name is "".
    """
    parts = _KEY_WORD.split(f" {row.strip()}")
    known = {name: value.strip().strip('"') for name, value in zip(parts[1::2], parts[2::2], strict=True)}
    comment = known.get("comment", known.get(";;;", ""))
    ours = _OURS.match(comment)
    values = {"comment": ours[0]} if ours else {"comment": comment, "key-owner": known.get("key-owner", "")}
    if not any(values.values()):
        return ""
    try:
        return " ".join(["/user ssh-keys add", *(f"{name}={quote(value)}" for name, value in values.items())])
    except ValueError:
        return ""


def decompose(device: str, running: Running) -> State:
    """Raises UnexpectedReply when nobody can read it."""
    text = running.text.reveal()
    facts, version = _FACTS.search(text), _VERSION.search(text)
    if facts is None or version is None:
        raise UnexpectedReply(device, "it printed no export", hint="is it really RouterOS?")
    try:
        items = parse(text)
    except NotRouterOs as error:
        raise UnexpectedReply(device, f"its export cannot be read: {error}") from error
    return State(items, Login(facts["user"], facts["key"], facts["folder"]), int(version[1]))


def redacted(running: Running) -> str:
    """The text without any value of a secret property, and without communities and scripts."""
    return redact("\n".join(_redacted(line) for line in running.text.reveal().splitlines()) + "\n")


def _is_restored(line: str) -> bool:
    """A backup brings it back: not a comment, which tells the time, and no note of ours about a trial."""
    if not line.strip() or line.startswith("#"):
        return False
    try:
        return not any(map(is_bookkeeping, parse(line)))
    except NotRouterOs:
        return True


def _redacted(line: str) -> str:
    if not line.startswith("/"):
        return line
    try:
        return " ".join(_hidden(line, word, bracketed) for word, bracketed in words(line))
    except ValueError:
        return HIDDEN


def _hidden(line: str, word: str, bracketed: bool) -> str:
    name, equals, value = word.partition("=")
    if bracketed or not equals:
        return f"[{word}]" if bracketed else word
    community = (
        name == "name" and line.startswith("/snmp community") and f'comment="{OWN_COMMENT}' not in line
    )
    menu = line.partition(" add")[0].partition(" set")[0]
    if is_secret(name) or community or (menu, name) in _ELSEWHERE or _SCRIPT.fullmatch(name):
        return f"{name}={HIDDEN}"
    return f"{name}={_quoted(value)}"


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w.,:/*+-]+", value) else '"' + value.replace('"', '\\"') + '"'
