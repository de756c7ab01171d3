"""What UniFi is told and tells."""

from dataclasses import replace
from pathlib import Path

import pytest

from captive_portal.model import Done, Usage
from tests.kinds.called import BOUNDED, MAC, SOMEBODY, STRANGER, failure, site
from tests.kinds.controllers import Said
from tests.kinds.example import GRANT
from tests.kinds.unifi_controllers import UnifiIntegration
from tests.kinds.unifi_kind import UNIFI, UNIFI_CONSOLE, UNIFI_KEYED

SLOW = replace(GRANT, down_kbps=4000, up_kbps=1)
"""UniFi takes no rate below 2 kbit/s."""


@pytest.mark.parametrize("name", [UNIFI.name, UNIFI_CONSOLE.name])
def test_unifi_is_told_whole_minutes_and_megabytes(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        made.tap()
        wanted = {"cmd": "authorize-guest", "mac": MAC, "minutes": 60, "ap_mac": "74:ac:b9:00:10:01"}
        assert made.controller.guests == {MAC: wanted}

        made.tap(BOUNDED)
        assert made.controller.guests == {MAC: {**wanted, "minutes": 61, "bytes": 251}}

        made.tap(SLOW)
        assert made.controller.guests == {MAC: {**wanted, "down": 4000, "up": 2}}


@pytest.mark.parametrize("name", [UNIFI.name, UNIFI_CONSOLE.name])
def test_unifi_counts_since_the_newest_authorisation(tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        row = {"mac": MAC, "start": 200, "duration": 90, "tx_bytes": 4_505, "rx_bytes": 201}
        made.controller.counted = [
            row,
            {**row, "start": 100, "tx_bytes": 9_999},
            {"mac": "02:ca:fe:5e:00:02"},
        ]

        assert made.gateway.account([SOMEBODY, STRANGER]) == [Usage(GRANT.session, 90, 4_505, 201)]


@pytest.mark.parametrize(("status", "reason"), [(429, "no more logins"), (499, "second factor")])
def test_unifi_says_why_it_lets_nobody_in(tmp_path: Path, status: int, reason: str) -> None:
    with site(tmp_path, UNIFI_CONSOLE.name) as made:
        made.there.trouble = lambda handler: handler.say(Said(status, {}))

        assert reason in failure(made.tap)


def test_unifis_newer_api_is_told_whole_minutes_and_megabytes(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI_KEYED.name) as made:
        made.tap()
        wanted = {"action": "AUTHORIZE_GUEST_ACCESS", "timeLimitMinutes": 60}
        assert made.controller.guests == {MAC: wanted}

        made.tap(BOUNDED)
        assert made.controller.guests == {
            MAC: {**wanted, "timeLimitMinutes": 61, "dataUsageLimitMBytes": 251}
        }

        made.tap(SLOW)
        assert made.controller.guests == {MAC: {**wanted, "rxRateLimitKbps": 4000, "txRateLimitKbps": 2}}


def test_unifis_newer_api_takes_the_sites_id_as_well(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI_KEYED.name) as made:
        made.gateway = made.wired(api_site=UnifiIntegration.SITE)
        assert made.tap() == Done()

        made.gateway = made.wired(api_site="otra")
        assert "no such site" in failure(made.tap)


def test_unifis_newer_api_knows_only_phones_that_are_connected(tmp_path: Path) -> None:
    with site(tmp_path, UNIFI_KEYED.name) as made:
        made.controller.usage[MAC] = {"durationSec": 90, "rxBytes": 4_505, "txBytes": 201, "bytes": 4_706}
        assert made.gateway.account([SOMEBODY, STRANGER]) == [Usage(GRANT.session, 90, 4_505, 201)]

        made.controller.usage.clear()
        assert made.gateway.account([SOMEBODY]) == [Usage(GRANT.session, None, None, None)]

        made.controller.connected.clear()
        assert made.gateway.account([SOMEBODY]) == []
        assert "does not see this phone" in failure(made.tap)
        assert "does not see this phone" in failure(lambda: made.gateway.dismiss(SOMEBODY))
