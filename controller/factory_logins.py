"""Tries, once and only where a person asks for it, whether devices still take what their factory set."""

import asyncio
from collections.abc import Sequence
from typing import Final

from controller import audit
from controller.access import pinned
from controller.app import App, utc_now
from controller.audit import Entry
from controller.credential_audit import Finding
from controller.factory_words import LOGINS
from controller.rotation.look import UPTIME
from drivers import ssh
from drivers.errors import AuthFailed, DriverError
from drivers.model import Device, Lifecycle, PollBy, Secret, SnmpV2c, SshLogin
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import PollReply, PollRequest

_TIMEOUT_S: Final = 15.0
_PUBLIC: Final = SnmpV2c(Secret("public"))
_TRIED: Final = {"ssh": "once", "snmp": "once, as public"}


def tried(app: App, devices: Sequence[Device]) -> list[Finding]:
    """Log in once at each device as its factory set it, and ask its agent once as `public`.

    Each device is audited before it is tried. Who refuses is well; who was not reached is told, and is no
    finding.
    """
    key, found = audit.load_key(app.settings.data_dir), list[Finding]()
    there = [device for device in devices if device.state in {Lifecycle.ACTIVE, Lifecycle.STAGING}]
    for device in there:
        entry = Entry(audit.actor(), "factory-login-tried", device.name, _TRIED, utc_now())
        audit.record(app.engine, key, entry)
        found.append(_by_ssh(app, device))
    polled = [device for device in there if device.poll is PollBy.SNMP]
    return found + (asyncio.run(_by_snmp(app, polled)) if polled else [])


def _by_ssh(app: App, device: Device) -> Finding:
    factory = LOGINS.get(device.platform)
    if factory is None:
        return Finding(device.name, f"no factory login of {device.platform} is known; not tried", well=True)
    if device.ssh_jump:
        return Finding(device.name, f"is behind {device.ssh_jump}; not tried", well=True)
    login = SshLogin(factory.user, password=Secret(factory.password))
    try:
        ssh.connect(device, login, pinned(app.engine, device.name), _TIMEOUT_S).close()
    except AuthFailed:
        return Finding(device.name, f"refuses the factory login of {factory.user}", well=True)
    except DriverError as error:
        return Finding(device.name, f"not tried: {error.reason}", well=True)
    return Finding(
        device.name, f"takes the factory login of {factory.user}; set another password", well=False
    )


async def _by_snmp(app: App, devices: Sequence[Device]) -> list[Finding]:
    requests = [PollRequest(one.name, one.snmp, _PUBLIC, (UPTIME,), retries=0) for one in devices]
    poller = open_poller(learned={}, backend=app.settings.snmp_backend)
    try:
        return [_heard(reply) async for reply in poller.poll(requests)]
    finally:
        await poller.close()


def _heard(reply: PollReply) -> Finding:
    if reply.failure is None:
        return Finding(reply.device, "its agent answers the community public; take it away", well=False)
    return Finding(reply.device, "its agent does not answer the community public", well=True)
