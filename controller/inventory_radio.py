"""Checks the radio links of an inventory: who is the far end of each, and that nobody is in two."""

from collections.abc import Iterator

from controller.errors import Problem
from controller.inventory_links import known_names
from controller.inventory_resolve import Resolved


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every link that does not join a device with its parent, and every second link of a device."""
    devices = resolved.file.devices
    partners: dict[str, tuple[str, str]] = {}
    for name, device in devices.items():
        other, place = device.link, ("devices", name, "link")
        if other == name:
            yield resolved.document.problem(place, "joins the device with itself", "name the other end")
        elif other in devices:
            yield from _unjoined(resolved, name, other)
            for end, partner in ((name, other), (other, name)):
                known, writer = partners.setdefault(end, (partner, name))
                if known != partner:
                    line = resolved.document.lines["devices", writer, "link"]
                    what = f"{end} is in a link with {known} already, line {line}"
                    mend = (
                        "a device is in one link; the others behind a point-to-multipoint hub have no `link`"
                    )
                    yield resolved.document.problem(place, what, mend)


def _unjoined(resolved: Resolved, name: str, other: str) -> Iterator[Problem]:
    """Which end is the far one says its `parent`, unless there is a mistake of its own in that."""
    known = known_names(resolved, "devices")
    ends = [(end, resolved.file.devices[end].parent) for end in (name, other)]
    astray = any(parent and parent not in known for _, parent in ends)
    if {(name, other), (other, name)}.isdisjoint(ends) and not astray:
        what = f"{other} is not the parent of {name}, nor the other way round"
        mend = "write at the far end `parent:` with the near one, over which it is reached"
        yield resolved.document.problem(("devices", name, "link"), what, mend)
