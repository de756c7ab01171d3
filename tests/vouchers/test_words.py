"""Where a voucher is needed, nobody is told that the button alone lets him in again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from captive_portal.languages import catalogues
from captive_portal.model import Standing
from captive_portal.pages import Pages
from captive_portal.visit import Shown, Visit
from tests.portal.places import site_of

LASTS = {
    "standing": Standing(True, 3600),
    "leave": "",
    "taken": "",
    "token": "",
    "more": "",
    "is_last": False,
}
PAGES: Mapping[str, Mapping[str, Any]] = {
    "online": {"leave": ""},
    "status": {**LASTS, "is_last": False, "closes": "", "wish": ""},
    "over": {"what": "time", "enter": ""},
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("vouchers", [True, False])
def test_another_time_costs_another_voucher_where_one_is_needed(name: str, vouchers: bool) -> None:
    site = replace(site_of("08027-plaza"), vouchers=vouchers)
    shown = Shown(name, "es", values=PAGES[name])
    html = Pages(catalogues(), lambda: datetime.now(UTC)).written(Visit(site), shown).body.decode()
    assert ("pide otro vale" in html) == vouchers
    assert ("entra otra vez" in html or "Puedes entrar otra vez" in html) != vouchers
