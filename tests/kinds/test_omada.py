"""What Omada is told and tells."""

from pathlib import Path

import pytest

from captive_portal.model import Usage
from tests.kinds.called import BOUNDED, HYPHENS, SOMEBODY, STRANGER, site
from tests.kinds.example import GRANT, PHONE
from tests.kinds.omada_kind import OMADA, OMADA_GATEWAY


def test_omada_is_told_milliseconds_and_no_octets_before_it_knows_them(tmp_path: Path) -> None:
    with site(tmp_path, OMADA.name) as made:
        made.tap(BOUNDED)

        assert made.controller.asked_for == [
            {
                "clientMac": HYPHENS,
                "apMac": "B0-19-21-04-1E-12",
                "ssidName": "Plaza Gratis",
                "radioId": "1",
                "site": OMADA.wiring.api_site,
                "time": "3601000",
                "authType": "4",
            }
        ]


def test_omada_is_told_octets_where_it_told_the_phones_address(tmp_path: Path) -> None:
    with site(tmp_path, OMADA.name, OMADA_GATEWAY) as made:
        made.tap(BOUNDED)

        assert made.controller.asked_for == [
            {
                "clientMac": HYPHENS,
                "gatewayMac": "B0-19-21-04-1E-99",
                "vid": "20",
                "site": OMADA.wiring.api_site,
                "time": "3601000",
                "authType": "4",
                "clientIp": PHONE.ip,
                "originUrl": "",
                "totalTrafficLimitBytes": 250_000_001,
            }
        ]


@pytest.mark.parametrize("searches", [True, False])
def test_omada_ends_every_authorisation_of_the_phone_and_no_other(tmp_path: Path, searches: bool) -> None:
    with site(tmp_path, OMADA.name) as made:
        made.controller.searches = searches
        made.tap()
        made.tap()
        other = {"id": "otro", "mac": STRANGER.phone.mac.upper().replace(":", "-"), "valid": True}
        made.controller.records.append(other)

        assert made.gateway.dismiss(SOMEBODY)
        assert [one["valid"] for one in made.controller.records] == [False, False, True]
        made.there.heard.clear()
        assert made.gateway.dismiss(SOMEBODY)
        assert not [asked for asked in made.there.heard if "disconnect" in asked.path]


def test_omada_tells_the_newest_authorisation_from_all_its_pages(tmp_path: Path) -> None:
    with site(tmp_path, OMADA.name) as made:
        row = {"mac": HYPHENS, "start": 200, "duration": 90, "download": 4_505, "upload": 201}
        older = [{"mac": f"02-CA-FE-5E-01-{at % 256:02X}", "start": 1} for at in range(1500)]
        made.controller.records = [{**row, "start": 100, "download": 9_999}, *older, row]
        assert made.gateway.account([SOMEBODY, STRANGER]) == [Usage(GRANT.session, 90, 4_505, 201)]

        made.controller.records = [{"mac": HYPHENS, "start": 200, "duration": 0}]
        assert made.gateway.account([SOMEBODY]) == [Usage(GRANT.session, None, None, None)]
