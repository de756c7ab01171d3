"""UCI text is read the same whether uci wrote it or a person did, and with the same complaints."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.configurers.openwrt import uci
from drivers.configurers.openwrt.dialect import OPENWRT
from drivers.configurers.openwrt.diff import diff
from drivers.configurers.openwrt.uci import Config
from drivers.model import Secret
from tests.configure.desk import CANARY

ALL = replace(OPENWRT, own_options={("system", "zone"): frozenset({"ssid", "key", "proto"})})
OPTIONS = ("ssid", "key", "faskey", "auth_secret", "proto", "list", "a.b-c_9", "x" * 65)
NAMES = ("", "radio0", "plaza_2g4_1", "@zone[0]", "a.b")
PLAIN = st.text(st.characters(exclude_characters="'", exclude_categories=()), max_size=12)

lines = st.builds(
    "\t{} {} '{}'\n".format, st.sampled_from(("option", "list")), st.sampled_from(OPTIONS), PLAIN
)
headers = st.builds(
    lambda kind, name: f"\nconfig {kind} '{name}'\n" if name else f"\nconfig {kind}\n",
    st.sampled_from(("zone", "wifi-iface")),
    st.sampled_from(NAMES),
)
sections = st.builds(lambda header, body: header + "".join(body), headers, st.lists(lines, max_size=4))
packages = st.builds(
    lambda name, body: f"package {name}\n{''.join(body)}\n",
    st.sampled_from(("system", "wireless")),
    st.lists(sections, max_size=4),
)
exports = st.lists(packages, max_size=3).map("".join)

ODD = (
    *("'", '"', "\\", "#", " ", "\t", "\n", "\r\n", "\\\n", "''", "'\\''", '"\\""', "\x00", "\x0b", "\x85"),
    *("package", "config", "option", "list", "package p\n", "config s\n", "config s 'n'\n", "config s n\n"),
    *("\toption a 'b'\n", "option a b\n", "\toption key it\\'s\n", '\tlist l "x\ny"\n', "  # it's\n"),
    *("\toption a 'b' # c\n", "\toption a 'b'\r\n", "\toption a 'b'c\n", "\toption a 'b' 'c'\n"),
    *("\n\toption a\n", "\noption é 'x'\n", "config s 'a b'\n", "config s 'a\nb'\n", "package p 'q'\n"),
    *("\n\toption ssid ", "\nconfig s ", "package p"),
)
oddities = st.lists(st.sampled_from(ODD) | lines | headers | st.text(max_size=3), max_size=12).map("".join)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """An export with something else in its midst, or cut off."""
    text = draw(exports)
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(oddities) + text[draw(st.sampled_from((start, end))) :]


def found(read: Callable[[str], Config], text: str) -> object:
    """Everything in its order, or the complaint."""
    try:
        config = read(text)
    except uci.NotUci as error:
        return str(error)
    return [(path, section, list(section.options)) for path, section in config.sections.items()]


@settings(max_examples=100, deadline=None)
@given(exports)
def test_what_uci_wrote_is_read_as_word_by_word(text: str) -> None:
    assert found(uci.parse, text) == found(uci._read, text)


@settings(max_examples=150, deadline=None)
@given(damaged() | oddities)
def test_what_anybody_wrote_is_read_or_refused_as_word_by_word(text: str) -> None:
    assert found(uci.parse, text) == found(uci._read, text)


def test_what_uci_prints_needs_no_reading_word_by_word() -> None:
    text = (
        "package system\n\nconfig system\n\toption hostname 'OpenWrt'\n\nconfig timeserver 'ntp'\n"
        "\tlist server 'a'\n\tlist server 'b'\n\npackage network\n\npackage wireless\n\n"
        f"config wifi-iface 'x'\n\toption ssid 'one\n\toption two # 😀'\n\toption key '{CANARY}'\n\n"
        "package files\n"
    )
    assert uci._exported(text) is not None
    config = uci.parse(text)
    assert found(uci._read, text) == found(lambda _: config, text)
    assert config.sections["system.ntp"].options == {"server": ("a", "b")}
    assert config.sections["system.@system[0]"].options == {"hostname": "OpenWrt"}
    assert config.sections["wireless.x"].options == {
        "ssid": "one\n\toption two # 😀",
        "key": Secret(CANARY),
    }


def told(read: Callable[[str], Config], running: str, wanted: str) -> object:
    """The change from one text to the other, with its secrets in clear, or the complaint."""
    try:
        change = diff(ALL, "ap-1", read(running), read(wanted))
    except ValueError as error:
        return str(error)
    return [line.command.reveal() for line in change.lines], change.text, change.paths


@settings(max_examples=100, deadline=None)
@given(exports | damaged(), exports | damaged())
def test_two_texts_are_compared_as_if_both_were_read_word_by_word(running: str, wanted: str) -> None:
    assert told(uci.parse, running, wanted) == told(uci._read, running, wanted)


@settings(max_examples=100, deadline=None)
@given(exports, st.data())
def test_two_texts_that_differ_here_and_there_are_compared_as_word_by_word(
    text: str, data: st.DataObject
) -> None:
    """Most of it is written the same in both, and not read at all."""
    pieces = text.split("\n")
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(pieces)))
        pieces[at : at + data.draw(st.integers(0, 1))] = data.draw(st.lists(lines | headers, max_size=2))
    changed = "\n".join(pieces)
    for running, wanted in ((text, changed), (changed, text)):
        assert told(uci.parse, running, wanted) == told(uci._read, running, wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("package p\nconfig s\n\toption a 'b\n", "line 3: a quote is never closed"),
        ("package p\n\nconfig s 'n'\n\toption a 'b'\n\nbogus 'x'\n", "line 6: 'bogus' is no UCI statement"),
        ("package p\n\nconfig s 'n m'\n", "line 3: a name holds what no name may"),
        (
            "package p\n\nconfig s 'n'\n\toption a 'x\ny'\n\toption b\n",
            "line 6: 'option' is no UCI statement",
        ),
        ("config s 'n'\n", "line 1: 'config' is no UCI statement"),
        ("package p\n\toption a 'b'\n", "line 2: 'option' is no UCI statement"),
    ],
)
def test_a_complaint_names_the_line(text: str, said: str) -> None:
    with pytest.raises(uci.NotUci, match=f"^{said}$"):
        uci.parse(text)


def test_nothing_of_a_value_is_kept_beyond_its_reading() -> None:
    uci.parse("package p\n\nconfig s 'n'\n\toption key 'x'\n")
    assert uci.parse("package p\n\nconfig s 'n'\n\toption key 'x'\n").sections["p.n"].options
    kept = uci._named.cache_info().currsize
    for value in (CANARY, f'"{CANARY}"', f"it\\'s{CANARY}", f"'it'\\''s {CANARY}'"):
        config = uci.parse(f"package p\n\nconfig s 'n'\n\toption key {value}\n\toption key 'x'\n")
        assert config.sections["p.n"].options == {"key": Secret("x")}
    assert uci._named.cache_info().currsize == kept
