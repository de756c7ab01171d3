"""One recorded arrival of a kind of gateway, and what the portal answers to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from captive_portal.model import Answer, Gateway, Grant, Phone, PostForm, Redirect, Wiring

KEY: Final = b"k" * 32
LANDING: Final = "https://portal.example.mx/p/08019-plaza/online"
PHONE: Final = Phone("02:ca:fe:5e:00:01", "10.99.0.23")
GRANT: Final = Grant("0123456789abcdef0123456789abcdef", 3600, 0)


@dataclass(frozen=True, slots=True)
class Example:
    """`query` is what a phone brings, letter for letter; `answer` what `admit` gives for GRANT, in Spanish.

    `elsewhere` are the fields by which the query names a host: each is exchanged for a stranger's. `onward`
    are those that name where the citizen wanted to go: none of it is followed. None as `answer`: it takes a
    controller, which the kind's own tests stand up. `way_out` is what the phone does to log itself out.
    """

    name: str
    wiring: Wiring
    make: Callable[[Wiring], Gateway]
    query: str
    answer: Answer | None
    phone: Phone | None = field(default=PHONE)
    elsewhere: tuple[str, ...] = ()
    onward: tuple[str, ...] = ()
    way_out: Redirect | PostForm | None = None
