"""`plaza platform` as a technician types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.cli.main import plaza
from drivers.definition import load_platforms, read_platform
from drivers.errors import DriverError
from tests.platforms.expect import FOLDER

XIRRUS = FOLDER / "xirrus.snmprec"


def run(*arguments: object) -> Result:
    """What it prints."""
    return CliRunner().invoke(plaza, ["platform", *map(str, arguments)], env={"COLUMNS": "200"})


def test_list_shows_every_platform_with_what_it_was_tested_on() -> None:
    shown = run("list").output

    for name, platform in load_platforms().items():
        assert name in shown
        assert all(text.split()[0] in shown for text in platform.tested_on)


def test_try_with_json_prints_one_object_of_exactly_this_shape() -> None:
    found = json.loads(run("try", XIRRUS, "--json").output)

    assert list(found) == ["platform", "facts", "samples", "problems"]
    assert found["platform"] == "xirrus"
    assert found["facts"]["name"]
    assert all(list(sample) == ["measurement", "tags", "fields"] for sample in found["samples"])
    assert found["samples"][0]["measurement"] == "wifi_ap"
    assert found["problems"] == []


def test_try_for_a_person_shows_facts_samples_and_what_stays_unknown() -> None:
    shown = run("try", XIRRUS).output

    assert shown.startswith("platform xirrus\n  model: XR-520\n")
    assert "wifi_radio ap=device band=5g radio=0" in shown
    assert "unknown in wifi_radio: " in shown
    assert "facts.location" not in shown, "its platform only includes it"


def test_words_that_find_nothing_on_the_device_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "acme_ap" / "platform.yaml"
    file.parent.mkdir()
    file.write_text(
        "name: acme_ap\nvendor: acme\nverified: false\nidentify: {}\n"
        "measure:\n  cpu_pct: 1.3.6.1.4.1.99999.1.0\n"
        "radios:\n  channel: 1.3.6.1.4.1.21013.1.2.24.7.1.3\n  clients: 1.3.6.1.4.1.99999.2\n"
        "ssids:\n  ssid: 1.3.6.1.4.1.99999.3\n"
    )
    shown = run("try", XIRRUS, "--file", file).output

    assert f"{file}:6: measure.cpu_pct: the device has nothing at 1.3.6.1.4.1.99999.1.0" in shown
    assert f"{file}:9: radios.clients: the device has nothing at 1.3.6.1.4.1.99999.2" in shown
    assert f"{file}:10: ssids: the device has nothing at any of its objects" in shown


def test_a_recording_may_be_tried_as_another_platform() -> None:
    assert json.loads(run("try", XIRRUS, "--platform", "generic", "--json").output)["platform"] == "generic"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("try", XIRRUS, "--platform", "nobody"), "'nobody' is no platform; plaza platform list shows all"),
        (("try", "none.snmprec"), "none.snmprec: No such file"),
        (("new", "Acme AP"), "write it as vendor_model"),
        (("new", "generic"), "is there already; choose another name"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_next_step(arguments: tuple[object, ...], said: str) -> None:
    result = run(*arguments)

    assert isinstance(result.exception, DriverError)  # main() makes it one line and exit code 2
    assert said in str(result.exception)


def test_a_device_that_nobody_recognises_says_what_to_do(tmp_path: Path) -> None:
    empty = tmp_path / "empty.snmprec"
    empty.write_text("1.3.6.1.2.1.1.1.0|4|Something\n")

    assert "no platform recognises this device; plaza platform list" in str(run("try", empty).exception)


def test_a_new_platform_loads_as_it_was_written_and_is_never_written_over(tmp_path: Path) -> None:
    shown = run("new", "acme_ap", "--in", tmp_path).output
    file = tmp_path / "acme_ap" / "platform.yaml"

    assert f"wrote {file}" in shown
    assert read_platform(file.read_text("utf-8"), "acme_ap/platform.yaml").vendor == "acme"
    assert "is there already" in str(run("new", "acme_ap", "--in", tmp_path).exception)
