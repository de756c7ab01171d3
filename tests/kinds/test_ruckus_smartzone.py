"""What SmartZone is told and tells."""

from pathlib import Path

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.wiring import password
from captive_portal.model import Done, Pending
from tests.kinds.called import MAC, SOMEBODY, failure, site
from tests.kinds.controllers import SECRET, USER
from tests.kinds.example import GRANT, KEY, PHONE
from tests.kinds.ruckus_smartzone_kind import RUCKUS_SMARTZONE


def test_smartzone_logs_the_phone_in_under_its_session_and_leaves_accounting_to_radius(
    tmp_path: Path,
) -> None:
    with site(tmp_path, RUCKUS_SMARTZONE.name) as made:
        made.tap()

        (body,) = made.controller.online.values()
        assert body == {
            "Vendor": "ruckus",
            "APIVersion": "1.0",
            "RequestUserName": USER,
            "RequestPassword": SECRET,
            "RequestCategory": "UserOnlineControl",
            "RequestType": "Login",
            "UE-MAC": MAC.upper(),
            "UE-IP": PHONE.ip,
            "UE-Proxy": "0",
            "UE-Username": GRANT.session,
            "UE-Password": password(KEY, GRANT.session),
        }
        assert made.gateway.account([SOMEBODY]) is None
        assert made.gateway.dismiss(SOMEBODY)
        assert made.gateway.dismiss(SOMEBODY)


@pytest.mark.parametrize(("code", "answer"), [(101, Done()), (201, Done()), (202, Pending())])
def test_smartzone_may_let_in_at_once_or_later(tmp_path: Path, code: int, answer: object) -> None:
    with site(tmp_path, RUCKUS_SMARTZONE.name) as made:
        made.controller.verdict = code

        assert made.tap() == answer


@pytest.mark.parametrize(("code", "reason"), [(300, "know"), (301, "refused"), (401, "RADIUS"), (400, "400")])
def test_smartzone_says_why_it_lets_nobody_in(tmp_path: Path, code: int, reason: str) -> None:
    with site(tmp_path, RUCKUS_SMARTZONE.name) as made:
        made.controller.verdict = code

        assert reason in failure(made.tap)


def test_smartzones_encrypted_addresses_are_no_phone() -> None:
    gateway = RUCKUS_SMARTZONE.make(RUCKUS_SMARTZONE.wiring)
    query = RUCKUS_SMARTZONE.query.replace("02:CA:FE:5E:00:01", "ENCd2dbf9a1f1689ed0e5ab4c59c6ea8055")

    with pytest.raises(ArrivalInvalid, match="no encrypt-mac-ip"):
        gateway.read(query)
