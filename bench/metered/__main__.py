"""`python -m bench.metered`: bytes per access point and day for each tier-1 platform and profile.

Each platform polls its own small recording; the datagrams are encoded as they would be sent, over SNMPv2c and
IPv4. The last line is one JSON object.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.metered.measure import NORMAL_S, Bytes, measure
from controller.profiles import POLL_OCTETS
from drivers.definition import load_platforms
from drivers.model import PollProfile

RECORDINGS: Final = Path(__file__).parents[2] / "tests" / "platforms" / "recordings"
TIER_1: Final = (
    "openwrt",
    "mikrotik_routeros",
    "ubiquiti_airos",
    "ubiquiti_unifi",
    "cambium_cnpilot",
    "cambium_epmp",
    "tplink_eap",
    "poe_switch",
    "ups",
    "teltonika_rutos",
    "pepwave",
)
DEPTHS: Final = ("whole", "light", "pulse")


def main() -> int:
    """Measure and show."""
    platforms = load_platforms()
    found, missing = [], []
    for name in TIER_1:
        path = RECORDINGS / f"{name}.snmprec"
        if path.is_file():
            found.append(measure(path, platforms[name]))
        else:
            missing.append(name)
    middle = median(one.polls["whole"] for one in found)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(_table(found))
    console.print(f"median of a whole poll {middle:,.0f} B; profiles are chosen for {POLL_OCTETS:,} B")
    for name in missing:
        console.print(f"{name} has no recording of its own")
    everything = {"platforms": [asdict(one) for one in found], "missing": missing, "median_whole": middle}
    sys.stdout.write(json.dumps(everything) + "\n")
    return 0


def _table(found: Sequence[Bytes]) -> Table:
    table = Table(title=f"Bytes on the wire, a whole poll every {NORMAL_S} s in the profile normal")
    table.add_column("platform", no_wrap=True)
    for depth in DEPTHS:
        table.add_column(f"{depth} poll", justify="right")
    for profile in PollProfile:
        table.add_column(f"{profile}, AP-day", justify="right")
    for one in found:
        polls = [f"{one.polls[depth]:,}" for depth in DEPTHS]
        table.add_row(one.platform, *polls, *(f"{one.days[profile]:,}" for profile in PollProfile))
    return table


if __name__ == "__main__":
    sys.exit(main())
