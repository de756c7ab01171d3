"""What access points of other vendors hear from a real DHCP server with our lines in it."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from controller.adoption import dhcp
from controller.adoption.dhcp import ARUBA, CISCO, OMADA, RUCKUS, UNIFI
from tests import need
from tests.adoption.conftest import Type
from tests.adoption.factory import ENTRY, MAC, NAME, Office
from tests.configure.device import wait_until

ADDRESSES = [IPv4Address("192.168.10.5"), IPv4Address("192.168.10.20")]
ALL = (ARUBA, CISCO, RUCKUS, UNIFI, OMADA)
ASKER = Path(__file__).parent / "dhcp_asker.py"

Ask = Callable[[str], dict[str, str]]


def ip(*words: str) -> None:
    """iproute2."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """A network with dnsmasq in it, and our lines in dnsmasq."""
    need.root()
    dnsmasq = need.program("dnsmasq", "dnsmasq-base")
    need.program("ip", "iproute2")
    tag = f"adp{os.getpid()}{secrets.token_hex(2)}"
    server, box = f"{tag}-s", f"{tag}-b"
    config, pid = tmp_path / "dnsmasq.conf", tmp_path / "pid"
    config.write_text(
        f"port=0\nno-ping\nuser=root\ninterface=eth0\npid-file={pid}\nlog-facility={tmp_path}/log\n"
        f"dhcp-leasefile={tmp_path}/leases\ndhcp-range=10.77.0.50,10.77.0.90,255.255.255.0,10m\n"
        + dhcp.dnsmasq(ALL, ADDRESSES)
    )
    running: subprocess.Popen[bytes] | None = None
    try:
        for name in (server, box):
            ip("netns", "add", name)
        ip("-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", box)
        for name, address in ((server, "10.77.0.1/24"), (box, "10.77.0.2/24")):
            ip("-n", name, "addr", "add", address, "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        running = subprocess.Popen(["ip", "netns", "exec", server, dnsmasq, "-k", "-C", str(config)])
        wait_until("dnsmasq listens", pid.exists)

        def asked(calls_itself: str) -> dict[str, str]:
            command = [sys.executable, str(ASKER), calls_itself, "1,3,43,60,138"]
            command = ["ip", "netns", "exec", box, *command]
            done = subprocess.run(command, check=True, capture_output=True, timeout=120)
            found: dict[str, str] = json.loads(done.stdout)
            return found

        yield asked
    finally:
        if running is not None:
            running.kill()
            running.wait(60)
        for name in (server, box):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False, timeout=60)


def test_each_vendor_hears_of_its_controller_in_its_own_words(ask: Ask) -> None:
    both = "".join(address.packed.hex() for address in ADDRESSES)
    cisco = ask("Cisco AP c2700")
    assert (cisco["43"], cisco["138"]) == (f"f108{both}", both)
    aruba = ask("ArubaAP")
    assert bytes.fromhex(aruba["43"]) == b"192.168.10.5"
    assert bytes.fromhex(aruba["60"]) == b"ArubaAP"
    listed = b"192.168.10.5,192.168.10.20"
    assert bytes.fromhex(ask("Ruckus CPE")["43"]) == bytes((6, len(listed))) + listed
    assert ask("ubnt")["43"] == "0104c0a80a05"


def test_who_is_of_no_vendor_hears_only_what_harms_nobody(ask: Ask) -> None:
    telephone = ask("android-dhcp-14")
    assert "43" not in telephone
    assert telephone["138"] == "".join(address.packed.hex() for address in ADDRESSES)


@pytest.mark.parametrize("vendor", ALL, ids=lambda vendor: vendor.name)
def test_dnsmasq_itself_reads_the_lines_of_each_vendor(vendor: dhcp.Vendor, tmp_path: Path) -> None:
    program = need.program("dnsmasq", "dnsmasq-base")
    file = tmp_path / "plaza.conf"
    file.write_text(dhcp.dnsmasq([vendor], ADDRESSES))
    command = [program, "--test", "-C", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "dnsmasq: syntax check OK.")


def test_isc_gets_a_class_for_each_vendor() -> None:
    assert dhcp.isc([CISCO], ADDRESSES[:1]) == (
        "option plaza-capwap code 138 = array of ip-address;\n"
        'class "plaza-cisco" {\n'
        'match if substring (option vendor-class-identifier, 0, 8) = "Cisco AP";\n'
        "option vendor-encapsulated-options f1:04:c0:a8:0a:05;\n"
        "option plaza-capwap 192.168.10.5;\n"
        "}\n"
    )


def test_kea_gets_json_with_octets_for_option_43() -> None:
    unifi, omada = json.loads(dhcp.kea([UNIFI, OMADA], ADDRESSES[:1]))["client-classes"]
    assert unifi["test"] == "substring(option[60].hex,0,4) == 'ubnt'"
    assert unifi["option-def"] == [{"name": "vendor-encapsulated-options", "code": 43, "type": "binary"}]
    (option,) = unifi["option-data"]
    assert (option["data"], option["csv-format"]) == ("0104C0A80A05", False)
    assert omada["test"] == "member('ALL')"


def test_dhcpd_and_kea_take_what_is_written_for_them(tmp_path: Path) -> None:
    isc, kea = tmp_path / "dhcpd.conf", tmp_path / "kea.conf"
    isc.write_text(dhcp.isc(ALL, ADDRESSES))
    kea.write_text(json.dumps({"Dhcp4": json.loads(dhcp.kea(ALL, ADDRESSES))}))
    dhcpd = need.program("dhcpd", "isc-dhcp-server")
    for command in ([dhcpd, "-t", "-cf", isc], [need.program("kea-dhcp4", "kea-dhcp4-server"), "-t", kea]):
        read = subprocess.run(command, check=False, capture_output=True, text=True)
        assert read.returncode == 0, read.stdout + read.stderr


def test_the_command_prints_the_lines_of_the_vendors_that_are_expected(
    expecting: Office, plaza: Type
) -> None:
    code, _, err = plaza("adopt dhcp 08019-plaza --controller 10.0.0.5")
    assert code == 2
    assert "no expected device here looks for a controller by DHCP (platforms: openwrt)" in err
    other = (
        ENTRY.replace(NAME, "ap-ruckus").replace("127.0.0.1", "127.0.0.9").replace(MAC, "02:00:5e:10:00:09")
    )
    expecting.inventory.write_text(
        expecting.inventory.read_text() + other.replace("}", ", platform: ruckus_sz, poll: snmp, ssids: []}")
    )
    code, out, err = plaza("adopt dhcp 08019-plaza --controller 10.0.0.5")
    assert code == 0, err
    assert out == dhcp.dnsmasq([RUCKUS], [IPv4Address("10.0.0.5")])
    code, _, err = plaza("adopt dhcp 08019-plaza --controller ten")
    assert code == 2
    assert "write an IPv4 address" in err
