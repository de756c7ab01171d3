"""The phones that the kernel has resolved on the guests' interface: /proc/net/arp, proc_net(5)."""

from pathlib import Path
from typing import Final

from captive_portal.gateway.phone import Phone

TABLE: Final = Path("/proc/net/arp")
COMPLETE: Final = 0x02


def phones(text: str, interface: str) -> list[Phone]:
    """Those in the text of the table: IP, type, flags, MAC, mask, interface, below a line of titles."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [
        Phone(mac.lower(), ip)
        for ip, _, flags, mac, _, device in (row for row in rows if len(row) == 6)
        if device == interface and int(flags, 16) & COMPLETE
    ]


def on(interface: str, table: Path = TABLE) -> list[Phone]:
    """Those there now. Raises OSError."""
    return phones(table.read_text(encoding="ascii"), interface)
