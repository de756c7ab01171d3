"""What a site's gateway is handed is what the gateway program reads."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway import bundle, config
from captive_portal.gateway.config import Uplink
from captive_portal.gateway.policy import Away, unseal
from controller.demo import make_secrets
from controller.inventory import load
from tests.town import Town, town

BUILD = ("gateway", "build", "08027-plaza")
DOORS = (
    "--lan",
    "br-lan",
    "--wan",
    "eth1",
    "--portal-at",
    "203.0.113.10:443",
    "--management",
    "10.7.27.0/24",
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.1") as made:
        file = tmp_path / "inventory.yaml"
        file.write_text(file.read_text().replace(made.gateway_url, "http://10.8.27.1:2060"))
        make_secrets(load(file), tmp_path / "var" / "secrets")
        made.environ["PLAZA_PORTAL_URL"] = "https://portal.example.gob.mx"
        made.environ["PLAZA_EDGE_URL"] = "https://edge.example.gob.mx"
        yield made


def test_a_site_gets_one_file_with_its_configuration_its_key_and_the_program(place: Town) -> None:
    said = place.plaza(*BUILD, *DOORS)
    assert said.returncode == 0, said.stderr
    assert "holds the key of 08027-plaza: give it to nobody else" in said.stdout
    assert "python3 plaza-gateway.pyz install" in said.stdout
    pyz = place.directory / "plaza-gateway.pyz"
    assert stat.S_IMODE(pyz.stat().st_mode) == 0o600
    root = place.directory / "root"
    (root / "etc").mkdir(parents=True)
    argv = [sys.executable, "-I", "-S", str(pyz), "install", "--yes", "--root", str(root)]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    file = root / "etc/plaza-gateway/gateway.toml"
    file.write_text(file.read_text().replace("/var/lib", str(root / "var/lib")))
    read = config.load(file)
    assert read.territory is not None
    assert (read.territory.lan, read.territory.wan) == ("br-lan", "eth1")
    assert read.territory.garden == (("203.0.113.10", 443),)
    assert read.site.key.hex() not in said.stdout + ran.stdout
    assert read.policy is not None
    first = unseal(read.site.names, "08027-plaza", read.policy)
    assert (first.site, first.when_controller_away) == ("08027-plaza", Away.CLOSED)
    assert (read.network, read.uplink) == (None, Uplink(25_000, 5_000)), "the line is the site's uplink"


def test_the_guests_network_and_the_line_are_the_inventorys_unless_named(place: Town) -> None:
    file = place.directory / "inventory.yaml"
    block = "  gateway: {guests: 10.8.27.0/24, line: {down_kbps: 50000, up_kbps: 5000}, ipv6: admit}\n"
    file.write_text(file.read_text().replace("defaults:\n", f"defaults:\n{block}", 1))

    def built(*more: str) -> config.Config:
        said = place.plaza(*BUILD, "-o", "box", *DOORS, *more)
        assert said.returncode == 0, said.stderr
        held = bundle.held(place.directory / "box")
        assert held is not None
        aside = place.directory / "aside"
        aside.mkdir(exist_ok=True)
        for name, text in held.named.items():
            (aside / Path(name).name).write_text(text)
            (aside / Path(name).name).chmod(0o600)
        return config.load(aside / "gateway.toml")

    read = built()
    assert read.network is not None
    assert (str(read.network.guests), read.uplink) == ("10.8.27.0/24", Uplink(50_000, 5_000))
    assert read.policy is not None
    assert unseal(read.site.names, "08027-plaza", read.policy).ipv6
    named = built("--guests", "10.8.0.0/18")
    assert named.network is not None
    assert str(named.network.guests) == "10.8.0.0/18"
    refused = place.plaza(*BUILD, "-o", "box", *DOORS, "--guests", "10.9.0.0/24")
    assert refused.stderr == (
        "site 08027-plaza: network.guests: 10.9.0.0/24 does not hold 10.8.27.1, where we listen\n"
    )


def test_what_the_program_would_refuse_is_refused_here(place: Town) -> None:
    said = place.plaza(
        *BUILD, "-o", "box", "--lan", "br-lan", "--wan", "eth1", "--portal-at", "portal.example"
    )
    assert said.returncode == 2
    assert said.stderr.startswith("site 08027-plaza: garden")
    assert "Traceback" not in said.stderr
    assert [path.name for path in place.directory.iterdir() if "box" in path.name] == []


def test_a_site_that_is_not_there_is_named(place: Town) -> None:
    said = place.plaza("gateway", "build", "08099-plaza", *DOORS)
    assert said.returncode == 2
    assert "08099-plaza" in said.stderr


def test_an_address_that_only_this_machine_reaches_is_refused(place: Town) -> None:
    del place.environ["PLAZA_PORTAL_URL"]
    said = place.plaza(*BUILD, "-o", "box", *DOORS)
    assert said.returncode == 2
    assert "PLAZA_PORTAL_URL" in said.stderr
    assert not (place.directory / "box").exists()


OTHERS = {
    "opennds": "kind: opennds, hosts: [10.8.27.1:2050], credentials: shared",
    "mikrotik": "kind: mikrotik, hosts: [wifi.example.mx], credentials: shared",
}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_site_of_another_kind_is_told_where_its_gateway_is_described_and_nothing_is_written(
    place: Town, kind: str
) -> None:
    file = place.directory / "inventory.yaml"
    text = file.read_text().replace("portal: {gateway_url", f"portal: {{{OTHERS[kind]}, gateway_url")
    shared = "  shared: {kind: portal, secret: ref+env:SHARED}\ndefaults:"
    file.write_text(text.replace("defaults:", shared, 1))
    said = place.plaza(*BUILD, "-o", "box", *DOORS)
    assert said.returncode == 2
    assert said.stderr == f"site 08027-plaza: this site's gateway is {kind}; see docs/portal-kinds.md\n"
    assert not (place.directory / "box").exists()


def test_a_second_time_it_is_written_anew_and_a_failure_leaves_what_was_there(place: Town) -> None:
    assert place.plaza(*BUILD, "-o", "box", *DOORS).returncode == 0
    box = place.directory / "box"
    before = box.read_bytes()
    assert place.plaza(*BUILD, "-o", "box", *DOORS, "--management", "nonsense").returncode == 2
    assert box.read_bytes() == before
    assert place.plaza(*BUILD, "-o", "box", *DOORS, "--management", "10.9.0.0/16").returncode == 0
    held = bundle.held(box)
    assert held is not None
    assert "10.9.0.0/16" in held.config


def test_a_file_that_cannot_be_made_is_one_line(place: Town) -> None:
    said = place.plaza(*BUILD, "-o", "nowhere/box", *DOORS)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert said.stderr.startswith("nowhere/box: No such file or directory")
