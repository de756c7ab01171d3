"""What a site may count on, by the kind of its gateway: the table is complete, and the document is it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.journal import Event
from captive_portal.gateway.protocol import told
from captive_portal.gateway.sync import USAGE_EVERY_S, Pace
from captive_portal.gateways import promises
from captive_portal.gateways.ending import Ending, ending
from captive_portal.gateways.opennds import LEVELS
from captive_portal.gateways.promises import promise
from captive_portal.gateways.promises_told import TOLD
from captive_portal.gateways.traits import slows
from captive_portal.model import GatewayKind

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "gateways.md"
NOW = Moment("b" * 36, 5000.0)
SESSION = "5" * 32


def test_the_document_holds_what_the_program_prints() -> None:
    command = [sys.executable, "-m", "captive_portal.gateways.promises"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    between = DOCUMENT.read_text(encoding="utf-8").partition(promises.FIRST)[2].partition(promises.LAST)[0]
    assert between.strip() == printed.strip(), "python -m captive_portal.gateways.promises docs/gateways.md"


def test_the_program_puts_an_old_table_right_and_touches_nothing_else(tmp_path: Path) -> None:
    now = DOCUMENT.read_text(encoding="utf-8")
    old = tmp_path / "gateways.md"
    old.write_text(now.replace("| `uspot` |", "| `once` |"), encoding="utf-8")
    promises.main([str(old)])
    assert old.read_text(encoding="utf-8") == now
    with pytest.raises(ValueError, match="lacks the marks"):
        promises.written("no table here\n")


def test_every_kind_has_its_line_with_all_answers_and_a_source() -> None:
    assert TOLD.keys() == set(GatewayKind)
    rows = [line.split(" | ") for line in promises.table().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"| `{kind}`" for kind in GatewayKind]
    assert {len(row) for row in rows} == {len(promises.HEADS)}
    assert all(cell.strip(" |") for row in rows for cell in row)
    assert all(promise(kind).told.source for kind in GatewayKind)


@pytest.mark.parametrize("kind", GatewayKind)
def test_no_promise_goes_beyond_what_the_code_does(kind: GatewayKind) -> None:
    made = promise(kind)
    assert (made.rate == "no") is not any(slows(kind, variant) for variant in ("", *LEVELS))
    assert made.ended.startswith("no") is (ending(kind, "radius://nas:3799") is Ending.TIME)
    assert ("radius://" in made.ended) is (ending(kind, "") is not ending(kind, "radius://nas:3799"))


def test_our_own_gateway_sends_as_many_octets_as_the_table_says() -> None:
    opened, ended = (
        octets_of(Event(kind, SESSION, NOW.boot, 100.0, *said, seq=123_456))
        for kind, said in (
            ("opened", ()),
            ("closed", (3600, 600_000_000, 60_000_000, "Session-Timeout")),
        )
    )
    pace = Pace()
    said = f"{(opened + ended) / 1000:.1f} kB in calls of 3 kB with TLS, each {pace.sync_s:.0f} s while "
    said += f"somebody is in, else each {pace.idle_s / 60:.0f} min"
    assert TOLD[GatewayKind.PLAZA].sends == said
    assert pace.sync_s < USAGE_EVERY_S, "what is used adds to few of the calls"


def octets_of(event: Event) -> int:
    """What one event adds to the body of a sync."""
    return len(json.dumps(told(event, 100), separators=(",", ":"))) + 1
