"""An edit of inventory.yaml changes the lines that are meant, and no other octet."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller import inventory, inventory_yaml
from controller.errors import ControllerError, InventoryError
from controller.inventory_edit import add_device, add_devices, set_key, set_keys
from controller.model import Inventory

HEAD = """\
# La red, como ejemplo. Ñandú, 中文 y 😀 al principio mueven los lugares.
version: 1
credentials:
  g: {kind: gateway, key: ref+file:gateway-key}
defaults:
  platform: openwrt
  hours: {week: {mon-sun: 06:00-23:00}}
  uplink: {kind: fibre, provider: Año Nuevo, down_mbps: 60, up_mbps: 15}
  portal: {languages: [es], plan: free, duration: 1h, gateway_url: "http://10.8.19.1", gateway_credentials: g}
municipalities:
  08019: {name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}
sites:
  08019-plaza: {municipality: 08019, name: Plaza de Armas ñ, lat: 28.6, lon: -106.1, opened_on: 2024-01-01}
  08019-sur: {municipality: 08019, name: 'Plaza Sur', lat: 28.5, lon: -106.0, opened_on: 2024-01-01}
"""
DEVICES = """\
devices:
  # las del centro
  ap-1: {site: 08019-plaza, address: 10.0.0.1, serial: "Ñ 1", state: expected}  # junto a la fuente ⛲
  ap-2: {site: 08019-plaza,   address: 10.0.0.2, # con comentario
    labels: {poste: '7'},
    mac: 02:00:5e:00:00:02,
    }
  ap-3:
    site: 08019-sur   # la del sur
    address: 10.0.0.3

    state: 'expected'
    # queda aquí
    labels:
      poste: >-
        muy alto

  # fin
"""


def write(folder: Path, text: str) -> Path:
    """An inventory."""
    file = folder / "inventory.yaml"
    file.write_bytes(text.encode())
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An inventory in several styles."""
    return write(tmp_path, HEAD + DEVICES)


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that are not the same, in files of as many lines."""
    olds, news = before.split("\n"), after.split("\n")
    assert len(olds) == len(news)
    return [(old, new) for old, new in zip(olds, news, strict=True) if old != new]


def test_a_key_of_an_entry_on_one_line_is_replaced_in_its_place(file: Path) -> None:
    before = file.read_text()
    set_key(file, "ap-1", "state", "staging")
    (line,) = changed(before, file.read_text())
    assert line[1] == line[0].replace("state: expected", "state: staging")


def test_a_key_of_a_block_keeps_what_stands_behind_it(file: Path) -> None:
    before = file.read_text()
    set_keys(file, "ap-3", {"site": "08019-plaza", "state": "active"})
    assert changed(before, file.read_text()) == [
        ("    site: 08019-sur   # la del sur", "    site: 08019-plaza   # la del sur"),
        ("    state: 'expected'", "    state: active"),
    ]


@pytest.mark.parametrize("name", ["ap-1", "ap-2", "ap-3"])
def test_what_is_added_and_taken_away_again_leaves_the_file_as_it_was(file: Path, name: str) -> None:
    before = file.read_bytes()
    set_key(file, name, "parent", "ap-1" if name != "ap-1" else "ap-2")
    assert file.read_bytes() != before
    set_key(file, name, "parent", None)
    assert file.read_bytes() == before


def test_a_new_device_stands_behind_the_last_of_its_site(file: Path) -> None:
    before = file.read_text().split("\n")
    loaded = add_device(
        file, "ap-9", {"site": "08019-plaza", "address": "10.0.0.9", "mac": "02:00:5e:00:00:09"}
    )
    after = file.read_text().split("\n")
    place = before.index("    }") + 1
    assert after[place] == "  ap-9: {site: 08019-plaza, address: 10.0.0.9, mac: 02:00:5e:00:00:09}"
    assert after[:place] + after[place + 1 :] == before
    assert loaded.devices["ap-9"].mac == "02:00:5e:00:00:09"


@pytest.mark.parametrize("devices", ["", "devices: {}  # nadie\n", "devices: {\n  # nadie\n}\n"])
def test_the_first_device_of_all_finds_its_place(tmp_path: Path, devices: str) -> None:
    file = write(tmp_path, HEAD + devices)
    assert list(add_device(file, "ap-1", {"site": "08019-sur", "address": "10.0.0.1"}).devices) == ["ap-1"]


def test_many_new_devices_stand_in_order_each_with_its_site(file: Path) -> None:
    before = file.read_text().split("\n")
    sites = {"n-1": "08019-plaza", "n-2": "08019-sur", "n-3": "08019-plaza", "n-4": "08019-sur"}
    add_devices(file, {name: {"site": site, "address": f"10.0.9.{name[-1]}"} for name, site in sites.items()})
    after = file.read_text().split("\n")
    assert [line for line in after if line not in before] == [
        f"  {name}: {{site: {sites[name]}, address: 10.0.9.{name[-1]}}}"
        for name in ("n-1", "n-3", "n-2", "n-4")
    ]
    assert [line for line in after if line in before] == before


def test_line_ends_of_windows_and_a_mark_at_the_beginning_stay(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufeff" + (HEAD + DEVICES).replace("\n", "\r\n"))
    set_key(file, "ap-3", "serial", "X")
    add_device(file, "ap-4", {"site": "08019-sur", "address": "10.0.0.4"})
    octets = file.read_bytes()
    assert octets.startswith(b"\xef\xbb\xbf# ")
    assert octets.count(b"\n") == octets.count(b"\r\n") == HEAD.count("\n") + DEVICES.count("\n") + 2


def test_a_mistake_writes_nothing_and_is_told_with_the_file_and_the_line(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(InventoryError) as told:
        add_devices(
            file,
            {
                "ap-8": {"site": "08019-sur", "address": "10.0.0.8"},
                "ap-9": {"site": "nowhere", "address": "10.0.0.9"},
            },
        )
    (problem,) = told.value.problems
    assert problem.file == str(file)
    assert "'nowhere' is not in sites" in problem.what
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_name_that_is_there_and_one_that_is_not_are_refused(file: Path) -> None:
    with pytest.raises(ControllerError, match="ap-1 is there already"):
        add_device(file, "ap-1", {"site": "08019-sur", "address": "10.0.0.1"})
    with pytest.raises(ControllerError, match="no device ap-77"):
        set_key(file, "ap-77", "state", "active")


def test_what_cannot_be_spliced_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD + "...\n")
    before = file.read_bytes()
    with pytest.raises(ControllerError, match="edit it by hand"):
        add_device(file, "ap-1", {"site": "08019-sur", "address": "10.0.0.1"})
    assert file.read_bytes() == before


def test_who_saves_the_file_in_the_meantime_loses_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = inventory.load

    def slowly(path: Path) -> Inventory:
        found = load(path)
        if path.name != file.name:  # the draft: an editor is quicker
            file.write_text(file.read_text() + "# de la técnica\n")
        return found

    monkeypatch.setattr(inventory, "load", slowly)
    with pytest.raises(ControllerError, match="somebody else is writing it"):
        set_key(file, "ap-1", "state", "active")
    assert file.read_text() == HEAD + DEVICES + "# de la técnica\n"


def test_the_mode_stays_and_a_link_still_leads_to_the_file(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "elsewhere.yaml"
    link.symlink_to(file)
    set_key(link, "ap-1", "state", "active")
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert inventory.load(file).devices["ap-1"].state.value == "active"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12345, 54321)
    set_key(file, "ap-1", "state", "active")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_many_at_once_lose_no_edit(file: Path) -> None:
    def add(number: int) -> None:
        add_device(file, f"nueva-{number}", {"site": "08019-sur", "address": f"10.0.1.{number}"})

    threads = [threading.Thread(target=add, args=(number,), daemon=True) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert {f"nueva-{number}" for number in range(1, 9)} <= inventory.load(file).devices.keys()


CHARACTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" :#'\"{},&*!|>%@")
WORDS = st.text(CHARACTERS, min_size=1, max_size=40).filter(lambda text: text.strip() != "")
KEYS = st.sampled_from(("serial", "state", "country"))
COUNTRIES = st.sampled_from(("MX", "US", "NO"))
STATES = st.sampled_from(("expected", "staging", "active", "retired"))
EDITS = st.lists(
    st.tuples(
        st.sampled_from(("ap-1", "ap-2", "ap-3")),
        st.one_of(
            st.tuples(st.just("serial"), st.none() | WORDS),
            st.tuples(st.just("state"), st.none() | STATES),
            st.tuples(st.just("country"), st.none() | COUNTRIES),
        ),
    ),
    max_size=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, ends=st.sampled_from(("\n", "\r\n")))
def test_any_edits_change_what_they_say_and_no_line_of_another_device(
    tmp_path: Path, edits: list[tuple[str, tuple[str, str | None]]], ends: str
) -> None:
    file = write(tmp_path, (HEAD + DEVICES).replace("\n", ends))
    wanted = inventory_yaml.read(file).data["devices"]
    for name, (key, value) in edits:
        if key == "serial" and value is not None:
            value = f"{value}{name}"  # noqa: PLW2901  no two devices share one
        before = file.read_bytes().decode().split(ends)
        set_key(file, name, key, value)
        after = file.read_bytes().decode().split(ends)
        wanted[name].pop(key, None) if value is None else wanted[name].update({key: value})
        assert len(set(before) - set(after)) <= 1
        assert len(set(after) - set(before)) <= 1
        assert abs(len(before) - len(after)) <= 1
    assert inventory_yaml.read(file).data["devices"] == wanted
    kept = [line for line in (HEAD + DEVICES).split("\n") if "#" in line]
    text = file.read_text()
    assert all(line.partition("#")[2] in text for line in kept)


@pytest.mark.soak
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(1, 67),
    serial=st.none() | WORDS,
    state=st.none() | STATES,
    label=WORDS,
)
def test_any_edit_of_the_shipped_inventory_changes_that_line_alone(
    tmp_path: Path, number: int, serial: str | None, state: str | None, label: str
) -> None:
    shipped = Path(__file__).parents[2] / "inventory.yaml"
    file = write(tmp_path, shipped.read_text())
    name = f"ap-08{number:03}-1"
    set_keys(file, name, {"serial": serial, "state": state})
    olds, news = shipped.read_text().split("\n"), file.read_text().split("\n")
    assert [new for old, new in zip(olds, news, strict=True) if old != new and name not in new] == []
    add_device(
        file, "nueva", {"site": f"08{number:03}-plaza", "address": "127.8.99.1", "labels": {"where": label}}
    )
    added = [line for line in file.read_text().split("\n") if line not in news]
    assert len(added) == 1
    assert inventory.load(file).devices["nueva"].labels["where"] == label
