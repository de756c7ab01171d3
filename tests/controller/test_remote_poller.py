"""A poller without a store and its centre: what is polled lands once, whatever is lost between them."""

import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from controller import remote_poller_wire as wire
from controller.health import State, Verdict
from controller.inventory import load
from controller.poller import Polled
from controller.remote_poller import _behind
from controller.remote_poller_centre import Address, Centre, CentreAway, Identity
from controller.remote_poller_courier import Courier
from controller.remote_poller_keeper import Keeper
from controller.remote_poller_lease import Tenant
from controller.remote_poller_report import LARGEST_FRAME, payloads, report
from controller.store import health, snmp
from drivers.model import Device, PollBy
from drivers.snmp.seam import Failure, Reason
from metrics.sample import Sample
from metrics.segments import Spool
from metrics.segments_file import Frame
from metrics.segments_place import Losses
from metrics.sink import Window
from tests.controller.centre import INVENTORY, NAME, TOKEN, Central, central
from tests.town import wait_for

UP = Verdict(State.UP, True, None, "")
DOWN = Verdict(State.DOWN, False, None, "no answer")
SILENT = Failure(Reason.TIMEOUT, "no answer")


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Central]:
    with central(tmp_path) as made:
        yield made


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", min_free=0)
    yield made
    made.close()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    (tmp_path / "inventory.yaml").write_text(INVENTORY % {"port": 161})
    return load(tmp_path / "inventory.yaml").devices["ap-kiosk"]


def tags(name: str) -> dict[str, str]:
    return {"ap": name, "mun": "08027", "site": "08027-plaza", "vendor": "openwrt"}


def polled(device: Device, slot: int, verdict: Verdict = UP, **fields: float) -> Polled:
    sample = Sample("wifi_ap", tags(device.name), fields or {"up": 1, "poll_ms": 0.1 + slot % 7}, slot)
    return Polled(device, (sample,), verdict, (), slot, SILENT if verdict is DOWN else None)


def now_of(centre: Central) -> int:
    return int(centre.now.timestamp())


def spooled(spool: Spool, device: Device, slots: Sequence[int], epoch: int = 0) -> None:
    for slot in slots:
        Keeper(spool, lambda: epoch, lambda slot=slot: slot)([polled(device, slot)])  # type: ignore[misc]


def brought(spool: Spool, centre: Centre) -> None:
    """Step until nothing waits, through lost answers."""
    courier = Courier(spool, centre)
    for _ in range(50):
        with suppress(CentreAway):
            if not courier.step():
                return
    raise AssertionError("it never came to an end")


def everything(centre: Central) -> Window:
    return Window(now_of(centre) - 86_400, now_of(centre) + 86_400)


def test_frames_whose_answer_is_lost_land_once(centre: Central, spool: Spool, device: Device) -> None:
    slots = range(now_of(centre) - 90, now_of(centre), 5)
    spooled(spool, device, slots)
    way = centre.centre(spool)
    courier = Courier(spool, way)
    courier._room = 400  # a few frames at a time
    centre.deaf = {1, 2, 4}
    for _ in range(3):
        for _ in range(20):
            with suppress(CentreAway):
                courier.step()
    assert spool.waiting == 0
    assert [sample.time for sample in centre.samples.read("wifi_ap", everything(centre))] == list(slots)
    assert centre.samples.counts(everything(centre)) == {"wifi_ap": len(slots)}
    ((writer, batches),) = centre.journal().items()
    assert writer == f"remote-{NAME}-{spool.id}"
    assert batches == [(number, 1) for number in range(1, len(slots) + 1)]
    assert centre.calls > 4
    way.close()


def test_a_spool_that_lost_its_cursor_sends_all_again_and_nothing_is_there_twice(
    centre: Central, tmp_path: Path, device: Device
) -> None:
    slots = range(now_of(centre) - 30, now_of(centre), 5)
    for _ in range(2):
        with closing(Spool(tmp_path / "spool", min_free=0)) as spool:
            if not spool.last:
                spooled(spool, device, slots)
            assert spool.waiting == len(slots)
            brought(spool, centre.centre(spool))
        (tmp_path / "spool" / "cursor").unlink()
    assert centre.samples.counts(everything(centre)) == {"wifi_ap": len(slots)}
    (batches,) = centre.journal().values()
    assert len(batches) == len(slots)


def test_health_shows_the_verdicts_and_a_late_one_never_winds_it_back(
    centre: Central, spool: Spool, device: Device
) -> None:
    now = now_of(centre)
    Keeper(spool, lambda: 1, lambda: now - 50)([polled(device, now - 50, DOWN)])
    Keeper(spool, lambda: 1, lambda: now - 40)([polled(device, now - 40, DOWN)])
    Keeper(spool, lambda: 1, lambda: now - 20)([polled(device, now - 20)])
    frames = spool.after(0, 10**6)
    way = centre.centre(spool)
    brought(spool, way)
    found = health.standing(centre.engine, device.name)
    assert found is not None
    assert (found.verdict, found.since, found.checked_at) == (UP, now - 20, now - 20)
    (error,) = snmp.last_errors(centre.engine, device.name)
    assert (error.at, error.last_at, error.times, error.ended_at) == (now - 50, now - 40, 2, now - 20)
    way.land(frames, Losses())
    way.land(frames[:1], Losses())
    assert health.standing(centre.engine, device.name) == found
    assert snmp.last_errors(centre.engine, device.name) == [error]


def test_a_verdict_from_a_clock_that_is_ahead_does_not_shut_out_those_after_it(
    centre: Central, spool: Spool, device: Device
) -> None:
    now = now_of(centre)
    Keeper(spool, lambda: 1, lambda: now + 40_000)([polled(device, now, DOWN)])
    brought(spool, centre.centre(spool))
    centre.now += timedelta(seconds=10)
    Keeper(spool, lambda: 1, lambda: now + 5)([polled(device, now)])
    brought(spool, centre.centre(spool))
    found = health.standing(centre.engine, device.name)
    assert found is not None
    assert (found.verdict, found.checked_at) == (UP, now + 5)


def test_an_event_that_comes_again_is_audited_once(centre: Central, spool: Spool, device: Device) -> None:
    now = now_of(centre)
    Keeper(spool, lambda: 1, lambda: now)([replace(polled(device, now), events=("boots went back",))])
    frames = spool.after(0, 10**6)
    for _ in range(2):
        centre.centre(spool).land(frames, Losses())
    with centre.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT subject, detail FROM audit WHERE action = 'snmp-event'")
        assert rows.fetchall() == [(device.name, '{"event": "boots went back"}')]


def test_what_others_poll_and_what_no_clock_says_is_refused_and_costs_no_other_sample(
    centre: Central, spool: Spool, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    now = now_of(centre)
    good = polled(device, now)
    theirs = Polled(
        replace(device, name="ap-theirs"),
        (Sample("wifi_ap", tags("ap-theirs"), {"up": 1}, now),),
        UP,
        (),
        now,
    )
    late = Sample("wifi_ap", tags("ap-kiosk"), {"up": 1}, now + 90_000)
    not_polled = Sample("wifi_session", {"mun": "08027", "site": "x"}, {"opened": 1}, now)
    for payload in payloads([good, theirs, replace(good, samples=(late, not_polled))], 1, now):
        spool.put(payload)
    with caplog.at_level(logging.ERROR):
        landed = centre.centre(spool).land(spool.after(0, 10**6), Losses())
    assert (landed.have, landed.refused) == (1, 3)
    (told,) = (record for record in caplog.records if record.message == "samples of a poller refused")
    assert told.refused == 3  # type: ignore[attr-defined]
    assert "ap-theirs is not behind this agent" in told.first  # type: ignore[attr-defined]
    assert [s.tags["ap"] for s in centre.samples.read("wifi_ap", everything(centre))] == ["ap-kiosk"]
    assert health.standing(centre.engine, "ap-theirs") is None


def test_a_frame_nobody_can_read_is_refused_and_those_after_it_land(
    centre: Central, spool: Spool, device: Device
) -> None:
    now = now_of(centre)
    spool.put(b"\x01nonsense")
    spool.put(b"\x01" + zlib.compress(b'"' + b"0" * 50_000_000 + b'"', 9))
    spooled(spool, device, [now])
    landed = centre.centre(spool).land(spool.after(0, 10**6), Losses())
    assert (landed.have, landed.refused) == (3, 2)
    assert centre.samples.counts(everything(centre)) == {"wifi_ap": 1}


def test_a_frame_of_a_newer_poller_waits_and_says_why(centre: Central, spool: Spool, device: Device) -> None:
    spooled(spool, device, [now_of(centre)])
    spool.put(b"\x02of tomorrow")
    courier = Courier(spool, centre.centre(spool))
    with pytest.raises(CentreAway, match="a frame of version 2, this Plaza knows version 1; bring both to"):
        courier.step()
    assert spool.waiting == 1
    with pytest.raises(CentreAway, match="version 2"):
        courier.step()
    assert spool.waiting == 1


def test_only_who_has_the_token_is_heard(centre: Central, spool: Spool, device: Device) -> None:
    spooled(spool, device, [now_of(centre)])
    for token, name in ((TOKEN[:-1] + "0", NAME), (TOKEN, "another")):
        with pytest.raises(CentreAway, match="does not know our name or our token"):
            brought_once(spool, centre.centre(spool, token, name))
        with pytest.raises(CentreAway, match="does not know our name or our token"):
            centre.centre(spool, token, name).lease(0)
    assert (spool.waiting, centre.samples.days()) == (1, [])


def brought_once(spool: Spool, centre: Centre) -> None:
    Courier(spool, centre).step()


def test_who_guesses_tokens_has_to_wait_and_shuts_out_no_other(centre: Central, spool: Spool) -> None:
    way = centre.centre(spool, "f" * 64)
    said = set()
    for _ in range(40):
        with pytest.raises(CentreAway) as refused:
            way.lease(0)
        said.add(str(refused.value)[:20])
    assert "it answers with HTTP" in said
    assert centre.centre(spool).lease(0).epoch == 1


@pytest.mark.parametrize("body", [b"", b"\n", b"{}\n", b'{"version": 1}', b"\xff" * 99])
def test_nonsense_with_a_good_signature_is_refused_in_one_line(centre: Central, body: bytes) -> None:
    host, port = centre.url.removeprefix("http://").split(":")
    for what in ("batch", "lease"):
        with closing(HTTPConnection(host, int(port), timeout=20)) as connection:
            signature = wire.sign(TOKEN.encode(), NAME, what, body)
            connection.request("POST", f"/poller/{NAME}/{what}", body, {"X-Plaza-Signature": signature})
            answer = connection.getresponse()
            assert answer.status == 400
            assert answer.read().startswith(b'{"error": ')


def test_a_batch_comes_out_of_its_bytes_as_it_was_and_a_torn_one_does_not() -> None:
    head = wire.Head(spool="0" * 16, nonce="1" * 32, dropped=3)
    frames = (Frame(5, b"five"), Frame(9, b""), Frame(10, bytes(3)))
    body = wire.packed(head, frames)
    assert wire.unpacked(body) == wire.Batch(head, frames)
    for end in range(len(body)):
        if end not in {len(body) - 12 - 3, len(body) - 12 - 3 - 12}:  # where a frame ends
            with pytest.raises(wire.WireError):
                wire.unpacked(body[:end])
    for numbers in ((2, 1), (1, 1), (0, 1), ()):
        with pytest.raises(wire.WireError):
            wire.unpacked(wire.packed(head, [Frame(number, b"") for number in numbers]))


@contextmanager
def stranger(*answers: bytes, drip: bool = False) -> Iterator[str]:
    """A server that is not the centre: it says these bytes and hangs up; without any it says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def serve() -> None:
            for answer in answers or (b"",):
                sock, _ = listening.accept()
                with sock:
                    sock.recv(65_536)
                    try:
                        if drip:
                            while not done.wait(0.05):
                                sock.sendall(b"HTTP/1.1 200 OK\r\nX: y"[:1])
                        sock.sendall(answer)
                    except OSError:
                        continue
                    if not answers:
                        done.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()


def answering(url: str, spool: Spool, deadline_s: float = 20.0) -> Centre:
    return Centre(Address.of(url, None), Identity(NAME, spool.id, TOKEN.encode), deadline_s)


LOGIN_PAGE = b"<html>please log in</html>"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OK % (len(LOGIN_PAGE), LOGIN_PAGE), "not signed with our token"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "takes nothing from pollers"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "HTTP 302"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, "not signed"),
        (b"\x16\x03garbage" * 9000, "\x16|garbage|line"),
        (b"", "."),
    ],
)
def test_whatever_else_answers_acknowledges_nothing(
    spool: Spool, device: Device, answer: bytes, why: str
) -> None:
    spooled(spool, device, [60])
    with stranger(answer) as url, pytest.raises(CentreAway, match=why):
        brought_once(spool, answering(url, spool))
    assert spool.waiting == 1


def test_an_answer_about_frames_that_were_not_sent_acknowledges_nothing(spool: Spool, device: Device) -> None:
    spooled(spool, device, [60, 65])
    courier = Courier(spool, answering("http://127.0.0.1:9", spool))
    for have in (2, 99):
        with pytest.raises(CentreAway, match="which it was not sent"):
            courier._believe([Frame(1, b"")], wire.Landed(nonce="a" * 32, have=have))
    assert spool.waiting == 2


def test_an_old_answer_acknowledges_nothing(spool: Spool, device: Device) -> None:
    spooled(spool, device, [60])
    body = wire.told(wire.Landed(nonce="a" * 32, have=1))
    signature = wire.sign(TOKEN.encode(), NAME, "batch answer", body)
    head = f"HTTP/1.1 200 OK\r\nX-Plaza-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    with stranger(head.encode() + body) as url, pytest.raises(CentreAway, match="to another question"):
        brought_once(spool, answering(url, spool))
    assert spool.waiting == 1


@pytest.mark.parametrize("drip", [False, True])
def test_a_centre_that_hangs_or_drips_costs_the_deadline_and_no_more(
    spool: Spool, device: Device, drip: bool
) -> None:
    spooled(spool, device, [60])
    began_s = time.monotonic()
    with stranger(*([b"x"] if drip else []), drip=drip) as url, pytest.raises(CentreAway, match="in time"):
        brought_once(spool, answering(url, spool, deadline_s=0.4))
    assert time.monotonic() - began_s < 10


def test_a_busy_centre_says_when_to_come_again(spool: Spool, device: Device) -> None:
    spooled(spool, device, [60])
    busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 42\r\nContent-Length: 0\r\n\r\n"
    with stranger(busy) as url, pytest.raises(CentreAway) as said:
        brought_once(spool, answering(url, spool))
    assert said.value.retry_after_s == 42


def test_where_less_is_taken_at_a_time_less_is_sent(centre: Central, spool: Spool, device: Device) -> None:
    now = now_of(centre)
    for number in range(8):
        spool.put(next(payloads([polled(device, now - number)], 0, now - number)))
    small = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
    with stranger(small, small) as url:
        courier = Courier(spool, answering(url, spool))
        assert courier.step()
        assert courier.step()
        assert courier._room < 16_000


def test_a_store_that_cannot_be_written_is_told_as_not_now(
    centre: Central, spool: Spool, device: Device
) -> None:
    spooled(spool, device, [now_of(centre)])
    day = centre.directory / "samples" / f"raw-{centre.now.date().isoformat()}.db"
    day.mkdir()
    with pytest.raises(CentreAway, match="HTTP 503") as said:
        brought_once(spool, centre.centre(spool))
    assert (said.value.retry_after_s, spool.waiting) == (30, 1)
    day.rmdir()
    brought(spool, centre.centre(spool))
    assert centre.samples.counts(everything(centre)) == {"wifi_ap": 1}


def test_pollers_that_catch_up_leave_room_for_gateways(centre: Central, spool: Spool, device: Device) -> None:
    spooled(spool, device, [now_of(centre)])
    frames = spool.after(0, 10**6)
    threads = [threading.Thread(target=lambda: centre.centre(spool).land(frames, Losses())) for _ in range(2)]
    with centre.samples.day(centre.now.date().isoformat()).writing():
        for thread in threads:
            thread.start()
        wait_for(lambda: centre.landings.places._value == 0, "both being inside")
        with pytest.raises(CentreAway, match="HTTP 503") as said:
            centre.centre(spool).land(frames, Losses())
        assert said.value.retry_after_s == 2
        assert centre.centre(spool).lease(0).epoch, "what takes no time is still done"
    for thread in threads:
        thread.join()
    assert centre.samples.counts(everything(centre)) == {"wifi_ap": 1}


def test_over_tls_the_centre_is_proved(tmp_path: Path, device: Device) -> None:
    from tests.gateway.certificates import write  # noqa: PLC0415

    (tmp_path / "tls").mkdir()
    authority = write(tmp_path / "tls", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/gateway.pem", tmp_path / "tls/gateway.key")
    with central(tmp_path, context) as made, closing(Spool(tmp_path / "spool", min_free=0)) as spool:
        spooled(spool, device, [now_of(made)])
        for url, ca, why in (
            (made.url, authority, "certificate"),
            (made.url.replace("127.0.0.1", "localhost"), None, "certificate"),
        ):
            with pytest.raises(CentreAway, match=why):
                brought_once(spool, Centre(Address.of(url, ca), Identity(NAME, spool.id, TOKEN.encode)))
        assert spool.waiting == 1
        made.url, made.ca = made.url.replace("127.0.0.1", "localhost"), authority
        way = made.centre(spool)
        brought(spool, way)
        assert spool.waiting == 0
        way.close()


def test_of_two_pollers_of_one_name_one_polls_and_the_other_waits_until_it_is_gone(
    centre: Central, tmp_path: Path
) -> None:
    with (
        closing(Spool(tmp_path / "one", min_free=0)) as one,
        closing(Spool(tmp_path / "two", min_free=0)) as two,
    ):
        first = Tenant(tmp_path / "one" / "lease.json", centre.centre(one))
        second = Tenant(tmp_path / "two" / "lease.json", centre.centre(two))
        assert first.right.may, "nobody has said otherwise yet"
        first.ask()
        second.ask()
        assert (first.right.may, first.right.epoch, second.right.may) == (True, 1, False)
        first.ask()
        assert first.right.epoch == 1, "renewed, not new"
        centre.now += timedelta(seconds=60)
        second.ask()
        assert (second.right.may, second.right.epoch) == (True, 2)
        assert first.right.may, "until the centre tells it"
        first.ask()
        assert not first.right.may
        assert not Tenant(tmp_path / "one" / "lease.json", centre.centre(one)).right.may, "over a restart"


def test_a_clock_that_is_far_off_is_told_once(
    centre: Central, spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ahead_s = iter((5, 4000, 4001, 0, -900))
    tenant = Tenant(tmp_path / "lease.json", centre.centre(spool), lambda: now_of(centre) + next(ahead_s))
    for _ in range(5):
        tenant.ask()
    told = [record.ahead_s for record in caplog.records if "clock" in record.message]  # type: ignore[attr-defined]
    assert told == [4000, -900]


def test_what_a_spool_has_lost_is_told_at_the_centre_once(
    centre: Central, spool: Spool, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    spooled(spool, device, [now_of(centre)])
    for losses in (Losses(), Losses(3, 0), Losses(3, 0), Losses(3, 2)):
        centre.centre(spool).land(spool.after(0, 10**6), losses)
    told = [(r.dropped, r.damaged) for r in caplog.records if "lost frames" in r.message]  # type: ignore[attr-defined]
    assert told == [(3, 0), (3, 2)]


def test_devices_over_ssh_are_left_out_and_named(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    over_ssh = replace(device, name="ap-old", poll=PollBy.SSH)
    assert [one.name for one in _behind([device, over_ssh], NAME, Path("x"))] == [device.name]
    (told,) = caplog.records
    assert told.device == "ap-old"  # type: ignore[attr-defined]


def test_frames_of_a_lost_lease_fill_gaps_and_change_nothing_else(
    centre: Central, tmp_path: Path, device: Device
) -> None:
    now = now_of(centre)
    with (
        closing(Spool(tmp_path / "old", min_free=0)) as old,
        closing(Spool(tmp_path / "new", min_free=0)) as new,
    ):
        for slot in (now - 10, now - 5, now):
            Keeper(old, lambda: 1, lambda: now)([polled(device, slot, clients=1)])
        Keeper(new, lambda: 2, lambda: now)([polled(device, now - 5, clients=2)])
        brought(new, centre.centre(new))
        frames = old.after(0, 10**6)
        brought(old, centre.centre(old))
        centre.centre(old).land(frames, Losses())
    found = {s.time: s.fields["clients"] for s in centre.samples.read("wifi_ap", everything(centre))}
    assert found == {now - 10: 1, now - 5: 2, now: 1}
    assert sum(points for batches in centre.journal().values() for _, points in batches) == 3


def test_a_full_disk_stops_no_polling_and_what_was_held_is_written_when_there_is_room(
    tmp_path: Path, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Spool(tmp_path / "spool", min_free=2**60)) as spool, caplog.at_level(logging.INFO):
        keeper = Keeper(spool, lambda: 1)
        for slot in range(5):
            keeper([polled(device, slot)])
        assert [r.message for r in caplog.records] == ["spool takes no frames, polling goes on"]
        spool._min_free = 0
        keeper([polled(device, 5)])
        assert (spool.last, keeper.lost) == (6, 0)
        assert caplog.records[-1].message == "spool takes frames again"


def test_a_flush_that_is_too_large_for_one_frame_becomes_several_with_every_verdict_once(
    device: Device,
) -> None:
    ports = {**tags(device.name), "port": ""}
    samples = tuple(
        Sample("wired_port", {**ports, "port": f"{number}-{zlib.crc32(b'%d' % number)}"}, {"up": 1}, number)
        for number in range(9000)
    )
    batch = [replace(polled(device, 0), samples=samples), polled(device, 1)]
    frames = list(payloads(batch, 4, 77))
    assert len(frames) > 1
    assert max(map(len, frames)) <= LARGEST_FRAME
    reports = list(map(report, frames))
    assert [s for one in reports for s in one.batch.samples if s.measurement == "wired_port"] == list(samples)
    assert {(one.epoch, told.at, told.device) for one in reports for told in one.told} == {
        (4, 77, device.name)
    }
