"""A [[sinks]] table that cannot work is refused at once: file, line, key, what is wrong and what to write."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from controller import settings
from controller.errors import SettingsError
from controller.settings_places import line_of
from controller.sink_settings import KINDS, OTHER_WORDS, SinkSettings, place_of
from metrics.dialects import DIALECTS

SECRET = "Zm9yLW5vYm9keXMtZXllcy1vbmx5LXRoaXMtaXMtYS10b2tlbg=="
WELL = {"name": '"state"', "url": '"https://influx.example:8086"', "bucket": '"plaza"'}


def table(**keys: str) -> str:
    """A sink that is well but for these keys; an empty one is left out."""
    return "[[sinks]]\n" + "".join(f"{key} = {value}\n" for key, value in (WELL | keys).items() if value)


def refused(tmp_path: Path, text: str) -> list[str]:
    """The lines that are said, each without the directory."""
    (tmp_path / "plaza.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        settings.load({}, tmp_path)
    said = str(caught.value)
    assert SECRET not in said
    assert "pydantic" not in said
    assert "Input should" not in said
    return [line.removeprefix(f"{tmp_path}/") for line in said.splitlines()]


def accepted(tmp_path: Path, text: str) -> SinkSettings:
    (tmp_path / "plaza.toml").write_text(text)
    (found,) = settings.load({}, tmp_path).sinks
    return found


DIALECT = (
    "plaza.toml:5: [[sinks]] state: dialect: {}is none that Plaza speaks; write v1 (InfluxDB 1), "
    "v2 (InfluxDB 2), v3 (InfluxDB 3) or victoriametrics (VictoriaMetrics)"
)
NO_REFERENCE = (
    "plaza.toml:5: [[sinks]] state: token: is no reference, and a secret does not belong here; "
    'write "ref+file:NAME" (the token is in that file below secrets_dir) or "ref+env:NAME"'
)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"dialect": '"influx"'}, DIALECT.format("'influx' ")),
        ({"dialect": f'"{SECRET}"'}, DIALECT.format("")),
        (
            {"bukcet": "1"},
            "plaza.toml:5: [[sinks]] state: bukcet: is no key of [[sinks]]; did you mean bucket?",
        ),
        (
            {"database": '"plaza"'},
            "plaza.toml:5: [[sinks]] state: database: is no key of [[sinks]]; it is called bucket here",
        ),
        (
            {"password": f'"{SECRET}"'},
            "plaza.toml:5: [[sinks]] state: password: is no key of [[sinks]]; it is called token here",
        ),
        (
            {"colour": "1"},
            "plaza.toml:5: [[sinks]] state: colour: is no key of [[sinks]]; the keys are name, url, dialect, "
            "bucket, org, token, gzip, ca_file",
        ),
        ({"token": f'"{SECRET}"'}, NO_REFERENCE),
        ({"token": f'"ref+derived:{SECRET}#site"'}, NO_REFERENCE),
        ({"token": '"ref+file:"'}, NO_REFERENCE),
        ({"token": "5"}, "plaza.toml:5: [[sinks]] state: token: write it between quotes"),
        ({"gzip": '"level 9"'}, "plaza.toml:5: [[sinks]] state: gzip: write true or false"),
        ({"name": '"A B"'}, "plaza.toml:2: [[sinks]] number 1: name: write 1 to 32 of a-z, 0-9 and -"),
        ({"name": ""}, 'plaza.toml:1: [[sinks]] number 1: name: is missing; write name = "state"'),
        ({"url": ""}, 'plaza.toml:1: [[sinks]] state: url: is missing; write url = "http://127.0.0.1:8086"'),
        (
            {"bucket": ""},
            "plaza.toml:1: [[sinks]] state: bucket: dialect v2 needs the name of a bucket; "
            'write bucket = "plaza"',
        ),
        (
            {"bucket": '"  "', "dialect": '"v1"'},
            "plaza.toml:4: [[sinks]] state: bucket: dialect v1 needs the name of a database; "
            'write bucket = "plaza"',
        ),
        (
            {"bucket": '""', "dialect": '"v3"'},
            "plaza.toml:4: [[sinks]] state: bucket: dialect v3 needs the name of a database; "
            'write bucket = "plaza"',
        ),
        (
            {"bucket": '"/year"', "dialect": '"v1"'},
            'plaza.toml:4: [[sinks]] state: bucket: write "database" or "database/policy"',
        ),
        (
            {"bucket": '"plaza/"', "dialect": '"v1"'},
            'plaza.toml:4: [[sinks]] state: bucket: write "database" or "database/policy"',
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_what_to_write(
    tmp_path: Path, keys: dict[str, str], said: str
) -> None:
    assert refused(tmp_path, table(**keys)) == [said]


def test_each_table_is_told_by_its_name_and_every_mistake_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = 'log_level = "INFO"\n\n' + table() + "# far away\n" + table(name='"far"', gzp="true", token='"x"')
    assert [line.partition(": is ")[0] for line in refused(tmp_path, text)] == [
        "plaza.toml:12: [[sinks]] far: gzp",
        "plaza.toml:13: [[sinks]] far: token",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[sinks]\nname = "state"\n', "plaza.toml:1: sinks"),
        ('\nsinks = ["https://influx.example"]\n', "plaza.toml:2: [[sinks]] number 1"),
        ('sinks = "https://influx.example"\n', "plaza.toml:1: sinks"),
    ],
)
def test_sinks_that_are_no_tables_say_how_tables_are_written(tmp_path: Path, text: str, place: str) -> None:
    assert refused(tmp_path, text) == [
        f"{place}: write a table [[sinks]], with two brackets, for each of them"
    ]


def test_a_poller_with_a_literal_token_is_refused_too(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, f'[[pollers]]\nname = "north"\ntoken = "{SECRET}"\n')
    assert line.startswith("plaza.toml:3: [[pollers]] north: token: is no reference")


@pytest.mark.parametrize("token", ['"ref+file:influx-token"', '"ref+file:a b"', '"ref+env:INFLUX"', ""])
@pytest.mark.parametrize("dialect", KINDS)
def test_what_can_work_is_taken(tmp_path: Path, dialect: str, token: str) -> None:
    found = accepted(tmp_path, table(dialect=f'"{dialect}"', token=token))
    assert (found.dialect, found.bucket, found.token) == (dialect, "plaza", token.strip('"'))


def test_victoriametrics_needs_no_bucket(tmp_path: Path) -> None:
    assert accepted(tmp_path, table(dialect='"victoriametrics"', bucket="")).name == "state"


def test_the_dialects_that_may_be_written_are_those_that_are_spoken() -> None:
    assert KINDS.keys() == DIALECTS.keys()
    assert set(OTHER_WORDS.values()) <= SinkSettings.model_fields.keys()
    assert not OTHER_WORDS.keys() & SinkSettings.model_fields.keys()


def test_a_place_is_called_as_its_server_calls_it() -> None:
    assert [place_of(dialect, "plaza/year") for dialect in ("v1", "v2", "v3", "victoriametrics")] == [
        "database plaza", "bucket plaza/year", "database plaza/year", "",
    ]  # fmt: skip


KEYS = st.text("abcdefgh_-", min_size=1, max_size=6)
VALUES = st.sampled_from(["1", '"a = b"', '"[[x]]"', "true", "'#'", '["x", "y"]'])
TABLES = st.lists(
    st.tuples(
        st.sampled_from(["[[sinks]]", "[[pollers]] # more", ' [[ "sinks" ]]']), st.dictionaries(KEYS, VALUES)
    ),
    max_size=4,
)


@examples(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(KEYS, VALUES), TABLES)
def test_the_line_that_is_told_is_the_one_on_which_the_key_stands(
    top: dict[str, str], tables: list[tuple[str, dict[str, str]]]
) -> None:
    lines = [f"{key} = {value}" for key, value in top.items()]
    places: dict[tuple[str | int, ...], int] = {(key,): number for number, key in enumerate(top, 1)}
    for number, (header, keys) in enumerate(tables):
        name = "sinks" if "sinks" in header else "pollers"
        place = (name, sum(name in other for other, _ in tables[:number]))
        lines += ["# a = 1", header]
        places[place] = len(lines)
        for key, value in keys.items():
            lines.append(f"  {key}={value} # b = 2")
            places[*place, key] = len(lines)
    text = "\n".join(lines)
    tomllib.loads(text)
    assert {place: line_of(text, place) for place in places} == places
    assert line_of(text, ("nowhere", 0, "at all")) == 0
