"""What a technician tries next, by the reason why a poll failed."""

from collections.abc import Mapping
from typing import Final

from drivers.model import Device, Endpoint, PollBy
from drivers.snmp.seam import Reason

_POWER: Final = "see that it has power and link: its lamps, or the switch port that it hangs on"

_OVER_SNMP: Final[Mapping[Reason, tuple[str, ...]]] = {
    Reason.TIMEOUT: (
        _POWER,
        "ping {host} from here: if it answers, its SNMP agent is off, or a firewall drops UDP port {port}",
        "an agent is also silent when the community or the user is wrong: compare credential {credentials}",
    ),
    Reason.REFUSED: (
        "it is on, and nothing listens at UDP port {port}: start its agent (OpenWrt: service snmpd start)",
        "if its agent listens at another port, correct snmp.port of {name} in the inventory",
    ),
    Reason.AUTH: (
        "compare credential {credentials} with the device: the user, both keys and both protocols",
        "if the device was replaced or reset, give it the old user and keys again",
    ),
    Reason.ERROR: (
        "its agent answers, with errors: restart it (OpenWrt: service snmpd restart)",
        "if they come back, ask for one object at a time: plaza snmp get {name} OID",
    ),
    Reason.UNSUPPORTED: ("nobody could ask it: correct credential {credentials}, plaza doctor looks at it",),
    Reason.DISBELIEVED: (
        "if the answer comes from another address: the device has several, or a router rewrites it; put that"
        " address into the inventory, or bind its agent to {host} (net-snmp: agentAddress)",
        "if the digest is wrong or the community another: compare credential {credentials} with the device",
        "otherwise see that no other device has the address {host}, restart its agent, update its firmware",
    ),
}

_OVER_SSH: Final[Mapping[Reason, tuple[str, ...]]] = {
    Reason.TIMEOUT: (_POWER, "ping {host} from here: if it answers, its SSH server is off"),
    Reason.AUTH: (
        "compare credential {credentials} with the device",
        "if the device was replaced or reset, look at its new host key and pin it: plaza adopt {name}",
    ),
    Reason.UNSUPPORTED: ("pin its host key once: plaza adopt {name}",),
}
_OVER_SSH_OTHERWISE: Final = ("log in and look: ssh -p {port} {host}",)

NOT_POLLED: Final = "start Plaza, or see why its poller does not run: plaza doctor"
NO_SERVICE: Final = "its agent is well, its radios are not: plaza diff {name} says what differs"


def next_steps(device: Device, reason: Reason) -> tuple[str, ...]:
    """Sentences in the order in which to try them, for a device that is polled as the inventory says."""
    if device.poll is PollBy.SNMP:
        return steps_over_snmp(device, reason)
    steps = _OVER_SSH.get(reason, _OVER_SSH_OTHERWISE)
    return _filled(steps, device, device.ssh, device.ssh_credentials)


def steps_over_snmp(device: Device, reason: Reason) -> tuple[str, ...]:
    """The same for a device that was asked over SNMP, whatever the inventory says."""
    return _filled(_OVER_SNMP[reason], device, device.snmp, device.snmp_credentials)


def _filled(steps: tuple[str, ...], device: Device, endpoint: Endpoint, credentials: str) -> tuple[str, ...]:
    words = {"name": device.name, "host": endpoint.host, "port": endpoint.port, "credentials": credentials}
    return tuple(step.format(**words) for step in steps)
