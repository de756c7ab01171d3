"""What a phone asks, and what it is answered, free of any server: what the views are written in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from captive_portal import modes
from captive_portal.languages import ENDONYMS, choose
from captive_portal.model import PortalSite
from captive_portal.modes import Mode

MAX_BODY_OCTETS: Final = 8192
MAX_FIELDS: Final = 64
FORM: Final = "application/x-www-form-urlencoded"


class TooLarge(Exception):
    """The body is larger than any of our forms."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a phone; the first of each name in its query (`args`) and its form counts.

    `query` and `body` are undecoded, for a gateway may have signed them letter for letter. `address` is whom
    the request came from: only to slow down who guesses.
    """

    site: PortalSite | None
    query: str = field(default="", repr=False)
    args: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)
    is_secure: bool = False
    takes_gzip: bool = False
    address: str = field(default="", repr=False)

    @property
    def here(self) -> PortalSite:
        """The site. Raises ValueError where there is none: a view of a site was asked without one."""
        if self.site is None:
            raise ValueError("a visit to no site")
        return self.site

    @property
    def language(self) -> str:
        """The language asked for, where the site offers it; else its first."""
        offered = self.site.languages if self.site else tuple(ENDONYMS)
        return choose(offered, self.form.get("lang") or self.args.get("lang", ""))

    @property
    def modes(self) -> tuple[Mode, ...]:
        """How the page is to look."""
        return modes.chosen(self.args.get("m", ""))


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, by its template's name.

    `query` is what its links to itself keep, at `path` (the site's first page unless given). `private` are
    texts of this one phone, by name: the page is written without them once for all, and they are put in their
    places, so each is URL-safe text or HTML already. `values` are the rest that the template needs; a page
    with values is written anew each time unless it `keeps`. A form may lead to `targets` (origins) too.
    """

    page: str
    language: str
    status: int = 200
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    targets: tuple[str, ...] = ()
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Onward:
    """The phone goes on: 303 with a GET, 307 with the same form once more."""

    url: str = field(repr=False)
    status: int = 303


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer that is no page."""

    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: int = 200


Answered = Shown | Onward | Plain
View = Callable[[Visit], Answered]


def visit_of(environ: Mapping[str, Any], site: PortalSite | None) -> Visit:
    """The visit in a WSGI environment. Raises TooLarge."""
    query = str(environ.get("QUERY_STRING", ""))
    body = body_of(environ) if environ["REQUEST_METHOD"] == "POST" else ""
    return Visit(
        site=site,
        query=query,
        args=_first(query),
        form=_first(body) if _is_form(environ) else {},
        body=body,
        is_secure=environ["wsgi.url_scheme"] == "https",
        takes_gzip=_takes_gzip(str(environ.get("HTTP_ACCEPT_ENCODING", ""))),
        address=str(environ.get("REMOTE_ADDR", "")),
    )


def body_of(environ: Mapping[str, Any]) -> str:
    """The body of a POST, undecoded. Raises TooLarge."""
    length = str(environ.get("CONTENT_LENGTH") or "0")
    expected = int(length) if length.isascii() and length.isdecimal() else MAX_BODY_OCTETS + 1
    if expected > MAX_BODY_OCTETS:
        raise TooLarge
    read: bytes = environ["wsgi.input"].read(expected)
    return read.decode("latin-1")


def _is_form(environ: Mapping[str, Any]) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == FORM


def _first(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.lower().split(","):
        name, _, weight = one.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
