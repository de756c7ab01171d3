"""A platform or a recording with a mistake in it is told with its line, or read: it never breaks anything."""

import asyncio
import re
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.definition import load_platforms, platform_text, read_platform
from drivers.errors import PlatformError
from drivers.recording import read_lines
from drivers.trying import try_recording
from tests.platforms.expect import FOLDER

OWN = sorted(path for path in FOLDER.glob("*.snmprec") if "-" not in path.stem)
SMALL = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
PIECES = [
    "", " ", "\n", ":", "[", "]", "{", "}", "- ", "&a ", "*a", "0", "-1", ".", "1.3", '"', "'", "#", "\0",
    "null", "yes", "!!binary x", "9" * 25, "<<: ", "row", "at: ap, ", "reduce: sum", "4x|", "|", "\N{BOM}",
]  # fmt: skip


@cache
def lines_of(path: Path) -> str:
    """The text of a recording."""
    return path.read_text("utf-8")


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """The text with up to three pieces cut out, put in, or exchanged."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 5, 40]))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
    return text


@SMALL
@given(st.data())
def test_a_mutated_platform_is_read_or_told_with_its_line(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(OWN))
    name = recording.stem
    text = data.draw(mutated(platform_text(name)))
    objects = read_lines(lines_of(recording).splitlines(), recording.name)
    try:
        platform = read_platform(text, f"{name}/platform.yaml")
    except PlatformError as error:
        told = error.device
    else:
        told = asyncio.run(try_recording(objects, {name: platform}, name)).platform + "/platform.yaml:0"

    assert re.fullmatch(rf"{name}/platform\.yaml:[0-9]+", told), told


@SMALL
@given(st.data())
def test_a_mutated_recording_is_read_or_told_with_its_line(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(OWN))
    text = data.draw(mutated(lines_of(recording)))
    try:
        objects = read_lines(text.splitlines(), recording.name)
    except PlatformError as error:
        told = error.device
    else:
        tried = asyncio.run(try_recording(objects, load_platforms(), recording.stem))
        told = f"{recording.name}:{len(tried.samples)}"

    assert re.fullmatch(rf"{re.escape(recording.name)}:[1-9][0-9]*", told), told
