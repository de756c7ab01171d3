"""Many simulated Cisco IOS access points in one process: `python -m bench.apply.routers JSON`."""

import os
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.apply.configuration import IOS
from bench.apply.lifetime import given, until_ended
from bench.apply.work import USER, Place
from bench.poll.meter import open_many_files
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.server import VendorServer


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` of them; `key_file` is let in."""

    count: int
    key_file: str


def main(wanted: Wanted) -> None:
    """Open them, tell where they are, serve, close them."""
    open_many_files()
    public = Path(f"{wanted.key_file}.pub").read_text(encoding="ascii").strip()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(VendorServer(CiscoIos(startup=IOS), user=USER, authorized_keys=[public]))
            for _ in range(wanted.count)
        ]
        places = [asdict(Place("127.0.0.1", server.port)) for server in servers]
        until_ended(places=places, processes=[os.getpid()])


if __name__ == "__main__":
    main(Wanted(**given(sys.argv[1])))
