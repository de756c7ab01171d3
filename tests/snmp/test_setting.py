"""SET through pysnmp, against a real snmpd: all or none, and every refusal named."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from drivers.errors import AuthFailed, ConfigRejected, DriverError, Unreachable, ValueRefused
from drivers.model import Endpoint, Secret, SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import Oid
from drivers.snmp.setting import Kind, Typed, set_values
from tests.snmp.polling import ask, poll_one
from tests.snmp.snmpd import COMMUNITY, USER, Snmpd, snmpd

SYS_CONTACT: Oid = (1, 3, 6, 1, 2, 1, 1, 4, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)
SYS_UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
MAY_WRITE = "may-write-in-a-test"
KEYS = Secret("an-authentication-key"), Secret("a-privacy-key-of-tests")
WRITER = SnmpV3("writer", "sha1", KEYS[0], "aes128", KEYS[1])
# A line that sets an object in snmpd.conf makes it read-only.
WRITABLE = f"""\
rwcommunity {MAY_WRITE}
createUser writer SHA {KEYS[0].reveal()} AES {KEYS[1].reveal()}
rwuser writer authpriv
"""


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """An agent that two may write to."""
    with snmpd(tmp_path_factory.mktemp("writable"), extra=WRITABLE) as running:
        yield running


def put(agent: Snmpd, credentials: SnmpCredentials, values: Mapping[Oid, Typed]) -> None:
    """Set and wait for the end."""
    asyncio.run(set_values("ap-1", Endpoint(agent.host, agent.port), credentials, values))


def contact(agent: Snmpd) -> object:
    """What the agent has now."""
    return poll_one(PysnmpPoller, ask(agent.port, [SYS_CONTACT], credentials=COMMUNITY)).scalars[SYS_CONTACT]


def text(value: bytes) -> Typed:
    """An OCTET STRING."""
    return Typed(Kind.OCTETS, value)


@pytest.mark.parametrize(
    "credentials",
    [SnmpV1(Secret(MAY_WRITE)), SnmpV2c(Secret(MAY_WRITE)), WRITER],
    ids=["v1", "v2c", "v3"],
)
def test_an_agent_has_afterwards_what_was_set(writable: Snmpd, credentials: SnmpCredentials) -> None:
    wanted = f"{type(credentials).__name__} ñandú".encode()
    put(writable, credentials, {SYS_CONTACT: text(wanted)})
    assert contact(writable) == wanted


def test_of_two_objects_one_of_which_is_refused_neither_is_set(writable: Snmpd) -> None:
    put(writable, WRITER, {SYS_CONTACT: text(b"before")})
    with pytest.raises(ConfigRejected, match=r"1\.3\.6\.1\.2\.1\.1\.3\.0"):
        put(writable, WRITER, {SYS_CONTACT: text(b"after"), SYS_UPTIME: Typed(Kind.TICKS, 5)})
    assert contact(writable) == b"before"


def test_a_value_of_the_wrong_type_is_rejected(writable: Snmpd) -> None:
    with pytest.raises(ConfigRejected, match=r"wrongType for 1\.3\.6\.1\.2\.1\.1\.4\.0"):
        put(writable, WRITER, {SYS_CONTACT: Typed(Kind.INTEGER, 5)})


def test_who_may_only_read_is_told_so(writable: Snmpd) -> None:
    with pytest.raises(AuthFailed, match="may not write it"):
        put(writable, COMMUNITY, {SYS_CONTACT: text(b"x")})
    with pytest.raises(AuthFailed):
        put(writable, USER, {SYS_CONTACT: text(b"x")})


def test_a_user_nobody_knows_is_no_timeout(writable: Snmpd) -> None:
    with pytest.raises(AuthFailed, match="mend its SNMP credentials"):
        put(writable, SnmpV3("stranger", "sha1", *KEYS[:1], "aes128", KEYS[1]), {SYS_CONTACT: text(b"x")})


def test_silence_is_unreachable(nobody: int) -> None:
    with pytest.raises(Unreachable, match="is it on"):
        put(Snmpd("127.0.0.1", nobody), COMMUNITY, {SYS_CONTACT: text(b"x")})


@pytest.mark.parametrize(
    ("credentials", "value"),
    [
        (WRITER, Typed(Kind.INTEGER, 1 << 40)),
        (WRITER, Typed(Kind.ADDRESS, b"12345")),
        (SnmpV3("writer", "sha3", *KEYS[:1], "aes128", KEYS[1]), text(b"x")),
    ],
    ids=["too large", "no address", "no such protocol"],
)
def test_what_cannot_be_sent_is_not_sent(nobody: int, credentials: SnmpCredentials, value: Typed) -> None:
    with pytest.raises(ValueRefused, match="cannot be sent"):
        put(Snmpd("127.0.0.1", nobody), credentials, {SYS_CONTACT: value})


def test_no_secret_is_in_what_is_raised(writable: Snmpd) -> None:
    wrong = SnmpV3("writer", "sha1", Secret("hunter2-hunter2"), "aes128", Secret("hunter2-hunter2"))
    with pytest.raises(DriverError) as caught:
        put(writable, wrong, {SYS_CONTACT: text(b"x")})
    assert "hunter2" not in str(caught.value)
