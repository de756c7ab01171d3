"""A real net-snmp snmpd with a configuration and a state directory of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.model import Secret, SnmpV2c, SnmpV3
from tests import need

COMMUNITY = SnmpV2c(Secret("plaza-in-a-test"))
USER = SnmpV3("plaza", "sha1", Secret("an-authentication-key"), "aes128", Secret("a-privacy-key-of-tests"))
SHA256_USER = SnmpV3(
    "plaza256", "sha256", Secret("an-authentication-key"), "aes128", Secret("a-privacy-key-x")
)


@dataclass(frozen=True, slots=True)
class Snmpd:
    """A running agent."""

    host: str
    port: int


def free_port() -> int:
    """A UDP port nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def snmpd(
    directory: Path,
    *,
    name: str = "ap-1",
    host: str = "127.0.0.1",
    port: int = 0,
    engine_id: str = "",
    extra: str = "",
    inside: Sequence[str] = (),
    environ: dict[str, str] | None = None,
) -> Iterator[Snmpd]:
    """Run it until the block ends. `inside` is a command prefix, as `ip netns exec NAME`."""
    program = need.program("snmpd", "snmpd")
    port = port or free_port()
    (directory / "state").mkdir(parents=True, exist_ok=True)
    configuration = directory / "snmpd.conf"
    configuration.write_text(_configuration(name, host, port, engine_id, extra))
    log = directory / "snmpd.log"
    with log.open("wb") as output:
        agent = subprocess.Popen(
            [*inside, program, "-f", "-C", "-c", str(configuration), "-Lo", "-I", "-smux"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {}), "SNMP_PERSISTENT_DIR": str(directory / "state")},
        )
    try:
        _wait(agent, log)
        yield Snmpd(host, port)
    finally:
        agent.terminate()
        agent.wait(10)


def _configuration(name: str, host: str, port: int, engine_id: str, extra: str) -> str:
    lines = [
        f"agentAddress udp:{host}:{port}",
        f"rocommunity {COMMUNITY.community.reveal()}",
        f"sysName {name}",
        "sysLocation Plaza de Armas",
        "sysDescr OpenWrt 23.05.5 in a test",
        *(
            f"createUser {user.user} {kind} {_key(user.auth_key)} AES {_key(user.priv_key)}"
            for user, kind in _USERS
        ),
        *(f"rouser {user.user} authpriv" for user, _ in _USERS),
    ]
    if engine_id:
        lines.append(f"exactEngineID {engine_id}")
    return "\n".join([*lines, extra, ""])


_USERS = ((USER, "SHA"), (SHA256_USER, "SHA-256"))


def _key(secret: Secret | None) -> str:
    assert secret is not None
    return secret.reveal()


def _wait(agent: subprocess.Popen[bytes], log: Path) -> None:
    """Until it says that it is listening."""
    end = time.monotonic() + 30
    while "NET-SNMP version" not in log.read_text("utf-8", "replace"):
        assert agent.poll() is None, log.read_text("utf-8", "replace")
        assert time.monotonic() < end, "snmpd does not start"
        time.sleep(0.02)
