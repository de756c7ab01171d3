"""A phone that is in logs itself out at its own gateway, and is led nowhere else to do so."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.leaving import hears, logout_of, way_out
from captive_portal.model import GatewayKind
from tests.kinds.coovachilli_kind import COOVACHILLI
from tests.kinds.example import Example
from tests.kinds.examples import EXAMPLES
from tests.kinds.meraki_kind import MERAKI_SIGN_ON
from tests.kinds.test_contract import FEW
from tests.kinds.uspot_kind import USPOT

LEAVING = [one for one in EXAMPLES if one.way_out is not None]
EACH_LEAVING = pytest.mark.parametrize("example", LEAVING, ids=lambda one: one.name)


def kept(example: Example, query: str) -> str:
    """The logout address that is kept of an arrival."""
    return logout_of(example.wiring, example.make(example.wiring).read(query))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_the_way_out_is_the_one_of_its_kind_or_none(example: Example) -> None:
    assert way_out(example.wiring, kept(example, example.query)) == example.way_out


@EACH_LEAVING
@FEW
@given(st.data())
def test_a_damaged_arrival_leaves_by_its_own_gateway_or_not_at_all(
    example: Example, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(example.query)))
    piece = data.draw(st.sampled_from(["", "&", "%00", "//evil.example/", "@evil.example", "\r\n", "%5c"]))
    query = example.query[:at] + piece + example.query[at + data.draw(st.integers(0, 3)) :]
    try:
        leads = way_out(example.wiring, kept(example, query))
    except ArrivalInvalid:
        return

    assert leads is None or urlsplit(leads.url).netloc in example.wiring.hosts


@EACH_LEAVING
@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/logoff", "https://evil.example/", "//evil.example/", "javascript:alert(1)",
        "http://{0}@evil.example/", "http://{0}.evil.example/", "http://evil.example\\@{0}/", "ftp://{0}/",
        "http://{0}/#x", "http://{0}:1/", "http://{0}/\r\nSet-Cookie: a=b", "/logoff", "{0}", "http://[",
    ],
)  # fmt: skip
def test_an_address_that_is_none_of_the_sites_gateways_is_no_way_out(example: Example, address: str) -> None:
    own = sorted(example.wiring.hosts)[0]
    assert way_out(example.wiring, address.format(own)) is None


@EACH_LEAVING
def test_a_gateway_that_left_the_inventory_is_no_way_out(example: Example) -> None:
    address = kept(example, example.query)
    moved = replace(example.wiring, hosts=frozenset({"10.200.0.1", "10.200.0.1:2050"}))
    assert way_out(moved, address) is None


@EACH_LEAVING
def test_an_address_kept_by_another_kind_is_no_way_out(example: Example) -> None:
    hosts = MERAKI_SIGN_ON.wiring.hosts | example.wiring.hosts
    assert way_out(replace(MERAKI_SIGN_ON.wiring, hosts=hosts), kept(example, example.query)) is None


@pytest.mark.parametrize("example", [COOVACHILLI, USPOT], ids=lambda one: one.name)
def test_a_phone_that_came_when_it_was_in_already_brings_no_address(example: Example) -> None:
    arrival = example.make(example.wiring).read(example.query)
    assert logout_of(example.wiring, replace(arrival, carried={"res": "already"})) == ""


BY_US = {GatewayKind.PLAZA, GatewayKind.UNIFI, GatewayKind.OMADA, GatewayKind.RUCKUS_SMARTZONE}
BY_NOBODY = {GatewayKind.OPENNDS, GatewayKind.MERAKI}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_a_gateway_hears_of_it_from_us_by_its_kind_or_by_radius(example: Example) -> None:
    assert hears(example.wiring) == (example.wiring.kind in BY_US)
    by_radius = replace(example.wiring, api_url="radius://10.9.0.1:3799")
    assert hears(by_radius) == (example.wiring.kind not in BY_NOBODY)
