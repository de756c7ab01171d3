"""Kinds of values in plaza.toml and PLAZA_* variables: each raises ValueError with what to write instead."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("write HOST:PORT, such as 127.0.0.1:8080")
    return text


def _listen_or_off(text: str) -> str:
    return _listen(text) if text else text


def _name(text: str) -> str:
    found = text.lower()
    if not _NAME.fullmatch(found):
        raise ValueError(f"{text!r} is no host; write a name or address without a port, as wifi.example.mx")
    return found


def _origin(text: str) -> str:
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if text and (not sound or "@" in url.netloc or url.path not in ("", "/") or url.query or url.fragment):
        raise ValueError("write http://HOST[:PORT] or https://HOST[:PORT], without a path")
    return text.rstrip("/")


def _split(value: object) -> object:
    """A variable holds a list with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


OriginOrNone = Annotated[str, AfterValidator(_origin)]
Listen = Annotated[str, AfterValidator(_listen)]
ListenOrOff = Annotated[str, AfterValidator(_listen_or_off)]
Names = Annotated[tuple[Annotated[str, AfterValidator(_name)], ...], BeforeValidator(_split)]
Places = Annotated[tuple[Listen, ...], BeforeValidator(_split)]
