"""Renders what a platform needs into its own text; a template can only print values that were quoted."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

from jinja2 import FileSystemLoader, StrictUndefined, Template, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drivers.errors import ValueRefused
from drivers.model import Intent, Secret

PLATFORMS: Final = Path(__file__).parent / "platforms"

Quote = Callable[[str], str]
"""Makes one word of a platform's language of any text. Raises ValueError, without the text in its message."""


class Quoted(str):
    """Text that a quoting filter made; nothing else gets out of a template."""

    __slots__ = ()


class NotQuoted(TypeError):
    """A template printed a value that no quoting filter made: the template is wrong."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's, asked once for each type and attribute: nothing else is in its judgement."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._safe: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """See Jinja2."""
        key = type(obj), attr
        if key not in self._safe:
            self._safe[key] = super().is_safe_attribute(obj, attr, value)
        return self._safe[key]


def environment(name: str, quote: Quote) -> ImmutableSandboxedEnvironment:
    """The Jinja2 environment of a platform's templates, with its quoting filter under this name."""
    made = _Sandbox(
        loader=FileSystemLoader(PLATFORMS),
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    made.filters[name] = quoting(quote)
    return made


def quoting(quote: Quote) -> Callable[[object], Quoted]:
    """The filter of a quoting function: raises what it raises, TypeError for what is no text or number."""

    def quoted(value: object) -> Quoted:
        match value:
            case str():
                return Quoted(quote(value))
            case Secret():
                return Quoted(quote(value.reveal()))
            case bool():
                raise TypeError("say 0 or 1")
            case int():
                return Quoted(quote(str(value)))
            case Undefined():
                return Quoted(str(value))  # which raises, naming the variable
            case _:
                raise TypeError(f"a {type(value).__name__} is no value of a setting")

    return quoted


def text(template: str, name: str, quote: Quote, values: Mapping[str, object]) -> str:
    """A template below drivers/platforms with these values. Raises ValueError for what cannot be quoted."""
    return _template(template, name, quote).render(values)


def refuse(
    intent: Intent, secrets: Iterable[Mapping[str, Secret]], quote: Quote, error: ValueError
) -> NoReturn:
    """Raise ValueRefused naming the value that could not be quoted, and never a secret itself."""
    named = {f"the SSID {ssid.name!r}": ssid.name for ssid in intent.ssids}
    for several in secrets:
        named |= {f"the secret {name!r}": secret.reveal() for name, secret in several.items()}
    hint = "mend the value in the inventory"
    for name, value in named.items():
        try:
            quote(value)
        except ValueError as refused:
            raise ValueRefused(intent.device, f"{name} {refused}", hint) from None
    raise ValueRefused(intent.device, f"a value {error}", hint) from None


@cache
def _template(template: str, name: str, quote: Quote) -> Template:
    return environment(name, quote).get_template(template)


def _only_quoted(value: object) -> object:
    if not isinstance(value, Quoted):
        raise NotQuoted(f"a {type(value).__name__} was printed unquoted; write {{{{ x | FILTER }}}}")
    return value
