"""What cannot be rotated is refused in one line, before anything is made."""

from pathlib import Path

import pytest

from controller.rotation.generations import next_user
from tests.configure.device import keygen
from tests.people.town import town

CREDENTIALS = """
credentials:
  twin: {{kind: ssh, user: root, private_key: ref+file:twin}}
  word: {{kind: ssh, user: root, password: ref+file:word}}
  sky: {{kind: ssh, user: root, private_key: ref+env:SKY}}
  one: {{kind: snmp-v3, user: a, auth_key: ref+file:shared, priv_protocol: none}}
  two: {{kind: snmp-v3, user: b, auth_key: ref+file:shared, priv_protocol: none}}
  alone: {{kind: snmp-v3, user: c, auth_key: ref+file:alone, priv_protocol: none}}
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody", "is not in the inventory"),
        ("staff", "only SSH keys and SNMPv3 users are rotated"),
        ("word", "is a password"),
        ("sky", "is not in a file; write ref+file:NAME"),
        ("one", "is the same secret as two"),
        ("aps-ssh", "is the same secret as twin"),
        ("alone", "no device uses it"),
    ],
)
def test_what_cannot_be_rotated_is_refused(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        more = CREDENTIALS.replace("{{", "{").replace("}}", "}")
        here.write_inventory(lambda text: text.replace("\ncredentials:\n", more, 1))
        key = here.own_key().read_text()
        for file, text in {"twin": key, "word": "w", "shared": "s" * 9, "alone": "a" * 9}.items():
            (here.secrets / file).write_text(text)
            (here.secrets / file).chmod(0o600)
        code, said = here.plaza(f"credentials rotate {name} --why yearly --yes")
        assert code == 2
        assert says in said
        assert len(said.splitlines()) == 1
        assert not list(here.secrets.glob("*.next"))
        assert here.actions() == []


def test_a_rotation_needs_a_reason_and_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        assert here.plaza("credentials rotate aps-ssh --yes")[0] == 2
        assert here.plaza("credentials rotate aps-ssh --why x", answer="n\n") == (
            0,
            "Give aps-ssh a successor at all its devices? [y/N]: nothing was changed\n",
        )
        assert here.plaza("access report ana")[0] == 2
        assert here.plaza("credentials status")[0] == 0


@pytest.mark.parametrize(
    "command",
    [
        "stolen ap-9 --why robbery",
        "access revoke ana --why left",
        "credentials rotate aps-ssh --why yearly",
        "credentials audit --try ap-9",
    ],
)
def test_where_nobody_can_answer_one_line_says_what_to_add_and_nothing_is_done(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        here.write_inventory(lambda text: text + "  ap-9: {site: 08019-plaza, address: 127.0.0.9}\n")
        before = (here.folder / "inventory.yaml").read_text()
        code, said = here.plaza(command)
        assert code == 2
        assert said.splitlines()[-1] == (
            "Error: there is no terminal to answer at, and nothing was changed; add --yes"
        )
        assert here.actions() == []
        assert (here.folder / "inventory.yaml").read_text() == before


def test_an_empty_list_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        here.write_inventory(
            lambda text: "\n".join(line for line in text.split("\n") if "ssh_keys" not in line)
        )
        here.write_inventory(
            lambda text: text.replace("people:\n", "", 1).replace("state: expected", "state: active")
        )
        for command, says in {
            "access list": "write them below `people:`",
            "credentials status": "plaza credentials rotate NAME --why TEXT",
            "adopt status": "plaza adopt csv FILE",
            "drift sw-1": "none of these is configured by Plaza",
            "history sw-1": "nothing is kept of it yet",
        }.items():
            code, said = here.plaza(command)
            assert (code, len(said.splitlines()), says in said) == (0, 1, True), said


def test_users_are_numbered_within_32_octets() -> None:
    assert [next_user("plaza", now) for now in ("plaza", "plaza-2", "plaza-9")] == [
        "plaza-2",
        "plaza-3",
        "plaza-10",
    ]
    assert next_user("a" * 32, "a" * 32) == "a" * 30 + "-2"
    assert next_user("a" * 32, "a" * 30 + "-2") == "a" * 30 + "-3"
    assert next_user("plaza-7", "plaza-7") == "plaza-7-2"


def test_plazas_own_key_is_not_revoked_as_if_it_were_a_persons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        coming = here.own_key("aps-ssh-key.next")
        keygen(coming)
        for own in (tmp_path / "aps-ssh-key.pub", here.own_key("aps-ssh-key.next.pub")):
            code, said = here.plaza(f"access revoke ana --key {own} --why oops --yes")
            assert code == 2
            assert "Plaza's own key aps-ssh; plaza credentials rotate aps-ssh" in said
        assert here.actions() == []
        assert "revoked" not in here.plaza("access list")[1]
