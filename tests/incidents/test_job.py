"""The worker's turn over real stores: opened, joined, explained, closed, and never twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select

from controller.incidents import desk
from controller.incidents.repair import repairs
from controller.store.tables import incident_members, incidents
from tests.incidents.conftest import START, Controller

MENDED = 11


def rows(controller: Controller) -> int:
    with controller.app.engine.connect() as connection:
        return len(connection.execute(select(incidents.c.id)).all())


def test_an_outage_is_opened_explained_and_closed_with_its_repair_time(on_each_store: Controller) -> None:
    controller = on_each_store
    began = controller.now + 30
    controller.fail("ap-3")
    controller.go(3)
    found = controller.only()
    controller.go(20)
    controller.mend("ap-3")
    back = controller.now + 30
    controller.go(MENDED)
    [closed] = controller.incidents(also_closed=True)

    assert (str(found.root), found.municipality, found.state) == ("device ap-3", "08027", "open")
    assert found.opened_at == began
    assert found.finding.evidence
    assert (closed.state, closed.closed_at, closed.repair_s) == ("closed", back, back - began)
    assert closed.members[0].restored_at == back


def test_a_dark_municipality_is_one_incident_of_its_line(on_each_store: Controller) -> None:
    controller = on_each_store
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2", "ap-3", "ap-4")
    controller.go(4)
    found = controller.only()

    assert str(found.root) == "municipality 08027"
    assert len(found.down) == 7
    assert found.finding.cause == "backhaul"
    assert "they share Fibra, 08027" in controller.why()


def test_the_switch_and_what_hangs_on_it_is_one_incident(controller: Controller) -> None:
    controller.fail("sw", "ap-1", "ap-2")
    controller.go(4)

    assert str(controller.only().root) == "device sw"
    assert {one.key for one in controller.only().down} == {"sw", "ap-1", "ap-2"}


def test_nothing_wrong_writes_nothing(controller: Controller) -> None:
    written: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA")):
            written.append(statement)

    event.listen(controller.app.engine, "before_cursor_execute", note)
    controller.wait(30)
    controller.job.turn()

    assert written == []


def written(controller: Controller, rounds: int) -> list[int]:
    """How many statements each turn of these rounds wrote, and in how many rows."""
    found: list[int] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE")):
            found[-1] += 1

    for _ in range(rounds):
        controller.wait(30)
        controller.poll()
        found.append(0)
        event.listen(controller.app.engine, "before_cursor_execute", note)
        controller.job.turn()
        event.remove(controller.app.engine, "before_cursor_execute", note)
    return found


def test_many_incidents_at_once_take_as_many_statements_as_one(on_each_store: Controller) -> None:
    controller = on_each_store
    controller.fail("ap-3")
    one_opens = written(controller, 3)[-1]
    controller.mend("ap-3")
    one_closes = written(controller, 10)[-1]
    controller.fail("ap-1", "ap-3", "ap-5", "ap-6", "ups")
    several_open, opened = written(controller, 3)[-1], len(controller.incidents())
    controller.mend("ap-1", "ap-3", "ap-5", "ap-6", "ups")
    several_close = written(controller, 10)[-1]

    assert opened > 2
    assert (several_open, several_close) == (one_opens, one_closes)
    assert controller.incidents() == []


def test_two_workers_at_once_open_an_outage_once(
    on_each_store: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    controller = on_each_store
    workers = [controller.worker() for _ in range(4)]
    controller.fail("ap-3", "ap-5")
    for _ in range(3):
        controller.wait(30)
        controller.poll()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda worker: worker.turn(), workers))

    assert sorted(str(one.root) for one in controller.incidents()) == ["device ap-3", "device ap-5"]
    assert "another worker" not in caplog.text


def test_a_turn_that_is_cut_off_leaves_nothing_half_done(controller: Controller) -> None:
    controller.fail("sw", "ap-1", "ap-2")
    for _ in range(3):
        controller.wait(30)
        controller.poll()

    class PowerCut(Exception):
        """The machine is gone."""

    def cut(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO incident_member"):
            raise PowerCut

    event.listen(controller.app.engine, "before_cursor_execute", cut)
    with pytest.raises(PowerCut):
        controller.job.turn()
    before = rows(controller)
    event.remove(controller.app.engine, "before_cursor_execute", cut)
    controller.worker().turn()

    assert before == 0
    assert len(controller.only().down) == 3


def test_why_is_told_in_the_next_turn_where_the_first_was_cut_off(controller: Controller) -> None:
    controller.fail("ap-3")
    controller.go(3)
    with controller.app.engine.begin() as connection:
        connection.execute(incidents.update().values(evidence="[]", cause="unknown"))
    controller.worker().turn()

    assert "missing" in controller.why()


@pytest.mark.parametrize("step_s", [3600, -3600, 30 * 86_400], ids=["+1 h", "-1 h", "+30 d"])
def test_a_clock_that_is_set_opens_nothing_and_makes_no_repair_longer(
    controller: Controller, step_s: int
) -> None:
    controller.fail("ap-3")
    controller.go(10)
    controller.now += step_s
    controller.job.turn()
    during = [str(one.root) for one in controller.incidents()]
    controller.go(10)
    controller.mend("ap-3")
    controller.go(MENDED)
    [closed] = controller.incidents(also_closed=True)

    assert during == ["device ap-3"]
    assert closed.repair_s is not None
    assert 20 * 30 <= closed.repair_s <= 22 * 30


def test_a_failure_while_the_clock_is_set_began_when_it_did(controller: Controller) -> None:
    controller.fail("ap-3")
    controller.go(1)
    controller.now += 30 * 86_400
    controller.go(3)

    assert 60 <= controller.now - controller.only().opened_at <= 120


def test_a_poller_that_is_dead_neither_opens_nor_closes(controller: Controller) -> None:
    controller.fail("ap-3")
    controller.go(3)
    for _ in range(20):
        controller.wait(150)
        controller.job.turn()
    during = [str(one.root) for one in controller.incidents()]
    controller.mend("ap-3")
    controller.go(MENDED)

    assert during == ["device ap-3"]
    assert controller.incidents() == []


def test_who_stays_down_when_the_switch_is_back_has_an_incident_of_his_own(controller: Controller) -> None:
    controller.fail("sw", "ap-1", "ap-2")
    controller.go(3)
    controller.mend("sw", "ap-1")
    controller.go(20)
    with controller.app.engine.connect() as connection:
        wanted = select(incident_members.c.went).where(incident_members.c.member == "ap-2")
        went = sorted(connection.execute(wanted).scalars())

    assert str(controller.only().root) == "device ap-2"
    assert went == ["", "released"]


def test_who_is_retired_in_the_inventory_leaves_his_incident(
    controller: Controller, caplog: pytest.LogCaptureFixture
) -> None:
    controller.fail("ap-3")
    controller.go(3)
    file = controller.app.settings.inventory
    sound = file.read_text()
    file.write_text("version: 1\nsites: [")
    controller.go(1)
    during = len(controller.incidents())
    file.write_text(sound.replace("ap-3: {", "ap-3: {state: retired, "))
    controller.go(1)

    assert during == 1
    assert "incidents go by the inventory as it was" in caplog.text
    assert controller.incidents() == []


def test_a_service_that_fails_is_red_while_every_agent_answers(controller: Controller) -> None:
    for _ in range(2):
        controller.wait(900)
        controller.probed(works=False, step="dns", detail="nobody answers for example.org")
        controller.poll()
        controller.job.turn()
    found = controller.only()

    assert str(found.root) == "service 08027-plaza"
    assert found.finding.cause == "device"
    assert "stuck at dns: nobody answers for example.org" in controller.why()
    assert "devices of the site that answer: 5" in controller.why()


def test_a_probe_that_could_not_be_tried_is_no_outage(controller: Controller) -> None:
    for works in (False, None, None, None):
        controller.wait(900)
        controller.probed(works=works)
        controller.poll()
        controller.job.turn()

    assert controller.incidents() == []


def test_agents_that_are_silent_while_phones_are_served_are_said_to_be_so(controller: Controller) -> None:
    controller.probed(works=True, step="api")
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(20)
    controller.probed(works=True, step="api")
    controller.go(1)
    controller.wait(30)
    controller.probed(works=True, step="api")
    controller.go(8)

    assert "a phone gets online at 08027-plaza all the same" in controller.why()
    assert len(controller.incidents(also_closed=True)) == 1


def test_a_site_that_is_closed_by_the_clock_may_serve_nobody(controller: Controller) -> None:
    controller.wait(12 * 3600)  # 02:19 in Guachochi
    for _ in range(3):
        controller.wait(900)
        controller.probed(works=False)
        controller.poll()
        controller.job.turn()

    assert controller.incidents() == []


def later(controller: Controller, seconds: int) -> datetime:
    return controller.clock() + timedelta(seconds=seconds)


def test_an_announced_outage_is_expected_and_opens_when_it_lasts_longer(controller: Controller) -> None:
    end = later(controller, 1800)
    desk.announce(controller.app.engine, "08027-clinic", controller.clock(), end, controller.hand("new mast"))
    controller.fail("ap-3")
    controller.go(55)
    during = controller.incidents()
    controller.go(10)

    assert during == []
    assert controller.only().opened_at == START + 13 * 30


def test_what_staff_do_is_stored_with_who_and_why(on_each_store: Controller) -> None:
    controller = on_each_store
    engine = controller.app.engine
    controller.fail("ap-3")
    controller.go(3)
    desk.acknowledge(engine, controller.only(), controller.hand("on the way"))
    taken = desk.find(engine, controller.only().name[:6])
    made = desk.announce(
        engine, "08027", controller.clock(), later(controller, 3600), controller.hand("mast")
    )
    known = desk.announced(engine, controller.now)
    desk.call_off(engine, made.name, controller.hand("done"))
    controller.mend("ap-3")
    controller.go(1)
    desk.close(engine, controller.only(), controller.hand("it was the cable"))
    [closed] = controller.incidents(also_closed=True)

    assert (taken.state, taken.acked_by, taken.acked_why) == ("acknowledged", "ana", "on the way")
    assert known == [made]
    assert desk.announced(engine, controller.now) == []
    assert (closed.closed_by, closed.closed_why, closed.repair_s) == ("ana", "it was the cable", 90)
    assert desk.open_count(engine) == 0


def test_an_outage_that_is_announced_while_it_lasts_counts_as_expected(controller: Controller) -> None:
    controller.fail("ap-3")
    controller.go(3)
    end = later(controller, 3600)
    desk.announce(controller.app.engine, "08027", controller.clock(), end, controller.hand("mast work"))
    controller.go(1)

    assert controller.only().expected
    assert repairs(controller.incidents()).expected == 1
