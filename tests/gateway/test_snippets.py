"""What `plaza gateway snippets` prints, read by a real dnsmasq."""

import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.gateway import gateway
from controller.errors import ControllerError, SelectorError
from controller.snippets import KINDS, LONGEST_OCTETS, checked, dnsmasq, isc
from tests import need
from tests.town import INVENTORY

API = "https://plaza.guachochi.example.gob.mx:8443/capport"
NAME = b"use-application-dns"
CANARY = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + bytes((len(NAME),)) + NAME + b"\x03net\x00\x00\x01\x00\x01"
NXDOMAIN = 3


@pytest.mark.parametrize(
    "api",
    [
        "https://10.8.27.1/capport",
        "https://[fd00::1]/capport",
        'https://plaza.example.mx/"',
        "https://plaza.example.mx/'",
        "https://plaza.example.mx/\\",
        "https://plaza.example.mx/a,b",
        "https://plaza.example.mx/\nport=0",
        "https://plaza.example.mx/\n",
        "https://plaza.example.mx/" + "a" * LONGEST_OCTETS,
    ],
)
def test_a_url_that_phones_ignore_or_that_breaks_out_is_refused(api: str) -> None:
    with pytest.raises(ControllerError, match="--api"):
        checked(api)


def test_a_url_without_tls_is_refused_for_what_it_is() -> None:
    with pytest.raises(ControllerError, match="phones ignore any other"):
        checked("http://plaza.example.mx/capport")


def test_the_command_prints_what_the_reader_takes_and_names_a_site_that_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAZA_DATA_DIR", str(tmp_path))
    asked = ["snippets", "08019-plaza", "--kind", "isc", "--api", API]
    assert CliRunner().invoke(gateway, asked).output == isc(API)
    refused = CliRunner().invoke(gateway, ["snippets", "08999-plaza", *asked[2:]])
    assert isinstance(refused.exception, SelectorError)
    assert str(refused.exception) == "no site '08999-plaza' in the inventory"


@pytest.mark.parametrize("kind", ["opennds", "mikrotik", "coovachilli"])
def test_where_no_gateway_serves_an_api_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = tmp_path / "inventory.yaml"
    other = f"portal: {{kind: {kind}, hosts: [10.8.27.1:2050], credentials: shared, gateway_url"
    text = INVENTORY.format(snmp_port=1, ssh_port=2, gateway_port=3, network="10.8.27")
    shared = "  shared: {kind: portal, secret: ref+env:SHARED}\ndefaults:"
    file.write_text(text.replace("portal: {gateway_url", other).replace("defaults:", shared, 1))
    monkeypatch.setenv("PLAZA_INVENTORY", str(file))
    monkeypatch.setenv("PLAZA_DATA_DIR", str(tmp_path))
    said = CliRunner().invoke(gateway, ["snippets", "08027-plaza", "--kind", "dnsmasq", "--api", API])
    assert said.output == ""
    assert f"08027-plaza: its gateway ({kind}) serves no captive portal API" in str(said.exception)
    assert ("--kind coovachilli" in str(said.exception)) == (kind == "coovachilli")


def test_routeros_hands_its_option_out_and_openwrt_is_told_where_it_goes() -> None:
    option, _, network = KINDS["routeros"](API).splitlines()
    assert option == f"/ip dhcp-server option add name=plaza-captive-portal code=114 value=\"s'{API}'\""
    assert network.startswith("/ip dhcp-server network set [find ")
    assert network.endswith("] dhcp-option=plaza-captive-portal")
    where, *commands = KINDS["openwrt"](API).splitlines()
    assert "/etc/config/dhcp" in where
    assert commands[:2] == [f"uci add_list dhcp.guest.dhcp_option='114,{API}'", "uci commit dhcp"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_carries_the_url(kind: str) -> None:
    assert API in KINDS[kind](checked(API))


def _rcode(port: int) -> int:
    deadline = time.monotonic() + 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect(("127.0.0.1", port))
        while time.monotonic() < deadline:
            try:
                asking.send(CANARY)
                return asking.recv(512)[3] & 0x0F
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)
    raise AssertionError("dnsmasq never answered")


def test_dnsmasq_takes_the_lines_and_says_that_the_canary_does_not_exist(tmp_path: Path) -> None:
    program = need.program("dnsmasq", "dnsmasq-base")
    written = tmp_path / "dnsmasq.conf"
    written.write_text(dnsmasq(API))
    subprocess.run([program, "--test", "-C", written], check=True, capture_output=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-k", "-R", "-h", "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces"]
    with subprocess.Popen([program, *options, "-p", str(port), "-C", written]) as running:
        try:
            assert _rcode(port) == NXDOMAIN
        finally:
            running.terminate()


@pytest.mark.parametrize("version", ["4", "6"])
def test_dhcpd_takes_its_lines(tmp_path: Path, version: str) -> None:
    program = need.program("dhcpd", "isc-dhcp-server")
    _, four, six = re.split("^# dhcpd6?.conf$", isc(API), flags=re.MULTILINE)
    written = tmp_path / "dhcpd.conf"
    written.write_text(four if version == "4" else six)
    asked = [program, "-t", f"-{version}", "-cf", written]
    read = subprocess.run(asked, check=False, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize("version", ["4", "6"])
def test_kea_takes_its_file(tmp_path: Path, version: str) -> None:
    program = need.program(f"kea-dhcp{version}", f"kea-dhcp{version}-server")
    written = tmp_path / "kea.conf"
    written.write_text(KINDS[f"kea{version}"](API))
    read = subprocess.run([program, "-t", written], check=False, capture_output=True, text=True)
    assert read.returncode == 0, read.stdout + read.stderr
