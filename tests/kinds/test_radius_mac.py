"""An access point with MAC authentication is told to ask again, by a request that it really receives."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pyrad.packet import CoAPacket, DisconnectACK, DisconnectNAK

from captive_portal.errors import ArrivalInvalid, GatewayFailed
from captive_portal.gateways.cisco_wlc import CiscoWlcGateway
from captive_portal.gateways.coovachilli import CoovaChilliGateway
from captive_portal.gateways.radius_mac import RadiusMacGateway
from captive_portal.model import Admitted, Pending, Wiring
from tests.kinds.cisco_wlc_kind import CISCO_WLC
from tests.kinds.coovachilli_kind import COOVACHILLI
from tests.kinds.example import GRANT, PHONE
from tests.kinds.radius_kind import RADIUS

SECRET = b"secret-of-the-site"
ADMITTED = Admitted(GRANT.session, PHONE)


@contextmanager
def access_point(code: int, wiring: Wiring) -> Iterator[tuple[Wiring, list[CoAPacket]]]:
    """A site whose access point answers one request with a code, and what it was told."""
    told: list[CoAPacket] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(30)

        def answer() -> None:
            octets, sender = line.recvfrom(4096)
            request = CoAPacket(secret=SECRET, packet=octets)
            told.append(request)
            reply = request.CreateReply()
            reply.code = code
            line.sendto(reply.ReplyPacket(), sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield replace(wiring, api_url=f"radius://127.0.0.1:{line.getsockname()[1]}", secret=SECRET), told
        thread.join(30)


def test_a_tap_has_the_access_point_ask_again_by_the_mac() -> None:
    with access_point(DisconnectACK, RADIUS.wiring) as (wiring, told):
        gateway = RadiusMacGateway(wiring)
        assert gateway.admit(gateway.read(RADIUS.query), GRANT) == Pending()
    assert told[0][31] == [b"02-CA-FE-5E-00-01"]


def test_one_that_refuses_has_failed() -> None:
    with access_point(DisconnectNAK, RADIUS.wiring) as (wiring, _), pytest.raises(GatewayFailed):
        RadiusMacGateway(wiring).dismiss(ADMITTED)


@pytest.mark.parametrize("example", [CISCO_WLC, COOVACHILLI], ids=["posting", "uam"])
def test_a_session_is_ended_by_its_name_where_the_site_takes_requests(example: object) -> None:
    kind, made = (CiscoWlcGateway, CISCO_WLC) if example is CISCO_WLC else (CoovaChilliGateway, COOVACHILLI)
    assert not kind(made.wiring).dismiss(ADMITTED)
    with access_point(DisconnectACK, made.wiring) as (wiring, told):
        assert kind(wiring).dismiss(ADMITTED)
    assert told[0][1] == [GRANT.session.encode()]


def test_a_variant_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="variant"):
        RadiusMacGateway(replace(RADIUS.wiring, variant="mac"))


@pytest.mark.parametrize("spelt", ["02-00-5E-10-00-01", "02005e100001", "02:00:5e:10:00:01"])
def test_an_access_point_that_names_itself_by_its_mac_may_spell_it_in_any_way(spelt: str) -> None:
    wiring = replace(RADIUS.wiring, hosts=frozenset({"02:00:5e:10:00:01"}), variant="mac,ip,ap")
    query = f"mac={PHONE.mac}&ip={PHONE.ip}&ap="
    assert RadiusMacGateway(wiring).read(query + spelt).phone == PHONE
    with pytest.raises(ArrivalInvalid, match="access point"):
        RadiusMacGateway(wiring).read(query + "de:ad:be:ef:00:01")
