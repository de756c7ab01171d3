"""Arrivals of openNDS at each FAS level, made as its source makes them, and one that PHP made."""

import base64
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from captive_portal.gateways.opennds import OpenNds
from captive_portal.model import Answer, GatewayKind, Pending, Redirect, Wiring
from tests.kinds.example import KEY, LANDING, Example

FASKEY: Final = b"clave-de-laboratorio-0123456789"
HOST: Final = "10.99.0.1:2050"
IV: Final = "0123456789abcdef"
HID: Final = "97571431186eeddaf3733108fc169f445b4fbd007ba4bee64633f308378c5a95"
RHID: Final = sha256(HID.encode() + FASKEY).hexdigest()
BACK: Final = (
    "redir=https%3A%2F%2Fportal.example.mx%2Fp%2F08019-plaza%2Fonline%3Flang%3Des"
    "&custom=c2Vzc2lvbj0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZiwgc2Vzc2lvbl9sZW5ndGg9MzYwMA%3D%3D"
)

CLEAR: Final = (
    "authaction=http://10.99.0.1:2050/opennds_auth/?clientip=10.99.0.23&gatewayname=Chihuahua%20Gratis"
    "&tok=816c3cff&redir=http%3a%2f%2fconnectivitycheck.gstatic.com%2fgenerate_204"
)
"""Level 0, of any version."""

HASHED_9: Final = (
    f"hid={HID}, clientip=10.99.0.23, clientmac=02:ca:fe:5e:00:01, client_type=cpd_can, "
    "gatewayname=Chihuahua%20Gratis, gatewayurl=http%3a%2f%2fstatus.client, version=9.10.0, "
    f"gatewayaddress={HOST}, gatewaymac=025e00000002, "
    "originurl=http%3a%2f%2fconnectivitycheck.gstatic.com%2fgenerate_204, clientif=br-lan, themespec=(null), "
    "sitio=a~~~01, municipio=guachochi, (null)(null)"
)
"""The text of level 1 in 9.10.0: no authdir, custom parameters last one first; its tildes make a `+`."""

SEALED_10: Final = (
    f"hid={HID}, clientip=10.99.0.23, clientmac=02:ca:fe:5e:00:01, client_type=cpi_url, "
    "cpi_query=http%3a%2f%2fstatus.client%2flogin%3flang%3des, "
    "gatewayname=Chihuahua%20Gratis, gatewayurl=http%3a%2f%2fstatus.client, version=10.3.1, "
    f"gatewayaddress={HOST}, gatewaymac=025e00000002, authdir=opennds_auth, "
    "originurl=http%3a%2f%2fstatus.client%2flogin, clientif=wlan0 (null) (null), themespec=(null), "
    "sitio=Peñón, nota=a=b, (null)(null)(null)"
)
"""The text of levels 2 and 3 in 10.x."""

RECORDED: Final = (
    "fas=dGtWSEtTeFAwS2U3QWw3N3pLSFdhamhPeC80ZktaRldxZ1RuU05Fb1BXcDJKU05SNmk1S0l4YysyVUg3WkV5c0hhTGZubnh0Y2du"
    "N2p5QlNST1oxcTBuVXo0WVJLcnBIS1IwNGpRM2ZiK29SZXFUdGFYWmVHdHdmWnBlU3FhdVNkRHNJUFlDRE5qQ01zTlNiaWpCUWEwVVc4"
    "V0EvT3J3c1RleWh6cENQS3IxaHFkQkx3NEhVV2Y4VFl5NlUzWnllUDVWZEU3V3pXTDNzM2toWU05SmpqRzB3TXdEblc5NmxqaGhoTUd3"
    "L25LVmhScTl5K3BLbnZDSUE2VFRXYmM1MU90emE4TjEzbDZvYlI4YXQ4akl1R1VwcGsxYmo3TDArNGRNY2h5bVQ3TmtlL040S2VTWmJt"
    "TExRMmV4SDk5STdma3NpbXRYUzZERW9yQzVXZHRlb0RNYUlSUkljb3dSL1p3N1FpN2FWYnlURjNyMWxyeFRhUllSVElNalBQaXRBa0NF"
    "aG1rUG9lZUgvZXAwbUtibXYxYlZuRlB1UE9uRXhRVkZFNkluZi91WDMrNWNxd2lNejNHSTM0Yy9PaGdGTVI1eXNQN0oyNmN6RTBJMlBn"
    "WEhvL0R2bFhudXR5S1VEcEg5STFtTTBSVXFpTHdrZzNYRjdVTXQrbGlRTEgxNEZTdTZxSXFUY1lwdXVGR0ErNFhPQk1EN3BLV1RXcUl4"
    "a01aWDJYaDd2eTUrdDFrNVVPeVlhaytSVS9Vd1EzMHA2bkJkM3NlUW0zVmEvODZxRGM3c0p3QT09&iv=dc52974ac6930ca9"
)
"""What openNDS 9.10.0 logged as its text at level 3 (openNDS issue 431), with the faskey `1234567890`.

The phone's addresses are exchanged for ours, then PHP 8.2's openssl_encrypt sealed it, as openNDS has it do.
"""


def sealed(text: str, faskey: bytes = FASKEY, iv: str = IV) -> bytes:
    """The octets under both layers of base64."""
    padding = PKCS7(128).padder()
    cipher = Cipher(AES256(faskey[:32].ljust(32, b"\0")), CBC(iv.encode())).encryptor()
    octets = text.encode(errors="surrogateescape")
    return cipher.update(padding.update(octets) + padding.finalize()) + cipher.finalize()


def carrying(octets: bytes, iv: str = IV) -> str:
    """The query of levels 2 and 3: base64 of base64, not percent-encoded."""
    return f"fas={base64.b64encode(base64.b64encode(octets)).decode()}&iv={iv}"


def hashed(text: str) -> str:
    """The query of levels 1 and 4: base64, not percent-encoded."""
    return f"fas={base64.b64encode(text.encode()).decode()}"


def wired(variant: str = "", faskey: bytes = FASKEY, host: str = HOST) -> Wiring:
    """The wiring of a site whose openNDS is set to that level."""
    return Wiring(
        "08019-plaza", GatewayKind.OPENNDS, KEY, LANDING, frozenset({host}), secret=faskey, variant=variant
    )


def _example(name: str, wiring: Wiring, query: str, answer: Answer) -> Example:
    (host,) = wiring.hosts
    away = Redirect(f"http://{host}/opennds_deny/")
    return Example(f"opennds-{name}", wiring, OpenNds, query, answer, way_out=away)


OPENNDS: Final = (
    Example(
        "opennds-0", wired("level-0"), OpenNds, CLEAR,
        Redirect(f"http://{HOST}/opennds_auth/?tok=816c3cff&{BACK}"),
        phone=None, elsewhere=("authaction",), onward=("redir",),
        way_out=Redirect(f"http://{HOST}/opennds_deny/"),
    ),
    _example(
        "1", wired("level-1"), hashed(HASHED_9), Redirect(f"http://{HOST}/opennds_auth/?tok={RHID}&{BACK}")
    ),
    _example(
        "2", wired(), carrying(sealed(SEALED_10)), Redirect(f"http://{HOST}/opennds_auth/?tok={RHID}&{BACK}")
    ),
    _example(
        "2-recorded", wired("level-2", b"1234567890", "10.20.30.40:2050"), RECORDED,
        Redirect(
            "http://10.20.30.40:2050/opennds_auth/"
            f"?tok=21dfe61ded9b9d8522a374dbae03544b6260025151612f7b2b8a774743950c56&{BACK}"
        ),
    ),
    _example("3", wired("level-3"), carrying(sealed(SEALED_10)), Pending()),
    _example("4", wired("level-4"), hashed(SEALED_10), Pending()),
)  # fmt: skip
