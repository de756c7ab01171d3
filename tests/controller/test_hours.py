"""A closed site says so: `hours` of the inventory reaches the citizen through the portal that really runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.town import Form, Phone, Town, free_port, town

CLOSED = "Ahora está cerrado"
LATER = "Regresa más tarde"
SITE = """\
  {key}: {{municipality: 08027, name: {key}, lat: 26.82, lon: -107.07, opened_on: 2026-01-15,
    hours: {{{hours}}}, portal: {{gateway_url: "http://127.0.0.1:{port}"}}}}
"""


@dataclass(frozen=True, slots=True)
class Sites:
    """A town with sites of other hours, all the rest equal; the gateway of each by its key."""

    town: Town
    gateways: dict[str, str]

    def phone(self, key: str, address: str) -> Phone:
        """A phone that has just come to a site."""
        phone = Phone(address)
        phone.open(f"{self.gateways[key]}/generate_204")
        return phone

    def sessions(self, key: str) -> list[tuple[object, ...]]:
        """Every session of a site, open or ended."""
        return self.town.rows(f"SELECT acctuniqueid FROM session WHERE site = '{key}'")


def about_now() -> list[str]:
    """Today where the site is, and a day on either side: the test may run at its midnight."""
    today = datetime.now(UTC).date()
    return [str(today + timedelta(days=day)) for day in (-2, -1, 0, 1)]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """One site closed by its holidays, one by exceptions, one whose exceptions open it on its holidays."""
    holidays = f"holidays: [{', '.join(about_now())}]"
    hours = {
        "holiday": holidays,
        "exception": f"exceptions: {{{', '.join(f'{day}: []' for day in about_now())}}}",
        "fiesta": f"{holidays}, exceptions: {{{', '.join(f'{d}: 00:00-24:00' for d in about_now())}}}",
    }
    ports = {key: free_port() for key in hours}
    with town(tmp_path_factory.mktemp("town"), "127.76.1") as made:
        _add_sites(made.directory, [SITE.format(key=key, hours=hours[key], port=ports[key]) for key in hours])
        made.start()
        yield Sites(made, {key: f"http://127.0.0.1:{port}" for key, port in ports.items()})


def _add_sites(directory: Path, sites: list[str]) -> None:
    file = directory / "inventory.yaml"
    file.write_text(file.read_text().replace("devices:\n", f"{''.join(sites)}devices:\n"))


@pytest.mark.parametrize("key", ["holiday", "exception"])
def test_a_site_that_is_closed_now_says_so_and_lets_nobody_in(sites: Sites, key: str) -> None:
    phone = sites.phone(key, "127.0.76.1")
    assert CLOSED in phone.page
    assert LATER in phone.page
    assert Form(phone.page).buttons == 0
    assert sites.sessions(key) == []


@pytest.mark.parametrize("key", ["holiday", "exception"])
def test_a_page_opened_before_closing_time_lets_nobody_in_after_it(sites: Sites, key: str) -> None:
    phone = sites.phone(key, "127.0.76.2")
    tapped = phone.url.partition("?")[0] + "/enter"
    kept = re.search(r"[?&;]v=([A-Za-z0-9_-]+)", phone.page)
    assert kept is not None
    phone.open(tapped, {"v": kept[1], "lang": "es"})
    assert CLOSED in phone.page
    assert sites.sessions(key) == []


def test_an_exception_opens_a_site_on_a_holiday(sites: Sites) -> None:
    phone = sites.phone("fiesta", "127.0.76.3")
    phone.tap()
    assert "/online" in phone.url
    assert sites.sessions("fiesta")
