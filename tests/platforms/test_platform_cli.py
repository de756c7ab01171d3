"""`plaza platform` as a technician types it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.cli.main import plaza
from drivers.definition import installed, load_platforms, read_platform
from drivers.errors import DriverError, PlatformError
from metrics.catalog import MEASUREMENTS
from tests.platforms.expect import FOLDER
from tests.platforms.report import main as report

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


def acme(folder: Path, text: str) -> Path:
    """A platform.yaml of somebody who begins."""
    file = folder / "platform.yaml"
    file.write_text(f"name: acme_ap\nvendor: acme\nverified: false\n{text}")
    return file


def test_a_file_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    file = acme(tmp_path, "identify: {}\n")

    assert run("try", XIRRUS, "--file", file).output.startswith("platform acme_ap\n")


def test_an_installed_platform_is_called_as_its_folder() -> None:
    with pytest.raises(PlatformError, match=r"other/platform.yaml:2: name: is 'sample'; write 'other'"):
        installed("other", b"vendor: v\nname: sample\nverified: false\nidentify: {}\n")


def test_a_file_whose_identify_does_not_recognise_the_device_says_so(tmp_path: Path) -> None:
    file = acme(tmp_path, "identify:\n  sys_object_id: 1.3.6.1.4.1.99999\n")
    shown = run("try", XIRRUS, "--file", file).output

    assert (
        f"problem: {file}:4: identify: does not recognise this device (sysObjectID 1.3.6.1.4.1.21013.1.52,"
        in shown
    )
    assert json.loads(run("try", XIRRUS, "--platform", "airport", "--json").output)["problems"]


def test_a_device_that_nobody_recognises_is_named_ready_for_identify(tmp_path: Path) -> None:
    unknown = tmp_path / "unknown.snmprec"
    unknown.write_text("1.3.6.1.2.1.1.1.0|4|Acme AP 7 (2.1)\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n")
    said = str(run("try", unknown).exception)
    entry = '[{sys_object_id: 1.3.6.1.4.1.99999.1, sys_descr: "^Acme AP 7 \\\\(2\\\\.1\\\\)"}]'

    assert said.endswith(f"or write one with identify: {entry}")
    file = acme(tmp_path, f"identify: {entry}\n")
    assert json.loads(run("try", unknown, "--file", file, "--json").output)["problems"] == []


def test_a_file_that_is_not_utf_8_is_told_with_line_and_byte(tmp_path: Path) -> None:
    latin = tmp_path / "latin.snmprec"
    latin.write_bytes(b"1.3.6.1.2.1.1.2.0|6|1.3.6\n1.3.6.1.2.1.1.6.0|4|Ju\xe1rez\n")
    file = acme(tmp_path, "identify: {}\n")
    file.write_bytes(file.read_bytes() + b"# Ju\xe1rez\n")

    assert str(run("try", latin).exception) == f"{latin}:2: byte 48 (0xe1) is not UTF-8; save it as UTF-8"
    assert f"{file}:5: byte" in str(run("try", XIRRUS, "--file", file).exception)
    with pytest.raises(PlatformError, match=r"acme_ap/platform.yaml:5: .*save it as UTF-8"):
        installed("acme_ap", file.read_bytes())


def test_a_byte_order_mark_of_a_windows_editor_is_no_part_of_the_file(tmp_path: Path) -> None:
    marked = tmp_path / "marked.snmprec"
    marked.write_bytes(b"\xef\xbb\xbf" + XIRRUS.read_bytes())

    assert run("try", marked).output.startswith("platform xirrus\n")


def test_the_report_without_outside_recordings_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAZA_RECORDINGS", str(tmp_path))

    with pytest.raises(SystemExit, match=f"no outside recordings in {tmp_path}: set PLAZA_RECORDINGS"):
        report([])


def test_fields_shows_the_catalogue_with_units_and_meanings() -> None:
    shown = run("fields").output

    for measurement in ("wifi_ap", "wifi_radio", "wifi_ssid", "uplink", "wired_port", "power"):
        assert f"{measurement} (in `" in shown
        assert all(name in shown for name in MEASUREMENTS[measurement].fields if "poll" not in name)
    assert re.search(r"temperature_c +°C +hottest sensor", shown)
    assert "poll_ms" not in shown


def test_fields_of_one_measurement_are_found_by_its_block_too() -> None:
    assert run("fields", "radios").output == run("fields", "wifi_radio").output
    assert "wifi_ssid (in `ssids`)" in run("fields", "wifi_ssid").output
    assert str(run("fields", "wifi_radios").exception) == (
        "platforms tell no 'wifi_radios'; did you mean wifi_radio?"
    )


def test_what_stays_unknown_is_a_short_list_of_what_other_platforms_tell() -> None:
    lines = [line for line in run("try", XIRRUS).output.splitlines() if line.startswith("unknown in ")]

    assert any(line.startswith("unknown in wifi_radio: clients, power_dbm, ") for line in lines)
    assert all(line.count(", ") < 8 and "poll_ms" not in line for line in lines)
