"""The one place where a value becomes part of a line of Cisco IOS."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Room:
    """What fits at one place of a line, whole; `quotes` puts it in quotation marks when it holds a space."""

    name: str
    fits: re.Pattern[str]
    quotes: bool = False


# A question mark asks for help in the middle of a line, and nothing escapes a quotation mark.
WORD: Final = Room("a word", re.compile(r"""[!#-&(->@-\[\]-_a-~]{1,127}"""))
KEY: Final = Room("a key", re.compile(r"""[#-&(->@-\[\]-_a-~]{8,63}"""))
NAME: Final = Room("a name", re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"))
USER: Final = Room("a user's name", re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}"))
HOST: Final = Room("a host", re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}"))
PATTERN: Final = Room("a host name", re.compile(r"(?:\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{0,252}"))
HOSTNAME: Final = Room("a hostname of IOS", re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}"))
COUNTRY: Final = Room("a country", re.compile("[A-Z]{2}"))
PASSPHRASE: Final = Room("a passphrase of IOS", re.compile("[ -~]{8,63}"))  # goes as type 7, in digits
SECRET: Final = Room("a secret", re.compile("[!-~]{1,127}"))  # goes as type 7, in digits
SSID_OF_AIRONET: Final = Room(
    "a network name of Aironet",
    re.compile(r"(?=.{1,32}\Z)(?![!#;])[!#-*,-.0->@-\\^-~]+(?: [!#-*,-.0->@-\\^-~]+)*"),
)
SSID_OF_CATALYST: Final = Room(
    "a network name of IOS-XE",
    re.compile(r"(?=.{1,32}\Z)(?!!)[!#->@-\[\]-~]+(?: [!#->@-\[\]-~]+)*"),
    quotes=True,
)
"""Printable ASCII, one space at a time. Aironet's guide forbids + ] / everywhere and ! # ; in front."""


def carried(value: str, room: Room) -> str:
    """The value as it stands in a line. Raises ValueError, without the value, when it does not fit."""
    if room.fits.fullmatch(value) is None:
        raise ValueError(f"no {room.name.removeprefix('a ')} that a command line can carry")
    return f'"{value}"' if room.quotes and " " in value else value
