"""Whose access point a phone comes from is known at every site: from `hosts:`, or from its own devices."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine
from werkzeug.test import Client

from captive_portal.guest import create_app
from captive_portal.model import PortalSite
from captive_portal.portal import Portal
from controller import inventory, inventory_doubts
from controller.app import utc_now
from controller.errors import InventoryError
from controller.portal_sites import Source, portal_sites
from controller.secrets import FileSecrets
from tests.inventory.test_portal_kinds import PLACE, SHARED, written

SITE = "08019-plaza"
UNIFI = "kind: unifi, credentials: ctrl, controller: {url: https://a.mx}"
OMADA = "kind: omada, credentials: ctrl, controller: {url: https://a.mx}"
SMARTZONE = "kind: ruckus_smartzone, credentials: ctrl, controller: {url: https://a.mx}"
RADIUS = "kind: radius, credentials: ctrl, controller: {url: 'radius://a:3799'}"
OURS = "02:00:5e:10:00:07"
OF_OURS = f", mac: {OURS}"
PHONE = "02:ca:fe:5e:00:01"
SPELT = {
    UNIFI: {"id": PHONE, "ap": ""},
    OMADA: {"clientMac": PHONE, "apMac": "", "ssidName": "Plaza", "radioId": "0"},
    SMARTZONE: {"client_mac": PHONE, "mac": ""},
    RADIUS: {"mac": PHONE, "nas": ""},
}
"""What a phone brings, without its access point's MAC."""
EACH = pytest.mark.parametrize("portal", SPELT, ids=["unifi", "omada", "smartzone", "radius"])


def wired(path: Path, portal: str, device: str) -> dict[str, PortalSite]:
    for name, content in (("ctrl", SHARED), ("gate", "g" * 64)):
        (path / name).write_text(content)
        (path / name).chmod(0o600)
    found = inventory.load(written(path, portal, device))
    return portal_sites(
        Source(found, FileSecrets(found.credentials, path), "https://wifi.example.mx", utc_now)
    )


@EACH
def test_the_site_s_own_access_point_is_believed_and_no_other(
    tmp_path: Path, store: Engine, portal: str
) -> None:
    phone = Client(
        create_app(Portal.over(store, wired(tmp_path, portal, OF_OURS), utc_now)), use_cookies=False
    )

    def page(ap: str) -> int:
        query = {name: text or ap for name, text in SPELT[portal].items()}
        return phone.get(f"/p/{SITE}?{urlencode(query)}").status_code

    assert [page(OURS), page(OURS.upper().replace(":", "-"))] == [200, 200]
    assert [page("de:ad:be:ef:00:01"), page("02:00:5e:10:00:08")] == [403, 403]


@EACH
def test_a_site_that_names_no_access_point_and_has_none_is_one_line_with_its_place(
    tmp_path: Path, portal: str
) -> None:
    file = written(tmp_path, portal)
    with pytest.raises(InventoryError) as caught:
        inventory.load(file)
    (problem,) = caught.value.problems
    number = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if PLACE in line)
    assert (problem.line, problem.where) == (number, f"sites.{SITE}.portal.hosts")
    assert "hosts" in problem.mend


@pytest.mark.parametrize("portal", [UNIFI, OMADA, SMARTZONE])
def test_a_controller_s_name_is_no_access_point(tmp_path: Path, portal: str) -> None:
    with pytest.raises(InventoryError, match="has no MAC of an access point"):
        inventory.load(written(tmp_path, f"{portal}, hosts: [a.mx]"))


@EACH
def test_hosts_that_name_access_points_stand_alone(tmp_path: Path, portal: str) -> None:
    sites = wired(tmp_path, f"{portal}, hosts: [02:00:5e:10:00:99]", OF_OURS)
    assert sites[SITE].wiring.hosts == {"02:00:5e:10:00:99"}


def test_a_name_beside_them_does_not_keep_the_devices_from_being_believed(tmp_path: Path) -> None:
    sites = wired(tmp_path, f"{UNIFI}, hosts: [a.mx]", OF_OURS)
    assert sites[SITE].wiring.hosts == {"a.mx", OURS}


def test_what_is_retired_is_nobody_s_access_point(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="has no MAC of an access point"):
        inventory.load(written(tmp_path, UNIFI, f"{OF_OURS}, state: retired"))


def test_a_kind_that_names_hosts_does_not_believe_its_devices(tmp_path: Path) -> None:
    assert wired(tmp_path, "kind: cambium, hosts: [a.mx]", OF_OURS)[SITE].wiring.hosts == {"a.mx"}


def test_an_access_point_whose_phones_would_be_refused_is_doubted(tmp_path: Path) -> None:
    file = written(tmp_path, UNIFI, OF_OURS)
    text = file.read_text().replace("\ndevices:\n", "\ndevices:\n" + SECOND, 1)
    file.write_text(text)
    said = [str(doubt) for doubt in inventory_doubts.doubts(file, inventory.load(file))]
    assert [line for line in said if "ap-08019-9" in line and "unifi names it by that" in line]
    assert not [line for line in said if "ap-08019-1" in line]


SECOND = """  ap-08019-9: {site: 08019-plaza, address: 10.8.0.9, platform: openwrt}
"""
