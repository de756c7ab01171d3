"""The button of a portal's page, found as a thumb finds it: without a script, with nothing typed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from drivers.probe.errors import Failed, Untried
from drivers.probe.fetch import Answer, Request, split, without_query

_TYPED: Final = frozenset({"text", "password", "email", "tel", "number", "search", "date", "url"})
_WAYS_OUT: Final = frozenset({"leave", "logout", "logoff", "signout", "extend"})


@dataclass(slots=True)
class Form:
    """What a form would send; `typed` when somebody has to write something first."""

    action: str
    is_post: bool
    fields: list[tuple[str, str]] = field(default_factory=list)
    pressed: bool = False
    typed: bool = False

    @property
    def leads_out(self) -> bool:
        """Whether it ends the session, or changes it."""
        return urlsplit(self.action).path.rpartition("/")[2].partition(".")[0].lower() in _WAYS_OUT


class Page(HTMLParser):
    """The forms, links and heading of a page; `links` are those of its main part where it has one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.url = answer.url
        self.forms: list[Form] = []
        self.heading = ""
        self._links: list[tuple[bool, str]] = []
        self._open: Form | None = None
        self._in_main = False
        self._in_heading = False
        self.feed(answer.body.decode("utf-8", "replace"))
        self.close()

    @property
    def links(self) -> list[str]:
        """Where a tap leads to, in the page's order."""
        main = [link for in_main, link in self._links if in_main]
        return main or [link for _, link in self._links]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A part begins."""
        given = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._in_main = True
        elif tag == "h1":
            self._in_heading = not self.heading
        elif tag == "a" and urlsplit(given.get("href", "#")).scheme in {"", "http", "https"}:
            self._link(given.get("href", ""))
        elif tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "").lower() == "post")
            self.forms.append(self._open)
        elif self._open is not None and tag in {"input", "button", "textarea"}:
            _filled(self._open, tag, given)

    def handle_endtag(self, tag: str) -> None:
        """A part ends."""
        if tag == "form":
            self._open = None
        elif tag == "main":
            self._in_main = False
        elif tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        """Words of a page."""
        if self._in_heading:
            self.heading = " ".join(f"{self.heading} {data}".split())

    def _link(self, href: str) -> None:
        if href and not href.startswith("#"):
            self._links.append((self._in_main, href))


def _filled(form: Form, tag: str, given: Mapping[str, str]) -> None:
    """A field of a form, as it is sent when nobody touches it but to tick what has to be ticked."""
    kind = given.get("type", "submit" if tag == "button" else "text").lower()
    name, value = given.get("name", ""), given.get("value", "")
    if tag == "textarea" or kind in _TYPED:
        form.typed |= "required" in given
    elif kind in {"submit", "image"}:
        if form.pressed:
            return  # one button is pressed, and only that is sent
        form.pressed = True
    elif kind in {"checkbox", "radio"}:
        value = value or "on"
        if "checked" not in given and "required" not in given:
            return
    elif kind != "hidden":
        return
    if name:
        form.fields.append((name, value))


def button(answer: Answer) -> Request:
    """What the tap on a portal's page asks for.

    Raises Untried where something has to be typed, Failed where there is nothing to tap.
    """
    page = Page(answer)
    inwards = [form for form in page.forms if not form.leads_out]
    for form in inwards:
        if not form.typed:
            return _sent(page, form)
    if inwards:
        raise Untried("the page wants something typed, a code perhaps, and a probe has nothing to type")
    if page.links:
        return Request(_whole(page, page.links[0]))
    raise Failed(f"{without_query(page.url)} has no button that works without a script")


def carries_on(answer: Answer) -> Request | None:
    """The tap that a page after the tap asks for; None where it asks for none."""
    page = Page(answer)
    found = (form for form in page.forms if not form.leads_out and not form.typed)
    return next((_sent(page, form) for form in found), None)


def ways_out(answer: Answer) -> Iterator[Request]:
    """The forms by which whoever is online leaves."""
    page = Page(answer)
    for form in page.forms:
        if form.leads_out and not form.action.rstrip("/").endswith("extend"):
            yield _sent(page, form)


def onward_link(answer: Answer) -> Request | None:
    """Where a page that only waits leads on to."""
    page = Page(answer)
    return Request(_whole(page, page.links[0])) if page.links else None


def heading(answer: Answer) -> str:
    """The words that stand largest on a page, "" where it has none."""
    return Page(answer).heading


def _sent(page: Page, form: Form) -> Request:
    target, filled = _whole(page, form.action), urlencode(form.fields)
    if form.is_post:
        return Request(target, filled)
    return Request(f"{target.partition('#')[0].partition('?')[0]}?{filled}")


def _whole(page: Page, address: str) -> str:
    whole = urljoin(page.url, address)
    split(whole)
    return whole
