"""`make translations`: brings every catalogue up to the texts of the pages, and compiles it.

Babel's own commands would do but for the header: they drop who signed a catalogue, and its plural rule where
CLDR does not know the language.
"""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO, Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileParser, write_po

from captive_portal import signatures
from captive_portal.languages import OURS
from captive_portal.signatures import Text

ROOM: Final = Path(__file__).parent
WIDTH: Final = 110


class Signed(Catalog):
    """A catalogue that keeps its `header` as it was written."""

    header: tuple[tuple[str, str], ...] = ()

    def _kept(self) -> list[tuple[str, str]]:
        return [*self.header[:-1], *((name, f"{value}\n") for name, value in self.header[-1:])]

    def _keep(self, headers: Iterable[tuple[str, str]]) -> None:
        self.header = tuple((str(name), str(value).strip()) for name, value in headers)
        self._set_mime_headers(self.header)

    mime_headers = property(_kept, _keep)


def read_po(file: BinaryIO) -> Signed:
    """A catalogue as its translators wrote it."""
    catalogue = Signed(charset="utf-8")
    PoFileParser(catalogue).parse(file)
    return catalogue


def update(catalogue: Catalog, wanted: Collection[Text]) -> None:
    """Add the texts that are new, empty, and drop those that no page has any more."""
    template = Catalog()
    for text in wanted:
        template.add((text.one, text.many) if text.many else text.one)
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)


def write_compiled(file: BinaryIO, catalogue: Catalog) -> None:
    """The texts that are translated, as gettext reads them.

    Babel would put Spanish where a text that counts lacks one of its forms: such a text is left out whole.
    """
    for message in catalogue:
        if message.pluralizable and not all(message.string or ()):
            message.string = ""
    write_mo(file, catalogue)


def main(directory: Path) -> None:
    """Update and compile every catalogue of a folder, and tell what each lacks to be served."""
    wanted = signatures.texts(ROOM / "templates")
    for path in sorted(directory.glob("*/LC_MESSAGES/messages.po")):
        with path.open("rb") as file:
            catalogue = read_po(file)
        update(catalogue, wanted)
        with path.open("wb") as file:
            write_po(file, catalogue, width=WIDTH, sort_output=True, ignore_obsolete=True)
        with path.with_suffix(".mo").open("wb") as file:
            write_compiled(file, catalogue)
    for code, one in signatures.read(directory, wanted).items():
        if code not in OURS:
            sys.stdout.write(f"{code}: {one.unserved or 'signed and complete'}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOM / "translations")
