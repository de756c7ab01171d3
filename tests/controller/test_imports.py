"""What a command, or a role, makes the interpreter read before it does anything."""

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType

import pytest

from controller.roles import ROLES

ROOT = Path(__file__).parents[2]

HEAVY = frozenset(
    {
        "alembic",
        "apscheduler",
        "babel",
        "cryptography",
        "flask",
        "fpdf",
        "granian",
        "influxdb_client",
        "jinja2",
        "netmiko",
        "paramiko",
        "pydantic",
        "pyrad",
        "pysnmp",
        "rich",
        "scapy",
        "segno",
        "sqlalchemy",
        "yaml",
    }
)
CLI = frozenset({"alembic", "fpdf", "pysnmp", "rich", "scapy", "segno"})
"""Of commands only, or of what a role does once in its life."""

TO_DEVICES = frozenset({"netmiko", "paramiko"})
TO_SERVERS = frozenset({"apscheduler", "influxdb_client"})
PAGES = frozenset({"babel", "flask", "granian"})
FOREIGN = MappingProxyType(
    {
        "poller": CLI | TO_SERVERS | TO_DEVICES | PAGES | {"jinja2"},
        "worker": CLI | TO_DEVICES | PAGES | {"influxdb_client"},
        "portal": CLI | TO_SERVERS | TO_DEVICES | {"babel"},
        "edge": CLI | TO_SERVERS | TO_DEVICES | {"babel"},
        "console": CLI | TO_SERVERS | TO_DEVICES,
        "radius": CLI | TO_SERVERS | TO_DEVICES | {"babel", "flask", "jinja2"},
        "prober": CLI | TO_SERVERS | TO_DEVICES | PAGES | {"jinja2"},
    }
)
"""Role → what it never uses, or only where there is a device to log in at, or a sink."""

ALL_HELPS = """
from controller.cli.main import COMMANDS, plaza
plaza.main(["--help"], standalone_mode=False)
for command in COMMANDS:
    plaza.main([command, "--help"], standalone_mode=False)
"""


def read(code: str, libraries: Collection[str]) -> set[str]:
    """Which of the libraries a program has imported when it ends."""
    tell = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code + tell], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return {name for name in json.loads(ran.stderr) if name in libraries}


def test_no_help_of_a_command_imports_a_heavy_library() -> None:
    assert read(ALL_HELPS, HEAVY) == set()


def test_a_value_of_the_inventory_is_explained_without_the_database_or_the_pages() -> None:
    code = """
from controller.cli.main import plaza
plaza.main(["inventory", "explain", "08019", "zone", "--file", "inventory.yaml"], standalone_mode=False)
"""
    assert read(code, HEAVY - {"cryptography", "pydantic", "yaml"}) == set()


@pytest.mark.parametrize("name", ROLES)
def test_a_role_imports_no_library_of_the_others(name: str) -> None:
    code = f"from controller.roles import role; role({name!r})"
    if ROLES[name].startswith("controller.web_roles"):
        code += f"; import controller.wsgi.{name}"
    assert read(code, FOREIGN[name]) == set()
