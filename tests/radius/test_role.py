"""`plaza run radius` behind a real FreeRADIUS: from the first question to the last report, and what dies."""

import hashlib
import hmac
import os
import socket
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update
from werkzeug.test import Client

from captive_portal.carried import seal_session
from captive_portal.gateways.wiring import password
from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.tables import sessions
from controller.app import utc_now
from controller.portal_jobs import portal_jobs
from tests.radius.conftest import HERE, SECRETS, freeradius
from tests.radius.role import Plaza, Told, killed, plaza
from tests.radius.told import MAC, SESSION
from tests.town import free_port, wait_for

PHONES = 40
ROUNDS = 2
SECRET = SECRETS[HERE].encode()
OTHER, THIRD = "02:ca:fe:5e:00:02", "02:ca:fe:5e:00:03"
ACCEPT, REJECT, SIGNATURE = 2, 3, 18


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plaza]:
    """Written, not yet started. Each test has phones of its own."""
    with plaza(tmp_path_factory.mktemp("town"), free_port(socket.SOCK_DGRAM)) as made:
        yield made


def told(session: str, mac: str = MAC, **more: str) -> dict[str, str]:
    """What every packet says, and more by names with underscores."""
    given = {
        "User-Name": session,
        "Calling-Station-Id": mac.upper().replace(":", "-"),
        "NAS-Identifier": "ap-1",
    }
    return {name: f'"{value}"' for name, value in given.items()} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def reports(session: str, mac: str = MAC, association: str = "a-1") -> list[Told]:
    """Start, Interim-Update and Stop."""
    said = {"Acct_Session_Id": f'"{association}"', "Class": f"0x{session.encode().hex()}"}
    return [
        told(session, mac, Acct_Status_Type="Start", **said),
        told(session, mac, Acct_Status_Type="Interim-Update", **said, **usage(60, 500, 5_000)),
        told(session, mac, Acct_Status_Type="Stop", **said, **usage(90, 700, 7_000), **LEFT),
    ]


def usage(seconds: int, up: int, down: int) -> dict[str, str]:
    counted = (("Session_Time", seconds), ("Input_Octets", up), ("Output_Octets", down))
    return {f"Acct_{name}": str(value) for name, value in counted}


LEFT = {"Acct_Terminate_Cause": "User-Request"}
ALL_OF_IT = (90, 700, 7_000)


def used(row: dict[str, int]) -> tuple[int, int, int]:
    return row["acctsessiontime"], row["acctinputoctets"], row["acctoutputoctets"]


def test_a_phone_is_let_on_accounted_given_more_time_told_to_go_and_refused_by_the_role_that_plaza_runs(
    town: Plaza,
) -> None:
    before, session = town.doors(), town.tap(MAC, SESSION)
    shown = told(session, User_Password=f'"{password(town.site.wiring.key, session)}"')
    shown |= {"Message-Authenticator": "0x00"}
    start, interim, stop = reports(session)
    port = int(town.site.wiring.api_url.rpartition(":")[2])
    nas_directory = town.town.directory / "nas"
    nas_directory.mkdir()
    text = (Path(__file__).parent / "nas.conf").read_text()
    text = text.replace("@DIRECTORY@", str(nas_directory)).replace("@PORT@", str(port))
    (nas_directory / "radiusd.conf").write_text(text)

    with town.role(), town.freeradius(), freeradius(nas_directory, nas_directory / "log"):
        let_on = town.ask(shown)
        assert let_on.code == "Access-Accept"
        assert bytes.fromhex(let_on.attributes["Class"][2:]).decode() == session
        assert town.ask(start, "acct").code == "Accounting-Response"
        assert town.ask(interim, "acct").code == "Accounting-Response"
        assert used(town.row(session)) == (60, 500, 5_000)

        _age(town, session, minutes=50)
        site, phone = town.site, Client(create_app(Portal.over(town.engine, {HERE: town.site}, utc_now)))
        page = f"/p/{HERE}/online?s={seal_session(site, session)}"
        assert "Seguir conectado" in phone.get(page).text
        phone.post(f"/p/{HERE}/extend", data={"s": seal_session(site, session)})
        _work(town, "ask gateways for more time")
        assert "Te quedan 60 minutos." in phone.get(page).text
        assert int(town.ask(shown).attributes["Session-Timeout"]) > 3000

        assert town.town.plaza("session", "dismiss", session).returncode == 0
        _work(town, "tell gateways who is to go")
        assert town.row(session)["acctterminatecause"] == "Admin-Reset"
        assert town.ask(shown).code == "Access-Reject"
        assert town.ask(stop, "acct").code == "Accounting-Response"

    assert used(town.row(session)) == ALL_OF_IT
    assert town.doors() - before == 1


def _age(town: Plaza, session: str, minutes: int) -> None:
    """As if it had been tapped so long ago."""
    row, ago_s = sessions.c, 60 * minutes
    older = {"granted_at": row.granted_at - ago_s, "expires_at": row.expires_at - ago_s}
    with town.engine.begin() as connection:
        connection.execute(update(sessions).where(row.acctuniqueid == session).values(**older))


def _work(town: Plaza, name: str) -> None:
    """One turn of a job of the worker."""
    next(job for job in portal_jobs(town.app, utc_now) if job.name == name).work()


def test_nothing_is_lost_or_counted_twice_when_the_role_is_killed_amid_a_stream_of_reports(
    town: Plaza,
) -> None:
    before = town.doors()
    taps = {town.tap(mac): mac for mac in (f"02:ca:fe:5e:01:{number:02x}" for number in range(PHONES))}
    of_each = [reports(session, mac, f"a-{number}") for number, (session, mac) in enumerate(taps.items())]
    packets = [of_one[at] for at in range(3) for of_one in of_each]
    with town.freeradius():
        stream = town.stream(packets, per_s=30)
        for number in range(ROUNDS):
            with town.role() as role:
                wait_for(partial(_many_began, town, before + (number + 1) * PHONES // 3), "the first reports")
                assert any(row["acctstoptime"] is None for row in town.rows(taps)), "the stream is over"
                killed(role)
        with town.role():
            said, _ = stream.communicate(timeout=180)

    assert stream.returncode == 0, said
    rows = town.rows(taps)
    assert [used(row) for row in rows] == [ALL_OF_IT] * PHONES
    assert {row["acctterminatecause"] for row in rows} == {"user-request"}
    assert (town.associations(taps), town.doors() - before) == (PHONES, PHONES)


def _many_began(town: Plaza, many: int) -> bool:
    return town.doors() >= many


def test_a_session_goes_on_over_a_restart_of_freeradius_and_of_a_process_of_the_role(town: Plaza) -> None:
    before, session = town.doors(), town.tap(OTHER)
    start, interim, stop = reports(session, OTHER)
    with town.role() as role:
        with town.freeradius():
            assert town.ask(start, "acct").code == "Accounting-Response"
        with town.freeradius():
            assert town.ask(interim, "acct").code == "Accounting-Response"
            for process in children(role.pid):
                os.kill(process, 9)
            wait_for(lambda: town.ask(stop, "acct").code == "Accounting-Response", "the role's new process")
            assert town.ask(start, "acct").code == "Accounting-Response"

    assert used(town.row(session)) == ALL_OF_IT
    assert town.row(session)["acctterminatecause"] == "user-request"
    assert (town.associations([session]), town.doors() - before) == (1, 1)


def children(process: int) -> list[int]:
    """The processes that answer; those that only keep count for Python are left."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(one) for one in found if b"resource_tracker" not in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_requests_and_answers_without_a_right_message_authenticator_are_worth_nothing(town: Plaza) -> None:
    session = town.tap(THIRD)
    proof = password(town.site.wiring.key, session).encode()
    damaged, bare = request(session, proof, 1), request(session, proof, 2)
    with town.role(), town.freeradius(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(30)
        line.connect(("127.0.0.1", town.ports[0]))
        line.send(damaged[:-1] + bytes([damaged[-1] ^ 1]))
        line.send(bare[:2] + struct.pack("!H", len(bare) - SIGNATURE) + bare[4:-SIGNATURE])
        for number, shown, code in ((3, proof, ACCEPT), (4, b"guessed", REJECT), (5, proof, ACCEPT)):
            packet = request(session, shown, number)
            line.send(packet)
            answer = line.recv(4096)
            assert answer[:2] == bytes([code, number]), "only what is signed is answered"
            assert answer[20:22] == b"\x50\x12", "it is the first attribute: nothing can be put before it"
            zeroed = answer[:4] + packet[4:20] + answer[20:22] + bytes(16) + answer[38:]
            assert answer[22:38] == hmac.new(SECRET, zeroed, "md5").digest()


def request(session: str, shown: bytes, number: int) -> bytes:
    """An Access-Request whose last attribute is its Message-Authenticator (RFC 3579 §3.2)."""
    authenticator = os.urandom(16)
    hidden, before = b"", authenticator
    padded = shown + bytes(-len(shown) % 16)
    for at in range(0, len(padded), 16):
        mask = hashlib.md5(SECRET + before).digest()
        before = bytes(one ^ other for one, other in zip(padded[at : at + 16], mask, strict=True))
        hidden += before
    station = THIRD.upper().replace(":", "-").encode()
    told = ((1, session.encode()), (2, hidden), (31, station), (32, b"ap-1"), (80, bytes(16)))
    body = b"".join(struct.pack("!BB", kind, 2 + len(value)) + value for kind, value in told)
    packet = struct.pack("!BBH", 1, number, 20 + len(body)) + authenticator + body
    return packet[:-16] + hmac.new(SECRET, packet, "md5").digest()
