"""`python -m tests.platforms.report [NAME…]`: the score per recording and class, and what is missing."""

import os
import sys
from collections import defaultdict
from pathlib import Path

import click

from tests.platforms.chance import by_chance, explained
from tests.platforms.expected import Scored, scored, tried

DEFAULT = Path(__file__).parents[3] / "shared" / "data" / "recordings"


def main(names: list[str]) -> None:
    """Print the table; with names only those recordings."""
    folder = Path(os.environ.get("PLAZA_RECORDINGS", str(DEFAULT)))
    if not (folder / "EXPECTED.tsv").is_file():
        sys.exit(
            f"no outside recordings in {folder}: set PLAZA_RECORDINGS to the folder that holds EXPECTED.tsv"
        )
    everything = [one for one in scored(folder) if not names or one.expected.name in names]
    for title, key in (("recording", "name"), ("class", "kind")):
        groups: dict[str, list[Scored]] = defaultdict(list)
        for one in everything:
            groups[getattr(one.expected, key)].append(one)
        click.echo(f"\n{title}")
        for name, group in sorted(groups.items()):
            platform = tried(folder / f"{name}.snmprec")["platform"] or "-" if key == "name" else ""
            click.echo(f"  {_score(group)}  {name}  {platform}")
    click.echo("\nmissing")
    for one in everything:
        if not one.found:
            wanted = one.expected
            click.echo(f"  {wanted.name}\t{wanted.kind}\t{wanted.descr}\t{wanted.value:g}\t{one.reason}")
    click.echo("\nof another object")
    for chance in by_chance(folder):
        if not names or chance.name in names:
            why = explained().get(chance.key, "by chance?")
            click.echo(f"  {chance.name}\t{chance.kind}\t{chance.descr}\t{chance.value:g}\t{why}")
    click.echo(f"\n{_score(everything)}  all")


def _score(group: list[Scored]) -> str:
    found = sum(one.found for one in group)
    return f"{found:4}/{len(group):<4}{100 * found / max(1, len(group)):6.1f} %"


if __name__ == "__main__":
    main(sys.argv[1:])
