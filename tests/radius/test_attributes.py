"""What rlm_rest writes, read and written back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.radius.attributes import Malformed, mac_of, report_of, speaker_of, written
from captive_portal.radius.model import Accept, Reject, RejectReason, Status
from tests.radius.told import MAC, NAS, SESSION, STATION, body

WORD = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    "spelt", [MAC, STATION, "02cafe5e0001", "02CAFE5E0001", "02ca.fe5e.0001", "02:CA:fe:5e:00:01"]
)
def test_a_mac_is_one_mac_however_it_is_spelt(spelt: str) -> None:
    assert mac_of(spelt) == MAC


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.7", SESSION, "02-ca:fe-5e:00-01", "02ca.fe5e.00", f"{MAC}:plaza", f"{MAC}\n",
     "02-ca-fe-5e-00-0g", "٠2:ca:fe:5e:00:01"],
)  # fmt: skip
def test_what_is_no_mac_is_none(text: str) -> None:
    assert mac_of(text) == ""


def test_a_packet_is_of_the_identifier_and_else_of_the_address_it_names() -> None:
    named = body(User_Name="u", NAS_Identifier=NAS, NAS_IP_Address="10.9.0.1", Calling_Station_Id=STATION)
    assert (speaker_of(named).nas, speaker_of(named).mac) == (NAS, MAC)
    assert speaker_of(body(NAS_IP_Address="10.9.0.1")).nas == "10.9.0.1"
    assert speaker_of({}).nas == ""


def test_what_the_access_point_received_is_what_the_phone_sent_up() -> None:
    told = report_of(
        body(Acct_Status_Type=3, Acct_Input_Octets=5, Acct_Output_Octets=9, Acct_Session_Time=60)
    )
    assert told is not None
    assert (told.octets_up, told.octets_down, told.seconds) == (5, 9, 60)


@given(WORD, WORD, WORD, WORD)
def test_gigawords_are_the_upper_half_in_each_direction(
    up: int, up_high: int, down: int, down_high: int
) -> None:
    told = report_of(
        body(Acct_Status_Type=2, Acct_Input_Octets=up, Acct_Input_Gigawords=up_high)
        | body(Acct_Output_Octets=down, Acct_Output_Gigawords=down_high)
    )
    assert told is not None
    assert (told.octets_up, told.octets_down) == (up_high * 2**32 + up, down_high * 2**32 + down)


def test_what_is_not_told_is_unknown_and_not_zero() -> None:
    told = report_of(body(Acct_Status_Type=3, Acct_Input_Gigawords=3))
    assert told is not None
    assert (told.seconds, told.octets_up, told.octets_down) == (None, None, None)


def test_a_cause_is_told_in_the_words_of_rfc_2866() -> None:
    for number, word in (
        (1, "user-request"),
        (5, "session-timeout"),
        (11, "nas-reboot"),
        (18, "host-request"),
    ):
        told = report_of(body(Acct_Status_Type=2, Acct_Terminate_Cause=number))
        assert told is not None
        assert told.cause == word


def test_a_status_of_tunnels_tells_nothing_of_citizens() -> None:
    assert report_of(body(Acct_Status_Type=9)) is None
    assert report_of(body(Acct_Status_Type=int(Status.ON))) is not None


def test_class_is_read_back_and_a_strangers_class_is_nothing() -> None:
    for shown, label in ((f"0x{SESSION.encode().hex()}", SESSION), ("0xff00", ""), ("0xzz", ""), ("", "")):
        told = report_of(body(Acct_Status_Type=1, Class=shown))
        assert told is not None
        assert told.labels[0] == label


@pytest.mark.parametrize(
    "damaged",
    [None, [], "x", {"Acct-Status-Type": 3}, {"Acct-Status-Type": {"value": []}}, {},
     body(Acct_Status_Type="Start"), body(Acct_Status_Type=-1),
     body(Acct_Status_Type=3, Acct_Session_Time=2**32),
     body(Acct_Status_Type=3, User_Name=7), body(Acct_Status_Type=3, User_Name="x" * 600)],
)  # fmt: skip
def test_a_damaged_body_is_malformed_and_its_values_are_not_told(damaged: object) -> None:
    with pytest.raises(Malformed) as caught:
        report_of(damaged)
    assert "xxx" not in str(caught.value)


NAMES = st.sampled_from(["Acct-Status-Type", "User-Name", "Class", "Acct-Input-Octets", "value"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(NAMES, some)))
def test_any_json_is_read_or_malformed(told: object) -> None:
    try:
        report_of(told)
    except Malformed:
        return


def test_nothing_we_answer_is_expanded_by_freeradius() -> None:
    found = written(Accept(SESSION, "pw", {"Session-Timeout": 60})) | written(Reject(RejectReason.NO_SESSION))
    assert [each["do_xlat"] for each in found.values()] == [False] * 3
    assert found["control:Cleartext-Password"]["value"] == ["pw"]


def test_a_phone_let_on_by_its_mac_shows_no_password() -> None:
    found = written(Accept(SESSION, None, {}))
    assert found == {"control:Auth-Type": {"op": ":=", "do_xlat": False, "value": ["Accept"]}}
