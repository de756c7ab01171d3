"""A day in chunks reads as the day it was made of, together with what came late for it."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.errors import StoreUnusable
from metrics.local import cold_filling, cold_making
from metrics.local.cold import ColdDay, generations
from metrics.local.files import FileShelf
from metrics.local.journal import ends, following
from metrics.local.repair_check import faults
from metrics.local.retention import cool, drop_cold
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.samples import any_sample, ap, slot, ssid
from tests.postgres import Cluster

DAY = "2026-11-22"
BEGIN = 1_795_305_600
ALL = Window(0, 2**33)
NOON = Window(BEGIN + 3600, BEGIN + 43_200)


def rolled_up(_day: str, _token: str, _batch: int) -> bool:
    return True


def make_cold(store: LocalStore) -> None:
    assert cool(store, DAY, BEGIN + 10 * 86_400, (), rolled_up)
    assert store.days() == []


def written(store: LocalStore) -> None:
    """Two writers, late batches, slots written twice, series that are silent for hours."""
    for number in range(60):
        time = BEGIN + number * 1440
        store.write("poller", [one for one in slot(time, 9) if number % 10 or one.tags["ap"] != "ap-2"])
    store.write(
        "portal", [any_sample(name, BEGIN + 7200) for name in ("wifi_portal", "gateway", "hotspot_mun")]
    )
    store.write("poller", [ap(BEGIN + 1440, "ap-1", up=0, cpu_pct=12.5), ssid(BEGIN + 60, "ñ,= \\")])


def everything(store: LocalStore) -> list[object]:
    since = BEGIN + 80_000
    names = ("wifi_ap", "wifi_radio", "wifi_ssid", "gateway")
    return [
        [in_order(store.read(name, window)) for name in names for window in (ALL, NOON)],
        store.read("wifi_ap", NOON, {"ap": "ap-1"}),
        store.read("wifi_ap", ALL, {"ap": "nobody"}),
        {tuple(one.tags.values()): one for one in store.latest("wifi_ap", since)},
        [store.counts(window) for window in (ALL, NOON)],
        [store.tally(window) for window in (ALL, NOON)],
    ]


def in_order(samples: list[Sample]) -> list[Sample]:
    """Oldest first; of one time in any order."""
    assert samples == sorted(samples, key=lambda one: one.time)
    return sorted(samples, key=lambda one: (one.time, *one.tags.values()))


def test_a_cold_day_answers_every_question_as_the_raw_day_did(store: LocalStore) -> None:
    written(store)
    before = everything(store)
    make_cold(store)
    assert everything(store) == before


def test_what_comes_late_for_a_cold_day_is_put_over_it_field_by_field(
    store: LocalStore, tmp_path: Path
) -> None:
    late = [
        ap(BEGIN + 1440, "ap-1", clients=99),
        ap(BEGIN + 1441, "ap-1", clients=5),
        ap(BEGIN + 59 * 1440, "ap-1", cpu_pct=1.5),
        ap(BEGIN + 86_399, "ap-new", up=1),
    ]
    warm = LocalStore.open(tmp_path / "warm")
    written(warm)
    written(store)
    make_cold(store)
    for one in (warm, store):
        one.write("poller", late)
    assert store.days() == [DAY]
    assert everything(store) == everything(warm)
    make_cold(store)
    assert everything(store) == everything(warm)
    assert len(generations(store.shelf.names())[DAY]) == 1
    warm.close()


def test_a_day_becomes_cold_on_a_server_too(store: LocalStore, postgres: Cluster) -> None:
    server = LocalStore.open(postgres.new())
    for one in (store, server):
        written(one)
    sent = fed(server, 50)
    make_cold(server)
    assert fed(server, 50) == sent
    assert everything(server) == everything(store)
    for one in (store, server):
        one.write("poller", [ap(BEGIN + 1440, "ap-1", clients=99), ap(BEGIN + 1441, "ap-1")])
    assert everything(server) == everything(store)
    make_cold(server)
    assert everything(server) == everything(store)
    assert list(faults(server)) == []
    server.close()


class Meddled(FileShelf):
    """A directory in which something is done right after somebody has looked what there is."""

    def __init__(self, directory: Path) -> None:
        self.meddle: list[Callable[[], object]] = []
        super().__init__(directory)

    def names(self) -> list[str]:
        found = super().names()
        if self.meddle:
            self.meddle.pop()()
        return found


@pytest.mark.parametrize("looks", range(3))
def test_whoever_reads_while_a_day_goes_cold_under_his_hands_misses_nothing(
    store: LocalStore, looks: int
) -> None:
    """Also when something late begins the raw day anew before he has opened it."""
    store.write("poller", slot(BEGIN, 20))
    shelf = Meddled(Path(store.shelf.place))
    reader = LocalStore(shelf)

    def go_cold() -> None:
        make_cold(store)
        store.write("poller", [ap(BEGIN + 60, "late")])

    shelf.meddle = [go_cold, *[lambda: None] * looks]
    assert reader.counts(ALL)["wifi_ap"] in {20, 21}
    assert not shelf.meddle
    assert reader.counts(ALL)["wifi_ap"] == 21
    reader.close()


def test_what_is_written_while_a_day_is_made_cold_is_kept(store: LocalStore) -> None:
    written(store)
    expected = store.counts(ALL)["wifi_ap"]
    shelf = Meddled(Path(store.shelf.place))
    maker = LocalStore(shelf)
    for looks in range(12):
        store.write("poller", [ap(BEGIN + 50_000 + looks, "late")])
        writer = threading.Thread(target=store.write, args=("poller", [ap(BEGIN + 60_000 + looks, "later")]))
        shelf.meddle = [writer.start, *[lambda: None] * looks]
        cool(maker, DAY, BEGIN + 10 * 86_400, (), rolled_up)
        if shelf.meddle:
            shelf.meddle = []
            writer.start()
        writer.join()
        expected += 2
        assert store.counts(ALL)["wifi_ap"] == expected
    maker.close()


def test_a_day_that_began_again_is_another_one_to_who_knew_the_first(store: LocalStore) -> None:
    other = LocalStore.open(Path(store.shelf.place))
    seen = set()
    for minute in range(2):
        store.write("poller", [ap(BEGIN + 60 * minute)])
        assert cool(store, DAY, BEGIN + (10 + minute) * 86_400, (), rolled_up)
        (place,) = ends(other)
        seen.add(place.origin)
        assert len(following(other, place, 0, 10).samples) == 1
        drop_cold(store, DAY)
    assert len(seen) == 2
    other.close()


@pytest.mark.parametrize("step", ["made", "made twice", "raw dropped, older generation not"])
def test_a_day_that_is_in_several_volumes_at_once_has_each_point_once(store: LocalStore, step: str) -> None:
    written(store)
    before = everything(store)
    cold_making.make(store, DAY, 1)
    if step != "made":
        store.write("poller", [ap(BEGIN + 1440, "ap-1", clients=99)])
        before = everything(store)
        assert cold_making.make(store, DAY, 2)
    if step.startswith("raw"):
        store.drop(DAY)
    assert everything(store) == before


def test_a_stripe_that_does_not_fit_into_memory_is_packed_some_series_at_a_time(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(store)
    store.write("poller", [ap(BEGIN + 60 * minute, f"ap-{at}") for minute in range(5) for at in range(150)])
    store.write("portal", [ap(BEGIN + 60, f"ap-{at}", clients=2**40, cpu_pct=0.1) for at in range(0, 150, 3)])
    before = everything(store)
    monkeypatch.setattr(cold_filling, "CELLS", 2_000)
    make_cold(store)
    assert everything(store) == before


def test_a_day_of_which_a_row_would_be_lost_is_not_made_cold(store: LocalStore) -> None:
    written(store)
    with store.day(DAY).writing():
        store.day(DAY).execute("DELETE FROM wifi_radio_series WHERE id = 2")
    with pytest.raises(StoreUnusable, match=r"\d+ rows of wifi_radio became \d+; nothing was dropped"):
        cool(store, DAY, BEGIN + 10 * 86_400, (), rolled_up)
    assert store.days() == [DAY]
    assert generations(store.shelf.names()) == {}


def test_a_day_with_a_damaged_block_is_set_aside_and_not_made_cold(store: LocalStore) -> None:
    written(store)
    with store.day(DAY).writing():
        store.day(DAY).execute(f"UPDATE wifi_ap SET data = substr(data, 1, 40) WHERE time = {BEGIN}")
    cool(store, DAY, BEGIN + 10 * 86_400, (), rolled_up)
    assert store.kept() == []
    assert isinstance(store.shelf, FileShelf)
    assert [path.name.partition(".broken")[0] for path in store.shelf.aside()] == [f"raw-{DAY}.db"]


def test_a_sink_gets_from_the_chunks_what_it_would_have_got_from_the_journal(store: LocalStore) -> None:
    written(store)
    raw = fed(store, 50)
    make_cold(store)
    (place,) = ends(store)
    assert place.writer == "chunks"
    assert fed(store, 50) == raw
    some = following(store, place, 0, 100)
    assert 0 < len(some.samples) <= 100
    assert following(store, place, some.seq, 1).seq == some.seq + 1


def fed(store: LocalStore, points: int) -> dict[tuple[object, ...], dict[str, float]]:
    """What is in a sink that was sent everything, in the order it comes."""
    found: dict[tuple[object, ...], dict[str, float]] = {}
    for position, end in ends(store).items():
        seq = 0
        while seq < end:
            batches = following(store, position, seq, points)
            assert batches.seq > seq
            seq = batches.seq
            for sample in batches.samples:
                key = (sample.measurement, *sample.tags.values(), sample.time)
                found.setdefault(key, {}).update(sample.fields)
    return found


def test_the_chunks_of_a_day_come_before_what_came_late_for_it(store: LocalStore) -> None:
    store.write("poller", [ap(BEGIN, clients=1)])
    make_cold(store)
    store.write("poller", [ap(BEGIN, clients=2)])
    assert [place.writer for place in ends(store)] == ["chunks", "poller"]
    (fields,) = fed(store, 10).values()
    assert fields["clients"] == 2


def test_a_smooth_day_takes_few_octets_a_row(store: LocalStore) -> None:
    noise = random.Random(7)
    octets = dict.fromkeys(range(12), 10**9)
    times = range(BEGIN, BEGIN + 86_400, 120)
    store.write("poller", [smooth(time, number, octets, noise) for time in times for number in octets])
    make_cold(store)
    (name,) = (name for name in store.shelf.names() if name.startswith("cold-"))
    day = ColdDay(store.shelf, name)
    assert sum(len(day.data(number)) for number in range(1, 13)) / day.points(0) < 15


def smooth(time: int, number: int, octets: dict[int, int], noise: random.Random) -> Sample:
    octets[number] += noise.randrange(10**6)
    load = round(20 + noise.gauss(0, 2), 1)
    return ap(
        time,
        f"ap-{number}",
        up=1,
        clients=int(load / 2),
        rx_octets=octets[number],
        tx_octets=octets[number] * 3,
        uptime_s=time - BEGIN + 10**6,
        cpu_pct=load,
        memory_pct=load + 30,
        temperature_c=41.5,
    )
