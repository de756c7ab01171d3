"""What the documents say is there: links, files, functions, settings and commands."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from controller.cli.main import COMMANDS, plaza
from controller.settings import PollerSettings, Settings
from controller.sink_settings import SinkSettings

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("deploy/*.md"))]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`([a-z_0-9/]+\.py)(?:: ([A-Za-z_.]+))?`")
TABLES = {"sinks": SinkSettings, "pollers": PollerSettings}
TYPED = re.compile(r"`((?:\S*/)?plaza(?: [^`]*)?)`")


def name(document: Path) -> str:
    """How a document is called in a test's name."""
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    targets = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in targets if not (document.parent / link).exists()] == []


def test_every_file_that_the_architecture_names_exists_with_what_it_names_in_it() -> None:
    named = re.findall(NAMED, (ROOT / "docs/architecture.md").read_text())
    assert len(named) > 20
    assert [f"{path}: {what}" for path, what in named if not _is_there(path, what)] == []


def _is_there(path: str, what: str) -> bool:
    """A bare file name stands below the room that its paragraph is about."""
    files = [file for file in _sources() if f"/{file.relative_to(ROOT)}".endswith(f"/{path}")]
    return any(not what or what in _names(ast.parse(file.read_text())) for file in files)


@cache
def _sources() -> list[Path]:
    rooms = ("controller", "drivers", "captive_portal", "metrics", "simulator", "tests")
    return [file for room in rooms for file in (ROOT / room).rglob("*.py")]


def _names(tree: ast.Module | ast.ClassDef, prefix: str = "") -> set[str]:
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(prefix + node.name)
            found |= {node.name}
        if isinstance(node, ast.ClassDef):
            found |= _names(node, f"{node.name}.")
    return found


def test_every_setting_is_in_the_table_of_settings_with_its_variable() -> None:
    rows = (ROOT / "docs/settings.md").read_text().splitlines()
    for field in Settings.model_fields.keys() - TABLES.keys():
        assert [row for row in rows if row.startswith(f"| `{field}` | `PLAZA_{field.upper()}` |")], field
    for table, of in TABLES.items():
        [row] = [row for row in rows if row.startswith(f"| `[[{table}]]` |")]
        assert [field for field in of.model_fields if f"`{field}`" not in row] == []


def test_the_table_of_settings_holds_no_other() -> None:
    keys = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert set(keys) == Settings.model_fields.keys() - TABLES.keys()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    found = plaza.get_command(click.Context(plaza), command)
    assert COMMANDS[command]
    assert found is not None
    assert [one.name for one in _with_its_own(found) if not one.help] == []


def _with_its_own(command: click.Command) -> list[click.Command]:
    below = list(command.commands.values()) if isinstance(command, click.Group) else []
    return [command, *below]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_a_document_types_exists(document: Path) -> None:
    text = document.read_text().replace("\\\n", " ")
    typed = TYPED.findall(text) + re.findall(r"^\s*((?:\S*/)?plaza [a-z].*)$", text, re.MULTILINE)
    assert [line for line in typed if not _runs(shlex.split(line)[1:])] == []


def _runs(words: list[str]) -> bool:
    """Whether these words choose a command, down to the last group, and options that it has."""
    command: click.Command = plaza
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            return False
        command, words = below, words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    wanted = {word for word in words if word.startswith("--")} - {"--help", "--version"}
    return wanted <= options


def test_the_readme_types_commands_at_all() -> None:
    assert len(TYPED.findall((ROOT / "README.md").read_text())) >= 10
