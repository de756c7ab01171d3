"""Render and diff of access points, and difflib on the same texts: `python -m bench.apply.diffing N`.

Three pairs of texts, because what difflib costs depends on how much differs, and where:

* `plaza`: the 190 lines of this bench's access point, a firewall among them that nobody touches, and what it
  exports once it has two networks more on each radio.
* `factory`: the 72 lines that we read of one as OpenWrt leaves it, and what it exports once it has a clock
  and six networks: most lines of the second text are new.
* `drift`: that same one with all it should have, after somebody made a 0 of each 1, and what it exports once
  it is as wished again: few lines differ, all over the text, which costs difflib most.
"""

import difflib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.apply import configuration, cycle, factory
from bench.apply.farm import WHOLE_UCI
from bench.poll.meter import told
from drivers.change import Change
from drivers.configurers.openwrt import OpenWrt, uci
from drivers.configurers.openwrt.diff import compared
from drivers.configurers.openwrt.rendering import rendered
from drivers.configurers.seam import Running, Wish
from drivers.model import Secret

_NAME: Final = "ap-08019-1"
_REPEATS: Final = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """What a device has, by package, and what is wished of it; `drifts` from it before it is compared."""

    name: str
    uci: Mapping[str, str]
    wish: Wish
    drifts: bool = False


PAIRS: Final = (
    Pair("plaza", configuration.UCI, cycle.wish(_NAME, "0")),
    Pair("factory", factory.UCI, factory.wish(_NAME)),
    Pair("drift", factory.UCI, factory.wish(_NAME), drifts=True),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU milliseconds of one access point, the least of several repeats; how long texts and change are.

    `ours_ms` is from the running text and the wish to the lines to send and the difference a person reads.
    To the commands alone: `texts_ms` from both texts, the very ones that difflib gets; `parsed_ms` from the
    running text, with what is wanted rendered and read before, as when a device is looked at; `compared_ms`
    with both sides read. `difflib_ms` is from both texts to the last line of their unified difference.
    """

    pair: str
    ours_ms: float
    texts_ms: float
    parsed_ms: float
    compared_ms: float
    difflib_ms: float
    before_lines: int
    after_lines: int
    change_lines: int


def main(times: int) -> None:
    """Tell the figures of so many access points, a line for each pair."""
    for pair in PAIRS:
        told(asdict(_figures(pair, times)))


def _figures(pair: Pair, times: int) -> Figures:
    configurer = OpenWrt()
    with TemporaryDirectory() as folder:
        root = _device(Path(folder), pair.uci)
        if pair.drifts:
            there = Running(Secret(_uci(root, "", "export")), "")
            _changed(root, configurer.change(_NAME, there, pair.wish))
            _drift(root)
        before = _uci(root, "", "export")
        running = Running(Secret(before), "")
        change = configurer.change(_NAME, running, pair.wish)
        after = _changed(root, change)
    if configurer.change(_NAME, Running(Secret(after), ""), pair.wish):
        raise AssertionError("the change does not lead to what is wished")
    dialect, now = configurer.dialect, uci.parse(before)
    then = rendered(dialect, pair.wish, now)

    def texts() -> int:
        return len(compared(dialect, _NAME, uci.parse(before), uci.parse(after)))

    if texts() != len(change.lines):
        raise AssertionError("the texts do not differ in what the change says")
    return Figures(
        pair=pair.name,
        ours_ms=_least_ms(lambda: configurer.change(_NAME, running, pair.wish), times),
        texts_ms=_least_ms(texts, times),
        parsed_ms=_least_ms(lambda: compared(dialect, _NAME, uci.parse(before), then), times),
        compared_ms=_least_ms(lambda: compared(dialect, _NAME, now, then), times),
        difflib_ms=_least_ms(lambda: _unified(before, after), times),
        before_lines=before.count("\n"),
        after_lines=after.count("\n"),
        change_lines=len(change.lines),
    )


def _unified(before: str, after: str) -> list[str]:
    return list(difflib.unified_diff(before.splitlines(), after.splitlines()))


def _device(root: Path, packages: Mapping[str, str]) -> Path:
    (root / "etc/config").mkdir(parents=True)
    for package, text in packages.items():
        (root / "etc/config" / package).write_text(text)
    return root


def _changed(root: Path, change: Change) -> str:
    """What a device exports once the change is there."""
    _uci(root, "".join(f"{line.command.reveal()}\n" for line in change.lines), "batch")
    _uci(root, "", "commit")
    return _uci(root, "", "export")


def _drift(root: Path) -> None:
    for file in (root / "etc/config").iterdir():
        file.write_text(file.read_text().replace("'1'", "'0'"))


def _uci(root: Path, given: str, verb: str) -> str:
    environment = os.environ | {"PLAZA_ROOT": str(root)}
    (root / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [WHOLE_UCI, verb], input=given, env=environment, capture_output=True, text=True, check=True
    )
    if done.stderr:
        raise AssertionError(f"uci {verb} said {done.stderr}")
    return done.stdout


def _least_ms(act: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(_REPEATS):
        used_s = time.process_time()
        for _ in range(times):
            act()
        found.append((time.process_time() - used_s) / times * 1000)
    return min(found)


if __name__ == "__main__":
    main(int(sys.argv[1]))
