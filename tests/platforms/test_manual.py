"""docs/add-a-vendor.md is true: its example, its words, its commands."""

import re
from pathlib import Path

from click.testing import CliRunner

from controller.cli.main import plaza
from controller.cli.platform import platform as group
from drivers.blocks import Identify, InterfaceRule, Snmp
from drivers.definition import Platform, load_shared
from drivers.sheets import TABLES, ApTable, PortTable, RadioTable, SsidTable, Table
from drivers.words import Pair, Reading, Reduction, Share, Storage

MANUAL = (Path(__file__).parents[2] / "docs" / "add-a-vendor.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", MANUAL, re.DOTALL)


def test_the_example_of_the_manual_gives_what_it_says(tmp_path: Path) -> None:
    definition = next(text for kind, text in BLOCKS if kind == "yaml")
    (recording,) = (text for _, text in BLOCKS if text.startswith("1.3.6.1.2.1.1.1.0|"))
    (promised,) = (text for _, text in BLOCKS if text.startswith("wifi_radio"))
    file = tmp_path / "acme_ap" / "platform.yaml"
    file.parent.mkdir()
    file.write_text(definition)
    (tmp_path / "acme.snmprec").write_text(recording)
    words = ["platform", "try", str(tmp_path / "acme.snmprec"), "--file", str(file)]
    shown = CliRunner().invoke(plaza, words).output

    assert promised in shown
    assert "temperature_c=41.2" in shown
    assert "version: 2.1" in shown
    assert "wifi_ssid ap=device band=5g ssid=Plaza\n    clients=19" in shown


def test_the_line_from_a_network_name_to_the_band_of_its_radio_does_what_the_manual_says(
    tmp_path: Path,
) -> None:
    (line,) = (text for kind, text in BLOCKS if kind == "yaml" and text.startswith("  band: "))
    definition = next(text for kind, text in BLOCKS if kind == "yaml" and text.startswith("# Acme"))
    (recording,) = (text for _, text in BLOCKS if text.startswith("1.3.6.1.2.1.1.1.0|"))
    (tmp_path / "acme.yaml").write_text(re.sub(r"  band: .*\n", lambda _: line, definition))
    (tmp_path / "acme.snmprec").write_text(recording)
    words = ["platform", "try", str(tmp_path / "acme.snmprec"), "--file", str(tmp_path / "acme.yaml")]
    shown = CliRunner().invoke(plaza, words).output

    assert "wifi_ssid ap=device band=2g4 ssid=Plaza\n    clients=7" in shown
    assert "wifi_ssid ap=device band=5g ssid=Plaza\n    clients=19" in shown
    assert "problem" not in shown


def test_every_command_of_the_group_is_in_the_manual_and_no_other() -> None:
    assert set(re.findall(r"^plaza platform (\w+)", MANUAL, re.MULTILINE)) == set(group.commands)


def test_every_word_of_the_language_is_in_the_manual() -> None:
    kinds = (Platform, Identify, Snmp, InterfaceRule, Table, Reading, Pair, Share, Storage)
    words = {name for kind in kinds for name in kind.model_fields} - {"fields"}
    words |= {name for kind in (ApTable, RadioTable, SsidTable, PortTable) for name in kind.words}
    words |= {*TABLES, *Reduction, *load_shared()}

    assert sorted(word for word in words if not re.search(rf"\b{word}\b", MANUAL)) == []
