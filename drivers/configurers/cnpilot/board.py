"""A Cambium cnPilot at its command line, which starts in configuration mode.

What a login types waits for `apply`; no document tells whether another login sees it waiting, or whether it
ends with the login. So the marker says `staged` before the first line and `trial` behind the last: whatever
`show config` shows of a cut-off login, its marker tells whether all of it was typed. Nor is a way known to
drop what was typed, except a reboot. Unverified on hardware: prompts, refusals, `show config`, `reboot` and
what it asks.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from drivers.change import Change, Line
from drivers.configurers import sections, told, unarmed
from drivers.configurers.cnpilot.wanted import GRAMMAR, NOTE, WLAN, digest, mask, numbers
from drivers.configurers.seam import Talk
from drivers.configurers.sections import EXIT, Words
from drivers.configurers.unarmed import Mark, Marker, plain
from drivers.errors import ConfigRejected, UnexpectedReply, VerifyFailed
from drivers.facts import Facts
from drivers.model import Secret
from drivers.redact import HIDDEN, redact
from drivers.terminal import Style, Terminal

STYLE: Final = Style(
    prompt=re.compile(r"[A-Za-z0-9][\w.-]*\s?(?:\([\w .-]+\))?[#>] ?"),
    refusal=re.compile(r"^(?:%|(?:Error|Failed|Invalid|Unknown|Incomplete|Ambiguous)\b)", re.IGNORECASE),
    pager=re.compile(r"-+\s?\(?[Mm]ore\)?\s?-*"),
    question=re.compile(r".*[(\[]y(?:es)?/no?[)\]].*", re.IGNORECASE),
    chunk_octets=1,
)
_NOTED: Final = re.compile(r"plz-([rtkd])-([0-9a-f]{16})-([0-9a-f]{8})")
_LETTERS: Final = {Mark.STAGED: "r", Mark.TRIAL: "t", Mark.KEEPING: "k", Mark.KEPT: "d"}
_NO_NOTE: Final = "0" * 8
_HEAD: Final = " ".join(NOTE)
_TOLD: Final = re.compile(r"^ *([A-Za-z][A-Za-z -]*?) *: *(\S.*)$", re.MULTILINE)
_KNOWN_AS: Final = (
    ("model", "device model", "product", "hardware type"),
    ("software version", "firmware version", "version", "active software version"),
    ("serial number", "serial", "device serial number", "msn"),
)
"""How it may call its model, version and serial number."""
_CRYPT: Final = re.compile(r"\$crypt\$\S+")
_SECRETS: Final = re.compile(
    r"^([ \t]*(?:snmp-server (?:\S*community|trap-host \S+|v3 user \S+)|management user \S+ password"
    r"|(?:management cambium-remote )?cambium-id \S+|epsk|lte pin|passphrase \S+|wep[ -]key"
    r"|radius-server (?:authentication|accounting) [\d.]+ \d+)) \S.*",
    re.MULTILINE,
)


class CnPilotBoard:
    """A Board; see there. The note of its marker: which WLANs are ours, and the digest of all secrets."""

    style = STYLE

    def configuration(self, talk: Talk, terminal: Terminal) -> str:
        text = terminal.ask("show config", talk.timeout_s)
        if not re.search(r"^(hostname|country-code|wireless) ", text, re.MULTILINE):
            raise UnexpectedReply(talk.device, "it did not print its configuration", redact(text[:2000]))
        return text

    def tag(self, token: str) -> str:
        """An SSID has 32 octets, so half of a digest of the token stands for it."""
        return sha256(token.encode()).hexdigest()[:16]

    def marker(self, text: str) -> Marker | None:
        noted = next((found for line in _note(text) if (found := _NOTED.fullmatch(line[-1]))), None)
        if noted is None:
            return None
        mark = next(mark for mark, letter in _LETTERS.items() if letter == noted[1])
        return Marker(mark, noted[2], noted[3])

    def fixed(self, text: str) -> str:
        return unarmed.without_blank("\n".join(_but_note(text)))

    def marking(self, text: str, marker: Marker) -> tuple[Line, ...]:
        """The name of a network that is shut: it takes nobody's setting and is not on the air."""
        note = marker.note or _NO_NOTE
        name = f"plz-{_LETTERS[marker.mark]}-{self.tag(marker.token)}-"
        return (
            plain(_HEAD, _HEAD),
            plain("shutdown", f"{_HEAD}.shutdown"),
            Line(Secret(f"ssid {name}{note}"), f"ssid {name}{HIDDEN}", f"{_HEAD}.ssid"),
            plain(EXIT, _HEAD),
        )

    def stage(self, talk: Talk, terminal: Terminal, change: Change, marker: Marker) -> None:
        before = self.marker(self.configuration(talk, terminal))
        note = _note_after(talk.device, before.note if before else _NO_NOTE, change)
        lines = [
            *self.marking("", Marker(Mark.STAGED, marker.token, note)),
            *change.lines,
            *self.marking("", Marker(marker.mark, marker.token, note)),
        ]
        self.commit(talk, terminal, lines, change.secrets)

    def commit(
        self, talk: Talk, terminal: Terminal, lines: Sequence[Line], secrets: Sequence[Secret] = ()
    ) -> None:
        unarmed.sent(talk, terminal, [*lines, plain("apply")], secrets)

    def save(self, talk: Talk, terminal: Terminal) -> None:
        try:
            unarmed.sent(talk, terminal, [plain("save")])
        except ConfigRejected as error:
            raise VerifyFailed(
                talk.device, f"it did not save: {error.reason}", "look at its flash"
            ) from error

    def facts(self, talk: Talk, terminal: Terminal) -> Facts:
        """Of lines of a name, a colon and a value: no document shows what `show version` prints."""
        answer = terminal.send([plain("show version")], talk.timeout_s)[0]
        known = (
            {name.strip().lower(): value for name, value in _TOLD.findall(answer.said)}
            if not answer.refused
            else {}
        )
        model, version, number = (
            next((known[key] for key in keys if key in known), "") for keys in _KNOWN_AS
        )
        return Facts(told.word(model), told.word(version), told.serial(number))

    def staged_by_others(self, talk: Talk, terminal: Terminal) -> str:
        """It cannot tell; where `show config` shows what others typed, the fingerprint does."""
        return ""


def hidden(text: str) -> str:
    """A text of the device without secrets."""
    shown = _SECRETS.sub(rf"\1 {HIDDEN}", sections.hidden(GRAMMAR, text))
    return redact(_NOTED.sub(rf"plz-\1-\2-{HIDDEN}", _CRYPT.sub(HIDDEN, shown)))


def _note_after(device: str, before: str, change: Change) -> str:
    """The note once a change works: a WLAN that it enters is ours, one that it removes nobody's."""
    ours = set(numbers(before))
    for line in change.lines:
        *first, last = line.command.reveal().split()
        if first == [*WLAN]:
            ours.add(int(last))
        elif first == ["no", *WLAN]:
            ours.discard(int(last))
    secrets = [secret.reveal() for secret in change.secrets]
    return mask(ours) + (digest(device, secrets) if secrets else before[2:])


def _note(text: str) -> list[Words]:
    return sections.parse(text, GRAMMAR).get(NOTE, [])


def _but_note(text: str) -> Iterator[str]:
    inside = False
    for line in text.split("\n"):
        if line and not line[0].isspace():
            inside = line.rstrip() == _HEAD
        if not inside and line.strip() != "!":
            yield line
