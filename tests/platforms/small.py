"""Small platforms and small devices, spelt out in a test."""

import asyncio
from collections.abc import Mapping

import yaml

from drivers.definition import Platform, read_platform
from drivers.recording import read_lines
from drivers.snmp.seam import Oid, Value
from drivers.trying import Tried, try_recording
from drivers.words import Reading

TABLE = (1, 3, 6, 1, 4, 1, 99999, 1)
"""Where the objects of these devices are; in texts `T`."""


def platform(body: str) -> Platform:
    """A platform `acme_ap` that says this besides what every one must."""
    text = f"name: acme_ap\nvendor: acme\nverified: false\nidentify: {{sys_object_id: T}}\n{body}"
    return read_platform(_spelt_out(text), "")


def device(lines: str) -> Mapping[Oid, Value]:
    """The objects of a device: a recording, and the sysObjectID of an `acme_ap`."""
    return read_lines(_spelt_out(f"1.3.6.1.2.1.1.2.0|6|T\n{lines}").splitlines(), "device")


def tried(body: str, lines: str) -> Tried:
    """What the platform makes of the device."""
    return asyncio.run(try_recording(device(lines), {"acme_ap": platform(body)}))


def fields(body: str, lines: str, measurement: str) -> list[tuple[str, Mapping[str, int | float]]]:
    """The samples of a measurement: their own tags, as text, and their fields."""
    common = {"mun", "site", "vendor"}
    return [
        (" ".join(value for tag, value in one.tags.items() if tag not in common), one.fields)
        for one in tried(body, lines).samples
        if one.measurement == measurement
    ]


def reading(text: str) -> Reading:
    """One value of a platform.yaml."""
    return Reading.model_validate(yaml.safe_load(_spelt_out(text)))


def _spelt_out(text: str) -> str:
    return text.replace("T", ".".join(map(str, TABLE)))
