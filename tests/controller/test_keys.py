"""A key is made once, whoever asks for it first, and however many do at once."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controller import keys


def test_threads_that_ask_for_it_at_once_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, link = threading.Barrier(4), os.link

    def linked(source: Path, target: Path) -> None:
        together.wait(10)
        link(source, target)

    monkeypatch.setattr(os, "link", linked)
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: keys.load(tmp_path, "a.key", "key of a test"), range(4)))
    assert len(found) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["a.key"]
