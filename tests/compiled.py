"""Templates that are compiled once in a process of tests, and not once for each application it makes."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from captive_portal import pages


class Kept(BytecodeCache):
    """In memory, by the file's name and what stands in it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Leave it empty where this text was never compiled."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember it."""
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


def once() -> None:
    """From now on for the portal's pages and for every application of Flask."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Kept()}
    pages.environment = _keeping(pages.environment, Kept())


def _keeping(make: Callable[..., Any], kept: Kept) -> Callable[..., Any]:
    def environment(*arguments: Any) -> Any:
        made = make(*arguments)
        made.bytecode_cache = kept
        return made

    return environment
