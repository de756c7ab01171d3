"""A configuration that is wrong gives one clear line."""

import json
from pathlib import Path

import pytest

from captive_portal.gateway.config import load
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.policy import Policy, seal, unseal
from tests.gateway import certificates
from tests.gateway.conftest import KEY, SITE, write_config

NFT = {"enforcer": "nft", "lan": "br-lan", "wan": "wan", "listen": "10.99.0.1:2060"}
TLS = {
    "listen": "10.99.0.1:8443",
    "certificate": "gateway.pem",
    "private_key": "gateway.key",
    "name": "gw.test",
}


def test_a_good_one_is_read_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    config = load(write_config(tmp_path))
    assert (config.site.site, config.site.key) == (SITE, KEY)
    assert config.listen == ("127.0.0.1", 2060)
    assert config.state_dir == tmp_path / "state"
    assert config.territory is None, "the ledger has no territory"
    assert (config.sync_s, config.idle_s) == (60, 1800)
    assert (config.network, config.policy, config.uplink.down_kbps) == (None, None, 0)


def test_the_filtering_enforcer_knows_its_territory(tmp_path: Path) -> None:
    certificates.write(tmp_path, "gw.test")
    given = {"garden": ["203.0.113.10:443"], "management": ["10.8.0.0/16", "fd00::/8"]}
    territory = load(write_config(tmp_path, **NFT, **given, tls=TLS)).territory
    assert territory is not None
    assert (territory.lan, territory.wan, territory.ports) == ("br-lan", "wan", (2060, 8443))
    assert territory.garden == (("203.0.113.10", 443),)
    assert territory.management == ("10.8.0.0/16", "fd00::/8")


def test_a_network_of_its_own_has_our_address_the_portals_name_and_ours(tmp_path: Path) -> None:
    certificates.write(tmp_path, "gw.test")
    given: dict[str, object] = {
        "garden": ["203.0.113.10:443"], "portal_url": "https://portal.example.mx", "tls": TLS,
        "network": {"guests": "10.99.0.0/20"}, "uplink": {"down_kbps": 20_000},
    }  # fmt: skip
    config = load(write_config(tmp_path, **NFT, **given))
    assert config.network is not None
    assert (str(config.network.address), str(config.network.guests)) == ("10.99.0.1", "10.99.0.0/20")
    assert config.network.fixed == (("portal.example.mx", "203.0.113.10"), ("gw.test", "10.99.0.1"))
    assert config.network.api == "https://gw.test:8443/capport"
    assert (config.network.lease_s, config.network.rpz) == (3600, None)
    assert (config.uplink.down_kbps, config.uplink.up_kbps) == (20_000, 0)


def test_a_key_of_a_later_epoch_signs_and_the_first_one_makes_pseudonyms(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    (tmp_path / "site.key").write_text(f"{'0a' * 32} 2 {'0b' * 32}\n")
    site = load(path).site
    assert (site.epoch, site.key, site.names) == (2, b"\x0b" * 32, b"\x0a" * 32)


def test_the_first_policy_is_read_beside_it_and_a_damaged_one_is_one_line(tmp_path: Path) -> None:
    signed = seal(KEY, Policy(SITE, 7, 1_800_000_000))
    (tmp_path / "policy.json").write_text(json.dumps(signed.told()))
    found = load(write_config(tmp_path, policy_file="policy.json")).policy
    assert found is not None
    assert unseal(KEY, SITE, found).serial == 7
    (tmp_path / "policy.json").write_text("[]")
    with pytest.raises(ConfigError, match="holds no policy; build the gateway again"):
        load(write_config(tmp_path, policy_file="policy.json"))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"site": None}, "site: is missing"),
        ({"site": "Plaza de Armas"}, "site: 'Plaza de Armas' is not a site key like 08019-plaza"),
        ({"listen": "localhost:80"}, "listen: 'localhost:80' is not IPv4:PORT"),
        ({"listen": "127.0.0.1"}, "listen: '127.0.0.1' is not IPv4:PORT"),
        ({"listen": "127.0.0.1:70000"}, "listen: '127.0.0.1:70000' is not IPv4:PORT"),
        ({"listen": 80}, "listen: write a text"),
        ({"portal_url": "portal"}, "portal_url: write http://HOST[:PORT] or https://HOST[:PORT]"),
        ({"portal_url": "http://[::1"}, "portal_url: write http://HOST[:PORT] or https://HOST[:PORT]"),
        ({"edge_url": "ftp://a/"}, "edge_url: write http://HOST[:PORT] or https://HOST[:PORT]"),
        ({"edge_url": "http://a:99999"}, "edge_url: write http://HOST[:PORT] or https://HOST[:PORT]"),
        ({"enforcer": "iptables"}, 'enforcer: write "nft" or "ledger"'),
        ({"network": {"guests": "10.0.0.0/20"}}, 'network: only the enforcer "nft" gives addresses'),
        (NFT | {"network": "10.0.0.0/20"}, "network: write a table, [network]"),
        (NFT | {"network": {}}, "network.guests: is missing"),
        (NFT | {"network": {"guests": "10.99.0.1/20"}}, "network.guests: 10.99.0.1/20 has host bits set"),
        (NFT | {"network": {"guests": "10.0.0.0/8"}}, "network.guests: 10.0.0.0/8 is no network of /16"),
        (
            NFT | {"network": {"guests": "10.98.0.0/20"}},
            "network.guests: 10.98.0.0/20 does not hold 10.99.0.1",
        ),
        (NFT | {"wan": "br-lan"}, "wan: br-lan is the guests' interface: write the one towards the Internet"),
        (
            NFT | {"network": {"guests": "10.99.0.0/20"}, "management": ["10.99.3.0/24"]},
            "network.guests: 10.99.0.0/20 holds the management network 10.99.3.0/24; take another",
        ),
        (
            NFT | {"network": {"guests": "10.99.0.0/20", "lease_s": 5}},
            "network.lease_s: write seconds, at least 120 and at most 86400",
        ),
        ({"uplink": {"down_kbps": -1}}, "uplink.down_kbps: write kbit/s, at most 10000000; 0 is not known"),
        ({"policy_file": "no"}, "policy_file: {dir}/no: No such file or directory"),
        ({"idle_s": 0}, "idle_s: write seconds, more than 0 and at most 3600"),
        ({"sync_s": 0}, "sync_s: write seconds, more than 0 and at most 3600"),
        ({"sync_s": "10"}, "sync_s: write seconds, more than 0 and at most 3600"),
        ({"garden": ["10.0.0.1"]}, "garden[0]: '10.0.0.1' is not IPv4:PORT"),
        ({"garden": "10.0.0.1:80"}, "garden: write a list of texts"),
        ({"management": ["10.0.0.1/8"]}, "management[0]: 10.0.0.1/8 has host bits set, write a network like"),
        (
            {"management": ["10.0.0.0/8"], "garden": ["10.1.2.3:80"]},
            "garden: 10.1.2.3:80 is a management address, which guests never reach",
        ),
        ({"enforcer": "nft", "wan": "wan"}, "lan: is missing"),
        (NFT | {"lan": 'x" accept #'}, "lan: 'x\" accept #' is not the name of an interface"),
        (NFT | {"listen": "0.0.0.0:2060"}, "listen: write the gateway's own address on the guests' side"),
        ({"portal": "http://x"}, "portal: unknown, known are boot_id_file, edge_url"),
        ({"tls": "yes"}, "tls: write a table, [tls]"),
        ({"tls": TLS}, "tls.private_key: {dir}/gateway.key: No such file or directory"),
        ({"tls": TLS | {"nmae": "x"}}, "tls.nmae: unknown, known are certificate, listen, name, private_key"),
        ({"key_file": "no.key"}, "key_file: {dir}/no.key: No such file or directory"),
        ({"state_dir": "site.key"}, "state_dir: {dir}/site.key: File exists"),
        ({"boot_id_file": "no"}, "boot_id_file: {dir}/no is not there"),
    ],
)
def test_each_mistake_is_one_line_that_says_how_to_mend_it(
    tmp_path: Path, changed: dict[str, object], line: str
) -> None:
    path = write_config(tmp_path, **changed)
    with pytest.raises(ConfigError) as wrong:
        load(path)
    said = str(wrong.value)
    assert said.startswith(f"{path}: {line.replace('{dir}', str(tmp_path))}"), said
    assert "\n" not in said


def test_a_file_that_is_not_toml_or_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    with pytest.raises(ConfigError, match="No such file or directory"):
        load(path)
    path.write_text("site = ")
    with pytest.raises(ConfigError, match="not TOML"):
        load(path)


def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    (tmp_path / "site.key").chmod(0o644)
    with pytest.raises(ConfigError, match=f"can be read by others: chmod 600 {tmp_path}/site.key"):
        load(path)


def test_a_damaged_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    (tmp_path / "site.key").write_text("s3cret")
    with pytest.raises(ConfigError, match="does not hold 64 hex digits") as wrong:
        load(path)
    assert "s3cret" not in str(wrong.value)


def test_the_key_is_in_no_repr(tmp_path: Path) -> None:
    assert "key" not in repr(load(write_config(tmp_path)).site)


def test_a_certificate_that_does_not_belong_to_its_key_is_refused(tmp_path: Path) -> None:
    certificates.write(tmp_path, "gw.test")
    key = (tmp_path / "gateway.key").read_bytes()
    certificates.write(tmp_path, "gw.test")
    (tmp_path / "gateway.key").write_bytes(key)
    with pytest.raises(ConfigError, match=r"tls\.certificate: "):
        load(write_config(tmp_path, tls=TLS))
