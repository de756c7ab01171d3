"""Which platform a device is of."""

import asyncio
from collections.abc import Mapping

import pytest

from drivers.definition import Platform, load_platforms, read_platform
from drivers.detect import detect
from drivers.model import Secret, SnmpV2c
from drivers.recording import Recording, read_lines
from drivers.trying import device

KINDS = {
    "vendor": "{sys_object_id: 1.3.6.1.4.1.99999}",
    "model": "{sys_object_id: 1.3.6.1.4.1.99999.7}",
    "by_text": '{sys_object_id: 1.3.6.1.4.1.99999.7, sys_descr: "^Acme"}',
    "by_probe": "{sys_object_id: 1.3.6.1.4.1.8072.3.2.10, probe: 1.3.6.1.4.1.99999.5}",
    "linux": "{sys_object_id: 1.3.6.1.4.1.8072.3.2.10}",
    "either": '[{sys_descr: "^Either"}, {probe: 1.3.6.1.4.1.99998}]',
    "never": "{}",
}


def recognised(lines: str, kinds: Mapping[str, str] = KINDS) -> str | None:
    """The platform of a device with these objects."""
    platforms: dict[str, Platform] = {
        name: read_platform(f"name: {name}\nvendor: v\nverified: false\nidentify: {words}", "")
        for name, words in kinds.items()
    }
    agent = Recording(read_lines(lines.splitlines(), "device"))
    return asyncio.run(detect(device(""), platforms, SnmpV2c(Secret("")), agent))


@pytest.mark.parametrize(
    ("descr", "object_id", "more", "platform"),
    [
        ("x", "1.3.6.1.4.1.99999.1", "", "vendor"),
        ("x", "1.3.6.1.4.1.99999.7.2", "", "model"),
        ("Acme 7", "1.3.6.1.4.1.99999.7.2", "", "by_text"),
        ("Acme 7", "1.3.6.1.4.1.99999.1", "", "vendor"),
        ("x", "1.3.6.1.4.1.8072.3.2.10", "", "linux"),
        ("x", "1.3.6.1.4.1.8072.3.2.10", "1.3.6.1.4.1.99999.5.3.0|2|1", "by_probe"),
        ("Either", "1.3.6.1.4.1.1", "", "either"),
        ("x", "1.3.6.1.4.1.1", "1.3.6.1.4.1.99998.1|2|1", "either"),
        ("x", "1.3.6.1.4.1.999990", "", None),
        ("x", "1.3.6.1.4.1.1", "", None),
    ],
)
def test_the_most_specific_description_wins(
    descr: str, object_id: str, more: str, platform: str | None
) -> None:
    lines = f"1.3.6.1.2.1.1.1.0|4|{descr}\n1.3.6.1.2.1.1.2.0|6|{object_id}\n{more}"

    assert recognised(lines) == platform


def test_a_device_that_tells_nothing_about_itself_is_recognised_by_what_it_has() -> None:
    assert recognised("1.3.6.1.4.1.99998.1|2|1") == "either"
    assert recognised("") is None


def test_nothing_is_recognised_as_generic_by_itself() -> None:
    assert all(not one.sys_object_id and not one.sys_descr for one in load_platforms()["generic"].identify)
