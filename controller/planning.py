"""Plans the change of many devices side by side; one that fails costs only itself."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Final

from controller import intent as wanting
from controller.access import Access
from controller.errors import SecretError
from controller.history import History
from controller.model import Inventory
from drivers import apply
from drivers.apply import Earlier, Plan, Target, Timers
from drivers.change import Change
from drivers.configurers.seam import Wish
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import DriverError
from drivers.model import Device

WORKERS: Final = 16
_GOAL: Final = re.compile(r"^(\+\+\+ .*) \(wanted\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning found of one device: a plan, a reason not to configure it or not now, or an error.

    `version` is the earlier one that the plan goes back to, 0 for a plan that goes to what is wanted.
    """

    device: Device
    plan: Plan | None = None
    error: DriverError | SecretError | None = None
    left_alone: str = ""
    held: str = ""
    version: int = 0

    @property
    def pending(self) -> bool:
        """Whether there is something to change."""
        return self.plan is not None and bool(self.plan.change)


def plan_all(
    inventory: Inventory, access: Access, devices: Sequence[Device], *, stage: bool = False
) -> Iterator[Planned]:
    """Read and compare devices; yields each as it is done. `stage` as in `drivers.apply.plan`."""
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        waiting = [pool.submit(plan_one, inventory, access, device, stage=stage) for device in devices]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def plan_one(inventory: Inventory, access: Access, device: Device, *, stage: bool = False) -> Planned:
    """Read and compare one device. Writes nothing to it and raises nothing of its faults."""
    left_alone = wanting.why_not(device)
    if left_alone:
        return Planned(device, left_alone=left_alone)
    try:
        wished = wish(inventory, access, device)
        return Planned(device, apply.plan(target(access, device, Timers()), wished, stage=stage))
    except (DriverError, SecretError) as error:
        return Planned(device, error=error)


def plan_back(access: Access, history: History, device: Device, number: int | None) -> Planned:
    """Read a device and compare it with an earlier version of it; without a number with the newest that it
    does not run now. What was revoked since stays out. Raises NoSuchVersion or StoreError; what is wrong with
    the device is in the answer."""
    left_alone = wanting.why_not(device)
    if left_alone:
        return Planned(device, left_alone=left_alone)
    to = target(access, device, Timers())
    try:
        running = apply.read(to)
        version = number or history.before(device, running.fingerprint)
        earlier = Earlier(history.running(device, version), device.manage.revoked_keys)
        plan = apply.plan(to, earlier, stage=True)
    except DriverError as error:
        return Planned(device, error=error)
    text = _GOAL.sub(rf"\1 (version {version})", plan.change.text)
    return Planned(device, replace(plan, change=replace(plan.change, text=text)), version=version)


def as_it_is(access: Access, device: Device) -> Planned:
    """Read a device, and leave it what it runs. Raises nothing of its faults."""
    left_alone = wanting.why_not(device)
    if left_alone:
        return Planned(device, left_alone=left_alone)
    try:
        running = apply.read(target(access, device, Timers()))
    except (DriverError, SecretError) as error:
        return Planned(device, error=error)
    return Planned(device, Plan(Earlier(running), running, Change(device.name, (), "")))


def touches_only_keys(device: Device, plan: Plan) -> bool:
    """Whether a change is about who may enter the device, and nothing else."""
    return isinstance(plan.goal, Wish) and not beside_keys(device, plan)


def beside_keys(device: Device, plan: Plan) -> Change:
    """What of a change is not about who may enter the device."""
    if not isinstance(plan.goal, Wish):
        return plan.change
    without = replace(plan.goal, intent=wanting.without_keys(plan.goal.intent))
    return CONFIGURERS[device.platform].change(device.name, plan.running, without)


def wish(inventory: Inventory, access: Access, device: Device) -> Wish:
    """What a device should be. Raises SecretError for a passphrase that cannot be read."""
    wanted = wanting.intent(inventory, device)
    return Wish(wanted, access.passphrases(wanted), access.snmp_users(wanted), access.portal_secrets(wanted))


def target(access: Access, device: Device, timers: Timers) -> Target:
    """The device as `drivers.apply` takes it; its platform must be one that Plaza configures."""
    configurer = CONFIGURERS[device.platform]
    suffix = configurer.traits.user_suffix
    return Target(device.name, configurer, lambda: access.enter(device, suffix), timers)
