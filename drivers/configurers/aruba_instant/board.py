"""An Aruba Instant conductor at its command line.

From a public recording of 8.10, from public programs and the vendor's user guides: prompts, `% Parse error`,
`show running-config no-encrypt` (secrets as they are; without it they are encrypted anew each time), `commit
apply no-save`, `write memory` to save (one program tells that `commit apply` alone did not), `end` and
`exit` in full, at most 4 KB uncommitted, only on the conductor, nothing removed while the running
configuration refers to it, what `show version` and `show aps` print. Unverified on hardware: that a star
marks the conductor's address in `show aps`, what `show uncommitted-config` prints, whether `commit revert`
drops what another login typed, what `reload` asks, what a full flash says.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from drivers.change import Change, Line
from drivers.configurers import section_change, sections, told, unarmed
from drivers.configurers.aruba_instant.wanted import GRAMMAR, OWN
from drivers.configurers.seam import Talk
from drivers.configurers.unarmed import Mark, Marker, plain
from drivers.errors import ConfigRejected, UnexpectedReply, VerifyFailed
from drivers.facts import Facts
from drivers.model import Secret
from drivers.redact import HIDDEN, redact
from drivers.terminal import Style, Terminal

STYLE: Final = Style(
    prompt=re.compile(r'[\w.:@()-][\w .:@()-]*(?:"[^"#]*"\) )?# ?'),
    refusal=re.compile(r"^(?:%|(?:Error|Failed|Invalid|Cannot)\b)", re.IGNORECASE),
    pager=re.compile(r"-+\s?\(?[Mm]ore\)?\s?-*"),
    question=re.compile(r".*[(\[]y/n[)\]].*", re.IGNORECASE),
    chunk_octets=1,
)
MOST_OCTETS: Final = 3000
"""Of the 4 KB that may wait for a commit."""

_ABOUT: Final = re.compile(r"\(MODEL: ([^)\n]+)\), Version (\S+)")
_MARKER: Final = re.compile(rf"{OWN}({'|'.join(Mark)})-(\S+)")
_HEAD: Final = re.compile(rf'wlan access-rule "?{_MARKER.pattern}"?\s*')
_PARTS: Final = ("no wlan ssid-profile ", "no wlan access-rule "), ("no wlan ", "no time-range ")
_ANEW: Final = re.compile(r"^(hash-mgmt-user .* hash|mgmt-user \S+|virtual-controller-key) \S+", re.MULTILINE)
_SECRETS: Final = re.compile(
    r"^(hash-mgmt-user .* hash|mgmt-user \S+|virtual-controller-key|snmp-server host \S+ version \S+"
    r'|snmp-server community|user (?:"[^"]*"|\S+)|ams-identity) (?:"[^"]*"|\S+)',
    re.MULTILINE,
)
_BEHIND: Final = re.compile(
    r"^([ \t]*(?:hash-mgmt-user \S+ password cleartext|snmp-server user \S+ auth-prot \S+|modem-pin"
    r"|wpa-hexkey|wep-key|mpsk-local-passphrase|ap1x[ -]peap[ -]user|proxy server \S+ \S+)) .+",
    re.MULTILINE,
)
"""All that stands behind these words may hold a secret."""


class InstantBoard:
    """A Board; see there."""

    style = STYLE

    def configuration(self, talk: Talk, terminal: Terminal) -> str:
        text = terminal.ask("show running-config no-encrypt", talk.timeout_s)
        if not re.search(r"^(version|virtual-controller-country) ", text, re.MULTILINE):
            raise UnexpectedReply(talk.device, "it did not print its configuration", redact(text[:2000]))
        return text

    def tag(self, token: str) -> str:
        return token

    def marker(self, text: str) -> Marker | None:
        found = next(filter(None, map(_HEAD.fullmatch, text.split("\n"))), None)
        return Marker(Mark(found[1]), found[2].rstrip('"')) if found else None

    def fixed(self, text: str) -> str:
        return unarmed.without_blank(_ANEW.sub(r"\1", "\n".join(_but_markers(text))))

    def marking(self, text: str, marker: Marker) -> tuple[Line, ...]:
        """A role that nothing refers to: it takes nobody's setting and no SNMP poll shows it."""
        name = f"{OWN}{marker.mark}-{marker.token}"
        old = [found[0].strip() for found in map(_HEAD.fullmatch, text.split("\n")) if found]
        head = f"wlan access-rule {name}"
        gone = [plain(f"no {one}", one) for one in old if one != head]
        rule = plain("rule any any match any any any deny", f"{head}.rule")
        return (*gone, plain(head, head), rule, plain(sections.EXIT, head))

    def stage(self, talk: Talk, terminal: Terminal, change: Change, marker: Marker) -> None:
        marking = self.marking(self.configuration(talk, terminal), marker)
        for batch in batches((*marking, *change.lines)):
            self.commit(talk, terminal, batch, change.secrets)

    def commit(
        self, talk: Talk, terminal: Terminal, lines: Sequence[Line], secrets: Sequence[Secret] = ()
    ) -> None:
        _type(talk, terminal, lines, secrets)
        try:
            unarmed.sent(talk, terminal, [plain("commit apply no-save")])
        except ConfigRejected:
            terminal.send([plain("commit revert")], talk.timeout_s)
            raise

    def save(self, talk: Talk, terminal: Terminal) -> None:
        try:
            unarmed.sent(talk, terminal, [plain("write memory")])
        except ConfigRejected as error:
            raise VerifyFailed(
                talk.device, f"it did not save: {error.reason}", "look at its flash"
            ) from error

    def staged_by_others(self, talk: Talk, terminal: Terminal) -> str:
        staged = terminal.ask("show uncommitted-config", talk.timeout_s).strip()
        if _MARKER.search(staged):  # every batch of ours begins with the marker, or follows one that works
            terminal.send([plain("commit revert")], talk.timeout_s)
            return ""
        return hidden(staged)

    def facts(self, talk: Talk, terminal: Terminal) -> Facts:
        """Leaves what is staged where it is; a line is named by its first word."""
        said = terminal.ask("show version", talk.timeout_s)
        found = _ABOUT.search(said)
        if found is None:
            raise UnexpectedReply(talk.device, "it did not say what it is", redact(said[:2000]))
        aps = terminal.send([plain("show aps")], talk.timeout_s)[0]
        staged = terminal.ask("show uncommitted-config", talk.timeout_s)
        ours = _MARKER.search(staged) is not None
        names = (
            ""
            if ours
            else told.names(line.removeprefix("no ").split(" ")[0] for line in staged.strip().split("\n"))
        )
        return Facts(told.word(found[1]), told.word(found[2]), told.serial(serial(aps.said)), None, names)

    def preview(self, talk: Talk, terminal: Terminal, change: Change) -> str:
        """What the device lists as uncommitted for each batch, dropped again.

        What may only be removed after an earlier batch works is not in it.
        """
        first = self.marking("", Marker(Mark.STAGED, "preview"))
        said = ""
        for batch in batches(change.lines):
            if _part(batch) == len(_PARTS):
                continue
            _type(talk, terminal, (*first, *batch), change.secrets)
            listed = terminal.ask("show uncommitted-config", talk.timeout_s)
            terminal.send([plain("commit revert")], talk.timeout_s)
            said += unarmed.without_blank("\n".join(_but_markers(redact(listed, change.secrets))))
        return hidden(said)


def batches(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """What may be committed at once: not too much, and removals after what lets go of them works."""
    batch: list[Line] = []
    for block in section_change.blocks(lines):
        if batch and (_part(batch) != _part(block) or _octets(batch) + _octets(block) > MOST_OCTETS):
            yield tuple(batch)
            batch = []
        batch += block
    if batch:
        yield tuple(batch)


def serial(listed: str) -> str:
    """The conductor's number in `show aps`: of the access point whose address is starred, or of the only one.

    The columns are as wide as the dashes below their names.
    """
    rows = [line.rstrip("\r") for line in listed.split("\n")]
    place = next((n for n, row in enumerate(rows) if "Serial #" in row and "IP Address" in row), None)
    if place is None:
        return ""
    column = rows[place].index("Serial #")
    aps = [row for row in rows[place + 2 :] if row.strip()]
    starred = [row for row in aps if re.search(r"[0-9]\*(?: |$)", row)]
    return next((row[column:].partition(" ")[0] for row in starred or aps[: len(aps) == 1]), "")


def hidden(text: str) -> str:
    """A text of the device without secrets."""
    shown = _BEHIND.sub(rf"\1 {HIDDEN}", sections.hidden(GRAMMAR, text))
    return redact(_SECRETS.sub(rf"\1 {HIDDEN}", shown))


def _type(talk: Talk, terminal: Terminal, lines: Sequence[Line], secrets: Sequence[Secret]) -> None:
    """Stage lines. Raises ConfigRejected for the first that is refused; then nothing is staged."""
    try:
        unarmed.sent(talk, terminal, [plain("configure terminal"), *lines, plain("end")], secrets)
    except ConfigRejected:
        for command in ("end", "commit revert"):
            terminal.send([plain(command)], talk.timeout_s)
        raise


def _part(lines: Sequence[Line]) -> int:
    """0 for what is set, 1 for what refers to others and is removed, 2 for what was referred to."""
    command = lines[-1].command.reveal()
    if _MARKER.search(command):
        return 0
    return next((part for part, begin in enumerate(_PARTS, start=1) if command.startswith(begin)), 0)


def _octets(lines: Sequence[Line]) -> int:
    return sum(len(line.command.reveal().encode("utf-8", "replace")) + 2 for line in lines)


def _but_markers(text: str) -> Iterator[str]:
    inside = False
    for line in text.split("\n"):
        if line and not line[0].isspace():
            inside = _HEAD.fullmatch(line.removeprefix("no ")) is not None
        if not inside:
            yield line
