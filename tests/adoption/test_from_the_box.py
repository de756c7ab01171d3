"""From a box to the first sample: a factory-fresh access point, real scripts, and what a technician types."""

import re
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import inventory
from controller.access import pinned
from controller.app import build
from controller.settings import load
from controller.store.tables import audit, device_facts
from tests.adoption.between import somebody_between
from tests.adoption.conftest import Type
from tests.adoption.factory import NAME, Office, box, edge, first_boot
from tests.configure.device import Ap, proc, wait_until
from tests.configure.openwrt import with_rpcd

CSV = f"""\
nombre,sitio,direccion,mac,serie,modelo,lugar
{NAME},08019-plaza,127.0.0.1,02-00-5E-10-00-01,S-77,Acme uno,"Quiosco, lado norte"
"""


def test_a_box_is_adopted_configured_and_gives_its_first_sample(
    empty: Office, plaza: Type, tmp_path: Path
) -> None:
    (empty.folder / "nuevos.csv").write_text(CSV)
    typed: list[str] = []

    def technician(command: str) -> str:
        typed.append(command)
        code, out, err = plaza(command)
        assert code == 0, out + err
        return out + err

    began = time.monotonic()
    with box(tmp_path, empty.port) as ap, edge(empty):
        with_rpcd(ap)
        technician("adopt csv nuevos.csv")
        technician(f"adopt script {NAME} --out 99-plaza")
        (ap.root / "etc/uci-defaults/99-plaza").write_text((empty.folder / "99-plaza").read_text())
        first_boot(ap)
        wait_until("it was taken in", lambda: not (ap.root / "etc/plaza/claim").exists())
        assert "claimed, and in staging now: ap-nueva" in technician("adopt status")
        technician(f"apply {NAME} --yes")
        assert "it answers" in technician(f"adopt done {NAME}")
        took_s = time.monotonic() - began
        assert ap.option("system.@system[0].hostname") == NAME
        keys = (ap.root / "etc/dropbear/authorized_keys").read_text().splitlines()
    assert len(keys) == len(set(keys)) == 1
    assert not list((ap.root / "etc/rc.d").glob("*claim*"))
    assert not list((ap.root / "etc/uci-defaults").iterdir())
    assert len(typed) == 5
    assert took_s < 300, "all waiting of the technician together"
    loaded = inventory.load(empty.inventory)
    assert loaded.devices[NAME].state.value == "active"
    assert loaded.devices[NAME].labels["where"] == "Quiosco, lado norte"
    app = build(load({}, empty.folder))
    with app.engine.connect() as connection:
        actions = [row.action for row in connection.execute(select(audit).order_by(audit.c.seq))]
        facts = connection.execute(select(device_facts)).one()
    told = ["claim-issued", "claimed", "host-key-pinned", "state-changed"]
    assert [action for action in actions if action in told] == [*told, "state-changed"]
    assert (facts.device, facts.version) == (NAME, "23.05.5")
    assert pinned(app.engine, NAME) is not None


def test_a_script_in_another_box_gets_nothing_and_changes_nothing(
    expecting: Office, plaza: Type, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with box(tmp_path, expecting.port, mac="02:00:5e:99:99:99") as ap, edge(expecting):
        plaza(f"adopt script {NAME} --out 99-plaza")
        before = ap.configuration()
        (ap.root / "etc/uci-defaults/99-plaza").write_text((expecting.folder / "99-plaza").read_text())
        first_boot(ap)
        wait_until("it was refused", lambda: "claim refused" in caplog.text)
        assert ap.configuration() == before
        assert not (ap.root / "etc/dropbear/authorized_keys").exists()
    assert "waits for its first boot" in plaza("adopt status")[1]


def asking(ap: Ap) -> bool:
    """Whether a request of the box is under way."""
    commands = [proc(pid, "cmdline") for pid in ap.server.processes(ap.root)]
    return any(b"wget" in command for command in commands) or not any(
        b"sleep" in command for command in commands
    )


def test_who_stands_in_between_plants_no_key_and_hears_no_token(
    expecting: Office, plaza: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with somebody_between(expecting.url) as thief, box(tmp_path, expecting.port) as ap, edge(expecting):
        monkeypatch.setenv("PLAZA_EDGE_URL", thief.url)
        plaza(f"adopt script {NAME} --out 99-plaza")
        script = (expecting.folder / "99-plaza").read_text()
        (ap.root / "etc/uci-defaults/99-plaza").write_text(script)
        first_boot(ap)
        wait_until("it was answered", lambda: thief.answered > 0)
        wait_until("it knows the answer", lambda: not asking(ap))
        assert not (ap.root / "etc/dropbear/authorized_keys").exists()
    secrets = re.findall(r"^(?:INNER|OUTER)='(.*)'$", script, re.MULTILINE)
    assert len(secrets) == 2
    assert not any(secret.encode() in body for secret in secrets for body in thief.heard)
    assert "waits for its first boot" in plaza("adopt status")[1]


def test_a_box_without_a_network_asks_again_after_the_next_boot(
    expecting: Office, plaza: Type, tmp_path: Path
) -> None:
    with box(tmp_path, expecting.port) as ap:
        plaza(f"adopt script {NAME} --out 99-plaza")
        (ap.root / "etc/uci-defaults/99-plaza").write_text((expecting.folder / "99-plaza").read_text())
        first_boot(ap)
        assert not list((ap.root / "etc/uci-defaults").iterdir())
        ap.lose_power()
        (ap.root / "tmp/sysinfo").mkdir()
        with edge(expecting):
            ap.boot()
            wait_until("it was taken in", lambda: not (ap.root / "etc/plaza/claim").exists())
    assert "plaza apply ap-nueva" in plaza("adopt status")[1]


def test_after_a_day_the_box_forgets_its_token(expecting: Office, plaza: Type, tmp_path: Path) -> None:
    with box(tmp_path, expecting.port) as ap:
        plaza(f"adopt script {NAME} --out 99-plaza")
        script = (expecting.folder / "99-plaza").read_text()
        script = re.sub(r"^EXPIRES=.*", "EXPIRES=1", script, flags=re.MULTILINE)
        (ap.root / "etc/uci-defaults/99-plaza").write_text(script)
        first_boot(ap)
        wait_until("it gave up", lambda: not (ap.root / "etc/plaza/claim").exists())
        assert not list((ap.root / "etc/rc.d").glob("*claim*"))
        assert not (ap.root / "etc/dropbear/authorized_keys").exists()


def test_a_box_that_is_still_expected_is_not_sent_to_apply_which_leaves_it_alone(
    expecting: Office, plaza: Type
) -> None:
    code, _, err = plaza(f"adopt done {NAME}")
    assert code == 2
    assert "`plaza adopt status` tells what it waits for; do that first, then try again" in err
    assert "plaza apply" not in err
