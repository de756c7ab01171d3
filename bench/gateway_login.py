"""CPU that the site gateway spends per redirect and per login with real packet rules.

`python -m bench.gateway_login`. Needs root. Children (nft) are counted too; the portal's own time is not.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from captive_portal.tables import sessions
from tests.gateway import certificates
from tests.gateway.streets import LAN
from tests.gateway.town import NAME, PROBES, Town, town

LOGINS = 40
REDIRECTS = 200


def cpu_ms(town_: Town) -> float:
    """User and system time of the gateway and of its children so far."""
    fields = Path(f"/proc/{town_.gateway_pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(town_: Town) -> tuple[float, float]:
    """Milliseconds per redirect and per admission."""
    urls = f"{PROBES['android']}?[1-{REDIRECTS}]"
    began = cpu_ms(town_)
    town_.inside("phone1", "curl", "-s", "-o", "/dev/null", urls)
    redirect = (cpu_ms(town_) - began) / REDIRECTS
    admissions = 0.0
    for _ in range(LOGINS):
        grant = town_.tap("phone1")
        began = cpu_ms(town_)
        town_.curl("phone1", grant)
        admissions += cpu_ms(town_) - began
        town_.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
        with town_.engine.begin() as connection:
            connection.execute(sessions.delete())
    return redirect, admissions / LOGINS


def main() -> None:
    """Print the two figures."""
    dnsmasq = shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if os.geteuid() != 0 or dnsmasq is None:
        sys.exit("needs root, and apt-get install dnsmasq-base nftables iproute2 curl")
    with tempfile.TemporaryDirectory() as directory:
        certificates.write(Path(directory), NAME)
        with town(Path(directory), sync_s=3600) as square:
            square.start(dnsmasq)
            square.start_gateway()
            redirect, admission = measure(square)
    sys.stdout.write(
        f"redirect {redirect:.2f} ms, admission {admission:.2f} ms, login {redirect + admission:.2f} ms\n"
    )


main()
