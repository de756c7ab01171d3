"""The crowd of the portal's bench: what counts as a failure, and that it walks the whole way."""

import asyncio
import os

from bench.portal import crowd, walk
from bench.portal.satellite import DELAY_S, RATE_BPS, Way
from bench.portal.walk import Walked


def test_a_crowd_walks_the_whole_way_and_without_a_portal_every_phone_fails() -> None:
    with crowd._standing() as town:
        walked = asyncio.run(walk.crowd(town.square, 30, 1.0))
    assert [one.why for one in walked] == [""] * 30
    walked = asyncio.run(walk.crowd(town.square, 5, 0.1))
    assert [one.why for one in walked] == ["ConnectionRefusedError"] * 5


def test_an_answer_that_is_cut_off_is_none() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    assert walk._read(whole, 0.0).text == "ok"
    for cut in (whole[:-1], whole[:20], b""):
        try:
            walk._read(cut, 0.0)
        except ValueError:
            continue
        raise AssertionError(cut)


def test_only_what_began_before_a_kill_and_ended_after_it_is_the_killed_workers() -> None:
    in_its_hands = Walked(1.0, 3.1, "ValueError", wrong_s=2.5)
    before, after = (Walked(1.0, at + 0.2, "ValueError", wrong_s=at) for at in (2.0, 3.5))
    new, lost = crowd._renewed([in_its_hands, before, after, Walked(1.0, 9.0)], [3.0])
    assert (new.value, lost.value) == (2, 1)
    assert not new.meets


def test_the_satellite_sends_frames_one_after_the_other_and_each_is_late() -> None:
    (source, into), (out_of, target) = os.pipe(), os.pipe()
    way = Way(source, target)
    for _ in range(2):
        os.write(into, bytes(1000))
        way.take(now_s=10.0)
    sent_s = 1000 * 8 / RATE_BPS
    assert [at for at, _ in way.frames] == [10 + sent_s + DELAY_S, 10 + 2 * sent_s + DELAY_S]
    way.give(10 + sent_s + DELAY_S)
    assert len(os.read(out_of, 4000)) == 1000
    assert len(way.frames) == 1
    for one in (source, into, out_of, target):
        os.close(one)
