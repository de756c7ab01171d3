"""Response policy zones: what lists of names hold, and what is a mistake in them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateway import rpz
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.rpz import Verdict, read

BLOCK, PASS = Verdict.BLOCK, Verdict.PASS

PUBLISHED = """\
$TTL 300
@ 3600 IN SOA localhost. root.localhost. (
        2026112701 ; serial
        3600 600 86400 300 )
  IN NS localhost.
; a list as it is published
Evil.Example CNAME . ; with a reason
*.evil.example CNAME .
*.below.example 60 IN CNAME *.
alone.example\tIN\tCNAME\t.
good.evil.example CNAME rpz-passthru.
_dmarc.evil.example CNAME rpz-drop.
"""


def test_a_published_list_is_read() -> None:
    zone = read(PUBLISHED, "list")
    assert zone.exact == {
        "evil.example": BLOCK,
        "alone.example": BLOCK,
        "good.evil.example": PASS,
        "_dmarc.evil.example": BLOCK,
    }
    assert zone.below == {"evil.example": BLOCK, "below.example": BLOCK}


def test_what_is_below_a_name_is_judged_by_the_nearest_star() -> None:
    zone = read("*.a.example CNAME .\n*.b.a.example CNAME rpz-passthru.\nc.b.a.example CNAME .", "list")
    assert zone.under("a.example") is BLOCK
    assert zone.under("b.a.example") is PASS
    assert zone.under("c.b.a.example") is PASS
    assert zone.under("example") is PASS


def test_names_may_be_written_with_the_name_of_their_zone() -> None:
    for text in (
        "$ORIGIN rpz.example.\nevil.test.rpz.example. CNAME .",
        "rpz.example. IN SOA a. b. 1 2 3 4 5\nevil.test.rpz.example. CNAME .",
    ):
        assert read(text, "list").exact == {"evil.test": BLOCK}


def test_a_record_without_a_name_is_of_the_one_before_it() -> None:
    assert read("evil.test NS a.\n CNAME .", "list").exact == {"evil.test": BLOCK}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nevil.test A 10.0.0.1", "list:2: write `NAME CNAME .`"),
        ("evil.test CNAME good.test.", "list:1: write `NAME CNAME .`"),
        ("evil.test CNAME . .", "list:1: write `NAME CNAME .`"),
        ("evil.test", "list:1: a name without a record"),
        (" CNAME .", "list:1: a record without a name"),
        ("evil.test. CNAME .", "list:1: 'evil.test.' is not in the zone"),
        ("evil/test CNAME .", "list:1: 'evil/test' is no name"),
        ("ñandú.mx CNAME .", "list:1: 'ñandú.mx' is no name"),
        ("a..b CNAME .", "list:1: 'a..b' is no name"),
        ("* CNAME .", "list:1: '*' is no name"),
        ("@ CNAME .", "list:1: '@' is no name"),
        (f"{'a' * 64}.mx CNAME .", "is no name"),
        ("32.1.113.0.203.rpz-ip CNAME .", "list:1: triggers by address"),
        ("$INCLUDE /etc/passwd", "list:1: '$INCLUDE' is not read"),
        ("$GENERATE 1-9 a$ CNAME .", "list:1: '$GENERATE' is not read"),
        ("$ORIGIN rpz.example", "list:1: '$ORIGIN' is not read"),
        ("evil.test CNAME . )", "list:1: a parenthesis too many"),
        ("\n@ SOA a. b. ( 1 2\n3", "list:2: a parenthesis that nothing ends"),
        ('"evil.test" CNAME .', "is no name"),
    ],
)
def test_a_bad_line_is_told_with_its_number(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        read(text, "list")
    assert said in str(told.value)


def test_several_bad_lines_are_told_at_once_but_not_a_thousand() -> None:
    with pytest.raises(ConfigError) as told:
        read("evil.test A 1.2.3.4\n" * 1000, "list")
    assert "list:1: " in str(told.value)
    assert "list:5: " in str(told.value)
    assert str(told.value).endswith("; and 995 more")


def test_a_zone_that_a_small_box_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpz, "AT_MOST", 2)
    with pytest.raises(ConfigError, match="list:3: more than 2 lines"):
        read("a.test CNAME .\n*.a.test CNAME .\nb.test CNAME .", "list")


def test_a_file_that_is_missing_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: No such file"):
        rpz.load(tmp_path / "gone")
    (tmp_path / "list").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not a text"):
        rpz.load(tmp_path / "list")


LETTERS = st.text(st.sampled_from('abz.*@$()"; \t\n\r\v\f\\/#,=019_-CNAMEIrpz\x00\u2028ñ'), max_size=60)


@given(st.one_of(LETTERS, st.text(max_size=60).map(lambda owner: f"{owner} CNAME .")))
def test_whatever_the_file_only_names_of_hosts_come_out_of_it(text: str) -> None:
    try:
        zone = read(text, "list")
    except ConfigError:
        return
    assert all(rpz.NAME.fullmatch(name) for name in (*zone.exact, *zone.below))


LABEL = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,10}[a-z0-9_])?", fullmatch=True)


@given(st.dictionaries(st.lists(LABEL, min_size=1, max_size=4).map(".".join), st.sampled_from(Verdict)))
def test_what_is_written_is_read_again(exact: dict[str, Verdict]) -> None:
    target = {BLOCK: ".", PASS: "rpz-passthru."}
    text = "".join(f"{name} 300 IN CNAME {target[verdict]}\n" for name, verdict in exact.items())
    assert read(text, "list").exact == exact
