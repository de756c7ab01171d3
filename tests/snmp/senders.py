"""Real senders of traps and informs: net-snmp's snmptrap and snmpinform."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from drivers.model import Endpoint, Secret, SnmpV3
from tests import need

LINK_DOWN = ("", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7", "i", "7")
COLD_START = ("", "1.3.6.1.6.3.1.1.5.1")
V1_LINK_DOWN = ("1.3.6.1.4.1.8072.3.2.10", "127.0.0.1", "2", "0", "42")

_PROTOCOLS = {"sha1": "SHA", "sha256": "SHA-256", "aes128": "AES", "none": ""}


def community(version: str, name: str) -> list[str]:
    """Options of SNMPv1 or v2c."""
    return ["-v", version, "-c", name]


def user(credentials: SnmpV3, level: str = "authPriv") -> list[str]:
    """Options of SNMPv3."""
    return [
        *("-v", "3", "-l", level, "-u", credentials.user),
        *("-a", _PROTOCOLS[credentials.auth_protocol], "-A", _key(credentials.auth_key)),
        *("-x", _PROTOCOLS[credentials.priv_protocol], "-X", _key(credentials.priv_key)),
    ]


def send(
    state: Path, to: Endpoint | str, options: Sequence[str], notice: Sequence[str], *, inform: bool = False
) -> int:
    """The exit status; of an inform it is 0 only when it was acknowledged."""
    program = need.program("snmpinform" if inform else "snmptrap", "snmp")
    state.mkdir(parents=True, exist_ok=True)
    argv = [program, "-m", "", "-r", "1", "-t", "2", *options, str(to), *notice]
    environ = {"SNMP_PERSISTENT_DIR": str(state), "SNMPCONFPATH": str(state)}
    return subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=60).returncode


def _key(secret: Secret | None) -> str:
    assert secret is not None
    return secret.reveal()
