"""`portal:` says which gateway stands at a site: what cannot be wired is refused with its line."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import GatewayKind
from controller import inventory, inventory_doubts, inventory_yaml
from controller.app import utc_now
from controller.errors import ControllerError, InventoryError, SecretError
from controller.inventory_gateways import NEEDS
from controller.inventory_portal import Pages, Portal
from controller.portal_sites import Source, portal_sites, weak
from controller.secrets import FileSecrets

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
DOCS = Path(__file__).parents[2] / "docs"
PLACE = "08019-plaza: {municipality: 08019,"
SHARED = "k3yo-f0ne-5ite-0nly-ever"
CREDENTIALS = """credentials:
  ctrl: {kind: portal, user: plaza, secret: ref+file:ctrl}
  faskey: {kind: portal, secret: ref+file:ctrl}
  own: {kind: portal, secret: "ref+derived:ctrl#device"}
"""
UNIFI = """kind: unifi, hosts: ["02:00:5E:10:00:01", "10.8.27.2:8443"], variant: integration,
    credentials: ctrl, controller: {url: https://10.8.27.9, site: default},
    rate: {down_kbps: 4000, up_kbps: 1000}, daily: 3h, vouchers: true, nas: [ap-1],
    radius: {client: 10.99.27.1, credentials: faskey}"""


def written(path: Path, portal: str, device: str = "") -> Path:
    """The good file, whose first plaza has this `portal:` and whose first AP these keys."""
    file = path / "inventory.yaml"
    text = GOOD.replace("credentials:\n", CREDENTIALS, 1).replace(PLACE, f"{PLACE} portal: {{{portal}}},", 1)
    file.write_text(text.replace("poll: ssh}", f"poll: ssh{device}}}", 1), encoding="utf-8")
    return file


def source(path: Path, portal: str, secret: str = SHARED) -> Source:
    for name, content in (("ctrl", secret), ("gate", "g" * 64)):
        (path / name).write_text(content)
        (path / name).chmod(0o600)
    found = inventory.load(written(path, portal))
    return Source(found, FileSecrets(found.credentials, path), "https://wifi.example.mx", utc_now)


def test_what_the_file_says_reaches_the_portal(tmp_path: Path) -> None:
    site = portal_sites(source(tmp_path, UNIFI))["08019-plaza"]
    wiring = site.wiring
    assert wiring.kind is GatewayKind.UNIFI
    assert wiring.hosts == {"02:00:5e:10:00:01", "10.8.27.2:8443"}
    assert (wiring.secret, wiring.user, wiring.api_site) == (SHARED.encode(), "plaza", "default")
    assert (wiring.api_url, wiring.variant) == ("https://10.8.27.9", "integration")
    assert wiring.portal_url == "https://wifi.example.mx/p/08019-plaza"
    assert wiring.landing == f"{wiring.portal_url}/online"
    assert (site.plan.down_kbps, site.plan.up_kbps, site.plan.daily) == (4000, 1000, timedelta(hours=3))
    assert (site.vouchers, len(site.voucher_key), site.gateway_url) == (True, 32, "http://10.8.0.1:2060")


def test_a_site_without_any_of_it_has_our_own_gateway_and_no_secret(tmp_path: Path) -> None:
    site = portal_sites(source(tmp_path, UNIFI))["08019-school"]
    assert (site.wiring.kind, site.wiring.secret, site.vouchers) == (GatewayKind.PLAZA, b"", False)
    assert site.wiring.api_url == site.gateway_url
    assert site.plan.daily == timedelta(0)


def test_radius_and_nas_of_a_site_are_kept(tmp_path: Path) -> None:
    portal = inventory.load(written(tmp_path, UNIFI)).sites["08019-plaza"].portal
    assert (portal.nas, portal.radius_client, portal.radius_credentials) == (
        ("ap-1",),
        "10.99.27.1/32",
        "faskey",
    )


APS = "hosts: [02:00:5e:10:00:01]"
SAID = [
    ("kind: opennds, credentials: ctrl, hosts: [a.mx], variant: level-1", "is level-1, at which a phone can"),
    ("kind: opennds, credentials: ctrl, hosts: [a.mx], variant: level-0", "is level-0, at which a phone can"),
    ("kind: opennds, credentials: ctrl, hosts: [a.mx], variant: level-4", "is level-4, at which a phone can"),
    ("kind: opennds, credentials: ctrl, hosts: [a.mx], variant: level-9", "is no variant of opennds"),
    ("kind: meraki, hosts: [n1.network-auth.com]", "is set at no level, and meraki needs it"),
    ("kind: cambium, hosts: ['a.mx:444'], variant: tls", "is written, and cambium has no variants"),
    ("kind: coovachilli, hosts: [10.1.0.1]", "is set at no level, and coovachilli needs a secret"),
    ("kind: opennds, hosts: [10.1.0.1], credentials: own", "is another secret at each device"),
    (
        f"kind: unifi, {APS}, controller: {{url: https://a.mx}}, credentials: faskey",
        "has no user, and unifi logs in",
    ),
    ("kind: cisco_wlc", "is set at no level, and cisco_wlc names a host to phones"),
    (
        f"kind: omada, {APS}, credentials: ctrl",
        "is set at no level, and omada is asked there",
    ),
    (
        f"kind: unifi, {APS}, controller: {{url: http://a.mx}}, credentials: ctrl",
        "is no https address, and unifi",
    ),
    (
        f"kind: omada, {APS}, controller: {{url: http://a.mx}}, credentials: ctrl",
        "is no https address, and omada",
    ),
    (
        f"kind: ruckus_smartzone, {APS}, controller: {{url: http://a.mx}}, credentials: ctrl",
        "is no https address, and ruckus_smartzone",
    ),
    ("kind: radius, hosts: [a], controller: {url: https://a}, credentials: ctrl", "is no radius address"),
    (
        "kind: radius, hosts: [a], credentials: ctrl, controller: {url: 'radius://a:3799'}, variant: mac",
        "is no variant of radius",
    ),
    (
        f"kind: omada, {APS}, credentials: ctrl, controller: {{url: https://a.mx}}, rate: {{up_kbps: 500}}",
        "is written, and omada bounds no phone's rate",
    ),
    (
        "kind: meraki, hosts: [a.mx], variant: sign-on, rate: {up_kbps: 500}",
        "is written, and meraki bounds no phone's rate",
    ),
    ("kind: cisco_wlc, hosts: [a.mx], rate: {up_kbps: 500}", "is written, and cisco_wlc bounds no phone's"),
    (
        "kind: opennds, credentials: ctrl, hosts: [a.mx], rate: {down_kbps: 4000, up_kbps: 500}",
        "is written, and opennds at level-2 bounds no phone's rate",
    ),
    ("devices: -1", "is too small"),
    ("hosts: ['http://a.mx']", "'http://a.mx' is no host"),
    ("controller: {url: 'https://u@a.mx'}", "is no address of a controller"),
    ("daily: 0h", "'0h' is no duration"),
    ("kind: aruba", "is not known"),
    ("credentials: gate", "needs a credential of kind portal"),
]


@pytest.mark.parametrize(("portal", "said"), SAID)
def test_what_cannot_be_wired_is_one_line_with_its_place(tmp_path: Path, portal: str, said: str) -> None:
    file = written(tmp_path, portal)
    with pytest.raises(InventoryError) as caught:
        inventory.load(file)
    (problem,) = caught.value.problems
    number = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if PLACE in line)
    assert (problem.line, problem.where.startswith("sites.08019-plaza.portal.")) == (number, True)
    assert problem.what.startswith(said)
    assert problem.mend


def test_a_site_and_its_access_point_of_two_kinds_are_refused_where_the_kind_is_written(
    tmp_path: Path,
) -> None:
    device = ", captive: {kind: mikrotik, portal_url: https://wifi.example.mx/}"
    file = written(tmp_path, "kind: cambium, hosts: [a.mx]", device)
    with pytest.raises(InventoryError, match="is cambium, and ap-08019-1 is configured as another kind"):
        inventory.load(file)
    assert inventory.load(written(tmp_path, "kind: mikrotik, hosts: [a.mx]", device))


def test_a_kind_that_is_written_nowhere_is_only_doubted(tmp_path: Path) -> None:
    device = ", captive: {kind: mikrotik, portal_url: https://wifi.example.mx/}"
    file = written(tmp_path, "vouchers: true", device)
    (doubt,) = inventory_doubts.doubts(file, inventory.load(file))
    assert "ap-08019-1 is configured as mikrotik, add `portal: {kind: mikrotik}`" in str(doubt)


@pytest.mark.parametrize(
    "secret", ["change-me-change-me-12", "uamsecretuamsecret", "1234567890" * 2, "short"]
)
def test_a_secret_that_everybody_knows_is_refused_by_the_name_of_its_credential(
    tmp_path: Path, secret: str
) -> None:
    with pytest.raises(SecretError, match="credential ctrl: ") as caught:
        portal_sites(source(tmp_path, UNIFI, secret))
    assert secret not in str(caught.value)


def test_a_secret_of_openssl_is_not_weak() -> None:
    assert not weak("4f1c0a9e77d25b3186efc2a40d9b6e15")


def test_a_gateway_that_cannot_be_is_told_with_its_site_before_a_citizen_meets_it(tmp_path: Path) -> None:
    known = source(tmp_path, UNIFI)
    site = known.inventory.sites["08019-plaza"]
    odd = replace(site, portal=replace(site.portal, kind=GatewayKind.MERAKI, variant="other"))
    sites = {**known.inventory.sites, site.key: odd}
    with pytest.raises(ControllerError, match="site 08019-plaza: a Meraki variant is one of"):
        portal_sites(replace(known, inventory=replace(known.inventory, sites=sites)))


def test_every_kind_has_its_needs_and_every_variant_of_them_a_gateway(tmp_path: Path) -> None:
    assert NEEDS.keys() == set(GatewayKind)
    for kind, needs in NEEDS.items():
        for variant in needs.variants or ("",):
            url = f", controller: {{url: '{needs.scheme}://a.mx'}}" if needs.scheme else ""
            named = f", variant: {variant}" if variant else ""
            portal = f"kind: {kind}, hosts: [a.mx, 02:00:5e:10:00:01], credentials: ctrl{url}{named}"
            wiring = portal_sites(source(tmp_path, portal))["08019-plaza"].wiring
            assert gateway_of(wiring, utc_now)


UNNAMED = "kind: radius, credentials: ctrl, controller: {url: 'radius://a:3799'}, variant: 'mac,ip,'"


def test_an_access_point_that_does_not_name_itself_needs_no_host_but_a_name_in_radius(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"portal\.nas: is set at no level, and nothing else tells"):
        inventory.load(written(tmp_path, UNNAMED))
    portal = f"{UNNAMED}, nas: [ap-1]"
    assert portal_sites(source(tmp_path, portal))["08019-plaza"].wiring.hosts == frozenset()


def test_the_documents_name_every_kind_with_its_variants(tmp_path: Path) -> None:
    lines = (DOCS / "portal-kinds.md").read_text(encoding="utf-8").splitlines()
    rows = {cells[1].strip(" `"): cells for line in lines if len(cells := line.split("|")) == 8}
    for kind, needs in NEEDS.items():
        _, _, variant, hosts, credentials, controller, _, _ = rows[kind]
        assert all(f"`{each}`" in variant for each in needs.variants or () if each)
        assert bool(hosts.strip()) >= needs.hosts
        assert bool(credentials.strip()) >= needs.secret
        assert (needs.scheme in controller) if needs.scheme else not controller.strip()


@pytest.mark.parametrize(("key", "model"), [("portal", Portal), ("pages", Pages)])
def test_the_example_of_the_documents_is_one_that_the_schema_takes(key: str, model: type[BaseModel]) -> None:
    text = (DOCS / "inventory.md").read_text(encoding="utf-8")
    block = f"{key}:\n" + text.split(f"```\n{key}:\n", 1)[1].split("```")[0]
    data = inventory_yaml.parse("inventory.md", block).data
    assert model.model_validate(data[key]).model_fields_set
