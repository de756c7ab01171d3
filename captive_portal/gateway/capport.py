"""The Captive Portal API of RFC 8908: what a phone's system asks before it bothers its owner."""

import json
from typing import Final

PATH: Final = "/capport"
HEADERS: Final = {"Content-Type": "application/captive+json", "Cache-Control": "private"}


def state(seconds_left: int | None, portal_url: str) -> bytes:
    """The answer for a phone that may stay so many seconds, or (None) is not in.

    A running session cannot be made longer; when it is over, one more tap gives the next.
    """
    answer: dict[str, bool | int | str] = {
        "captive": seconds_left is None,
        "user-portal-url": portal_url,
        "can-extend-session": False,
    }
    if seconds_left is not None:
        answer["seconds-remaining"] = seconds_left
    return json.dumps(answer).encode()
