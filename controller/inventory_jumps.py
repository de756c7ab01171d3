"""Checks `ssh: {jump: …}`: who carries our login on to whom, and that it begins somewhere."""

from collections.abc import Iterator

from controller.errors import Problem
from controller.inventory_links import known_names, loops
from controller.inventory_resolve import Resolved
from controller.inventory_words import near
from drivers.model import Device, Lifecycle


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every jump that leads nowhere, once for all the devices that inherit it."""
    jumps: dict[str, str] = {}
    for name, device in resolved.devices.items():
        if not device.ssh_jump or resolved.told("devices", name, ("ssh", "jump")):
            continue
        wrong = _wrong_jump(resolved, device)
        if wrong:
            yield resolved.document.problem(_place(resolved, name), *wrong)
        else:
            jumps[name] = device.ssh_jump
    for cycle in loops(jumps):
        what = f"goes round in a circle: {' → '.join((*cycle, cycle[0]))}"
        mend = "give the one that we reach ourselves `ssh: {jump: null}`"
        yield resolved.document.problem(_place(resolved, cycle[0]), what, mend)


def _place(resolved: Resolved, name: str) -> tuple[str | int, ...]:
    return resolved.leaves("devices", name)["ssh", "jump"].source


def _wrong_jump(resolved: Resolved, device: Device) -> tuple[str, str] | None:
    """What is wrong with a device's own jump, and how to mend it."""
    through = device.ssh_jump
    host = resolved.devices.get(through)
    wrong: tuple[str, str] | None = None
    if through == device.name:
        wrong = f"{through} jumps through itself", f"give {through} `ssh: {{jump: null}}`"
    elif through not in known_names(resolved, "devices"):
        able = [each.name for each in resolved.devices.values() if each.ssh_credentials]
        wrong = f"{through!r} is not in devices", near(through, able)
    elif host and not host.ssh_credentials and not resolved.told("devices", through, ("ssh", "credentials")):
        wrong = f"{through} has no ssh credentials", f"add `ssh: {{credentials: …}}` to {through}"
    elif host and host.state is Lifecycle.RETIRED:
        wrong = f"{through} is retired", "name a device that is in service, or null"
    return wrong
