"""What a recording came to, for a person who writes a platform.yaml."""

import click

from drivers.definition import line_of
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
    for measurement, fields in tried.unknown.items():
        click.echo(f"unknown in {measurement}: {', '.join(fields)}")
    text, name = source
    for absent in tried.absent:
        objects = ", ".join(".".join(map(str, oid)) for oid in absent.objects)
        line = line_of(text, absent.path)
        click.echo(f"{name}:{line}: {'.'.join(absent.path)}: the device has nothing at {objects}")
    for problem in tried.problems:
        click.echo(f"problem: {problem}")


_SAME = frozenset({"mun", "site", "vendor"})
