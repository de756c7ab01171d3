"""`python -m drivers.probe --interface eth1.20`: one JSON line a step on stdout. Needs CAP_NET_RAW."""

import argparse
import signal
import ssl
import sys
from contextlib import closing
from pathlib import Path

from drivers.probe.guest import ANDROID, Wanted
from drivers.probe.link import mac_of
from drivers.probe.visit import ENTERING, LOOKING, visit


def main() -> None:
    """Visit once. A SIGTERM gives session and lease back, too."""
    parser = argparse.ArgumentParser(prog="python -m drivers.probe", description=__doc__)
    parser.add_argument("--interface", required=True, help="the one in the guests' network")
    parser.add_argument("--url", default=ANDROID, help="what the phone asks first (%(default)s)")
    parser.add_argument("--within", type=float, default=60.0, help="seconds for all of it (%(default)s)")
    parser.add_argument("--offers", type=float, default=4.0, help="seconds to hear a second DHCP server")
    parser.add_argument("--ca", type=Path, help="a file of authorities to believe beside the system's")
    parser.add_argument("--enter", action="store_true", help="press the button, go through, leave again")
    parser.add_argument("--page", default="", help="what is downloaded once it is online")
    parser.add_argument("--octets", type=int, default=0, help="how much of that at most (%(default)s)")
    parser.add_argument("--door", type=float, default=20.0, help="seconds a door may take (%(default)s)")
    parser.add_argument("--mac", type=mac_of, default=b"", help="the phone's; made up unless given")
    asked = parser.parse_args()
    trusted = ssl.create_default_context()
    if asked.ca:
        trusted.load_verify_locations(asked.ca)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bounds = (asked.within, asked.offers, trusted)
    wanted = Wanted(asked.interface, asked.url, *bounds, asked.mac, asked.page, asked.octets, asked.door)
    with closing(visit(wanted, ENTERING if asked.enter else LOOKING)) as findings:
        for finding in findings:
            sys.stdout.write(f"{finding.line()}\n")
            sys.stdout.flush()


main()
