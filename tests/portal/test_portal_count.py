"""`plaza portal count` adds up what the portal did, by site and day, and names nobody."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from captive_portal import counts
from captive_portal.counts import Counted
from captive_portal.model import FailureReason, RefusalReason
from controller.cli.portal import portal
from controller.errors import SelectorError
from controller.store.engine import open_store
from tests.town import INVENTORY

SITE, GONE = "08027-plaza", "08027-gone"
LATE = datetime(2026, 11, 28, 5, 59, tzinfo=UTC)
"""A minute before midnight of the 27th in Chihuahua, which is six hours behind UTC."""

OF_DAY = ("--since", "2026-11-27", "--until", "2026-11-27")


@pytest.fixture(autouse=True)
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory.yaml").write_text(
        INVENTORY.format(snmp_port=1, ssh_port=2, gateway_port=3, network="10.8.27")
    )
    monkeypatch.setenv("PLAZA_INVENTORY", str(tmp_path / "inventory.yaml"))
    monkeypatch.setenv("PLAZA_DATA_DIR", str(tmp_path))
    engine = open_store(f"sqlite:///{tmp_path / 'plaza.db'}")
    at = int(LATE.timestamp())
    with engine.begin() as connection:
        for _ in range(3):
            counts.add(connection, SITE, at, Counted.PAGES)
        counts.add(connection, SITE, at, Counted.TAPS, Counted.GRANTS)
        counts.refuse(connection, SITE, RefusalReason.SITE_CLOSED, at, Counted.TAPS)
        counts.refuse(connection, SITE, RefusalReason.SITE_CLOSED, at - 60)
        counts.fail(connection, SITE, FailureReason.GATEWAY_AWAY, at)
        counts.add(connection, SITE, at + 60, Counted.PAGES)  # the 28th
        counts.add(connection, GONE, at, Counted.PAGES)  # the 28th in UTC
    engine.dispose()


def ask(*words: str) -> Result:
    return CliRunner().invoke(portal, ["count", *words])


def test_a_day_of_the_sites_own_zone_is_shown_with_reasons_and_the_sum() -> None:
    assert ask(*OF_DAY).output.splitlines() == [
        "SITE         ARRIVALS      TAPS    GRANTS  REFUSALS  FAILURES",
        "08027-plaza         3         2         1         2         1",
        "  refused: 2 site-closed",
        "  failed: 1 gateway-away",
        "total               3         2         1         2         1",
        "  refused: 2 site-closed",
        "  failed: 1 gateway-away",
        "from 2026-11-27 to 2026-11-27",
    ]


def test_a_program_gets_the_same_with_sites_that_left_in_the_sum_of_all() -> None:
    days = ("--since", "2026-11-27", "--until", "2026-11-28")
    told = json.loads(ask(*days, "--json").output)
    assert [(one["site"], one["arrivals"]) for one in told["sites"]] == [(GONE, 1), (SITE, 4)]
    assert (told["total"]["arrivals"], told["total"]["refused"]) == (5, {"site-closed": 2})
    of_municipality = json.loads(ask(*days, "--municipality", "08027", "--json").output)
    assert [one["site"] for one in of_municipality["sites"]] == [SITE]


def test_a_sheet_has_a_column_for_each_reason_and_a_line_for_each_site() -> None:
    (row,) = csv.DictReader(io.StringIO(ask(*OF_DAY, "--site", SITE, "--csv").output))
    assert (row["site"], row["arrivals"], row["grants"]) == (SITE, "3", "1")
    why = ("refused_site_closed", "failed_gateway_away", "refused_no_internet")
    assert [row[name] for name in why] == ["2", "1", "0"]


def test_days_without_anything_say_so() -> None:
    assert ask("--since", "2026-01-01", "--until", "2026-01-31").output == (
        "nothing was counted from 2026-01-01 to 2026-01-31\n"
    )


@pytest.mark.parametrize("words", [("--site", "08999-plaza"), ("--municipality", "08999")])
def test_a_place_that_is_not_in_the_inventory_is_named(words: tuple[str, str]) -> None:
    said = ask(*words).exception
    assert isinstance(said, SelectorError)
    assert words[1] in str(said)


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "--csv"),
        ("--site", SITE, "--municipality", "08027"),
        ("--since", "2026-11-28", "--until", "2026-11-27"),
    ],
)
def test_what_cannot_be_both_is_refused(words: tuple[str, ...]) -> None:
    assert ask(*words).exit_code == 2
