"""What a site's gateway may say to the edge, and what it hears."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from captive_portal.model import GatewayEvent

MAX_BODY_OCTETS: Final = 64 * 1024
CENTURY_S: Final = 100 * 366 * 24 * 3600

Octets = Annotated[int, Field(ge=0, lt=2**62)]
Seconds = Annotated[int, Field(ge=0, lt=CENTURY_S)]


class Model(BaseModel):
    """Strict: a text is not a number, and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(Model):
    """One thing that happened at a door, `age_s` seconds ago. Totals are None when nobody counted.

    `admitted` is a door that staff at the site opened by hand, for so many `seconds`.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,48}$")
    kind: Literal["opened", "admitted", "usage", "closed"]
    session: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    age_s: Seconds
    seconds: Seconds | None = None
    octets_down: Octets | None = None
    octets_up: Octets | None = None
    cause: str = Field(default="", pattern=r"^[A-Za-z-]{0,32}$")

    def noun(self) -> GatewayEvent:
        """As the portal knows it."""
        return GatewayEvent(**self.model_dump())


class Question(Model):
    """One call of a gateway; the answer carries the same nonce."""

    version: Literal[1]
    site: str
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    events: tuple[Event, ...] = Field(max_length=512)


class Answer(Model):
    """The events we have now, and the sessions to end at once."""

    version: Literal[1] = 1
    nonce: str
    applied: tuple[str, ...]
    dismiss: tuple[str, ...]
