"""Render and diff of an access point, and difflib on the same texts: `python -m bench.apply.diffing N`."""

import difflib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.apply.configuration import UCI
from bench.apply.cycle import wish
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
class Figures:
    """CPU milliseconds of one access point, the least of several repeats; how long texts and change are."""

    ours_ms: float
    compared_ms: float
    difflib_ms: float
    before_lines: int
    after_lines: int
    change_lines: int


def main(times: int) -> None:
    """Tell the figures of so many access points on a line."""
    configurer, wanted = OpenWrt(), wish(_NAME, "0")
    with TemporaryDirectory() as folder:
        root = _device(Path(folder))
        before = _uci(root, "", "export")
        running = Running(Secret(before), "")
        change = configurer.change(_NAME, running, wanted)
        after = _changed(root, change)
    if configurer.change(_NAME, Running(Secret(after), ""), wanted):
        raise AssertionError("the change does not lead to what is wished")
    told(
        asdict(
            Figures(
                compared_ms=_least_ms(_comparison(configurer, running, wanted), times),
                ours_ms=_least_ms(lambda: configurer.change(_NAME, running, wanted), times),
                difflib_ms=_least_ms(lambda: _unified(before, after), times),
                before_lines=before.count("\n"),
                after_lines=after.count("\n"),
                change_lines=len(change.lines),
            )
        )
    )


def _comparison(configurer: OpenWrt, running: Running, wanted: Wish) -> Callable[[], object]:
    """What difflib does: compare two sides that are there, ours as sections and difflib's as lines."""
    now = uci.parse(running.text.reveal())
    then = rendered(configurer.dialect, wanted, now)
    return lambda: compared(configurer.dialect, _NAME, now, then)


def _unified(before: str, after: str) -> list[str]:
    return list(difflib.unified_diff(before.splitlines(), after.splitlines()))


def _device(root: Path) -> Path:
    (root / "etc/config").mkdir(parents=True)
    for package, text in UCI.items():
        (root / "etc/config" / package).write_text(text)
    return root


def _changed(root: Path, change: Change) -> str:
    """What a device exports once the change is there."""
    _uci(root, "".join(f"{line.command.reveal()}\n" for line in change.lines), "batch")
    _uci(root, "", "commit")
    return _uci(root, "", "export")


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
