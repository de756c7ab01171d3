"""What the systems of phones ask, to know whether they are online (research/portal.md §2)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Probe:
    """A question over plain HTTP, and what a free Internet answers."""

    system: str
    host: str
    path: str
    status: int
    body: bytes

    @property
    def url(self) -> str:
        return f"http://{self.host}{self.path}"


APPLE: Final = Probe(
    "apple",
    "captive.apple.com",
    "/hotspot-detect.html",
    200,
    b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>",
)
ANDROID: Final = Probe("android", "connectivitycheck.gstatic.com", "/generate_204", 204, b"")
PROBES: Final = (
    APPLE,
    ANDROID,
    Probe("windows", "www.msftconnecttest.com", "/connecttest.txt", 200, b"Microsoft Connect Test"),
    Probe(
        "firefox",
        "detectportal.firefox.com",
        "/canonical.html",
        200,
        b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>',
    ),
    Probe(
        "networkmanager",
        "nmcheck.gnome.org",
        "/check_network_status.txt",
        200,
        b"NetworkManager is online\n",
    ),
)

FREE: Final = {probe.system: (probe.status, probe.body) for probe in PROBES}
"""What every system sees of a free Internet."""
