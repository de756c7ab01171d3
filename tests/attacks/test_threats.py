"""The table of threats names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| [^|]+ \| [^|]+ \| (`tests/.+`) \|$", re.MULTILINE)


def test_every_threat_names_tests_that_are_there() -> None:
    rows = ROW.findall((ROOT / "docs/threats.md").read_text())
    assert len(rows) >= 15
    named = [path for row in rows for path in re.findall(r"`([^`]+)`", row)]
    assert [path for path in named if not (ROOT / path).is_file()] == []
    ours = {f"tests/attacks/{file.name}" for file in Path(__file__).parent.glob("test_*.py")}
    assert ours - set(named) == {"tests/attacks/test_threats.py"}
