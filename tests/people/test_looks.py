"""What an agent is seen to accept is what a real snmpd answers, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from controller.access import Access
from controller.rotation import look
from controller.rotation.ledger import Accepts
from controller.secrets import FileSecrets
from controller.store.engine import open_engine
from drivers.model import Device, Endpoint, Role
from tests.snmp.snmpd import snmpd

WORDS = {"auth": "canario-auth-old", "priv": "canario-priv-old"}
NEXT = {"auth.next": "canario-auth-new", "priv.next": "canario-priv-new", "auth.user.next": "plaza-2"}
OLD_USER = "createUser ana SHA canario-auth-old AES canario-priv-old\nrouser ana authpriv\n"
NEW_USER = "createUser plaza-2 SHA canario-auth-new AES canario-priv-new\nrouser plaza-2 authpriv\n"
WITHOUT_RIGHTS = OLD_USER.replace("rouser", "# rouser")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """No store is asked here."""
    engine = open_engine(f"sqlite:///{tmp_path / 'plaza.db'}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("users", "accepts"),
    [
        (OLD_USER, Accepts.OLD),
        (OLD_USER + NEW_USER, Accepts.BOTH),
        (NEW_USER, Accepts.NEW),
        (WITHOUT_RIGHTS + NEW_USER, Accepts.NEW),
        ("", None),
    ],
    ids=["old", "both", "new", "old one without rights", "neither"],
)
def test_an_agent_tells_by_its_answers(
    users: str, accepts: Accepts | None, tmp_path: Path, engine: Engine
) -> None:
    for name, word in (WORDS | NEXT).items():
        (tmp_path / name).write_text(word)
        (tmp_path / name).chmod(0o600)
    entry = {"kind": "snmp-v3", "user": "ana", "auth_key": "ref+file:auth", "priv_key": "ref+file:priv"}
    access = Access(FileSecrets({"nms": entry}, tmp_path, {}), engine)
    with snmpd(tmp_path / "agent", extra=users) as agent:
        at = Endpoint(agent.host, agent.port)
        device = Device("ap-1", Role.AP, "08019", "08019-plaza", "openwrt", "127.0.0.1", at, at, at)
        (seen,) = look.at_polls(access, [device], "nms", "own")
    assert seen.accepts is accepts
    (seen,) = look.at_polls(access, [device], "nms", "own") if accepts is None else (seen,)
    assert seen.detail.startswith(look.NOT_REACHED) == (accepts is None)
