"""What `plaza rollout` says of what it waits for, of who holds it up, and of edits in between."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller import rollout
from controller.app import utc_now
from controller.cli import rollout_show
from controller.cli.rollout_clock import Clock, clock_of, lasting
from controller.journal import Row, State
from controller.rollouts.carrying import Carrier
from controller.rollouts.configure import Configure
from controller.rollouts.linked import TOO_LATE
from controller.rollouts.store import Store
from tests.configure.device import wait_until
from tests.configure.keyboard import Plaza
from tests.configure.openwrt import KEY
from tests.rollouts import dying
from tests.rollouts.fleet import QUICK, Fleet

PEOPLE = f"people:\n  ana: {{ssh_keys: ['{KEY} ana'], devices: all}}\n"
CHIHUAHUA = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d America/Chihuahua"


def soaks_since(store: Store, seconds: int) -> None:
    """As if so much time had passed."""
    now = store.find("")
    assert store.turn(now, now.phase, "", soaking_since=store.now() - seconds)


def test_status_says_what_a_wave_waits_for_and_until_when(at: Fleet, plaza: Plaza) -> None:
    at.want("Uno")
    code, output, errors = plaza("rollout start ap-000 --yes --why uno --soak 10m")
    assert code == 3, errors
    soaking = rf"wave 1, canary: 1 confirmed  <- here; soaking until {CHIHUAHUA} \(in (10|9) min.*\); "
    needs = "then it needs clients, probe, uplink of 08019-s000"
    assert re.search(soaking + needs, output), output
    assert re.search(rf"waits until {CHIHUAHUA} \(in .*\): wave 1 of 1 \(canary\): soaking", errors), errors
    code, output, _ = plaza("rollout status")
    assert (code, re.search(soaking + needs, output) is not None) == (3, True), output
    assert re.search(rf"^begun {CHIHUAHUA} by ", output, re.MULTILINE)
    told = json.loads(plaza("rollout status --json")[1])
    until = datetime.strptime(told["waits_for"]["until"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert until.timestamp() == at.store().find("").soaking_since + 600
    assert told["created_at"].endswith("Z")
    soaks_since(at.store(), 601)
    assert "the look at it is due; waits until" in plaza("rollout status")[1]
    assert plaza("rollout resume")[0] == 3
    code, output, _ = plaza("rollout status")
    missing = r"<- here; no evidence yet: 08019-s000 clients: .*; waits until .*, then it halts"
    assert (code, re.search(missing, output) is not None) == (3, True), output
    assert "no evidence yet" in json.loads(plaza("rollout status --json")[1])["waits_for"]["said"]
    assert plaza("rollout abort --why basta")[0] == 0


def test_one_that_goes_on_soaks_anew_unless_a_person_does_without_evidence(at: Fleet, plaza: Plaza) -> None:
    at.want("Uno-bis")
    assert plaza("rollout start ap-000 --yes --why uno --soak 10m")[0] == 3
    store = at.store()
    assert plaza("rollout pause --why comida")[0] == 0
    assert f"to go on: plaza rollout resume {store.find('').name}" in plaza("rollout status")[1]
    soaks_since(store, 5000)
    assert plaza("rollout resume --why sigamos --detach")[0] == 3
    assert store.find("").soaking_since > store.now() - 4000
    assert plaza("rollout pause --why comida")[0] == 0
    soaks_since(store, 5000)
    code, output, _ = plaza("rollout resume --why visto --without probe --without clients --without uplink")
    assert (
        code,
        "done: 1 of 1 changed; after wave 1 of 1 (canary): no evidence was asked for" in output,
    ) == (
        0,
        True,
    ), output


def test_an_edit_since_holds_only_where_other_lines_would_be_sent(at: Fleet, plaza: Plaza) -> None:
    at.want("Dos")
    assert plaza(f"rollout start site=08019-s000 --yes --why dos --detach {QUICK}")[0] == 3
    first = at.store().find("").name
    at.want("Tres")
    assert plaza(f"rollout start ap-000 --yes --why tres {QUICK}")[0] == 0
    code, output, errors = plaza(f"rollout resume {first}")
    assert code == 2, errors
    assert "ap-000: skipped: as intended already: another rollout, or somebody, did it meanwhile" in output
    assert re.search(r"ap-001: held: the inventory changed .*now also \+option ssid 'Tres'", output), output
    assert "done: 0 of 2 changed\n" in output
    assert plaza(f"rollout retry {first} --yes --why tres --detach")[0] == 3
    inventory = at.folder / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("defaults:\n", f"{PEOPLE}defaults:\n"))
    code, output, errors = plaza(f"rollout resume {first}")
    assert code == 0, output + errors
    assert KEY in (at.root("ap-001") / "etc/dropbear/authorized_keys").read_text()
    assert b"Tres" in at.configuration("ap-001")["wireless"]


def test_nothing_is_begun_whose_timer_would_pass_the_end_of_the_window(at: Fleet, plaza: Plaza) -> None:
    at.want("Cuatro")
    assert plaza(f"rollout start ap-001 --yes --why cuatro --detach {QUICK}")[0] == 3
    (row,) = at.store().rows(at.store().find("").name)
    before, told = at.configuration("ap-001"), list[Row]()
    asked: list[float] = []

    def too_short(seconds: float) -> bool:
        asked.append(seconds)
        return False

    after = Configure(dying.quick_works(at.app())).carry_out([row], too_short, told.append)
    assert after == (replace(row, detail=TOO_LATE),)
    assert len(asked) == 1
    assert (at.configuration("ap-001"), told) == (before, [])
    assert plaza("rollout abort --why basta")[0] == 0


def test_the_worker_leaves_devices_alone_while_somebody_changes_them_and_names_itself(
    at: Fleet, plaza: Plaza
) -> None:
    at.want("Cinco")
    code, _, errors = plaza(f"rollout start ap-002 --yes --why cinco --detach {QUICK}")
    begun = re.search(r"rollout (\w+) begins", errors)
    assert begun, errors
    worker, store, name = Carrier(at.app(), utc_now), at.store(), begun[1]
    var: Path = at.folder / "var"
    before = store.rows(name)
    with rollout.alone(var, "plaza rollout 12ab"):
        worker.turn()
        assert store.rows(name) == before
        code, _, errors = plaza(f"rollout resume {name}")
        assert code == 3
        assert re.match(r"plaza rollout 12ab, process \d+ of \S+, since \S+ \S+ [-+]\d{4}, is chang", errors)

    def is_changed() -> bool:
        worker.turn()
        return {row.state for row in store.rows(name)} == {State.CONFIRMED}

    wait_until("the worker changed it", is_changed)
    assert (var / "rollout.lock").read_text().startswith(f"the worker with rollout {name}, process ")


def rows(*devices: str, detail: str = "the inventory changed") -> list[Row]:
    """Of devices that are held."""
    return [Row("r1", name, State.HELD, "", detail=detail.format(name)) for name in devices]


def test_equal_reasons_are_one_line_with_a_count_and_the_first_names() -> None:
    clock = Clock("", 0)
    many = rows(*(f"ap-{number}" for number in range(92)), detail="plaza drift {} --now")
    told = list(rollout_show.not_changed([*many, *rows("gw-1")], clock))
    assert told == [
        "92 held: plaza drift <its name> --now: ap-0, ap-1, ap-2, ap-3, ap-4 and 87 more",
        "gw-1: held: the inventory changed",
    ]
    every = list(rollout_show.not_changed(many, clock, every=True))
    assert (len(every), every[7]) == (92, "ap-7: held: plaza drift ap-7 --now")


def test_without_a_reason_no_colon_waits_for_one() -> None:
    on_trial = [replace(row, state=State.APPLIED) for row in rows("a", "b", detail="")]

    assert list(rollout_show.not_changed(on_trial, Clock("", 0))) == ["2 applied: a, b"]
    assert list(rollout_show.not_changed(on_trial[:1], Clock("", 0))) == ["a: applied"]


def test_of_those_out_of_reach_the_next_try_is_told() -> None:
    away = [
        replace(row, state=State.PENDING, next_at=at)
        for row, at in zip(rows("a", "b"), (900, 60), strict=True)
    ]
    (told,) = rollout_show.not_changed(away, Clock("America/Chihuahua", 0))
    assert told == (
        "2 pending: the inventory changed; next try 1969-12-31 18:01:00 America/Chihuahua (in 1 min): a, b"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (580, "9 min 40 s"), (7500, "2 h 5 min"), (273_659, "3 d 4 h")],
)
def test_a_span_of_time_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert lasting(seconds) == said


def test_times_are_in_the_zone_that_all_share_else_in_this_machines_with_its_offset(at: Fleet) -> None:
    inventory = at.app().inventory
    assert clock_of(inventory, ["ap-000", "ap-003", "gone"], 0).zone == "America/Chihuahua"
    here = inventory.municipalities["08019"]
    juarez = replace(here, key="08037", zone="America/Ciudad_Juarez")
    devices = dict(inventory.devices)
    devices["ap-003"] = replace(devices["ap-003"], municipality="08037")
    both = replace(inventory, devices=devices, municipalities={"08019": here, "08037": juarez})
    apart = clock_of(both, ["ap-000", "ap-003"], 0)
    assert apart.zone == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [-+]\d{4} \(now\)", apart.until(0))
