"""Settings: the file, the environment, and one clear line for each mistake."""

import socket
from pathlib import Path

import pytest

from controller import settings
from controller.errors import SettingsError


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    found = settings.load({}, tmp_path)
    assert found.data_dir == tmp_path / "var"
    assert found.secrets_dir == tmp_path / "var/secrets"
    assert found.database_url == f"sqlite:///{tmp_path}/var/plaza.db"


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "plaza.toml").write_text('poll_interval_s = 60\nportal_listen = "127.0.0.1:9000"\n')
    found = settings.load({"PLAZA_POLL_INTERVAL_S": "10"}, tmp_path)
    assert (found.poll_interval_s, found.portal_listen) == (10, "127.0.0.1:9000")


def test_secrets_follow_the_data_directory(tmp_path: Path) -> None:
    assert settings.load({"PLAZA_DATA_DIR": "/srv/plaza"}, tmp_path).secrets_dir == Path("/srv/plaza/secrets")


def test_notices_are_heard_over_udp_unless_the_setting_is_empty(tmp_path: Path) -> None:
    heard = {one.setting: one for one in settings.listeners(settings.load({}, tmp_path))}
    assert heard["trap_listen"].kind is socket.SOCK_DGRAM
    assert heard["trap_listen"].variable == "PLAZA_TRAP_LISTEN"
    off = settings.load({"PLAZA_TRAP_LISTEN": ""}, tmp_path)
    assert {one.setting for one in settings.listeners(off)} == heard.keys() - {"trap_listen"}


@pytest.mark.parametrize(
    ("text", "environ", "words"),
    [
        ("poll_interval_s = 1", {}, ["plaza.toml", "poll_interval_s", "greater than or equal to 5"]),
        ("", {"PLAZA_PORTAL_LISTEN": "8080"}, ["PLAZA_PORTAL_LISTEN", "HOST:PORT"]),
        ('trap_listen = "162"', {}, ["plaza.toml", "trap_listen", "HOST:PORT"]),
        ("\npol_interval_s = 60", {}, ["plaza.toml:2: pol_interval_s", "did you mean poll_interval_s?"]),
        ("poll_interval_s = [1]", {}, ["plaza.toml:1: poll_interval_s: write a whole number"]),
        ("data_dir = 5", {}, ["plaza.toml:1: data_dir: write it between quotes"]),
        ('[[sink]]\nname = "state"', {}, ["plaza.toml:1: sink: is no setting; did you mean [[sinks]]?"]),
        ("wholly_new = 1", {}, ["plaza.toml:1: wholly_new: is no setting; docs/settings.md has them all"]),
        ("poll_interval_s =", {}, ["plaza.toml", "TOML"]),
        ("", {"PLAZA_CONFIG": "nowhere.toml"}, ["nowhere.toml", "PLAZA_CONFIG"]),
    ],
)
def test_each_mistake_is_named_with_its_place(
    tmp_path: Path, text: str, environ: dict[str, str], words: list[str]
) -> None:
    (tmp_path / "plaza.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        settings.load(environ, tmp_path)
    assert all(word in str(caught.value) for word in words)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "plaza.toml").write_text('poll_interval_s = 1\nportal_listen = "x"\n')
    with pytest.raises(SettingsError) as caught:
        settings.load({}, tmp_path)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("table", ["sinks", "pollers"])
def test_two_of_one_name_are_refused(tmp_path: Path, table: str) -> None:
    more = 'url = "http://h"\nbucket = "plaza"\n' if table == "sinks" else 'token = "ref+env:T"\n'
    one = f'[[{table}]]\nname = "state"\n{more}'
    (tmp_path / "plaza.toml").write_text(one * 2)
    line = len(one.splitlines()) + 2
    said = rf"plaza\.toml:{line}: \[\[{table}\]\] state: name: is the name of another one, too; give each"
    with pytest.raises(SettingsError, match=said):
        settings.load({}, tmp_path)
