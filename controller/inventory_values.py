"""The kinds of value inventory.yaml holds, each with its mistake in words."""

import re
from datetime import date, time, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from controller.model import Opening

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_REFERENCE: Final = re.compile(r"ref\+env:[A-Za-z_][A-Za-z0-9_]*|ref\+file:[^\x00-\x1f]+")
_DERIVED: Final = re.compile(r"ref\+derived:[^\x00-\x1f#]+#(?:municipality|site|device)")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_INTERFACE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,14}")
_SPAN: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_DURATION: Final = re.compile(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?")
_TIMEOUT: Final = re.compile(r"(?:([0-9])m)?(?:([0-9]{1,3})s)?")


def fault(what: str, mend: str) -> PydanticCustomError:
    """A mistake in our own words: what is wrong, and how to mend it."""
    return PydanticCustomError("plaza", "{what}", {"what": what, "mend": mend})


def shown(value: object) -> str:
    """A value as a message may repeat it, cut short."""
    text = repr(value)
    return text if len(text) <= 48 else text[:45] + "…"


def printable(text: str) -> str:
    """Text without control characters."""
    if any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in text):
        raise fault("holds a control character", "delete it")
    return text


def _name(text: str) -> str:
    if text == "all" or not _NAME.fullmatch(text):
        raise fault(
            "is no usable name", "use at most 63 lower-case letters, digits and hyphens, and not `all`"
        )
    return text


def _key(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{5}", text):
        raise fault("is no INEGI key", "write the five digits of the municipality, like 08019")
    return text


def _address(text: str) -> str:
    found = as_address(text)
    if not found:
        raise fault(f"{shown(text)} is no IP address", "write it like 192.168.88.10, without a mask or port")
    return found


def as_address(text: str) -> str:
    """An IP address in its one spelling; "" for anything else, and for one with a zone (%eth0)."""
    try:
        return "" if "%" in text else str(ip_address(text))
    except ValueError:
        return ""


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        mend = "write it like 192.168.88.0/24, zero behind the mask"
        raise fault(f"{shown(text)} is no network", mend) from None


@lru_cache(maxsize=256)
def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise fault(
            f"{shown(text)} is no time zone", "write a name of the tz database, like America/Chihuahua"
        ) from None
    return text


def _octets_32(text: str) -> str:
    octets = len(printable(text).encode())
    if not 1 <= octets <= 32:
        raise fault(f"is {octets} octets long", "write 1 to 32 octets of UTF-8; á, é, ñ are two octets each")
    return text


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise fault(
            "holds a secret, or a reference that cannot be read",
            "move the value to a file or a variable and write ref+file:NAME or ref+env:NAME here",
        )
    return text


def _derivable(text: str) -> str:
    if text.startswith("ref+derived:") and not _DERIVED.fullmatch(text):
        mend = "write ref+derived:FILE#municipality, #site or #device"
        raise fault("is no reference to a derived secret", mend)
    return text if _DERIVED.fullmatch(text) else _reference(text)


def _fingerprint(text: str) -> str:
    plain = text.upper().removeprefix("SHA256:").replace(":", "")
    if not re.fullmatch(r"[0-9A-F]{64}", plain):
        mend = "write what `openssl x509 -noout -fingerprint -sha256` prints behind the ="
        raise fault("is no SHA-256 fingerprint of a certificate", mend)
    return plain.lower()


def _origin(text: str) -> str:
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound or text != f"{url.scheme}://{url.netloc}" or "@" in url.netloc:
        raise fault("is no web address of a gateway", "write it like http://10.8.19.1:2060, without a path")
    return text


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise fault(f"{shown(text)} is no country code", "write two capital letters, like MX (ISO 3166)")
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise fault(f"{shown(text)} is no language tag", "write it like es, en or tar (BCP 47)")
    return text


def _date(text: object) -> date:
    try:
        if isinstance(text, str) and len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise fault(f"{shown(text)} is no date", "write it like 2026-12-25")


def _duration(text: object) -> timedelta:
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    length = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta(0)
    if not timedelta(0) < length <= timedelta(days=7):
        raise fault(f"{shown(text)} is no duration up to 168h", "write it like 45m, 2h or 1h30m")
    return length


def _daily(text: object) -> timedelta:
    return timedelta(0) if text == 0 and type(text) is int else _duration(text)


def _timeout(text: object) -> timedelta:
    found = _TIMEOUT.fullmatch(text) if isinstance(text, str) and text else None
    length = timedelta(minutes=int(found[1] or 0), seconds=int(found[2] or 0)) if found else timedelta(0)
    if not timedelta(seconds=5) <= length <= timedelta(seconds=120):
        raise fault(f"{shown(text)} is no time from 5s to 120s", "write it like 20s, 2m or 1m30s")
    return length


def _openings(spans: object) -> tuple[Opening, ...]:
    listed = [spans] if isinstance(spans, str) else spans
    if not isinstance(listed, list):
        raise fault(
            f"{shown(spans)} are no hours", "write 06:00-23:00, [06:00-12:00, 16:00-24:00], or [] for closed"
        )
    found = sorted((_opening(span) for span in listed), key=lambda opening: opening.start)
    for before, after in pairwise(found):
        if before.end == time(0) or after.start < before.end:
            raise fault("holds hours that overlap", "write each hour of the day once")
    return tuple(found)


def _opening(span: object) -> Opening:
    found = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if found is None:
        raise fault(f"{shown(span)} are no hours", "write them like 06:00-23:00; a day ends at 24:00")
    opening = Opening(time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0)))
    if (opening.end != time(0) and opening.end <= opening.start) or (found[3], found[4]) == ("00", "00"):
        raise fault(
            f"{shown(span)} ends before it begins", "end the day at 24:00 and go on the next day from 00:00"
        )
    return opening


def _mac(text: str) -> str:
    found = text.lower().replace("-", ":")
    if not _MAC.fullmatch(found):
        raise fault(f"{shown(text)} is no MAC address", "write it like 02:00:5e:10:00:01")
    return found


def _interface(text: str) -> str:
    if not _INTERFACE.fullmatch(text):
        raise fault(f"{shown(text)} is no network interface", "write its name as `ip link` shows it")
    return text


def days(text: str) -> tuple[str, ...]:
    """The days a key of `week` stands for: `sat`, or `mon-fri`, which may run over the week's end."""
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise fault(f"{shown(text)} is no day", f"write one of {', '.join(DAYS)}, or a range like mon-fri")
    start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
    return tuple(DAYS[(start + step) % 7] for step in range(length))


def _week(week: object) -> object:
    if isinstance(week, dict):
        listed = [day for key in week for day in days(key)]
        twice = [day for day in DAYS if listed.count(day) > 1]
        if twice:
            raise fault(f"gives {', '.join(twice)} twice", "write each day once")
    return week


Text = Annotated[StrictStr, AfterValidator(printable), Field(min_length=1, max_length=200)]
Name = Annotated[StrictStr, AfterValidator(_name)]
Mac = Annotated[StrictStr, AfterValidator(_mac)]
Interface = Annotated[StrictStr, AfterValidator(_interface)]
MunicipalityKey = Annotated[StrictStr, BeforeValidator(_key)]
Address = Annotated[StrictStr, AfterValidator(_address)]
Network = Annotated[StrictStr, AfterValidator(_network)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
SecretReference = Annotated[StrictStr, AfterValidator(_reference)]
DerivableReference = Annotated[StrictStr, AfterValidator(_derivable)]
Fingerprint = Annotated[StrictStr, AfterValidator(_fingerprint)]
Origin = Annotated[StrictStr, AfterValidator(_origin)]
Date = Annotated[date, BeforeValidator(_date)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Daily = Annotated[timedelta, BeforeValidator(_daily)]
Timeout = Annotated[timedelta, BeforeValidator(_timeout)]
Openings = Annotated[tuple[Opening, ...], BeforeValidator(_openings)]
Week = Annotated[dict[str, Openings], BeforeValidator(_week)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Country = Annotated[StrictStr, AfterValidator(_country)]
Language = Annotated[StrictStr, AfterValidator(_language)]
SsidName = Annotated[StrictStr, AfterValidator(_octets_32)]
ContextName = Annotated[StrictStr, AfterValidator(_octets_32)]
Channel = Annotated[StrictInt, BeforeValidator(lambda channel: 0 if channel == "auto" else channel)]
