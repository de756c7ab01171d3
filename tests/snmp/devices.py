"""Devices of this room's tests."""

from drivers.model import Device, Endpoint, Role
from drivers.snmp.seam import Oid, PollReply, PollRequest, Value
from metrics.sample import Sample

SLOT = 1_790_000_000


def device(name: str = "ap-08019-1", port: int = 161, platform: str = "openwrt") -> Device:
    """An access point in the main square of Chihuahua."""
    return Device(
        name=name,
        role=Role.AP,
        municipality="08019",
        site="08019-plaza",
        platform=platform,
        address="192.168.88.10",
        snmp=Endpoint("127.0.0.1", port),
        ssh=Endpoint("127.0.0.1", 22),
        http=Endpoint("127.0.0.1", 80),
    )


def answer(request: PollRequest, objects: dict[Oid, Value]) -> PollReply:
    """What an agent with these objects answers to the request."""
    columns = {
        root: {
            name[len(root) :]: value
            for name, value in objects.items()
            if name[: len(root)] == root and len(name) > len(root)
        }
        for root in request.columns
    }
    return PollReply(
        request.device,
        {name: objects[name] for name in request.scalars if name in objects},
        {root: rows for root, rows in columns.items() if rows},
        elapsed_s=0.0125,
    )


def by_place(samples: tuple[Sample, ...]) -> dict[tuple[str, ...], dict[str, int | float]]:
    """Fields by measurement, band, network name and, beyond the first of a band, number of the radio."""
    return {
        (
            s.measurement,
            *(s.tags[tag] for tag in ("band", "ssid", "radio") if s.tags.get(tag, "0") != "0"),
        ): dict(s.fields)
        for s in samples
    }
