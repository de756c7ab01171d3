"""A poller without a store that falls silent: an incident of its own, and nothing is down because of it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from controller.cli.main import plaza
from controller.errors import IncidentError
from controller.health import State, Verdict
from controller.incidents import desk
from controller.incidents.job import outlook
from controller.incidents.listening import EVERY_S, Ear, listened
from controller.incidents.seeing import Look, Pace
from controller.incidents.world import world_of
from controller.landing import Runway
from controller.poller import Polled
from controller.remote_poller_report import payloads
from controller.store import pollers
from controller.store.tables import poller_landings
from drivers.model import PollBy
from metrics.sample import Sample
from metrics.segments_file import Frame
from tests.incidents.conftest import INVENTORY, START, Controller, controller_in, ended
from tests.incidents.test_page import get, text
from tests.postgres import Cluster

NAME = "sierra"
THEIRS = ("ap-5", "ap-6")
ELSEWHERE = INVENTORY.replace("address: 10.19.0", "reach: {kind: agent, through: sierra}, address: 10.19.0")
SPOOL = "0123456789abcdef"
PACE = Pace.every(EVERY_S)


@dataclass
class Sierra:
    """The centre of a poller that asks two devices, and what that brings."""

    centre: Controller
    frame: int = 0

    def __post_init__(self) -> None:
        app = self.centre.app
        self.runway = Runway(app.engine, app.samples, lambda: app.inventory, lambda: bytes(32))
        self.centre.unasked |= set(THEIRS)

    def land(self, **bad: str) -> None:
        """One flush of the poller, as its courier brings it."""
        at, devices = self.centre.now, self.centre.app.inventory.devices
        said = []
        for name in THEIRS:
            tags = {"ap": name, "mun": "08019", "site": "08019-plaza", "vendor": "openwrt"}
            why = bad.get(name.replace("-", "_"), "")
            verdict = Verdict(State.DOWN if why else State.UP, not why, None, why)
            said.append(
                Polled(devices[name], (Sample("wifi_ap", tags, {"up": not why}, at),), verdict, (), at)
            )
        for payload in payloads(said, 1, at):
            self.frame += 1
            self.runway.land(NAME, SPOOL, [Frame(self.frame, payload)], self.centre.clock())

    def go(self, rounds: int, *, lands: bool = True, **bad: str) -> None:
        """Rounds of polls there, if it lands anything, and here, with a turn of the worker after each."""
        for _ in range(rounds):
            self.centre.wait(EVERY_S)
            if lands:
                self.land(**bad)
            self.centre.poll()
            self.centre.job.turn()

    def renew(self) -> None:
        """It asks for its lease."""
        self.runway.lease(NAME, SPOOL, 0, self.centre.clock())

    def told(self, *arguments: str) -> str:
        """What `plaza incident` prints."""
        settings = self.centre.app.settings
        environ = {"PLAZA_DATA_DIR": str(settings.data_dir), "PLAZA_INVENTORY": str(settings.inventory)}
        return CliRunner().invoke(plaza, ["incident", *arguments], env=environ).output

    def condition(self, site: str = "08019-plaza") -> tuple[str, str]:
        _, sites = outlook(self.centre.app, self.centre.clock())["08019"]
        return next((str(one.condition), one.reason) for one in sites if one.key == site)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores of a centre whose poller has landed for long enough; made once."""
    directory = tmp_path_factory.mktemp("heard")
    made = controller_in(directory, inventory=ELSEWHERE)
    Sierra(made).go(12)
    ended(made)
    return directory


@pytest.fixture
def sierra(heard: Path, tmp_path: Path) -> Iterator[Sierra]:
    shutil.copytree(heard, tmp_path, dirs_exist_ok=True)
    made = controller_in(tmp_path, inventory=ELSEWHERE)
    made.wait(12 * EVERY_S)
    yield Sierra(made, 100)
    ended(made)


@pytest.fixture
def on_postgresql(postgres: Cluster, tmp_path: Path) -> Iterator[Sierra]:
    made = controller_in(tmp_path, postgres.new(), ELSEWHERE)
    yield Sierra(made)
    ended(made)


def evidence(centre: Controller) -> dict[str, dict[str, str]]:
    return {one.code: dict(one.said) for one in centre.only().finding.evidence}


def test_a_silent_poller_is_an_incident_of_its_own_and_its_devices_are_unknown_not_down(
    sierra: Sierra,
) -> None:
    centre = sierra.centre
    sierra.go(1)
    landed_at, said_at = centre.now, f"{centre.clock():%Y-%m-%dT%H:%M:%SZ}"
    sierra.go(20, lands=False)
    found = centre.only()

    assert (str(found.root), found.finding.cause, found.municipality) == ("poller sierra", "poller", "08019")
    assert found.opened_at == landed_at
    assert [one.key for one in found.down] == ["poller:sierra"]
    assert evidence(centre)["poller-silent"] == {"poller": "sierra", "at": said_at}
    assert evidence(centre)["poller-devices"] == {"count": "2"}
    assert sierra.condition() == ("unknown", "ap-5: its poller sierra is silent")


def test_it_opens_when_its_devices_turn_unknown_and_not_before(sierra: Sierra) -> None:
    sierra.go(1)
    sierra.go(3, lands=False)
    before = sierra.centre.incidents()
    sierra.go(2, lands=False)

    assert before == []
    assert str(sierra.centre.only().root) == "poller sierra"


def test_it_closes_when_it_has_landed_for_long_enough(sierra: Sierra) -> None:
    centre = sierra.centre
    sierra.go(1)
    began = centre.now
    sierra.go(8, lands=False)
    sierra.go(1)
    back = centre.now
    sierra.go(PACE.up - 2)
    [almost] = centre.incidents()
    sierra.go(1)
    [closed] = centre.incidents(also_closed=True)

    assert almost.is_open
    assert (closed.closed_at, closed.repair_s) == (back, back - began)
    assert sierra.condition() == ("up", "")


def test_one_that_comes_and_goes_stays_in_its_incident(sierra: Sierra) -> None:
    sierra.go(1)
    for _ in range(3):
        sierra.go(6, lands=False)
        sierra.go(3)
    sierra.go(6, lands=False)

    assert len(sierra.centre.incidents(also_closed=True)) == 1
    assert sierra.centre.only().is_open


def test_the_same_on_postgresql(on_postgresql: Sierra) -> None:
    on_postgresql.go(12)
    on_postgresql.go(6, lands=False)
    during = str(on_postgresql.centre.only().root)
    on_postgresql.go(PACE.up)

    assert during == "poller sierra"
    assert on_postgresql.centre.incidents() == []


def test_what_was_down_when_it_fell_silent_stays_so_and_nothing_joins(sierra: Sierra) -> None:
    sierra.go(4, ap_5="no answer")
    sierra.go(20, lands=False)
    found = {str(one.root): {each.key for each in one.down} for one in sierra.centre.incidents()}

    assert found == {"device ap-5": {"ap-5"}, "poller sierra": {"poller:sierra"}}


def test_a_line_that_dies_with_a_poller_behind_it_makes_no_municipality_dark(sierra: Sierra) -> None:
    sierra.go(2, ap_5="no answer", ap_6="no answer")
    sierra.go(20, lands=False)

    assert str(sierra.centre.only().root) == "poller sierra"


def test_a_device_that_is_seldom_asked_is_unknown_as_soon_as_its_poller_is_silent(sierra: Sierra) -> None:
    centre = sierra.centre
    file = centre.app.settings.inventory
    file.write_text(ELSEWHERE.replace("ap-6: {", "ap-6: {poll_profile: metered, "))
    sierra.go(2)
    sierra.go(6, lands=False)
    moment, *_ = centre.job._turn(centre.clock(), centre.job._lasted(centre.now))

    assert str(centre.only().root) == "poller sierra"
    assert not {"ap-5", "ap-6"} & moment.seen.keys()


@pytest.mark.parametrize("step_s", [3600, -3600, 30 * 86_400], ids=["+1 h", "-1 h", "+30 d"])
def test_a_clock_that_is_set_makes_no_poller_silent(sierra: Sierra, step_s: int) -> None:
    sierra.go(2)
    sierra.centre.now += step_s
    sierra.centre.job.turn()
    sierra.go(6)

    assert sierra.centre.incidents(also_closed=True) == []


def test_a_clock_that_is_set_while_it_is_silent_makes_it_silent_no_longer_than_it_was(sierra: Sierra) -> None:
    sierra.go(1)
    sierra.go(2, lands=False)
    sierra.centre.now += 30 * 86_400
    sierra.go(4, lands=False)

    assert 90 <= sierra.centre.now - sierra.centre.only().opened_at <= 270


def test_all_that_a_poller_asks_being_announced_opens_nothing(sierra: Sierra) -> None:
    centre = sierra.centre
    until = centre.clock() + timedelta(minutes=10)
    desk.announce(centre.app.engine, "08019", centre.clock(), until, centre.hand("mast work"))
    sierra.go(10, lands=False)
    during = centre.incidents()
    sierra.go(12, lands=False)

    assert during == []
    assert str(centre.only().root) == "poller sierra"


def test_a_poller_that_never_landed_anything_opens_nothing(heard: Path, tmp_path: Path) -> None:
    made = controller_in(tmp_path, inventory=ELSEWHERE)
    Sierra(made).go(12, lands=False)
    try:
        assert made.incidents() == []
    finally:
        ended(made)


def test_a_poller_that_the_inventory_no_longer_names_leaves_no_incident(sierra: Sierra) -> None:
    centre = sierra.centre
    sierra.go(8, lands=False)
    opened = str(centre.only().root)
    centre.app.settings.inventory.write_text(INVENTORY)
    centre.unasked.clear()
    centre.go(2)

    assert opened == "poller sierra"
    assert centre.incidents() == []


def test_whether_it_still_asks_for_its_lease_tells_its_machine_from_its_line(sierra: Sierra) -> None:
    centre = sierra.centre
    for _ in range(8):
        sierra.renew()
        sierra.go(1, lands=False)
    running = evidence(centre)
    sierra.go(4, lands=False)

    assert "poller-runs" in running
    assert "poller-away" in evidence(centre)


def test_where_all_is_well_its_looks_write_nothing(sierra: Sierra) -> None:
    sierra.go(2)
    written: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA")):
            written.append(statement)

    sierra.centre.wait(EVERY_S)
    sierra.land()
    event.listen(sierra.centre.app.engine, "before_cursor_execute", note)
    sierra.centre.job.turn()

    assert written == []


def test_two_workers_do_not_count_one_silence_twice(sierra: Sierra) -> None:
    other = sierra.centre.worker()
    sierra.go(1)
    for _ in range(3):
        sierra.go(1, lands=False)
        other.turn()

    assert sierra.centre.incidents() == []


def test_a_batch_that_lands_is_noted_and_one_that_nobody_can_read_is_not(sierra: Sierra) -> None:
    engine = sierra.centre.app.engine

    def landings() -> int:
        with engine.connect() as connection:
            return connection.execute(select(poller_landings.c.landings)).scalar_one()

    before = landings()
    sierra.runway.land(NAME, SPOOL, [Frame(9_000, b"nonsense")], sierra.centre.clock())
    after_nonsense = landings()
    sierra.land()

    assert after_nonsense == before
    assert landings() == before + 1


def test_a_person_may_not_close_it_while_it_is_silent(sierra: Sierra) -> None:
    centre = sierra.centre
    sierra.go(8, lands=False)

    with pytest.raises(IncidentError, match="sierra is still down"):
        desk.close(centre.app.engine, centre.only(), centre.hand())


# What staff see


def test_the_console_says_which_poller_since_when_what_it_asks_and_what_next(sierra: Sierra) -> None:
    sierra.go(1)
    sierra.go(8, lands=False)
    page, english = text(get(sierra.centre)), text(get(sierra.centre, "/incidents?lang=en"))

    assert "El recolector sierra no trae nada" in page
    assert "Recolector" in page
    assert "el recolector sierra no ha traído nada desde 14:" in page
    assert "UTC−6" in page
    assert "equipos que sólo él consulta, sin datos hasta que vuelva a traer algo: 2" in page
    assert "Revise la máquina de sierra" in page
    assert "recolector sierra, desde" in page
    assert "Chihuahua" in page
    assert "The poller sierra brings nothing" in english
    assert "Incidencias abiertas: 1" in text(get(sierra.centre, "/"))


def test_plaza_incident_shows_it(sierra: Sierra) -> None:
    centre = sierra.centre
    sierra.go(1)
    sierra.go(8, lands=False)
    listed, elsewhere = (sierra.told("list", "--mun", mun) for mun in ("08019", "08027"))
    shown = sierra.told("show", centre.only().name)

    assert "poller  poller sierra  Chihuahua" in listed
    assert elsewhere == "0 open\n"
    assert "the poller sierra has brought nothing since 2026-11-26T" in shown
    assert "devices that only it asks, unknown until it brings something again: 2" in shown
    assert "next: look at the machine of sierra" in shown


def test_a_poller_of_several_municipalities_is_listed_in_each(sierra: Sierra) -> None:
    centre = sierra.centre
    both = ELSEWHERE.replace("ap-3: {", "ap-3: {reach: {kind: agent, through: sierra}, ")
    centre.app.settings.inventory.write_text(both)
    sierra.go(8, lands=False)
    found = centre.only()
    listed = [sierra.told("list", "--mun", mun) for mun in ("08027", "08019")]

    assert found.municipality == ""
    assert all("poller sierra  several municipalities" in one for one in listed)
    assert desk.touching([found], "08027", {"08027-clinic"}) == []


def test_what_no_poller_without_a_store_can_ask_is_not_counted(heard: Path, tmp_path: Path) -> None:
    shutil.copytree(heard, tmp_path, dirs_exist_ok=True)
    made = controller_in(tmp_path, inventory=ELSEWHERE)
    device = made.app.inventory.devices["ap-6"]
    over_ssh = {**made.app.inventory.devices, "ap-6": replace(device, poll=PollBy.SSH)}
    found = world_of(replace(made.app.inventory, devices=over_ssh))
    ended(made)

    assert found.poller_of == {"ap-5": "sierra"}
    assert world_of(made.app.inventory).asked_by == {"sierra": ["ap-5", "ap-6"]}


# The looks themselves


def test_looks_make_it_silent_and_no_clock_does() -> None:
    told = pollers.Landed(START, 7)
    ear: Ear | None = None
    for _ in range(3):
        ear = listened(ear, told, PACE, START + 10**7)
    assert ear is not None
    assert ear.look.works is True
    ear = listened(ear, told, PACE, START + 10**7)
    assert ear.look.works is False


def test_something_new_ends_a_silence_but_is_not_believed_at_once() -> None:
    silent = Ear(7, 9, Look(False, 3, START, START))
    ear = listened(silent, pollers.Landed(START + 300, 8), PACE, START + 300)
    seen = ear.seen(pollers.Landed(START + 300, 8), PACE, START + 300)

    assert (seen.fact, seen.sure, seen.since) == ("good", False, START + 300)
    assert seen.sure_at == START + 300 + (PACE.up - 1) * EVERY_S


def test_a_poller_of_what_is_seldom_asked_is_given_three_of_its_own_intervals() -> None:
    seldom = Pace.every(300)
    ear = listened(None, pollers.Landed(START, 7), seldom, START)
    looks = 0
    while ear.look.works is not False:
        ear = listened(ear, pollers.Landed(START, 7), seldom, START)
        looks += 1

    assert looks == 29


@given(st.lists(st.tuples(st.booleans(), st.integers(-(10**7), 10**7)), max_size=60))
def test_only_looks_in_a_row_without_anything_new_make_it_silent(looks: list[tuple[bool, int]]) -> None:
    times, quiet, now = 1, 0, START
    ear = listened(None, pollers.Landed(START, times), PACE, now)
    for lands, step_s in looks:
        times, quiet, now = times + lands, 0 if lands else quiet + 1, now + step_s
        ear = listened(ear, pollers.Landed(START, times), PACE, now)

        assert (ear.look.works is False) == ((quiet + 1) * EVERY_S >= PACE.patience_s)
        assert ear.look.run <= PACE.up or not ear.look.works
