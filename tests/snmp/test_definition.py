"""What a platform.yaml may say, and that a wrong one names its file, line and key."""

import pytest

from drivers.definition import load_platforms, read_platform
from drivers.errors import PlatformError

GOOD = """\
name: sample
vendor: sample
verified: false
identify: {sys_object_id: ["1.3.6.1.4.1.1"], sys_descr: "^Sample"}
facts:
  name: 1.3.6.1.2.1.1.5.0
measure:
  - {field: uptime_s, scalar: 1.3.6.1.2.1.1.3.0, scale: 0.01}
  - {field: cpu_pct, column: 1.3.6.1.2.1.25.3.3.1.2, reduce: max}
traffic:
  name: 1.3.6.1.2.1.31.1.1.1.1
  type: 1.3.6.1.2.1.2.2.1.3
  rx: 1.3.6.1.2.1.31.1.1.1.6
  tx: 1.3.6.1.2.1.31.1.1.1.10
  interfaces:
    - {name: "^eth", type: 6, take: all}
extend:
  name: plaza
  service: ssid
  lines: {ssid: wifi_ssid}
"""


def test_the_platforms_we_ship_load_under_the_names_of_their_folders() -> None:
    platforms = load_platforms()

    assert {"openwrt", "generic"} <= platforms.keys()
    assert all(platform.name == name for name, platform in platforms.items())


def test_a_good_definition_is_read_whole() -> None:
    platform = read_platform(GOOD, "sample/platform.yaml")

    assert platform.identify.sys_object_id == ((1, 3, 6, 1, 4, 1, 1),)
    assert platform.extend is not None
    assert platform.extend.column == (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2, 5, *b"plaza")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "key"),
    [
        ("vendor: sample", "vender: sample", 2, "vender"),
        ("vendor: sample\n", "", 1, "vendor"),
        ("verified: false", "verified: perhaps", 3, "verified"),
        ("field: cpu_pct", "field: cpu", 9, "measure.1.field"),
        ("field: cpu_pct", "fild: cpu_pct", 9, "measure.1.fild"),
        ("reduce: max", "reduce: median", 9, "measure.1.reduce"),
        ("column: 1.3.6.1.2.1.25.3.3.1.2, ", "", 9, "measure.1"),
        ("  name: 1.3.6.1.2.1.1.5.0", "  name: sysName.0", 6, "facts.name"),
        ("  name: 1.3.6.1.2.1.1.5.0", "  name: 1.3", 6, "facts.name"),
        ('"^Sample"', '"(Sample"', 4, "identify.sys_descr"),
        ("take: all", "take: some", 16, "traffic.interfaces.0.take"),
        ("wifi_ssid", "wifi_sid", 20, "extend.lines.ssid"),
        ("service: ssid", "service: radio", 17, "service"),
        ("name: sample", "name: other", 1, "name"),
        ("identify: {", "identify: {{", 5, "YAML"),
        (GOOD, "", 1, "the file"),
        (GOOD, "- a list", 1, "the file"),
    ],
)
def test_a_wrong_definition_names_its_line_and_key(right: str, wrong: str, line: int, key: str) -> None:
    with pytest.raises(PlatformError) as caught:
        read_platform(GOOD.replace(right, wrong), "sample/platform.yaml")

    assert caught.value.device == f"sample/platform.yaml:{line}"
    assert key in caught.value.reason


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(PlatformError) as caught:
        read_platform(
            GOOD.replace("cpu_pct", "cpu").replace("take: all", "take: some"), "sample/platform.yaml"
        )

    assert "measure.1.field" in caught.value.reason
    assert "line 16: traffic.interfaces.0.take" in caught.value.reason
