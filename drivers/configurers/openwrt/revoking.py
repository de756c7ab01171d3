"""Takes keys that may not log in out of what an OpenWrt device has, whoever put them there.

The lines of authorized_keys around ours are read as a block of their own; of it only lines are taken out.
"""

from typing import Final

from drivers.configurers import keys
from drivers.configurers.openwrt import files
from drivers.configurers.openwrt.uci import Config

OTHERS: Final = "authorized_keys_others"
_BLOCKS: Final = (f"{files.PACKAGE}.{files.KEYS.name}", f"{files.PACKAGE}.{OTHERS}")


def with_login(running: Config, wanted: Config, login: str) -> Config:
    """What is wanted, and the lines of our own block that hold the key of this login (base64)."""
    path = _BLOCKS[0]
    now, then = (_lines(config, path) for config in (running, wanted))
    kept = tuple(line for line in now if login and login in line.split())
    if not kept or any(login in line.split() for line in then):
        return wanted
    section = wanted.section(path) or running.sections[path]
    options = {files.KEYS.option: (*then, *kept)}
    return wanted.having(section.holding(options))


def _lines(config: Config, path: str) -> tuple[str, ...]:
    section = config.section(path)
    lines = section.options.get(files.KEYS.option, ()) if section else ()
    return tuple(line for line in lines if isinstance(line, str)) if isinstance(lines, tuple) else ()


def left(running: Config, wanted: Config, gone: frozenset[bytes]) -> Config:
    """What is wanted, without any line that holds one of these keys."""
    for path in _BLOCKS if gone else ():
        section = wanted.section(path) or running.section(path)
        lines = section.options.get(files.KEYS.option, ()) if section else ()
        if section is None or not isinstance(lines, tuple):
            continue
        kept = tuple(line for line in lines if not isinstance(line, str) or keys.without((line,), gone))
        if kept != lines:
            wanted = wanted.having(section.holding({files.KEYS.option: kept} if kept else {}))
    return wanted
