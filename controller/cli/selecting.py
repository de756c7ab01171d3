"""The SELECTOR of a command line."""

from collections.abc import Callable
from typing import Any

import click


def selecting(*, required: bool, default: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument SELECTOR. Several words come as one, so that the selector can say what is wrong."""

    def joined(_context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> str:
        return " ".join(words) or default

    return click.argument("selector", nargs=-1, required=required, callback=joined, metavar="SELECTOR")
