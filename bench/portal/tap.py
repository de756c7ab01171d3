"""`python -m bench.portal.tap GATEWAY WEB`: one telephone comes, taps, is online, and leaves again.

Runs in the telephone's namespace. Prints {"online_s": …, "page_s": …}: seconds from the first octet of the
tap, that of its connection's handshake, until an address beyond the gate (WEB, port 80) answers a connection,
and until the page after is there whole.
"""

import json
import re
import socket
import sys
import time
from collections.abc import Mapping
from html import unescape
from typing import Final
from urllib.parse import urlencode, urlsplit

from bench.portal.phone import BROWSER, GZIP, Answer, AnswerBroken, Line

UNTIL_UP_S: Final = 90.0
WAY_OUT_S: Final = 30.0
_ACTION: Final = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def main(gateway: str, web: str) -> None:
    """Raises AnswerBroken or OSError when the way is not what it should be."""
    page, origin = _page(web)
    action = _ACTION.search(page.text)
    if action is None:
        raise AnswerBroken(f"no form in the page: {page.status}")
    form = urlencode({name: unescape(text) for name, text in _HIDDEN.findall(page.text)}).encode()
    begun_s = time.monotonic()
    with Line(origin) as line:
        answer = line.ask(unescape(action[1]), {**BROWSER, **GZIP}, form)
    grant = _go(answer.headers["location"])
    socket.create_connection((web, 80), WAY_OUT_S).close()
    online_s = time.monotonic() - begun_s
    after = _go(grant.headers["location"])
    if after.status != 200:
        raise AnswerBroken(f"the page after: {after.status}")
    sys.stdout.write(json.dumps({"online_s": online_s, "page_s": time.monotonic() - begun_s}) + "\n")
    _go(f"{gateway}/leave", b"")


def _page(web: str) -> tuple[Answer, str]:
    """The page with the button, where the gateway leads; asked until everything is up."""
    until_s = time.monotonic() + UNTIL_UP_S
    while True:
        try:
            url = _go(f"http://{web}/generate_204").headers["location"]
            page = _go(url)
        except (OSError, AnswerBroken, KeyError):
            if time.monotonic() > until_s:
                raise
            time.sleep(0.2)
        else:
            parts = urlsplit(url)
            return page, f"{parts.scheme}://{parts.netloc}"


def _go(url: str, form: bytes | None = None) -> Answer:
    parts = urlsplit(url)
    headers: Mapping[str, str] = {**BROWSER, **GZIP}
    with Line(f"{parts.scheme}://{parts.netloc}") as line:
        return line.ask(parts.path + (f"?{parts.query}" if parts.query else ""), headers, form)


if __name__ == "__main__":
    main(*sys.argv[1:])
