"""A RouterOS device runs its whole script of the first boot: our simulator's, against a real edge.

The simulator obeys the script language as MikroTik's manual tells it; what a device does was never compared.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from sqlalchemy import select

from controller.access import pinned
from controller.app import build
from controller.settings import load
from controller.store.tables import audit, device_facts
from drivers import ssh
from drivers.errors import AuthFailed
from drivers.model import Device, Endpoint, Role, Secret, SshLogin
from simulator.vendors.device import Box
from simulator.vendors.routeros import BOARD, SERIAL, RouterOs
from simulator.vendors.routeros_startup import hand_made
from simulator.vendors.server import VendorServer
from tests.adoption.between import somebody_between
from tests.adoption.conftest import Type
from tests.adoption.factory import ENTRY, NAME, Office, edge, office
from tests.configure.device import wait_until

FACTORY = SshLogin("root", password=Secret("as-on-the-label"))


class Mikrotik:
    """From its box: the technician is in by the password of its label."""

    def __init__(self, server: VendorServer, fake: RouterOs) -> None:
        self.server = server
        self.fake = fake
        at = Endpoint("127.0.0.1", server.port)
        self.device = Device(NAME, Role.AP, "08019", "08019-plaza", "mikrotik_routeros", "x", at, at, at)
        self.host_key = ssh.fetch_host_key(self.device)

    def imports(self, script: str) -> str:
        """Copy a file onto it and type /import; what it says."""
        with self.fake.box.lock:
            self.fake.empty("plaza.rsc")
            self.fake.put("plaza.rsc", 0, script.encode())
        with ssh.connect(self.device, FACTORY, self.host_key) as session:
            return session.ask("/import plaza.rsc", 60).stdout.replace("\r", "")

    def has(self, menu: str, where: tuple[str, str], name: str = "name") -> str:
        """A property of an item."""
        return self.fake.value(menu, name, where)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """One expected access point of MikroTik's."""
    made = office(tmp_path / "work", ENTRY.replace("}", ", platform: mikrotik_routeros}"))
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def mikrotik(desk: Office) -> Iterator[Mikrotik]:
    """A minute of it is half a second."""
    fake = RouterOs(Box(minute_s=0.5))
    hand_made(fake)
    at, password = ("127.0.0.1", desk.port), "as-on-the-label"
    with VendorServer(fake, user="root", password=password, at=at) as server:
        shown = serialization.load_ssh_public_key(server.public_key.encode())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        fake.host_key = shown.public_bytes(serialization.Encoding.PEM, form).decode()
        yield Mikrotik(server, fake)


def script_of(desk: Office, plaza: Type) -> str:
    code, _, err = plaza(f"adopt script {NAME} --out plaza.rsc")
    assert code == 0, err
    return (desk.folder / "plaza.rsc").read_text()


def test_from_its_box_to_claimed_with_its_facts_its_host_key_and_our_key(
    desk: Office, plaza: Type, mikrotik: Mikrotik
) -> None:
    script = script_of(desk, plaza)
    with edge(desk):
        said = mikrotik.imports(script)
    assert said == "Script file loaded and executed successfully\n"
    assert f"claimed, and in staging now: {NAME}" in plaza("adopt status")[2]
    app = build(load({}, desk.folder))
    with app.engine.connect() as connection:
        facts = connection.execute(select(device_facts)).one()
        told = [row.action for row in connection.execute(select(audit).order_by(audit.c.seq))]
    assert (facts.device, facts.model, facts.serial) == (NAME, BOARD, SERIAL)
    assert facts.version == "7.16.2 (stable)"
    assert [one for one in told if one.startswith(("claim", "host"))] == [
        "claim-issued",
        "claimed",
        "host-key-pinned",
    ]
    assert pinned(app.engine, NAME) == mikrotik.host_key

    with pytest.raises(AuthFailed):
        mikrotik.imports(script)
    code, out, err = plaza(f"diff {NAME}")
    assert code == 3, err
    assert "Chihuahua Gratis" in out, "it was read, with our key alone"
    assert mikrotik.has("system identity", ("name", NAME)) == NAME
    assert mikrotik.has("user", ("name", "root"), "group") == "full"
    for menu in ("system script", "system scheduler"):
        assert mikrotik.has(menu, ("name", "plaza-claim")) == ""
    assert mikrotik.fake.globals == {}
    assert [one["name"] for one in mikrotik.fake.files()] == ["plaza.rsc"]


def test_it_asks_again_by_itself_until_the_edge_is_there(
    desk: Office, plaza: Type, mikrotik: Mikrotik
) -> None:
    script = script_of(desk, plaza)
    assert "failure: connection timeout" in mikrotik.imports(script)
    assert mikrotik.has("user ssh-keys", ("user", "root"), "key") == ""
    wait_until("it tried twice", lambda: mikrotik.fake.globals.get("plazaClaimTries") in range(2, 1000))
    with edge(desk):
        wait_until("it was taken in", lambda: not mikrotik.has("system script", ("name", "plaza-claim")))
    assert f"claimed, and in staging now: {NAME}" in plaza("adopt status")[2]


def test_another_box_of_the_kind_asks_nobody(desk: Office, plaza: Type, mikrotik: Mikrotik) -> None:
    (interface,) = mikrotik.fake.config.items("interface")
    interface["values"]["mac-address"] = "02:00:5E:99:99:99"
    with edge(desk):
        assert "this is not the device with that MAC" in mikrotik.imports(script_of(desk, plaza))
    assert mikrotik.has("user ssh-keys", ("user", "root"), "key") == ""
    assert "waits for its first boot" in plaza("adopt status")[1]


def test_who_stands_in_between_plants_no_key_in_it_either(
    desk: Office, plaza: Type, mikrotik: Mikrotik, monkeypatch: pytest.MonkeyPatch
) -> None:
    with somebody_between(desk.url) as thief, edge(desk):
        monkeypatch.setenv("PLAZA_EDGE_URL", thief.url)
        assert "somebody else answered" in mikrotik.imports(script_of(desk, plaza))
    assert thief.answered > 0
    assert mikrotik.has("user ssh-keys", ("user", "root"), "key") == ""


def test_what_others_wrote_there_stays(desk: Office, plaza: Type, mikrotik: Mikrotik) -> None:
    theirs = {"user": "tecnica", "key": "ssh-ed25519 AAAA hers", "comment": "adopted by plaza"}
    mikrotik.fake.config.put("user ssh-keys", theirs)
    with edge(desk):
        mikrotik.imports(script_of(desk, plaza))
    assert mikrotik.has("user ssh-keys", ("user", "tecnica"), "key") == theirs["key"]
    assert mikrotik.has("user ssh-keys", ("user", "root"), "key").startswith("ssh-ed25519 ")
