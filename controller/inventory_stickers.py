"""Checks that what is printed on devices tells them apart: no MAC twice, no serial number of a platform."""

from collections.abc import Iterator

from controller.errors import Problem
from controller.inventory_resolve import Resolved
from drivers.model import Lifecycle


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every label that two devices in use share; what is retired may have been built in again elsewhere."""
    seen: dict[tuple[str, str, str], str] = {}
    for name, device in resolved.devices.items():
        if device.state is Lifecycle.RETIRED:
            continue
        labels = (("mac", "", device.mac), ("serial", device.platform, device.serial))
        for label in (each for each in labels if each[2]):
            owner = seen.setdefault(label, name)
            if owner != name:
                what = f"{label[2]} is the {label[0]} of {owner}, too"
                mend = "correct one of the two; the label on the box is right"
                yield resolved.document.problem(("devices", name, label[0]), what, mend)
