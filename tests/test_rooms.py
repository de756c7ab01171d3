"""The rooms' doors: each heavy library has its owner, and no two modules of ours import each other."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import grimp
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("controller", "drivers", "captive_portal", "metrics", "simulator")

OWNERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pysnmp": ("drivers.snmp", "simulator"),
        "netmiko": ("drivers.ssh", "simulator"),
        "paramiko": (
            "drivers.ssh",
            "drivers.ssh_channel",
            "drivers.ssh_offer",
            "drivers.ssh_terminal",
            "simulator",
        ),
        "scapy": ("drivers.probe", "drivers.survey"),
        "influxdb_client": ("metrics.influx",),
        "prometheus_client": ("metrics.exposition",),
        "datasketches": ("metrics.distinct",),
        "numpy": ("metrics.local",),
        "pyarrow": ("metrics.tables",),
        "matplotlib": ("metrics.plots",),
        "apscheduler": ("controller.scheduler",),
        "flask": ("controller.console", "controller.edge", "captive_portal"),
        "flask_babel": ("controller.console", "controller.edge", "captive_portal"),
        "pyrad": ("captive_portal.radius.coa",),
        "sqlalchemy": ("controller", "captive_portal"),
        "sqlite3": ("controller.store", "metrics.local", "captive_portal.gateway.state"),
        "psycopg": ("controller.store", "metrics.local"),
        "granian": ("controller.serving",),
        "fpdf": ("controller.printing",),
    }
)


class Imports(ast.NodeVisitor):
    """What a file imports when it runs, also inside functions; what only a type checker reads is left out."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found.add(node.module or "")

    def visit_Call(self, node: ast.Call) -> None:
        """`importlib.import_module("…")` is an import, too."""
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            self.found.add(str(node.args[0].value))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        checked = ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.orelse if checked else [node.test, *node.body, *node.orelse]:
            self.visit(statement)


def imports(source: str) -> set[str]:
    """The top-level packages that a source imports."""
    visitor = Imports()
    visitor.visit(ast.parse(source))
    return {name.partition(".")[0] for name in visitor.found}


@cache
def ours() -> Mapping[str, set[str]]:
    """What every module of ours imports."""
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    return {dotted(file): imports(file.read_text()) for file in files}


def dotted(file: Path) -> str:
    """The module that a file holds."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("library", OWNERS)
def test_only_its_owners_import_a_heavy_library(library: str) -> None:
    users = [module for module, imported in ours().items() if library in imported]
    assert [module for module in users if not _below(module, OWNERS[library])] == []
    assert users


def _below(module: str, owners: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{owner}.") for owner in owners)


def test_no_two_modules_of_ours_import_each_other() -> None:
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 100
    assert (
        knot({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}) == set()
    )


def knot(graph: Mapping[str, set[str]]) -> set[str]:
    """The modules on a way in a circle, and those that only such modules import; empty when there is none."""
    left = dict(graph)
    while free := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in free:
            del left[module]
    return set(left)


def test_the_scan_sees_lazy_imports_and_not_those_of_the_type_checker() -> None:
    lazy = "def f():\n    from pysnmp.hlapi import x\n    import_module('scapy.all')\n"
    typed = "if TYPE_CHECKING:\n    import netmiko\nelse:\n    import paramiko\n"
    assert imports(lazy + typed) == {"pysnmp", "scapy", "paramiko"}


def test_the_search_finds_a_circle() -> None:
    assert knot({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert knot({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"a", "b", "c"}
