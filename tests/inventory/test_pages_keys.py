"""`pages:` says what a municipality writes on its pages; it is inherited key by key."""

from datetime import date
from pathlib import Path

import pytest

from captive_portal.local import LegalRetention, Service
from controller import inventory, inventory_doubts
from controller.errors import InventoryError

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
ABOVE, BELOW = "defaults:\n", "08019-plaza: {municipality: 08019,"
WHOLE = """responsible: {name: Estado, address: Calle 1, rights: https://example.mx/arco},
    theme: {sky: "#5A0F2E"}, services: [{name: Agua, url: https://example.mx/agua}], help: {phone: "614 1"},
    neutral: [{from: 2027-04-01, to: 2027-06-06}], legal: {signed_by: A, signed_on: 2026-01-02, days: 30}"""


TELLS = "portal: {gateway_url"
TOLD = "portal: {kind: mikrotik, hosts: [gate.example.mx], gateway_url"
"""A kind of gateway that tells a phone's address, at every site."""


def written(path: Path, above: str, below: str = "", text: str = GOOD.replace(TELLS, TOLD)) -> Path:
    file = path / "inventory.yaml"
    text = text.replace(ABOVE, f"{ABOVE}  pages: {{{above}}}\n", 1)
    file.write_text(text.replace(BELOW, f"{BELOW} pages: {{{below}}},", 1), encoding="utf-8")
    return file


def test_a_site_adds_to_what_the_state_says_and_takes_away_by_null(tmp_path: Path) -> None:
    below = "help: {place: Presidencia}, neutral: [], legal: {basis: Art. 1}, responsible: {name: Municipio}"
    sites = inventory.load(written(tmp_path, WHOLE.replace("days: 30", "days: 30, basis: Ley"), below)).sites
    here, school = sites["08019-plaza"].pages, sites["08019-school"].pages
    assert (here.help.phone, here.help.place, school.help.place) == ("614 1", "Presidencia", "")
    assert (here.responsible.name, here.responsible.address) == ("Municipio", "Calle 1")
    assert here.legal == LegalRetention("A", date(2026, 1, 2), "Art. 1", 30)
    assert here.services == (Service("Agua", "https://example.mx/agua"),)
    assert here.theme.sky == "#5a0f2e"
    assert school.is_neutral(date(2027, 6, 6))
    assert not here.is_neutral(date(2027, 6, 6))


def test_a_site_can_switch_legal_retention_off(tmp_path: Path) -> None:
    whole = WHOLE.replace("days: 30", "days: 30, basis: Ley")
    assert inventory.load(written(tmp_path, whole, "legal: null")).sites["08019-plaza"].pages.legal is None


def test_a_switch_that_would_keep_nothing_is_refused_where_it_is_written(tmp_path: Path) -> None:
    whole = "legal: {signed_by: A, signed_on: 2026-01-02, basis: B, days: 30}"
    with pytest.raises(InventoryError) as caught:
        inventory.load(written(tmp_path, whole, text=GOOD))
    (problem,) = caught.value.problems
    assert problem.where == "defaults.pages.legal"
    assert problem.line == GOOD[: GOOD.index(ABOVE)].count("\n") + 2
    assert "at 08019-plaza and at 3 more, because a gateway of kind plaza tells the portal no" in problem.what
    assert "legal: null" in problem.mend
    assert inventory.load(written(tmp_path, whole)).sites["08019-plaza"].pages.legal is not None


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ("theme: {sky: '#767676', on_sky: '#ffffff'}", "on_sky on sky has a contrast of 4.54"),
        ("theme: {tap: red}", "'red' is no colour"),
        ("neutral: [{from: 2027-06-06, to: 2027-04-01}]", "ends before it begins"),
        ("services: [{name: Agua, url: 'http://example.mx/'}]", "is no https address"),
        ("legal: {signed_by: A, signed_on: 2026-01-02, basis: B, days: 0}", "is too small"),
        ("legal: {signed_by: A, signed_on: 2026-01-02, basis: B, days: 1096}", "is too large"),
        ("legal: {signed_by: A, days: 30}", "lacks signed_on, basis"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, pages: str, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        inventory.load(written(tmp_path, pages))
    (problem,) = caught.value.problems
    assert problem.where.startswith("defaults.pages.")
    assert problem.what.startswith(said)
    assert problem.line == GOOD[: GOOD.index(ABOVE)].count("\n") + 2


def test_pages_without_anybody_who_answers_are_doubted_once_for_a_municipality(tmp_path: Path) -> None:
    file = written(tmp_path, "help: {phone: '614 1'}, responsible: {name: Estado}")
    found = [str(doubt) for doubt in inventory_doubts.doubts(file, inventory.load(file))]
    assert [said.partition(": ")[2].partition(",")[0] for said in found] == [
        "municipalities.08019.pages.responsible: lacks address",
        "municipalities.08052.pages.responsible: lacks address",
    ]


def test_pages_with_somebody_who_answers_are_not_doubted(tmp_path: Path) -> None:
    file = written(tmp_path, "responsible: {name: Estado, address: Calle 1, rights: Ventanilla 3}")
    assert not list(inventory_doubts.doubts(file, inventory.load(file)))
