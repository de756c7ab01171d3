"""A probe that presses the button: through a real door and out again, and each fault red with its reason."""

import re
from collections.abc import Iterator

import pytest

from drivers.probe.report import Finding, Step, Went, works
from tests import need
from tests.gateway import certificates
from tests.probe.site import GOOD, NAME, ONLINE, PAGE, PORTAL, WEB, Place, place

pytestmark = pytest.mark.root
ASKED = f"{WEB}/generate_204"
FILE = f"http://{WEB}/file"
PORTAL_URL = f"http://{PORTAL}:8080"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need.root()
    for program, package in {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}.items():
        need.program(program, package)
    directory = tmp_path_factory.mktemp("site")
    certificates.write(directory, NAME)
    with place(directory, need.program("dnsmasq", "dnsmasq-base")) as made:
        made.serve_dhcp(*GOOD, "log-queries")
        yield made


@pytest.fixture
def site(built: Place) -> Iterator[Place]:
    """The site with its DHCP and names, and no web yet."""
    yield built
    built.quiet(but=1)
    built.rules("")


def entered(site: Place, *options: str) -> dict[Step, Finding]:
    return site.probe("--enter", "--door", "1", *options)


def failure(site: Place, *options: str) -> tuple[Step, str]:
    return site.failure("--enter", "--door", "1", *options)


def test_a_probe_goes_in_by_the_button_and_out_by_the_other_one(site: Place) -> None:
    site.serve_web()
    before = site.log()
    found = entered(site)
    assert list(found) == list(Step)
    assert works(found.values()) is True
    assert found[Step.GRANT].said == f"let in, 200 {PORTAL_URL}/online"
    assert found[Step.HTTP].said == "online, 204 http://connectivitycheck.gstatic.com/generate_204"
    http = found[Step.HTTP]
    assert http.rtt_ms is not None
    assert http.took_ms is not None
    assert 0 < http.rtt_ms <= http.took_ms
    assert http.down_bps is None
    assert site.asked().splitlines()[-1].startswith('"POST /leave HTTP/1.1" 200')
    asked = site.log().removeprefix(before).count("query[A] connectivitycheck.gstatic.com")
    assert asked == 2, "what a name was before the tap may have been a lie"
    assert "signed" not in "".join(one.said for one in found.values())


def test_a_download_stops_at_its_cap_and_its_rate_is_that_of_the_line(site: Place) -> None:
    site.serve_web(mbps=4)
    found = entered(site, "--page", FILE, "--octets", "200000")
    rate = found[Step.HTTP].down_bps
    assert rate is not None
    assert 3e6 < rate < 5e6
    loaded = re.search(r"Mbit/s over (\d+) kB$", found[Step.HTTP].said)
    assert loaded is not None
    assert 150 < int(loaded[1]) < 270, "of 600: what one piece more may be"


@pytest.mark.soak
def test_a_download_that_goes_wrong_is_told_and_is_not_the_sites_fault(site: Place) -> None:
    site.serve_web()
    gone = f"http://{WEB}/gone"
    found = entered(site, "--page", gone, "--octets", "64000")
    assert works(found.values()) is True
    assert found[Step.HTTP].said.endswith(f"; no download of {gone}: {gone} answers 404")


def test_a_second_button_that_carries_the_grant_to_the_gateway_is_pressed_too(site: Place) -> None:
    carry = f'<form method="post" action="http://{PORTAL}:8080/login"><button>Entrar</button></form>'
    site.serve_web({
        "POST /enter": (200, {}, carry),
        "POST /login": (307, {"Location": "/login-again"}, ""),
        "POST /login-again": (302, {"Location": "/door"}, ""),
    })  # fmt: skip
    found = entered(site)
    assert works(found.values()) is True
    assert found[Step.GRANT].said == f"let in, 200 {PORTAL_URL}/online"


@pytest.mark.soak
def test_a_portal_that_says_no_is_quoted(site: Place) -> None:
    site.serve_web({"POST /enter": (403, {}, "<h1>Ahora no hay\n lugar</h1>")})
    assert failure(site) == (Step.GRANT, f"not let in: 403 {PORTAL_URL}/enter, “Ahora no hay lugar”")


def test_a_gateway_that_does_not_open_the_door(site: Place) -> None:
    site.serve_web({"/door": (302, {"Location": "/online"}, "")})
    said = "the door stays shut: 1 s after the tap it still leads to the portal"
    assert failure(site) == (Step.HTTP, said)
    assert site.asked().splitlines()[-1].startswith('"POST /leave')


def test_an_open_door_with_no_internet_behind_it(site: Place) -> None:
    site.serve_web()
    second = f"ip daddr {WEB} tcp flags syn numgen inc mod 2 == 1 reject with tcp reset;"
    site.rules(second)  # the first connection is the question before the tap
    said = f"after the tap nothing comes from outside: {WEB}:80 refuses the connection (TCP reset)"
    assert failure(site) == (Step.HTTP, said)


@pytest.mark.soak
def test_somebody_who_answers_in_the_internets_place(site: Place) -> None:
    site.serve_web({f"in {ASKED}": (200, {}, "<p>Saldo agotado</p>")})
    step, said = failure(site)
    assert step is Step.HTTP
    assert said.endswith("generate_204 after the tap: something between answers in the Internet's place")


def test_a_page_that_wants_a_code_could_not_be_tried(site: Place) -> None:
    code = "<form method=post action=/enter><input name=code required><button>Conectarme</button></form>"
    site.serve_web({"/p/plaza": (200, {}, code)})
    found = entered(site)
    assert works(found.values()) is None
    assert found[Step.GRANT].went is Went.UNTRIED
    assert "wants something typed" in found[Step.GRANT].said
    assert "POST" not in site.asked().rpartition("GET /p/plaza")[2]


def test_a_page_that_waits_for_its_gateway_is_gone_on_from_to_leave(site: Place) -> None:
    wait = "<main><h1>Ya casi</h1><a href=/later>Continuar</a></main>"
    site.serve_web({
        "POST /enter": (200, {"Door": "open"}, wait),
        "/later": (200, {}, ONLINE),
    })  # fmt: skip
    assert works(entered(site).values()) is True
    assert site.asked().splitlines()[-1].startswith('"POST /leave')


@pytest.mark.soak
def test_a_tap_that_goes_to_a_portal_without_a_form_follows_its_link(site: Place) -> None:
    site.serve_web({"/p/plaza": (200, {}, "<a href=#top>Arriba</a><a href='/door'>Entrar</a>")})
    assert works(entered(site).values()) is True
    assert PAGE not in site.asked()
