"""Sites whose controller runs, for the tests of the kinds whose controller we call."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from captive_portal.errors import GatewayFailed
from captive_portal.model import Admitted, Gateway, Grant, Phone
from tests.kinds.controllers import SECRET, Controller, Standing, standing
from tests.kinds.example import GRANT, PHONE, Example
from tests.kinds.omada_controller import Omada
from tests.kinds.omada_kind import OMADA
from tests.kinds.ruckus_smartzone_kind import RUCKUS_SMARTZONE
from tests.kinds.smartzone_controller import SmartZone
from tests.kinds.unifi_controllers import UnifiClassic, UnifiIntegration
from tests.kinds.unifi_kind import UNIFI, UNIFI_CONSOLE, UNIFI_KEYED

MAC = PHONE.mac
HYPHENS = MAC.upper().replace(":", "-")
CLIENT = "6f3b6677-e61a-3057-8a4f-74ea11396064"
BOUNDED = Grant(GRANT.session, 3601, 250_000_001)
SOMEBODY = Admitted(GRANT.session, PHONE)
STRANGER = Admitted("f" * 32, Phone("02:ca:fe:5e:00:99"))


def keyed() -> UnifiIntegration:
    """A console at which the phone is connected."""
    console = UnifiIntegration(UNIFI.wiring.api_site)
    console.connected[MAC] = CLIENT
    return console


MAKERS: dict[str, tuple[Example, Callable[[], Any]]] = {
    example.name: (example, make)
    for example, make in (
        (UNIFI, lambda: UnifiClassic(UNIFI.wiring.api_site, is_console=False)),
        (UNIFI_CONSOLE, lambda: UnifiClassic(UNIFI.wiring.api_site, is_console=True)),
        (UNIFI_KEYED, keyed),
        (OMADA, lambda: Omada(urlsplit(OMADA.wiring.api_url).path[1:], OMADA.wiring.api_site)),
        (RUCKUS_SMARTZONE, SmartZone),
    )
}
EACH = pytest.mark.parametrize("name", MAKERS)
WITH_LOGIN = pytest.mark.parametrize("name", [UNIFI.name, UNIFI_CONSOLE.name, OMADA.name])


@dataclass
class Site:
    """A site whose controller runs: its gateway, and the controller behind it."""

    example: Example
    there: Standing
    gateway: Gateway
    controller: Any

    def tap(self, grant: Grant = GRANT) -> object:
        """What a phone that taps is answered."""
        return self.gateway.admit(self.gateway.read(self.example.query), grant, "es")

    def wired(self, **changed: Any) -> Gateway:
        """The gateway with another wiring."""
        path = urlsplit(self.example.wiring.api_url).path
        told = {"api_url": self.there.url + path, "fingerprint": self.there.fingerprint, **changed}
        return self.example.make(replace(self.example.wiring, **told))


@contextmanager
def site(directory: Path, name: str, example: Example | None = None) -> Iterator[Site]:
    """A site of this kind, whose controller's certificate is pinned."""
    known, make = MAKERS[name]
    controller: Controller = make()
    with standing(directory, controller) as there:
        made = Site(example or known, there, known.make(known.wiring), controller)
        made.gateway = made.wired()
        yield made


def assert_silent(text: str) -> None:
    """No address of a phone, no secret and no query in it, however spelt."""
    for spelt in (MAC, HYPHENS, MAC.upper(), PHONE.ip, SECRET, "filter=", "searchKey", "sesion-"):
        assert spelt not in text


def failure(act: Callable[[], object]) -> str:
    """Why it failed; neither its words nor its traceback say what nobody may read."""
    with pytest.raises(GatewayFailed) as failed:
        act()
    said = "".join(traceback.format_exception(failed.value, chain=True))
    assert_silent("\n".join(line for line in said.splitlines() if not line.startswith("    ")))
    assert failed.value.site == "08019-plaza"
    return failed.value.reason
