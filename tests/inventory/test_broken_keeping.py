"""Mistakes in how a device is kept and brings guests to the portal: one line each, with its mending."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from controller import inventory
from controller.errors import InventoryError, Problem
from controller.inventory_hosts import Host, HostPatterns, PortalUrl, SshKeys
from tests.inventory.test_broken_files import ODD

HERE = Path(__file__).parent
GOOD = (HERE / "keeping.yaml").read_text(encoding="utf-8")
BROKEN = yaml.safe_load((HERE / "broken_keeping.yaml").read_text(encoding="utf-8"))


def complaints(file: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        inventory.load(file, ("openwrt",))
    return str(caught.value).split("\n")


def written(folder: Path, text: str) -> Path:
    file = folder / "inventory.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["mistake"].replace(" ", "-"))
def test_a_mistake_gives_exactly_one_line(case: dict[str, str], tmp_path: Path) -> None:
    assert case["good"] in GOOD
    file = written(tmp_path, GOOD.replace(case["good"], case["bad"], 1))
    assert complaints(file) == [f"{file}:{case['line']}: {case['says']}"]
    assert "hunter2" not in case["says"]


def test_all_mistakes_of_a_file_are_told_in_one_go(tmp_path: Path) -> None:
    together = (
        "rate negative",
        "ntp port",
        "ssh private key",
        "captive kind",
        "timeout long",
        "jump retired",
    )
    chosen = [case for case in BROKEN if case["mistake"] in together]
    text = GOOD
    for case in chosen:
        text = text.replace(case["good"], case["bad"], 1)
    file = written(tmp_path, text)
    assert sorted(complaints(file)) == sorted(f"{file}:{case['line']}: {case['says']}" for case in chosen)
    assert len(chosen) == len(together)


def test_a_device_without_a_login_carries_nobody_on(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD.replace("ssh: {credentials: shell, timeout: 20s}", "ssh: {timeout: 20s}"))
    said = "gw-08052 has no ssh credentials, add `ssh: {credentials: …}` to gw-08052"
    assert complaints(file)[0] == f"{file}:58: sites.08052-plaza.ssh.jump: {said}"


SPOTS = [
    m.span()
    for m in re.finditer(r"(?<=: )[^\n,{}\[\]]+|\{[^{}\n]*\}|\[[^\]\n]*\]|^ *[\w-]+(?=:)", GOOD, re.M)
]


@given(spot=st.sampled_from(SPOTS), odd=st.sampled_from(ODD))
def test_whatever_stands_in_a_place_the_answer_is_an_inventory_or_lines_that_mend_it(
    tmp_path_factory: pytest.TempPathFactory, spot: tuple[int, int], odd: str
) -> None:
    file = written(tmp_path_factory.getbasetemp(), GOOD[: spot[0]] + odd + GOOD[spot[1] :])
    problems: tuple[Problem, ...] = ()
    try:
        inventory.load(file, ("openwrt",))
    except InventoryError as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.what and problem.mend for problem in problems)


def accepted(kind: Any, value: object) -> object:
    """What a kind of value makes of something that somebody wrote, None when it refuses that."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return None


NEARLY = st.text(st.sampled_from("aZ0.-*_:/%[]@?&=$();|\\\"'` \n\tñ🎉"), min_size=1, max_size=20)


@given(NEARLY | st.text(max_size=20).map("ntp{}.mx".format) | st.ip_addresses().map(str))
def test_a_host_that_is_believed_holds_nothing_but_letters_digits_and_what_joins_them(text: str) -> None:
    found = accepted(Host, text)
    assert found is None or re.fullmatch(r"[a-z0-9.:-]{1,253}", str(found))


@given(NEARLY.map(lambda text: [text]) | NEARLY.map(lambda text: [f"*.{text}.mx"]))
def test_a_name_that_guests_may_reach_is_a_name_with_at_most_a_star_in_front(names: list[str]) -> None:
    found = accepted(HostPatterns, tuple(names))
    assert found is None or re.fullmatch(r"\('(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+',\)", str(found))


@given(NEARLY.map("https://wifi.mx/{}".format) | NEARLY.map("http://{}".format) | NEARLY)
def test_a_portal_that_is_believed_holds_no_blank_no_quotation_and_no_password(text: str) -> None:
    found = accepted(PortalUrl, text)
    assert found is None or re.fullmatch(r"https?://[^\s\"`\\|<>@#^{}]+", str(found))
    assert found is None or str(found).isascii()


@given(comment=st.text(max_size=30), octets=st.binary(min_size=32, max_size=32))
def test_a_whole_key_is_kept_with_its_comment_and_never_becomes_two_lines(
    comment: str, octets: bytes
) -> None:
    blob = b"".join(len(part).to_bytes(4) + part for part in (b"ssh-ed25519", octets))
    line = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    found = accepted(SshKeys, (f"{line} {comment}",))
    kept = comment.rstrip(" \r\n").lstrip(" ")
    unsafe = any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in kept)
    assert found == (None if unsafe else (f"{line} {kept}".rstrip(" "),))


@given(st.binary(max_size=80), st.sampled_from(("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256")))
def test_octets_that_are_no_key_are_refused(octets: bytes, kind: str) -> None:
    assert accepted(SshKeys, (f"{kind} {base64.b64encode(octets).decode()}",)) is None
    assert accepted(SshKeys, (f"{kind} {octets.hex()}!",)) is None
