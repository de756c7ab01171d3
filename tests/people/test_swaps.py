"""Another box in a device's place, and a device that was stolen."""

from pathlib import Path

import pytest
from sqlalchemy import select

from controller import swaps
from controller.access import Pinning, pinned
from controller.app import utc_now
from controller.cli import spreading
from controller.errors import AdoptionError
from controller.rotation import carry, waiting
from controller.rotation.ledger import Accepts, Kind, Rotation, Step
from controller.store.tables import claims, config_versions
from tests.configure.device import WIRELESS, quickest
from tests.people.town import Town, town

SNMP = """
credentials:
  nms: {kind: snmp-v3, user: plaza, auth_key: ref+file:nms-auth, priv_key: ref+file:nms-priv}
  v2: {kind: snmp-v2c, community: ref+file:community}
"""


def shows(here: Town, name: str) -> str:
    return here.aps[name].host_key().fingerprint


def believed(here: Town, name: str) -> str:
    key = pinned(here.means().app.engine, name)
    return key.fingerprint if key else ""


def versions(here: Town, name: str) -> int:
    with here.means().app.engine.connect() as connection:
        return len(connection.execute(select(config_versions).where(config_versions.c.device == name)).all())


def test_another_box_is_believed_only_with_proof_and_becomes_what_the_old_one_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        assert here.plaza("apply ap-1 --yes")[0] == 0
        old, known = believed(here, "ap-1"), versions(here, "ap-1")
        here.aps["ap-1"].reinstall()
        (here.aps["ap-1"].root / "etc/config/wireless").write_text(WIRELESS)

        code, said = here.plaza("replace ap-1 --serial SN-2 --yes")
        assert code == 3, said
        assert "--fingerprint SHA256:" in said
        assert believed(here, "ap-1") == old
        assert "serial: SN-2" in (here.folder / "inventory.yaml").read_text()
        code, said = here.plaza(f"replace ap-1 --serial SN-2 --fingerprint {old} --yes")
        assert code == 2
        assert "nothing was pinned" in said
        assert believed(here, "ap-1") == old

        code, said = here.plaza(f"replace ap-1 --serial SN-2 --fingerprint {shows(here, 'ap-1')} --yes")
        assert code == 0, said
        assert believed(here, "ap-1") == shows(here, "ap-1")
        assert versions(here, "ap-1") > known
        assert here.plaza("diff ap-1")[0] == 0
        assert "device-replaced" in here.actions("ap-1")
        assert "host-key-pinned" in here.actions("ap-1")


def test_a_replacement_can_be_looked_at_before_and_needs_a_serial_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        before, key = (here.folder / "inventory.yaml").read_text(), believed(here, "ap-1")
        acts = here.actions()
        for empty in ("--serial=", "--serial= "):
            code, said = here.plaza(f"replace ap-1 {empty}")
            assert (code, "--serial is empty" in said) == (2, True)
        here.aps["ap-1"].reinstall()
        replace = "replace ap-1 --serial SN-2 --mac 02-00-5E-10-00-09 --check"
        code, said = here.plaza(replace)
        assert code == 3
        assert "serial not known, MAC not known would become serial SN-2, MAC 02:00:5e:10:00:09" in said
        assert "--fingerprint SHA256:" in said
        code, said = here.plaza(f"{replace} --fingerprint {shows(here, 'ap-1')}")
        assert (code, "would be pinned" in said) == (0, True)
        assert here.plaza(f"{replace} --fingerprint SHA256:other")[0] == 2
        assert here.plaza("replace ap-1 --serial SN-2 --mac zz --check")[0] == 2
        assert (here.folder / "inventory.yaml").read_text() == before
        assert (believed(here, "ap-1"), here.actions()) == (key, acts)


def test_a_box_that_used_a_claim_to_replace_needs_no_other_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        here.write_inventory(lambda text: text + "  ap-9: {site: 08019-plaza, address: 127.0.0.9}\n")
        script = tmp_path / "new-box.sh"
        command = f"replace ap-9 --serial SN-2 --mac 02:00:5E:10:00:09 --script {script} --yes"
        code, said = here.plaza(command)
        assert code == 3, said
        assert script.stat().st_mode & 0o777 == 0o600
        means = here.means()
        device = means.app.inventory.devices["ap-9"]
        assert (device.serial, device.mac) == ("SN-2", "02:00:5e:10:00:09")
        assert not swaps.was_claimed(means, device)
        with means.app.engine.begin() as connection:
            (row,) = connection.execute(select(claims)).all()
            assert (row.kind, row.mac) == ("replace", device.mac)
            connection.execute(claims.update().values(used_at=1))
        assert swaps.was_claimed(means, device)
        with means.app.engine.begin() as connection:
            connection.execute(claims.update().values(issued_at=row.issued_at - 60))
        assert not swaps.was_claimed(means, device), "it was for the box before"
        assert "claim-issued" in here.actions("ap-9")


def test_what_was_seen_of_the_old_box_is_no_evidence_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        boxes = "".join(f"  ap-{n}: {{site: 08019-plaza, address: 127.0.0.{n}}}\n" for n in (8, 9))
        here.write_inventory(lambda text: text + boxes)
        ledger = here.means().ledger
        rotation = ledger.begin("ana", Kind.PERSON, "left", ["ap-8", "ap-9"])
        for name in ("ap-8", "ap-9"):
            ledger.note(rotation, Step(name, Accepts.NEW, "it refuses the key", 17))
        assert here.plaza("replace ap-9 --serial SN-2 --yes")[0] == 3
        assert ledger.steps(rotation) == (
            Step("ap-8", Accepts.NEW, "it refuses the key", 17),
            Step("ap-9", Accepts.OLD, "another box took its place", 0),
        )
        assert "device-accepts-old" in here.actions("ap-9")


def test_a_secret_that_was_on_its_way_to_a_stolen_device_is_not_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        snmp = "  ssh: {credentials: aps-ssh}\n  snmp: {credentials: nms}\n"
        boxes = "".join(f"  ap-{n}: {{site: 08019-plaza, address: 127.0.0.{n}}}\n" for n in (8, 9))
        here.write_inventory(
            lambda text: (
                text.replace("\ncredentials:\n", SNMP, 1).replace("  ssh: {credentials: aps-ssh}\n", snmp, 1)
                + boxes
            )
        )
        for file in ("nms-auth", "nms-priv"):
            (here.secrets / file).write_text("canario-x-471111")
            (here.secrets / file).chmod(0o600)
        means = here.means()
        first = carry.begin(means, "nms", "yearly")
        known = (here.secrets / "nms-auth.next").read_text()

        def all_obey(rotation: Rotation, _agreed: object) -> Rotation:
            means = here.means()
            for accepts in (Accepts.BOTH, Accepts.NEW):
                means.ledger.note(rotation, Step("ap-8", accepts, "as asked", 1))
                rotation = carry.forward(means, rotation)
            return rotation

        monkeypatch.setattr(spreading, "go_on", lambda rotation, _agreed: rotation)
        code, said = here.plaza("stolen ap-9 --why robbery --yes")
        assert code == 3
        assert "another follows it" in said
        all_obey(first, None)
        assert (here.secrets / "nms-auth").read_text() == known
        waiting.carry_on(here.means().app)
        (second,) = here.means().ledger.running()
        assert second.id != first.id
        monkeypatch.setattr(spreading, "go_on", all_obey)
        assert here.plaza("stolen ap-9 --why robbery --yes")[0] == 3, "people must change what they share"
        assert not here.means().ledger.running()
        assert not carry.owed(here.means())
        assert (here.secrets / "nms-auth").read_text() != known


def test_a_stolen_device_that_others_are_reached_through_is_disbelieved_before_the_inventory_can_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        behind = "  ap-8: {site: 08019-plaza, address: 127.0.0.8, ssh: {jump: ap-1}}\n"
        here.write_inventory(lambda text: text + behind)
        code, said = here.plaza("stolen ap-1 --why robbery --yes")
        assert code == 2
        assert "its host key is never believed again and its open claims are void" in said
        assert "ap-8" in said
        assert "ap-1 is retired; its host key" not in said
        assert believed(here, "ap-1") == ""

        here.write_inventory(lambda text: text.replace(", ssh: {jump: ap-1}", ""))
        code, said = here.plaza("stolen ap-1 --why robbery --yes")
        assert code == 3, said
        assert "ap-1 is retired; its host key" in said
        assert "state: retired" in (here.folder / "inventory.yaml").read_text()


def test_a_stolen_device_is_shown_first_and_then_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        here.write_inventory(
            lambda text: text.replace("\ncredentials:\n", SNMP, 1).replace(
                "  ssh: {credentials: aps-ssh}", "  ssh: {credentials: aps-ssh}\n  snmp: {credentials: v2}", 1
            )
        )
        shown = shows(here, "ap-1")
        code, said = here.plaza("stolen ap-1 --why robbery", answer="n\n")
        assert code == 0
        assert "ap-1: will be retired, its host key never believed again, its open claims void" in said
        assert "is retired" not in said
        assert "aps-ssh: nothing to do: it held the public half only" in said
        assert "staff: a person must change it: write another passphrase into staff" in said
        assert "v2: a person must change it" in said
        assert "gateways: nothing to do" in said
        assert believed(here, "ap-1") == shown

        code, said = here.plaza("stolen ap-1 --why robbery --yes")
        assert code == 3, said
        assert believed(here, "ap-1") == ""
        assert "state: retired" in (here.folder / "inventory.yaml").read_text()
        means = here.means()
        pinning = Pinning(means.app.engine, means.ledger.audit_key, "tecnica")
        with pytest.raises(AdoptionError, match="which was stolen"):
            pinning.pin("ap-7", here.aps["ap-1"].host_key(), utc_now())
        assert all(not one.manage.revoked_keys for one in means.app.inventory.devices.values())
        assert here.plaza("stolen ap-1 --why robbery --yes")[0] == 3
        assert here.actions("ap-1").count("device-stolen") == 2


DERIVED = """
credentials:
  v2: {kind: snmp-v2c, community: "ref+derived:master#SCOPE"}
  office: {kind: wifi, passphrase: "ref+derived:master#SCOPE"}
"""
ELSEWHERE = """
municipalities:
  08052: {name: Ojinaga, seat: Ojinaga, zone: America/Ojinaga}
"""
SITES = """
sites:
  08019-parque: {municipality: 08019, name: Parque, lat: 28.6, lon: -106.2, opened_on: 2026-01-15}
  08052-plaza: {municipality: 08052, name: Plaza, lat: 29.5, lon: -104.4, opened_on: 2026-01-15}
"""
BOXES = """
devices:
  ap-7: {site: 08019-plaza, address: 127.0.0.7}
  ap-8: {site: 08019-parque, address: 127.0.0.8}
  ap-9: {site: 08052-plaza, address: 127.0.0.9}
"""


@pytest.mark.parametrize(
    ("scope", "devices", "changed"),
    [
        ("site", "site=08019-plaza", {"ap-6", "ap-7"}),
        ("municipality", "mun=08019", {"ap-6", "ap-7", "ap-8"}),
    ],
)
def test_what_a_thief_knows_of_one_level_is_changed_there_as_is_said_and_nowhere_else(
    scope: str,
    devices: str,
    changed: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def written(text: str) -> str:
        for more in (DERIVED.replace("SCOPE", scope), ELSEWHERE, SITES, BOXES):
            key = more.split("\n")[1]
            text = text.replace(f"\n{key}\n", more, 1)
        text = text.replace("passphrase: staff", "passphrase: office", 1)
        text += "  ap-6: {site: 08019-plaza, address: 127.0.0.6}\n"
        return text.replace("  profile: plaza\n", "  profile: plaza\n  snmp: {credentials: v2}\n", 1)

    def known(here: Town) -> dict[str, tuple[str, str]]:
        app = here.means().app
        found = {}
        for device in app.inventory.devices.values():
            secrets = app.secrets.of(device)
            (passphrase,) = {one.passphrase for one in device.ssids if one.passphrase} or {""}
            word = secrets.passphrase(passphrase).reveal() if passphrase else ""
            community = secrets.written_by_hand(device.snmp_credentials)["community"]
            found[device.name] = (community.reveal(), word)
        return found

    with town(tmp_path, monkeypatch, capsys, ()) as here:
        here.write_inventory(written)
        (here.secrets / "master").write_text("m" * 64)
        (here.secrets / "master").chmod(0o600)
        before = known(here)
        said = here.plaza("stolen ap-6 --why robbery", answer="n\n")[1]
        place = devices.partition("=")[2]
        lines = {line.partition(":")[0]: line for line in said.splitlines()}
        for name, level in {
            "v2": "`snmp: {credentials: v2-2}`, then write by hand at each device of " + devices,
            "office": "`passphrase: office-2` in its `ssids`",
        }.items():
            assert f"only {scope} {place} has the same, so leave the master" in lines[name]
            assert f"write {name}-2 with what {name} says" in lines[name]
            assert f"at {scope} {place} write {level}" in lines[name]
        assert f"plaza rollout start {devices} --why TEXT" in lines["office"]

        new = "snmp: {credentials: v2-2}, ssids: [{name: Personal, security: wpa3, passphrase: office-2}]"
        here.write_inventory(
            lambda text: (
                text.replace("\n  v2:", DERIVED.split("credentials:")[1].replace("SCOPE", scope) + "  v2:", 1)
                .replace("\n  v2:", "\n  v2-2:", 1)
                .replace("\n  office:", "\n  office-2:", 1)
                .replace(f"\n  {place}: {{", f"\n  {place}: {{{new}, ", 1)
            )
        )
        after = known(here)
        for name in ("ap-6", "ap-7", "ap-8", "ap-9"):
            assert [old != now for old, now in zip(before[name], after[name], strict=True)] == [
                name in changed
            ] * 2
        shown = here.plaza("credentials show v2-2 ap-7")[1]
        assert f"community: {after['ap-7'][0]}\n" in shown
