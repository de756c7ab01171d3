"""Names of SNMP objects: those everybody has, and those of a vendor's MIB files."""

from pathlib import Path

import pytest

from drivers.definition import load_platforms
from drivers.snmp.mibs import Definition, definitions, read
from drivers.snmp.names import Names, UnknownName, known, with_definitions
from tests import need

NET_SNMP = Path("/usr/share/snmp/mibs")


@pytest.fixture(scope="module")
def names() -> Names:
    return known()


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("sysName.0", "1.3.6.1.2.1.1.5.0"),
        ("SNMPv2-MIB::sysUpTime.0", "1.3.6.1.2.1.1.3.0"),
        ("ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6"),
        ("ifTable", "1.3.6.1.2.1.2.2"),
        ("hrProcessorLoad.1", "1.3.6.1.2.1.25.3.3.1.2.1"),
        ("usmStatsUnknownEngineIDs.0", "1.3.6.1.6.3.15.1.1.4.0"),
        ("system", "1.3.6.1.2.1.1"),
        ("enterprises.2021", "1.3.6.1.4.1.2021"),
        (".1.3.6.1", "1.3.6.1"),
        ("1.3.6.1", "1.3.6.1"),
    ],
)
def test_a_name_or_dotted_numbers_are_an_oid(names: Names, text: str, dotted: str) -> None:
    assert ".".join(map(str, names.oid(text))) == dotted


@pytest.mark.parametrize(
    "text", ["", ".", "sysNmae.0", "1.3..6", "ifDescr.eth0", "1.3.6.-1", "sysName.٣", "3.6.1", "1", "1.40.2"]
)
def test_what_is_no_oid_is_refused(names: Names, text: str) -> None:
    with pytest.raises(UnknownName):
        names.oid(text)


def test_an_instance_is_shown_with_the_name_of_its_object(names: Names) -> None:
    assert names.name((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 3)) == "ifHCInOctets.3"
    assert names.name((1, 3, 6, 1, 4, 1, 99999, 1)) == ""


@pytest.mark.parametrize("platform", ["openwrt", "generic"])
def test_most_of_what_a_platform_without_a_vendors_mib_asks_for_has_a_name(
    names: Names, platform: str
) -> None:
    asked = {oid for part in load_platforms()[platform].wanted for oid in part}
    unnamed = {oid for oid in asked if not names.name(oid)}
    assert len(unnamed) <= len(asked) // 3, unnamed


def test_the_mibs_of_net_snmp_give_their_names_and_agree_with_ours(names: Names) -> None:
    if not NET_SNMP.is_dir():
        need.program("snmpd", "snmpd")
    found = list(read(NET_SNMP))
    more, orphans = with_definitions(names, found)
    assert orphans == set()
    assert more.oid("ssCpuIdle.0") == (1, 3, 6, 1, 4, 1, 2021, 11, 11, 0)
    assert more.name((1, 3, 6, 1, 4, 1, 2021, 4, 14, 0)) == "memBuffer.0"
    theirs = {one.name: (*more.oids[one.parent], *one.arcs) for one in found if one.parent}
    assert {name: oid for name, oid in theirs.items() if names.oids.get(name, oid) != oid} == {}


def test_comments_strings_and_syntax_define_nothing() -> None:
    text = """
    A-MIB DEFINITIONS ::= BEGIN
    a OBJECT IDENTIFIER ::= { enterprises 1 } -- b OBJECT IDENTIFIER ::= { a 2 }
    c OBJECT-TYPE SYNTAX OBJECT IDENTIFIER
      DESCRIPTION "d OBJECT IDENTIFIER ::= { a 3 } -- no comment"
      ::= { a 4 }
    E ::= SEQUENCE { f OBJECT IDENTIFIER, g INTEGER { up(1), down(2) } }
    """
    assert list(definitions(text)) == [
        Definition("a", "enterprises", (1,), has_value=False),
        Definition("c", "a", (4,), has_value=True),
    ]


@pytest.mark.parametrize(
    "value", ["{ iso org(3) dod(6) 1 }", "{ iso(1) org(3) 6 1 }", "{ 1 3 6 1 }", "{\n iso\n 3 6 1 }"]
)
def test_every_way_to_write_an_oid_is_read(value: str) -> None:
    [found] = definitions(f"x OBJECT IDENTIFIER ::= {value}")
    assert (found.parent, found.arcs) == ("", (1, 3, 6, 1))


def test_files_in_any_order_are_put_together_and_what_is_missing_is_told(names: Names) -> None:
    more, orphans = with_definitions(
        names,
        [
            Definition("leaf", "branch", (2,), has_value=True),
            Definition("branch", "enterprises", (9,), has_value=False),
            Definition("lost", "elsewhere", (1,), has_value=True),
            Definition("deeper", "lost", (1,), has_value=True),
        ],
    )
    assert more.oid("leaf.0") == (1, 3, 6, 1, 4, 1, 9, 2, 0)
    assert orphans == {"elsewhere"}


def test_a_directory_is_read_but_for_what_is_no_mib(tmp_path: Path) -> None:
    (tmp_path / "a.my").write_text("A DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { enterprises 1 } END")
    (tmp_path / "b.txt").write_text("b OBJECT IDENTIFIER ::= { enterprises 1 }")
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "below").mkdir()
    assert [one.name for one in read(tmp_path)] == ["a"]
