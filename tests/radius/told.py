"""What rlm_rest sends, as a real FreeRADIUS 3.2.1 wrote it with `raw_value = yes`."""

from typing import Any

from captive_portal.radius.model import Report, Speaker, Status

TYPES = {int: "integer", str: "string"}
MAC = "02:ca:fe:5e:00:01"
STATION = "02-CA-FE-5E-00-01"
SESSION = "0123456789abcdef0123456789abcdef"
NAS = "ap-1"


def body(**attributes: int | str) -> dict[str, Any]:
    """Attributes by their names with underscores."""
    return {
        name.replace("_", "-"): {"type": TYPES[type(value)], "value": [value]}
        for name, value in attributes.items()
    }


def report(status: Status, seconds: int | None = None, **changed: Any) -> Report:
    """A report about SESSION."""
    given: dict[str, Any] = {
        "speaker": Speaker(NAS, SESSION, MAC),
        "status": status,
        "association": "a-1",
        "labels": (SESSION, SESSION),
        "seconds": seconds,
    }
    return Report(**given | changed)
