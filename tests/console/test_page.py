"""The page itself: languages, times, reasons, refusals, and what it sends beside the text."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from controller.store.tables import health
from drivers.model import Lifecycle
from tests.console.network import NOW, SLOT, TIMED_OUT, Network

HERE = {"REMOTE_ADDR": "127.0.0.1"}
EVIL = "<script>alert(1)</script>"


def get(app, path="/", remote="127.0.0.1", host="127.0.0.1:8081"):
    return app.test_client().get(path, headers={"Host": host}, environ_overrides={"REMOTE_ADDR": remote})


def text(html: str) -> str:
    """What a reader reads: no tags, single spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def row(html: str, key: str) -> str:
    return re.search(rf'<tr role="row" id="m-{key}".*?</tr>', html, re.S)[0]


def test_the_page_is_spanish_first_and_names_every_municipality(mixed):
    page = get(mixed.app()).text

    assert '<html lang="es">' in page
    assert "Estado de la red" in page
    for municipality in mixed.inventory.municipalities.values():
        assert municipality.name in text(row(page, municipality.key))


def test_english_is_one_link_away(mixed):
    page = get(mixed.app(), "/?lang=en").text

    assert 'href="/?lang=en"' in get(mixed.app()).text
    assert '<html lang="en">' in page
    assert "State of the network" in page
    assert "Sin servicio" not in page


def test_a_down_access_point_shows_word_icon_and_reason(mixed):
    shown = row(get(mixed.app()).text, "08037")
    device = shown[shown.index("ap-08037-2</span>\n") :]

    assert "badge is-down" in device
    assert 'href="#mark-down"' in device
    assert "Sin servicio" in text(device)
    assert f'<span lang="en">{TIMED_OUT}</span>' in device


def test_an_unmeasured_municipality_shows_no_figure_for_its_clients(network):
    network.up("ap-08002-1", clients=0)
    network.up("ap-08002-2", clients=0)
    page = get(network.app()).text

    assert "Clientes sin datos" in text(row(page, "08001"))
    assert "Clientes 0" in text(row(page, "08002"))


def test_a_partial_sum_is_marked_as_one(mixed):
    assert "Clientes ≥ 41 1 de 2 AP" in text(row(get(mixed.app()).text, "08037"))
    assert "123 de 134 AP medidos" in text(get(mixed.app()).text)


def test_a_silent_access_point_says_since_when(mixed):
    shown = text(row(get(mixed.app()).text, "08008"))

    assert "sin muestra desde 07:38:30 UTC−6" in shown
    assert "Sin datos" in shown


def test_the_summary_tells_the_age_of_the_last_sample(mixed):
    page = get(mixed.app()).text

    assert "Última muestra hace 12 s 09:08:30 UTC−6" in text(page)


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (NOW, {"08019": "09:08:30 UTC−6", "08037": "08:08:30 UTC−7", "08052": "09:08:30 UTC−6"}),
        (
            datetime(2026, 7, 4, 15, 8, 42, tzinfo=UTC),
            {"08019": "09:08:30 UTC−6", "08037": "09:08:30 UTC−6", "08052": "10:08:30 UTC−5"},
        ),
    ],
)
def test_times_are_told_by_each_municipalitys_own_clocks(network: Network, now, shown):
    for key in shown:
        network.up(f"ap-{key}-1", clients=1, at=int(now.timestamp()) // 30 * 30)
    page = get(network.app(now)).text

    assert {key: time for key, time in shown.items() if time in text(row(page, key))} == shown


def test_a_time_of_another_day_says_which(network):
    network.up("ap-08001-1", clients=1, at=SLOT - 36000)

    assert "21 nov 23:08 UTC−6" in text(row(get(network.app()).text, "08001"))


@pytest.mark.parametrize(("seconds", "shown"), [(90, "90 s"), (600, "10 min"), (7200, "2 h")])
def test_ages_are_told_coarsely(network, seconds, shown):
    network.up("ap-08001-1", clients=1, at=SLOT)
    now = datetime.fromtimestamp(SLOT, UTC) + timedelta(seconds=seconds)

    assert f"hace {shown}" in text(get(network.app(now)).text)
    assert f"{shown} ago" in text(get(network.app(now), "/?lang=en").text)


def test_nothing_anybody_named_becomes_markup(network):
    site = replace(network.inventory.sites["08001-plaza"], name=EVIL)
    municipality = replace(network.inventory.municipalities["08002"], name=EVIL)
    device = replace(network.device("ap-08001-1"), name=f"ap{EVIL}")
    network.inventory = replace(
        network.inventory,
        sites={**network.inventory.sites, site.key: site},
        municipalities={**network.inventory.municipalities, municipality.key: municipality},
        devices={**network.inventory.devices, device.name: device},
    )
    network.degraded(device.name, f"SSID {EVIL} is not on the air")
    page = get(network.app(), f"/?q={EVIL}").text + get(network.app(), f'/?q="{EVIL}').text

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5


def test_a_search_that_finds_nothing_says_so(mixed):
    assert "Ningún municipio coincide" in get(mixed.app(), "/?q=Guadalajara").text


def test_a_device_still_to_be_installed_is_listed_as_such(network):
    planned = replace(network.device("ap-08001-2"), state=Lifecycle.EXPECTED)
    network.inventory = replace(
        network.inventory, devices={**network.inventory.devices, planned.name: planned}
    )

    assert "ap-08001-2 Por instalar" in text(row(get(network.app()).text, "08001"))


def test_the_page_allows_no_script_no_frame_and_no_cache(mixed):
    response = get(mixed.app())
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script" not in response.text
    assert not re.search(r"\s(style|on\w+)=", response.text)
    assert "Set-Cookie" not in response.headers


def test_the_page_reloads_itself_only_when_asked(mixed):
    assert "Refresh" not in get(mixed.app()).headers
    assert get(mixed.app(), "/?auto=30").headers["Refresh"] == "30"
    assert "Refresh" not in get(mixed.app(), "/?auto=0.1").headers
    assert 'http-equiv="refresh"' not in get(mixed.app(), "/?auto=30").text


@pytest.mark.parametrize("remote", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "", "nonsense"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/static/console.css"])
def test_a_request_from_another_machine_is_refused(mixed, remote, path):
    assert get(mixed.app(), path, remote=remote).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "console.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",
        "192.0.2.7",
        "",
        "[",
        "x@y",
    ],
)
def test_a_name_that_was_rebound_to_the_loopback_is_refused(mixed, host):
    assert get(mixed.app(), host=host).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "127.0.0.1", "127.8.1.1:99", "[::1]:8081"])
@pytest.mark.parametrize("remote", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_served(mixed, host, remote):
    assert get(mixed.app(), "/healthz", remote=remote, host=host).status_code == 200


def test_healthz_needs_no_store(network):
    health.drop(network.engine)
    response = get(network.app(), "/healthz")

    assert (response.status_code, response.text) == (200, "ok")


def test_an_unreadable_store_is_admitted_instead_of_shown_as_figures(network):
    health.drop(network.engine)
    response = get(network.app(), "/?lang=en")

    assert response.status_code == 503
    assert "The data cannot be read" in response.text
    assert "Clients now" not in response.text
    assert response.headers["Cache-Control"] == "no-store"
