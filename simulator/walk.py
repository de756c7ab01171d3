"""One citizen's way from the operating system's probe to being online, hop by hop over HTTP."""

import http.client
import ssl
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

PROBE_HOST: Final = "connectivitycheck.gstatic.com"
PROBE_PATH: Final = "/generate_204"
MAX_HOPS: Final = 10
MAX_PAGE_OCTETS: Final = 262_144
TIMEOUT_S: Final = 10.0
AGENT: Final = "Mozilla/5.0 (Linux; Android 9; moto e6) AppleWebKit/537.36 Chrome/88.0 Mobile Safari/537.36"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class WalkFailed(Exception):
    """Where the way ended: `kind` is a few words that name no person and no address."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to one request."""

    url: str
    status: int
    location: str
    body: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form as the browser would send it."""

    action: str
    fields: tuple[tuple[str, str], ...]


class Phone:
    """A phone with an address of its own and no cookies."""

    def __init__(self, source: str, language: str) -> None:
        self._source = source
        self._language = language

    def get(self, url: str, host: str = "") -> Page:
        """GET; `host` replaces the Host header, as when the gateway intercepts. Raises WalkFailed."""
        return self._request("GET", url, b"", {"Host": host} if host else {})

    def post(self, url: str, fields: tuple[tuple[str, str], ...]) -> Page:
        """POST of a form. Raises WalkFailed."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", url, urlencode(fields).encode(), headers)

    def follow(self, page: Page) -> tuple[Page, list[str]]:
        """Go where redirects lead with GET; also the URLs on the way. Raises WalkFailed."""
        hops: list[str] = []
        while page.status in _REDIRECTS:
            if not page.location or len(hops) == MAX_HOPS:
                raise WalkFailed("redirects lead nowhere")
            hops.append(urljoin(page.url, page.location))
            page = self.get(hops[-1])
        return page, hops

    def _request(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Page:
        parts = urlsplit(url)
        headers = {"User-Agent": AGENT, "Accept-Language": self._language, "Connection": "close"} | headers
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._connection(url)
        try:
            connection.request(method, target, body or None, headers | _length(method, body))
            response = connection.getresponse()
            text = response.read(MAX_PAGE_OCTETS).decode(errors="replace")
        except TimeoutError as error:
            raise WalkFailed(f"no answer in {TIMEOUT_S:.0f} s from {_role(parts.path)}") from error
        except (OSError, http.client.HTTPException) as error:
            raise WalkFailed(f"{_role(parts.path)} unreachable ({type(error).__name__})") from error
        finally:
            connection.close()
        return Page(url, response.status, response.getheader("Location", ""), text)

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise WalkFailed("a redirect leaves the web")
        source = (self._source, 0)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, TIMEOUT_S, source)
        secure = ssl.create_default_context()
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_S, source_address=source, context=secure
        )


def come_online(phone: Phone, gateway_url: str) -> None:
    """Walk from the probe through the portal's one button to the gateway's grant. Raises WalkFailed."""
    answer = phone.get(gateway_url + PROBE_PATH, host=PROBE_HOST)
    if answer.status == 204:
        return  # this phone is still in
    if answer.status not in _REDIRECTS:
        raise WalkFailed(f"gateway answered the probe with {answer.status}")
    page, _ = phone.follow(answer)
    if page.status != 200:
        raise WalkFailed(f"portal answered {page.status}")
    form = find_form(page)
    page, hops = phone.follow(phone.post(form.action, form.fields))
    granted = [hop for hop in hops if hop.startswith(f"{gateway_url}/grant")]
    if page.status != 200:
        raise WalkFailed(f"{'gateway' if granted else 'portal'} refused with {page.status}")
    if not granted or page.url in granted:
        raise WalkFailed("never sent on by the gateway")


def leave(phone: Phone, gateway_url: str) -> None:
    """Say good-bye to the gateway. Raises WalkFailed."""
    answer = phone.post(f"{gateway_url}/leave", ())
    if answer.status >= 400:
        raise WalkFailed(f"gateway answered the leave with {answer.status}")


def find_form(page: Page) -> Form:
    """The page's one form that POSTs and has a button. Raises WalkFailed."""
    reader = _FormReader(page.url)
    reader.feed(page.body)
    if len(reader.forms) != 1:
        raise WalkFailed(f"portal page has {len(reader.forms)} forms to send instead of 1")
    return reader.forms[0]


class _FormReader(HTMLParser):
    """Collects POST forms with a submit button, their hidden fields and the button's own value."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._base = url
        self._action: str | None = None
        self._fields: list[tuple[str, str]] = []
        self._buttons = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "get").lower() == "post":
            self._action = urljoin(self._base, given.get("action", ""))
            self._fields, self._buttons = [], 0
        elif self._action is not None and tag in {"input", "button"}:
            self._control(given, given.get("type", "submit" if tag == "button" else "text").lower())

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._action is not None:
            if self._buttons:
                self.forms.append(Form(self._action, tuple(self._fields)))
            self._action = None

    def _control(self, given: dict[str, str], kind: str) -> None:
        self._buttons += kind == "submit"
        if given.get("name") and (kind == "hidden" or (kind == "submit" and self._buttons == 1)):
            self._fields.append((given["name"], given.get("value", "")))


def _length(method: str, body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))} if method == "POST" else {}


def _role(path: str) -> str:
    """Who was asked, from the path alone."""
    return "gateway" if path in {PROBE_PATH, "/grant", "/leave"} else "portal"
