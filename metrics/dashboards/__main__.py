"""`python -m metrics.dashboards DIRECTORY [es|en]` writes every dashboard for every server; es is meant."""

import json
import sys
from pathlib import Path

from metrics.dashboards.every import DASHBOARDS
from metrics.dashboards.grafana import grafana
from metrics.dashboards.model import SPANISH, Edition, Flavour


def files(language: str = SPANISH) -> dict[Path, str]:
    """Each file's place below the directory, and what stands in it."""
    found: dict[Path, str] = {}
    for flavour in Flavour:
        for dashboard in DASHBOARDS:
            made = grafana(dashboard, Edition(flavour, language))
            text = json.dumps(made, ensure_ascii=False, indent=1)
            found[Path(flavour) / f"{dashboard.name}.json"] = text + "\n"
    return found


def main(directory: str, language: str = SPANISH) -> None:
    """Write them all."""
    for path, text in files(language).items():
        target = Path(directory) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
