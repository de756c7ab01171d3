"""No voucher promises a rate that nobody at its sites enforces."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from captive_portal.gateways.traits import slows
from captive_portal.model import GatewayKind, Plan
from controller import inventory
from controller.errors import SelectorError
from controller.vouchers import Place, Wish, planned
from tests.inventory.test_portal_kinds import written

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
FREE = Plan("voucher", timedelta(hours=1))


def wish(plan: Plan) -> Wish:
    return Wish(1, plan, 1, date(2026, 12, 31), "feria")


def place(tmp_path: Path, kind: GatewayKind, variant: str = "") -> Place:
    """A municipality of two sites, of which the second has this gateway."""
    known = inventory.load(written(tmp_path, "vouchers: true"))
    site = known.sites["08019-plaza"]
    other = replace(site, key="08019-x", portal=replace(site.portal, kind=kind, variant=variant))
    return Place("08019", "Chihuahua", known.municipalities["08019"], (site, other))


@pytest.mark.parametrize("plan", [replace(FREE, down_kbps=4000), replace(FREE, up_kbps=500)])
def test_a_rate_that_one_site_cannot_hold_is_refused_in_one_line(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(SelectorError, match=r"^08019-x: its meraki bounds no phone's rate; make"):
        planned(place(tmp_path, GatewayKind.MERAKI), wish(plan), NOW)


def test_without_a_rate_or_where_each_gateway_holds_it_there_is_a_batch(tmp_path: Path) -> None:
    limited = replace(FREE, down_kbps=4000)
    assert planned(place(tmp_path, GatewayKind.MERAKI), wish(FREE), NOW).plan == FREE
    assert planned(place(tmp_path, GatewayKind.OPENNDS, "level-3"), wish(limited), NOW).plan == limited
    assert planned(place(tmp_path, GatewayKind.UNIFI), wish(limited), NOW).plan == limited


def test_the_documents_say_of_every_kind_who_holds_its_rates() -> None:
    text = (Path(__file__).parents[2] / "docs" / "portal-kinds.md").read_text(encoding="utf-8")
    table = text.partition("## Who holds a rate")[2].partition("\n## ")[0]
    told = {
        name: row.split("|")[2].strip()
        for row in table.splitlines()
        if row.startswith("| `")
        for name in row.split("|")[1].replace("`", "").replace(",", " ").split()
    }
    assert {kind for kind, who in told.items() if who != "nobody"} == {
        kind.value for kind in GatewayKind if slows(kind, "level-3")
    }
    assert told.keys() == {kind.value for kind in GatewayKind}
