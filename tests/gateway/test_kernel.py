"""The kernel's settings for a network of strangers: made, put back to the letter, and how much is used."""

from pathlib import Path

import pytest

from captive_portal.gateway import kernel
from tests.gateway.town import Town, wait_for

LOOSE = {
    "net/ipv4/conf/br-lan/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "1",
    "net/ipv4/conf/wan/accept_redirects": "1",
    "net/ipv4/conf/br-lan/accept_source_route": "1",
    "net/ipv6/conf/br-lan/accept_ra": "2",
    "net/ipv4/neigh/default/gc_thresh3": "1024",
    "net/ipv6/neigh/default/gc_thresh1": "100000",
    "net/netfilter/nf_conntrack_max": "16384",
    "net/netfilter/nf_conntrack_tcp_timeout_established": "432000",
    "net/bridge/bridge-nf-call-iptables": "1",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Some settings as files, as a kernel has them that lacks the others."""
    for name, value in LOOSE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    return tmp_path


def test_what_is_loose_is_set_and_what_is_ample_or_strict_stays(root: Path) -> None:
    assert kernel.settle("br-lan", "wan", root) == ()
    now = kernel.found("br-lan", "wan", root)
    assert {name: value for name, value in now.items() if not value.isdigit()} == {}
    assert now["net/ipv4/conf/br-lan/rp_filter"] == "1"
    assert now["net/ipv4/neigh/default/gc_thresh3"] == str(kernel.NEIGHBOURS[2])
    assert now["net/ipv6/neigh/default/gc_thresh1"] == "100000", "more than we ask for"
    assert int(now["net/netfilter/nf_conntrack_max"]) >= kernel.CONNECTIONS[0]
    assert now["net/netfilter/nf_conntrack_tcp_timeout_established"] == str(kernel.ESTABLISHED_S)
    assert {now[name] for name in LOOSE if "redirects" in name or "route" in name or "_ra" in name} == {"0"}
    assert now.keys() == LOOSE.keys(), "what is not there is not made"


def test_restored_all_is_as_it_was_to_the_letter(root: Path) -> None:
    before = kernel.found("br-lan", "wan", root)
    assert before == LOOSE
    kernel.settle("br-lan", "wan", root)
    (root / "net/ipv4/conf/wan/accept_redirects").unlink()  # its interface went meanwhile
    assert kernel.restore(before, root) == ()
    assert kernel.found("br-lan", "wan", root) == {
        name: value for name, value in LOOSE.items() if "conf/wan" not in name
    }


def test_a_small_box_remembers_fewer_connections_than_a_large_one() -> None:
    def most(memory_kb: int) -> int:
        settings = kernel.wanted("lan", "wan", memory_kb)
        return next(one.value for one in settings if one.name.endswith("conntrack_max"))

    assert [most(kb) for kb in (128 << 10, 1 << 20, 64 << 20)] == [65_536, 131_072, 262_144]


def test_how_much_is_used_is_told_in_numbers(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/arp").write_text("IP address  HW type\n10.0.0.1 0x1\n10.0.0.2 0x1\n")
    (tmp_path / "meminfo").write_text("MemTotal:  131072 kB\nMemAvailable:   51200 kB\n")
    (tmp_path / "loadavg").write_text("0.50 0.40 0.30 1/99 4711\n")
    used = kernel.usage(tmp_path)
    assert used.pop("load_pct") <= 50
    assert used == {"memory_kb": 51200, "neighbours": 2}, "what this kernel does not tell is left out"
    assert kernel.usage().keys() >= {"memory_kb", "neighbours", "load_pct"}


@pytest.mark.root
def test_the_gateway_makes_them_at_start_and_again_when_somebody_changes_them(square: Town) -> None:
    def set_to(*settings: str) -> None:
        square.inside("gateway", "sysctl", "-qw", *settings)

    def get(name: str) -> str:
        return square.inside("gateway", "sysctl", "-n", name).strip()

    square.stop_gateway()
    set_to("net.ipv4.conf.br-lan.rp_filter=0", "net.ipv4.conf.wan.accept_redirects=1")
    set_to("net.ipv6.conf.br-lan.accept_ra=2")
    square.start_gateway()
    assert [get(f"net.ipv4.conf.{one}") for one in ("br-lan.rp_filter", "wan.accept_redirects")] == ["1", "0"]
    assert get("net.ipv6.conf.br-lan.accept_ra") == "0"
    set_to("net.ipv4.conf.br-lan.rp_filter=0")
    wait_for(lambda: get("net.ipv4.conf.br-lan.rp_filter") == "1", "the setting")
