"""Whatever a device says, nothing is raised but the named errors, and every sample can be stored."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.poller_http import OverHttp
from drivers.collectors import notations
from drivers.collectors.ways import OVER_HTTP, OVER_SSH
from drivers.definition import load_platforms
from drivers.errors import DriverError
from drivers.model import PollBy
from drivers.web import Line
from metrics import catalog
from metrics.line_protocol import encode
from metrics.sample import Sample
from tests.collectors import replay_https, replay_ssh
from tests.collectors.dialogue import SLOT, Dialogue, device, load, names
from tests.collectors.replay_https import Heard, Says, as_recorded, login, served

ODD = ["", "-1", "9" * 25, "NaN", "1e400", "auto", "\ud800", "a\nend\n", "02:00:00:00:00:01", "x" * 300]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def said(name: str) -> Mapping[str, Any]:
    """What the way's own `ask` brings from the replayed device."""
    dialogue = load(name)
    with TemporaryDirectory() as folder:
        if dialogue.way is PollBy.SSH:
            with (
                replay_ssh.replayed(Path(folder), dialogue) as door,
                door.enter(door.device) as shell,
            ):
                return dict(OVER_SSH[dialogue.platform].ask(shell))
        way = OVER_HTTP[dialogue.platform]
        with replay_https.replayed(Path(folder), dialogue) as server, Line(server.device, 60) as line:
            way.enter(line, login(dialogue))
            return dict(way.ask(line))


def storable(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        catalog.check(sample)
    encode(samples)


def harmless(read: Callable[..., Any], dialogue: Dialogue, answers: Mapping[str, Any]) -> None:
    try:
        collected = read(device(dialogue), answers, SLOT)
    except DriverError:
        return
    storable(collected.samples)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a JSON value with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def mutated(data: st.DataObject, value: Any) -> Any:
    """The same with one of its parts gone or something else."""
    changed = {"": copy.deepcopy(value)}
    container, key = data.draw(st.sampled_from(list(places(changed))))
    if data.draw(st.booleans()) and isinstance(container, dict) and container is not changed:
        del container[key]
    else:
        container[key] = data.draw(ANYTHING)
    return changed[""]


@pytest.mark.parametrize("name", names(PollBy.SSH))
@given(data=st.data())
@settings(deadline=None)
def test_a_mutated_text_is_a_poorer_answer_or_an_unexpected_reply(name: str, data: st.DataObject) -> None:
    dialogue, answers = load(name), dict(said(name))
    place = data.draw(st.sampled_from(sorted(answers)))
    text = answers[place]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    answers[place] = text[:start] + data.draw(st.text(max_size=20)) + text[end:]
    harmless(OVER_SSH[dialogue.platform].read, dialogue, answers)


@pytest.mark.parametrize("name", names(PollBy.HTTP))
@given(data=st.data())
@settings(deadline=None)
def test_a_mutated_answer_is_a_poorer_answer_or_an_unexpected_reply(name: str, data: st.DataObject) -> None:
    dialogue = load(name)
    answers = mutated(data, said(name))
    if isinstance(answers, dict):
        harmless(OVER_HTTP[dialogue.platform].read, dialogue, answers)


@pytest.mark.parametrize("name", names(PollBy.HTTP))
def test_a_mutated_dialogue_ends_in_samples_or_in_a_named_failure(name: str, tmp_path: Path) -> None:
    """Each answer in its turn, through the login, the session and the wire."""
    dialogue = load(name)
    recorded = as_recorded(dialogue)
    with served(tmp_path, device(dialogue), recorded) as server:

        @given(data=st.data(), turn=st.integers(0, len(dialogue.exchanges)))
        @settings(deadline=None, max_examples=100)
        def poll(data: st.DataObject, turn: int) -> None:
            server.says = spoilt(recorded, turn, data)
            over_http = OverHttp(lambda name: login(dialogue))
            heard = over_http(server.device, load_platforms()[dialogue.platform], SLOT)
            storable(heard.collected.samples)

        poll()


def spoilt(recorded: Says, turn: int, data: st.DataObject) -> Says:
    """The recorded answers, one of them mutated; drawn beforehand, for another thread will say it."""
    left = [turn]
    what = data.draw(ANYTHING)
    part = data.draw(st.integers(0, 10_000))

    def says(heard: Heard) -> tuple[int, dict[str, str], bytes] | None:
        answer = recorded(heard)
        left[0] -= 1
        if answer is None or left[0] != -1:
            return answer
        changed = {"": json.loads(answer[2])}
        known = list(places(changed))
        container, key = known[part % len(known)]
        container[key] = what
        return answer[0], answer[1], json.dumps(changed[""]).encode()

    return says


@given(ANYTHING)
def test_no_notation_takes_anything_for_a_number_that_cannot_be_stored(value: object) -> None:
    for read in (notations.number, notations.bits_per_s, notations.seconds):
        told = read(value)
        assert told is None or -(2**63) < told < 2**80
    notations.band(value)
    notations.share_pct(value, value)


@pytest.mark.parametrize(
    ("read", "written", "means"),
    [
        (notations.number, "-65dBm@1Mbps", -65),
        (notations.number, " 20MHz", 20),
        (notations.number, "3.5", 3.5),
        (notations.number, True, None),
        (notations.number, "auto", None),
        (notations.bits_per_s, "144.4Mbps-20MHz/2S/SGI", 144_400_000),
        (notations.bits_per_s, "48kbps", 48_000),
        (notations.bits_per_s, "6000000", 6_000_000),
        (notations.seconds, "2d20h12m20s", 245_540),
        (notations.seconds, "1w2d03:04:05", 788_645),
        (notations.seconds, "00:09:11", 551),
        (notations.seconds, "13day(s) 2h 3m 4s", 1_130_584),
        (notations.seconds, 60, 60),
        (notations.seconds, "never", None),
        (notations.share_pct, 0, None),
        (notations.band, "2.4GHz", "2g4"),
        (notations.band, "6e", "6g"),
        (notations.band, "5780 MHz", "5g"),
        (notations.band, "7", "2g4"),
        (notations.band, None, None),
    ],
)
def test_a_notation_means(read: Callable[..., Any], written: object, means: object) -> None:
    assert (read(written, written) if read is notations.share_pct else read(written)) == means
