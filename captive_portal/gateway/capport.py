"""The Captive Portal API of RFC 8908: what a phone's system asks before it bothers its owner."""

import json
from typing import Final

PATH: Final = "/capport"
HEADERS: Final = {"Content-Type": "application/captive+json", "Cache-Control": "private"}


def state(seconds_left: int | None, portal_url: str, extension: bool) -> bytes:
    """The answer for a phone that may stay so many seconds, or (None) is not in.

    `extension`: at `portal_url` its session can be made longer (RFC 8908 §5, can-extend-session).
    """
    answer: dict[str, bool | int | str] = {
        "captive": seconds_left is None,
        "user-portal-url": portal_url,
        "can-extend-session": extension,
    }
    if seconds_left is not None:
        answer["seconds-remaining"] = seconds_left
    return json.dumps(answer).encode()
