"""What a municipality says of itself on the pages: colours, who answers, services, facts of the notice."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as #rrggbb: of the page's head, of what is written on it, and of the button; "" = Plaza's own.

    `slogan` is one short line in the page's head. All of it gives way to the neutral look on its days.
    """

    sky: str = ""
    on_sky: str = ""
    tap: str = ""
    on_tap: str = ""
    slogan: str = ""


@dataclass(frozen=True, slots=True)
class Neutral:
    """The days, both included, without colours, names or slogans of a government (elections)."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who answers for the data: the facts from which the privacy notice is written.

    `rights` is where a citizen asks for access, rectification, cancellation or opposition; `unit` the
    transparency unit's name; `basis` the legal basis, as counsel worded it.
    """

    name: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    unit: str = ""
    rights: str = ""
    basis: str = ""
    updated: date | None = None


@dataclass(frozen=True, slots=True)
class Help:
    """Who helps a citizen: a telephone number, when it is answered, and a place to go to."""

    phone: str = ""
    hours: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the municipality: what a citizen reads, and its address (https)."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class LegalRetention:
    """Somebody decided that the law has addresses kept: who signed, when, on what basis, how long."""

    signed_by: str
    signed_on: date
    basis: str
    days: int


@dataclass(frozen=True, slots=True)
class Local:
    """What a municipality, or one of its sites, says on its pages. Without any of it Plaza's own words stand.

    `legal` is None unless the switch is on.
    """

    theme: Theme = field(default_factory=Theme)
    neutral: tuple[Neutral, ...] = ()
    responsible: Responsible = field(default_factory=Responsible)
    help: Help = field(default_factory=Help)
    services: tuple[Service, ...] = ()
    legal: LegalRetention | None = None

    def is_neutral(self, day: date) -> bool:
        """Whether the neutral look holds on a local day."""
        return any(one.start <= day <= one.end for one in self.neutral)


PLAIN: Final = Local()
