"""When networks are on the air: a line for cron that calls a program of ours each minute."""

from collections.abc import Iterable
from typing import Final

from drivers.configurers.openwrt.names import WifiNetwork

_EACH_MINUTE: Final = "* * * * * /etc/plaza/air"


def crontab(networks: Iterable[WifiNetwork]) -> tuple[str, ...]:
    """Our lines of root's crontab; none where every network is always on the air."""
    words = [f"{network.section}={_spans(network)}" for network in networks if network.schedule]
    return (" ".join((_EACH_MINUTE, *words)),) if words else ()


def _spans(network: WifiNetwork) -> str:
    """As `date +%u` counts days: Monday is 1."""
    return ",".join(f"{span.day + 1}:{span.start}-{span.end}" for span in network.schedule)
