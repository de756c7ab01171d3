"""The sheet for the field: in Spanish, printable, without a secret."""

import re

import pytest
import segno

from controller.adoption.tokens import Identity, token_of
from tests.adoption.conftest import Type
from tests.adoption.factory import ENTRY, MAC, NAME, Office


def printed(office: Office, plaza: Type, options: str = "") -> str:
    """The sheet of the site."""
    code, _, err = plaza(f"adopt sheet 08019-plaza --out hoja.html {options}")
    assert code == 0, err
    return (office.folder / "hoja.html").read_text()


def test_it_says_what_is_needed_at_the_pole(empty: Office, plaza: Type) -> None:
    entry = ENTRY.replace(
        "}", ", serial: 'S <77>', labels: {model: 'Acme uno', where: 'Quiosco, lado norte'}}"
    )
    empty.inventory.write_text(empty.inventory.read_text() + f"devices:\n{entry}")
    page = printed(empty, plaza, "--call 614-555-0101 --paper a4")
    for said in (
        'lang="es-MX"',
        "size: a4",
        "Plaza de Armas · Chihuahua",
        NAME,
        MAC,
        "S &lt;77&gt;",
        "Acme uno",
        "Quiosco, lado norte",
        "Chihuahua Gratis",
        "Llama y di el nombre",
        "614-555-0101",
    ):
        assert said in page, said
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<section>") == 1


def test_spanish_stands_before_english(expecting: Office, plaza: Type) -> None:
    page = printed(expecting, plaza)
    steps = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    assert len(steps) == 7
    assert all(step.index('<div class="en">') > 20 for step in steps)


def test_its_code_is_the_name_and_the_mac(expecting: Office, plaza: Type) -> None:
    wanted = segno.make(f"plaza:{NAME}?mac=02005e100001", error="m", micro=False)
    path = re.search(r'd="([^"]*)"', wanted.svg_inline(scale=4, border=4, title=NAME))
    assert path is not None
    assert path[1] in printed(expecting, plaza)


def test_no_token_is_on_it_unless_asked_for(expecting: Office, plaza: Type) -> None:
    assert "Clave de un solo uso" not in printed(expecting, plaza)
    assert "no token yet" in plaza("adopt status")[1]
    page = printed(expecting, plaza, "--with-token")
    (claim,) = re.findall(r"\b[0-9a-f]{32}\b", page)
    master = bytes.fromhex((expecting.folder / "var/claims.key").read_text())
    assert token_of(master, Identity(claim, NAME, MAC)).reveal() in page
    assert (expecting.folder / "hoja.html").stat().st_mode & 0o777 == 0o600
    assert "waits for its first boot" in plaza("adopt status")[1]


def test_a_site_without_new_devices_has_no_sheet(empty: Office, plaza: Type) -> None:
    empty.inventory.write_text(
        empty.inventory.read_text() + f"devices:\n{ENTRY.replace('expected', 'active')}"
    )
    code, _, err = plaza("adopt sheet 08019-plaza --out hoja.html")
    assert code == 2
    assert "no device of 08019-plaza is expected" in err
    assert "did you mean 08019-plaza?" in plaza("adopt sheet 08019-plasa --out hoja.html")[2]


@pytest.mark.parametrize(
    "command",
    ["adopt sheet 08019-plaza --out", "adopt script ap-1 --out", "replace ap-1 --serial S --script"],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(
    command: str, expecting: Office, plaza: Type
) -> None:
    before = (expecting.folder / "inventory.yaml").read_text()
    code, out, err = plaza(f"{command} nowhere/file")
    assert (code, out) == (2, "")
    assert f"there is no folder {expecting.folder}/nowhere; make it with: mkdir -p" in err
    assert plaza(f"{command} .")[0] == 2
    assert (expecting.folder / "inventory.yaml").read_text() == before
