"""A Linux box whose SNMP users Plaza writes, with a real snmpd that reads them."""

from pathlib import Path

from tests import need
from tests.configure.device import OpenSsh
from tests.configure.linuxbox import Box, make_box
from tests.snmp.snmpd import free_port

RESTART = """
case "$*" in
*restart*snmpd*)
    kill "$(cat "$R/tmp/snmpd.pid" 2>/dev/null)" 2>/dev/null && sleep 0.3
    rm -f "$R/tmp/snmpd.pid"
    S="$R/etc/snmp"
    SNMP_PERSISTENT_DIR="$S/state" %s -C -c "$S/snmpd.conf,$S/snmpd.conf.d/plaza.conf" \
        -Lf "$R/tmp/snmpd.log" -p "$R/tmp/snmpd.pid" -I -smux </dev/null >/dev/null 2>&1
    exit 0
    ;;
esac
"""


def make_agent(folder: Path) -> tuple[Box, int]:
    """The box, and the UDP port of its agent, which starts when its users are first written."""
    program = need.program("snmpd", "snmpd")
    box = make_box(folder, OpenSsh())
    port = free_port()
    (box.root / "etc/snmp/state").mkdir()
    (box.root / "etc/snmp/snmpd.conf").write_text(f"agentAddress udp:127.0.0.1:{port}\nsysName caja\n")
    systemctl = box.root / "bin/systemctl"
    head, rest = systemctl.read_text().split("\n", 2)[0:2], systemctl.read_text().split("\n", 2)[2]
    systemctl.write_text("\n".join(head) + RESTART % program + rest)
    return box, port
