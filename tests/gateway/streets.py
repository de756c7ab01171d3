"""The network of the town square, in namespaces of its own.

    phone1, phone2 -- br-lan 10.99.0.1/24 [gateway] wan 198.51.100.2 -- [internet]

The access point isolates its guests, as a real one must: the ports of the bridge are isolated.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

LAN, LAN6 = "10.99.0.1", "2001:db8:99::1"
WEB, WEB6 = "203.0.113.80", "2001:db8:80::80"
PORTAL = "203.0.113.10"
SECRETS = {
    "private": "192.168.77.7",
    "private-10": "10.66.0.6",
    "cgnat": "100.64.9.9",
    "link-local": "169.254.7.7",
    "management": "203.0.113.200",
    "tunnel": "203.0.113.90",
}
PHONES = {"phone1": "02:ca:fe:5e:00:01", "phone2": "02:ca:fe:5e:00:02"}
PLACES = (*PHONES, "gateway", "internet")


def namespace(tag: str, name: str) -> str:
    return f"{tag}-{name}"


def run(*command: str, text: str = "", check: bool = True) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def ip(where: str, command: str) -> None:
    run("ip", "-n", where, *command.split())


def build(tag: str) -> None:
    for name in PLACES:
        run("ip", "netns", "add", namespace(tag, name))
        ip(namespace(tag, name), "link set lo up")
    _gateway(tag)
    _internet(tag)
    for name in PHONES:
        resolver = Path("/etc/netns") / namespace(tag, name)
        resolver.mkdir(parents=True)
        (resolver / "resolv.conf").write_text(f"nameserver {LAN}\n")


def remove(tag: str) -> None:
    """Everything, and every program in it; also what was built only in part."""
    for name in PLACES:
        for pid in run("ip", "netns", "pids", namespace(tag, name), check=False).split():
            os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "delete", namespace(tag, name), check=False)
        shutil.rmtree(Path("/etc/netns") / namespace(tag, name), ignore_errors=True)


def _gateway(tag: str) -> None:
    gateway = namespace(tag, "gateway")
    ip(gateway, "link add br-lan type bridge")
    ip(gateway, f"addr add {LAN}/24 dev br-lan")
    ip(gateway, f"addr add {LAN6}/64 dev br-lan nodad")
    ip(gateway, "link set br-lan up")
    for number, (name, mac) in enumerate(PHONES.items(), 1):
        phone = namespace(tag, name)
        ip(phone, f"link add eth0 address {mac} type veth peer name port{number} netns {gateway}")
        ip(gateway, f"link set port{number} master br-lan up")
        ip(gateway, f"link set port{number} type bridge_slave isolated on")
        ip(phone, "link set eth0 up")
        ip(phone, f"addr add 2001:db8:99::{number + 1}/64 dev eth0 nodad")
        ip(phone, f"-6 route add default via {LAN6}")
    forwarding = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    no_shortcuts = ("net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.br-lan.send_redirects=0")
    run("ip", "netns", "exec", gateway, "sysctl", "-qw", *forwarding, *no_shortcuts)


def _internet(tag: str) -> None:
    gateway, internet = namespace(tag, "gateway"), namespace(tag, "internet")
    ip(gateway, f"link add wan type veth peer name up0 netns {internet}")
    ip(gateway, "addr add 198.51.100.2/30 dev wan")
    ip(gateway, "addr add 2001:db8:1::2/64 dev wan nodad")
    ip(gateway, "link set wan up")
    ip(internet, "addr add 198.51.100.1/30 dev up0")
    ip(internet, "addr add 2001:db8:1::1/64 dev up0 nodad")
    ip(internet, "link set up0 up")
    for address in (WEB, PORTAL, *SECRETS.values()):
        ip(internet, f"addr add {address}/32 dev lo")
    ip(internet, f"addr add {WEB6}/128 dev lo nodad")
    # a tunnel to the office: not the Internet, whatever its addresses
    ip(gateway, f"link add tunnel type veth peer name office netns {internet}")
    ip(gateway, "addr add 198.51.100.6/30 dev tunnel")
    ip(gateway, "link set tunnel up")
    ip(internet, "addr add 198.51.100.5/30 dev office")
    ip(internet, "link set office up")
    ip(gateway, f"route add {SECRETS['tunnel']} via 198.51.100.5")
    ip(gateway, "route add default via 198.51.100.1")
    ip(gateway, "-6 route add default via 2001:db8:1::1")
    ip(internet, "route add 10.99.0.0/24 via 198.51.100.2")
    ip(internet, "-6 route add 2001:db8:99::/64 via 2001:db8:1::2")
