"""A yes from the person at the keyboard."""

import sys

import click


def agreed(question: str) -> bool:
    """Whether the answer is yes. Raises ClickException where nobody is there, and Abort for ^C."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        if not sys.stdin.isatty():
            said = "there is no terminal to answer at, and nothing was changed; add --yes"
            raise click.ClickException(said) from None
        click.echo("nothing was changed", err=True)
        raise
