"""Renders an intent into a platform's own configuration; its template can only print quoted values."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

from jinja2 import FileSystemLoader, StrictUndefined, Template, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drivers import uci
from drivers.dialect import Dialect
from drivers.errors import ValueRefused
from drivers.model import Intent, Secret
from drivers.uci import Config

PLATFORMS: Final = Path(__file__).parent / "platforms"


class Quoted(str):
    """Text that a quoting filter made; nothing else gets out of a template."""

    __slots__ = ()


class NotQuoted(TypeError):
    """A template printed a value that no quoting filter made: the template is wrong."""


def environment() -> ImmutableSandboxedEnvironment:
    """The Jinja2 environment of all platform templates."""
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(PLATFORMS),
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters["uci"] = quote_uci
    return made


def quote_uci(value: object) -> Quoted:
    """A word of UCI. Raises ValueError for a control character, TypeError for what is no text or number."""
    match value:
        case Undefined():
            return Quoted(str(value))  # which raises, naming the variable
        case Secret():
            return Quoted(uci.quote(value.reveal()))
        case bool():
            raise TypeError("say 0 or 1")
        case str() | int():
            return Quoted(uci.quote(str(value)))
        case _:
            raise TypeError(f"a {type(value).__name__} is no UCI value")


def render(dialect: Dialect, intent: Intent, running: Config, passphrases: Mapping[str, Secret]) -> Config:
    """What this device should hold of the keys we own, addressed as in its running configuration.

    `passphrases` are by credential name. Raises ValueRefused, ConfigRejected or UnexpectedReply; no error
    shows a passphrase.
    """
    values = dialect.view(intent, running, passphrases)
    try:
        text = _template(dialect.template).render(values)
    except ValueError as error:
        _refuse(intent, passphrases, error)
    return uci.parse(text)


@cache
def _template(name: str) -> Template:
    return environment().get_template(name)


def _refuse(intent: Intent, passphrases: Mapping[str, Secret], error: ValueError) -> NoReturn:
    """Name the value that was refused: the message of a quoting filter never holds the value itself."""
    named = {f"the SSID {ssid.name!r}": ssid.name for ssid in intent.ssids}
    named |= {f"the passphrase {name!r}": secret.reveal() for name, secret in passphrases.items()}
    for name, value in named.items():
        try:
            uci.quote(value)
        except ValueError as refused:
            hint = "mend the value in the inventory"
            raise ValueRefused(intent.device, f"{name} {refused}", hint) from None
    raise ValueRefused(intent.device, f"a value {error}", "mend the value in the inventory") from None


def _only_quoted(value: object) -> object:
    if not isinstance(value, Quoted):
        raise NotQuoted(f"a {type(value).__name__} was printed unquoted; write {{{{ x | uci }}}}")
    return value
