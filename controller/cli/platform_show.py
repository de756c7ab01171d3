"""What a recording came to, for a person who writes a platform.yaml."""

import click

from drivers.faults import place_of
from drivers.trying import Tried


def show(tried: Tried, source: tuple[str, str]) -> None:
    """Facts, samples, then what is missing; `source` is the text of the platform.yaml and its name."""
    click.echo(f"platform {tried.platform}")
    for name, text in tried.facts.items():
        click.echo(f"  {name}: {text}")
    for sample in tried.samples:
        tags = " ".join(f"{tag}={value}" for tag, value in sample.tags.items() if tag not in _SAME)
        fields = " ".join(f"{name}={value}" for name, value in sample.fields.items())
        click.echo(f"{sample.measurement} {tags}\n    {fields}")
    for measurement, unknown in tried.unknown.items():
        if unknown:
            more = f" …; plaza platform fields {measurement}" if len(unknown) > _MOST_UNKNOWN else ""
            click.echo(f"unknown in {measurement}: {', '.join(unknown[:_MOST_UNKNOWN])}{more}")
    text, name = source
    for absent in tried.absent:
        line, words = place_of(text, absent.path)
        objects = ", ".join(".".join(map(str, oid)) for oid in absent.objects) or "any of its objects"
        if words.endswith(f".{absent.path[-1]}") or not absent.objects:  # not what it only includes
            click.echo(f"{name}:{line}: {words}: the device has nothing at {objects}")
    for problem in tried.told(text, name):
        click.echo(f"problem: {problem}")


_MOST_UNKNOWN = 8
_SAME = frozenset({"mun", "site", "vendor"})
