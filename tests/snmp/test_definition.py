"""What a platform.yaml may say, and that a wrong one names its file, line and key."""

import pytest

from drivers.definition import load_platforms, read_platform
from drivers.errors import PlatformError

GOOD = """\
name: sample
vendor: sample
verified: false
identify:
  - {sys_object_id: ["1.3.6.1.4.1.1"], sys_descr: "^Sample"}
facts:
  name: 1.3.6.1.2.1.1.5.0
measure:
  uptime_s: {scalar: 1.3.6.1.2.1.1.3.0, scale: 0.01}
  cpu_pct: [{column: 1.3.6.1.2.1.25.3.3.1.2, reduce: max}]
traffic:
  interfaces:
    - {name: "^eth", type: 6, take: all}
extend:
  name: plaza
  service: ssid
  lines: {ssid: wifi_ssid}
radios:
  - index: {ap: 6, radio: 1}
    band: {index: radio, map: {0: 2g4, 1: 5g}}
    channel: 1.3.6.1.4.1.1.1.1.2
  - clients: {column: 1.3.6.1.4.1.1.2.1.2, at: ["*", row], reduce: sum}
ssids:
  ssid: 1.3.6.1.4.1.1.3.1.2
  clients: {column: 1.3.6.1.4.1.1.3.1.3, pair: {theirs: 1.3.6.1.4.1.1.3.1.4, ours: 1.3.6.1.4.1.1.3.1.5}}
"""


def test_the_platforms_we_ship_load_under_the_names_of_their_folders() -> None:
    platforms = load_platforms()

    assert {"openwrt", "generic"} <= platforms.keys()
    assert all(platform.name == name for name, platform in platforms.items())


def test_a_good_definition_is_read_whole() -> None:
    platform = read_platform(GOOD, "sample/platform.yaml")

    assert platform.identify[0].sys_object_id == ((1, 3, 6, 1, 4, 1, 1),)
    assert [word for word, _ in platform.tables] == ["radios", "radios", "ssids"]
    assert platform.extend is not None
    assert platform.extend.column == (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2, 5, *b"plaza")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "key"),
    [
        ("vendor: sample", "vender: sample", 2, "vender"),
        ("vendor: sample\n", "", 1, "vendor"),
        ("verified: false", "verified: perhaps", 3, "verified"),
        ("cpu_pct: [", "cpu: [", 10, "measure.cpu"),
        ("reduce: max", "reduce: median", 10, "measure.cpu_pct.0.reduce"),
        ("column: 1.3.6.1.2.1.25.3.3.1.2, ", "", 10, "measure.cpu_pct.0"),
        ("  name: 1.3.6.1.2.1.1.5.0", "  name: sysName.0", 7, "facts.name"),
        ("  name: 1.3.6.1.2.1.1.5.0", "  name: 1.3", 7, "facts.name"),
        ('"^Sample"', '"(Sample"', 5, "identify.0.sys_descr"),
        ("take: all", "take: some", 13, "traffic.interfaces.0.take"),
        ("wifi_ssid", "wifi_sid", 17, "extend.lines.ssid"),
        ("service: ssid", "service: radio", 14, "service"),
        ("    channel:", "    chanel:", 21, "radios.0.chanel"),
        ("channel: 1.3", "channel: 1.40", 21, "radios.0.channel: an OID has at most 128 numbers"),
        ("channel: 1.3", "channel: .1.3", 21, "radios.0.channel"),
        ("radio: 1}", "radio: one}", 19, "radios.0.index.radio"),
        ("at: [", "on: [", 22, "radios.1.clients"),
        ('"*", row', 'row, "*", row', 22, "radios.1.clients"),
        ("index: radio, map", "index: radio, scalar: 1.3, map", 20, "radios.0.band"),
        ("{0: 2g4", "{no: 2g4", 20, "radios.0.band.map"),
        ("  ssid: 1.3.6.1.4.1.1.3.1.2\n", "", 23, "ssids.ssid"),
        (", ours: 1.3.6.1.4.1.1.3.1.5", "", 25, "ssids.clients.pair.ours"),
        ("facts:", "include: everything\nfacts:", 6, "include"),
        ("index: radio, map", "hook: magic, of: 1.3.6.1, map", 20, "radios.0.band.hook"),
        ("sys_descr", "{sys_descr", 6, "YAML"),
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

    assert "measure.cpu" in caught.value.reason
    assert "\nsample/platform.yaml:13: traffic.interfaces.0.take" in caught.value.reason


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("    channel:", "    utilization_pct:", ":21: radios.0.utilization_pct: there is no such word or "
         "field here; did you mean utilisation_pct?"),
        ("reduce: max", "reducee: max", ":10: measure.cpu_pct.0.reducee: there is no such word or field "
         "here; did you mean reduce?"),
        ("  uptime_s:", "  uptime:", ":9: measure.uptime: the catalogue has no field 'uptime' in wifi_ap; "
         "did you mean uptime_s?"),
        ("sys_descr:", "sysdescr:", ":5: identify.0.sysdescr: there is no such word or field here; "
         "did you mean sys_descr?"),
        ("vendor: sample\n", "", ":1: vendor: is missing, add it"),
        ("channel: 1.3", "channel: .1.3", ":21: radios.0.channel: write it without the leading dot, "
         "1.3.6.1.4.1.1.1.1.2"),
        ("  uptime_s:", "\tuptime_s:", ":9: there is a tab; write spaces"),
        ('"^Sample"}', '"^Sample"', ":6: this is not YAML: did not find expected ',' or '}', while parsing a "
         "flow mapping that began in line 5"),
        (GOOD, "", ":1: the file: write `word: value` here, one a line or all in {}"),
        ("radio: 1}", "radio: 1}\n    where: {share: 5}", ":20: radios.0.where.share: write "
         "`word: value` here, one a line or all in {}"),
        ("vendor: sample", "vendor: \x07", ":2: this is not YAML: control characters are not allowed"),
    ],
)  # fmt: skip
def test_a_mistake_says_how_to_mend_it(right: str, wrong: str, said: str) -> None:
    with pytest.raises(PlatformError) as caught:
        read_platform(GOOD.replace(right, wrong), "sample.yaml")

    assert str(caught.value) == f"sample.yaml{said}"


def test_every_one_of_several_faults_has_a_line_of_its_own() -> None:
    with pytest.raises(PlatformError) as caught:
        read_platform(GOOD.replace("vendor", "vender").replace("  ssid: ", "  sid: "), "sample.yaml")

    assert str(caught.value).splitlines() == [
        "sample.yaml:2: vender: there is no such word or field here; did you mean vendor?",
        "sample.yaml:24: ssids.sid: there is no such word or field here; did you mean ssid?",
        "sample.yaml:1: vendor: is missing, add it",
        "sample.yaml:23: ssids.ssid: is missing, add it",
    ]
