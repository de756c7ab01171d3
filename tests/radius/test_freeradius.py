"""A real FreeRADIUS with the shipped configuration, asked as an access point asks."""

import logging

import pytest

from captive_portal.gateways.wiring import password
from captive_portal.radius.app import TOKEN_HEADER
from tests.radius.conftest import HERE, THERE, TOKEN, Server
from tests.radius.told import MAC, STATION

OTHER = "02-CA-FE-5E-00-99"


def told(user: str, station: str = STATION, nas: str = "ap-1", **more: str) -> dict[str, str]:
    """What every packet says, and more by names with underscores."""
    given = {"User-Name": f'"{user}"', "Calling-Station-Id": f'"{station}"', "NAS-Identifier": f'"{nas}"'}
    return given | {name.replace("_", "-"): value for name, value in more.items()}


def secret_of(server: Server, session: str, site: str = HERE) -> str:
    return f'"{password(server.world.sites[site].key, session)}"'


@pytest.mark.parametrize("way", ["User-Password", "CHAP-Password"])
def test_a_phone_that_tapped_is_let_on_for_what_remains(server: Server, way: str) -> None:
    session = server.world.tap()
    found = server.ask(told(session) | {way: secret_of(server, session)})

    assert found.code == "Access-Accept"
    assert found.attributes["Session-Timeout"] == "3600"
    assert bytes.fromhex(found.attributes["Class"][2:]).decode() == session
    assert "Message-Authenticator" in found.attributes


def test_a_wrong_password_is_refused_and_nothing_of_the_grant_leaks_into_the_reject(server: Server) -> None:
    session = server.world.tap()
    found = server.ask(told(session, User_Password='"guessed"'))

    assert found.code == "Access-Reject"
    assert set(found.attributes) == {"Message-Authenticator"}


def test_a_reject_tells_its_reason(server: Server) -> None:
    found = server.ask(told("f" * 32, OTHER, User_Password='"x"'))
    assert (found.code, found.attributes["Reply-Message"]) == ("Access-Reject", "no-session")


def test_a_password_that_another_phone_stole_is_refused(server: Server) -> None:
    session = server.world.tap()
    server.world.tap(mac="02:ca:fe:5e:00:99")
    found = server.ask(told(session, OTHER, User_Password=secret_of(server, session)))
    assert (found.code, found.attributes["Reply-Message"]) == ("Access-Reject", "other-phone")


@pytest.mark.parametrize("spelt", [STATION, MAC, "02cafe5e0001", "02ca.fe5e.0001"])
def test_a_phone_is_let_on_by_its_mac_once_it_has_tapped(server: Server, spelt: str) -> None:
    server.world.tap()
    assert server.ask(told(spelt, User_Password=f'"{spelt}"')).code == "Access-Accept"
    stranger = told("02-CA-FE-5E-00-77", "02-CA-FE-5E-00-77", User_Password='"x"')
    assert server.ask(stranger).code == "Access-Reject"


def test_a_session_of_one_site_lets_nobody_on_at_another(server: Server) -> None:
    session = server.world.tap()
    assert server.ask(told(MAC, User_Password=f'"{MAC}"'), site=THERE).code == "Access-Reject"
    shown = told(session, User_Password=secret_of(server, session))
    assert server.ask(shown, site=THERE).code == "Access-Reject"


def test_while_the_store_fails_there_is_silence_and_no_reject(server: Server) -> None:
    session = server.world.tap()
    shown = told(session, User_Password=secret_of(server, session))
    with server.world.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE session RENAME TO away")
    try:
        assert server.ask(shown, wait_s=2).code == ""
    finally:
        with server.world.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO session")
    assert server.ask(shown).code == "Access-Accept"


def test_a_session_is_accounted_from_start_to_stop(server: Server) -> None:
    session = server.world.tap(mac="02:ca:fe:5e:00:10")
    say = told(session, "02-CA-FE-5E-00-10", Acct_Session_Id='"8000001"', Class=f"0x{session.encode().hex()}")
    used = {"Acct-Session-Time": "60", "Acct-Input-Octets": "1000", "Acct-Output-Octets": "7"}
    far = {"Acct-Output-Gigawords": "2", "Acct-Terminate-Cause": "User-Request"}
    for status, more in (("Start", {}), ("Interim-Update", used), ("Stop", used | far)):
        got = server.ask(say | {"Acct-Status-Type": status} | more, what="acct")
        assert got.code == "Accounting-Response"

    row = server.world.row(session)
    assert (row["acctinputoctets"], row["acctoutputoctets"]) == (1000, 2 * 2**32 + 7)
    assert (row["acctsessiontime"], row["acctterminatecause"]) == (60, "user-request")


def test_an_access_point_that_reboots_ends_what_it_had(server: Server) -> None:
    session = server.world.tap(mac="02:ca:fe:5e:00:11")
    say = told(session, "02-CA-FE-5E-00-11", "ap-2", Acct_Session_Id='"1"')
    server.ask(say | {"Acct-Status-Type": "Start"}, what="acct")
    on = {"Acct-Status-Type": "Accounting-On", "NAS-Identifier": '"ap-2"'}
    assert server.ask(on, what="acct").code == "Accounting-Response"
    assert server.world.row(session)["acctterminatecause"] == "nas-reboot"


def test_no_password_no_mac_and_no_token_stands_in_any_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = server.world.tap()
    shown = secret_of(server, session)
    server.ask(told(session, User_Password=shown))
    server.ask(told(MAC, OTHER, User_Password='"hunter2-hunter2"'))
    server.ask(told(MAC, nas="stranger", Acct_Status_Type="Start", Acct_Session_Id='"9"'), what="acct")

    said = server.log.read_text() + caplog.text
    assert "Ready to process requests" in said
    for hidden in (
        MAC,
        STATION,
        OTHER,
        MAC.replace(":", ""),
        shown.strip('"'),
        "hunter2",
        TOKEN,
        TOKEN_HEADER,
    ):
        assert hidden.lower() not in said.lower()
