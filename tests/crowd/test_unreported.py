"""What a gateway tells late or never: the end reaches the metrics, and what nobody knew then is absent."""

from datetime import timedelta
from pathlib import Path

from captive_portal.accounting import OVERDUE
from captive_portal.model import Arrival, GatewayEvent, GatewayKind, Grant
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller.app import build
from controller.portal_jobs import portal_jobs
from controller.settings import load
from controller.store.engine import open_engine
from metrics.sink import Window
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of
from tests.town import town

SITE = "08027-plaza"


def test_an_end_that_nobody_told_is_counted_when_it_is_written_and_its_hours_are_absent(
    tmp_path: Path,
) -> None:
    with town(tmp_path, "127.73.7") as place:
        app, clock = build(load(place.environ, tmp_path)), Clock()
        begin = int(clock().timestamp())
        site = site_of(SITE, LIBRE, GatewayKind.OPENNDS)
        granted = StoredSessions(app.engine).open(site, Arrival(SITE, "d", "b", "", ""), LIBRE, clock())
        assert isinstance(granted, Grant)
        opened = GatewayEvent("o", "opened", granted.session, 0)
        StoredSessions(app.engine).apply(SITE, [opened], clock())
        wanted = {"sessions per slot", "end overdue sessions"}
        jobs = [job for job in portal_jobs(app, clock) if job.name in wanted]
        while int(clock().timestamp()) < begin + 80 * 60:
            clock.now += timedelta(seconds=60)
            for job in jobs:
                job.work()
        points = {
            one.time: one.fields for one in app.samples.read("wifi_session", Window(begin, begin + 6000))
        }
        ended = {time: fields for time, fields in points.items() if fields["ended"]}
        assert list(ended) == [begin + 3600 + int(OVERDUE.total_seconds())]
        (last,) = ended.values()
        assert not {"seconds", "octets"} & last.keys()
        assert max(time for time, fields in points.items() if fields["admitted"]) == begin + 3540
        assert points[begin]["opened"] == 1
        app.samples.close()
        app.engine.dispose()


def test_octets_that_are_told_only_at_the_end_make_nobody_active_before(tmp_path: Path) -> None:
    engine, clock = open_engine(f"sqlite:///{tmp_path}/store.db"), Clock()
    metadata.create_all(engine)
    stored, begin = StoredSessions(engine), int(clock().timestamp())
    for device in ("one that goes on", "one that ends"):
        granted = stored.open(site_of(SITE), Arrival(SITE, device, "b", "", ""), LIBRE, clock())
        assert isinstance(granted, Grant)
        stored.apply(SITE, [GatewayEvent(device, "opened", granted.session, 0)], clock())
    clock.forward(minutes=5)
    end = GatewayEvent("end", "closed", granted.session, 0, 300, 7000, 500, "User-Request")
    stored.apply(SITE, [end], clock())
    (point,) = stored.slot_counts(begin + 180, begin + 240)
    assert (point.admitted, point.active) == (2, None)
    engine.dispose()
