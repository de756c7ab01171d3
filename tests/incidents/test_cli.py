"""`plaza incident` at a terminal, over a real store."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from controller.cli.main import plaza
from controller.errors import IncidentError, SelectorError
from controller.store.tables import audit
from tests.incidents.conftest import Controller

Plaza = Callable[..., Result]


@pytest.fixture
def run(controller: Controller, tmp_path: Path) -> Plaza:
    """A command in this controller's data directory."""
    environ = {"PLAZA_DATA_DIR": str(tmp_path), "PLAZA_INVENTORY": str(tmp_path / "inventory.yaml")}

    def command(*arguments: str) -> Result:
        with mock.patch.dict(os.environ, environ):
            return CliRunner().invoke(plaza, ["incident", *arguments])

    controller.fail("ap-3", "ap-5")
    controller.go(3)
    return command


def said(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def actions(controller: Controller) -> list[str]:
    with controller.app.engine.connect() as connection:
        return list(connection.execute(select(audit.c.action).order_by(audit.c.seq)).scalars())


def of(controller: Controller, device: str) -> str:
    [name] = [one.name for one in controller.incidents() if one.root.key == device]
    return name


def test_what_is_wrong_is_listed_and_those_of_a_municipality_alone(run: Plaza) -> None:
    everywhere, there = said(run("list")), said(run("list", "--mun", "08019"))

    assert "device ap-3" in everywhere
    assert "2 open" in everywhere
    assert "ap-5" in there
    assert "ap-3" not in there
    assert "1 open" in there


def test_one_is_shown_with_why_and_what_to_do_next(run: Plaza, controller: Controller) -> None:
    shown = said(run("show", of(controller, "ap-5")[:5]))

    assert "devices beside it that answer: 1" in shown
    assert "missing: what feeds it" in shown
    assert "plaza snmp why ap-5; then find out" in shown
    assert "ap-5  08019-plaza  since 2026-11-26 14:19 -06  down" in shown


def test_the_list_says_the_municipality_and_whose_clock_it_is(run: Plaza) -> None:
    assert "device ap-5  Chihuahua  since 2026-11-26 14:19 -06" in said(run("list"))


def test_what_answers_again_is_said_with_when_it_closes(run: Plaza, controller: Controller) -> None:
    controller.now = int(datetime.now(UTC).timestamp()) - 120
    controller.mend("ap-3")
    controller.go(4)
    name = of(controller, "ap-3")
    listed, shown = said(run("list", "--mun", "08027")), said(run("show", name))
    [machine] = json.loads(said(run("show", name, "--json")))
    began, closes = (machine["answers_again"][one] for one in ("since", "closes_about"))

    assert "0 of 1 down, answers again since " in listed
    assert ", closes about " in listed
    assert "next: nothing: all of it answers again" in shown
    assert "  down" not in shown[shown.index("members:") :]
    assert datetime.fromisoformat(closes) - datetime.fromisoformat(began) == timedelta(minutes=4.5)
    assert machine["members"][0]["answers_again_since"] == began


def test_of_several_it_is_said_how_many_answer_again(run: Plaza, controller: Controller) -> None:
    controller.now = int(datetime.now(UTC).timestamp()) - 240
    controller.fail("sw", "ap-1", "ap-2")
    controller.go(4)
    controller.mend("ap-2")
    controller.go(4)
    shown = said(run("list"))

    assert "2 of 3 down, 1 answer again" in shown
    assert json.loads(said(run("show", of(controller, "sw"), "--json")))[0]["answers_again"] is None


def test_a_program_reads_all_of_it(run: Plaza) -> None:
    [found, _] = json.loads(said(run("list", "--json")))

    assert {"id", "state", "class", "evidence", "opened_at", "members", "repair_s"} <= found.keys()
    assert found["evidence"][0].keys() >= {"code", "said"}


def test_who_takes_one_on_is_shown_and_in_the_audit_log(run: Plaza, controller: Controller) -> None:
    said(run("ack", of(controller, "ap-3"), "--who", "ana", "--why", "on the way"))

    assert "acknowledged" in said(run("list"))
    assert "ana has it" in said(run("list"))
    assert "taken on by ana" in said(run("show", of(controller, "ap-3")))
    assert actions(controller) == ["incident-acknowledged"]


def test_an_acknowledged_one_closes_by_itself_when_it_works_again(run: Plaza, controller: Controller) -> None:
    said(run("ack", of(controller, "ap-3"), "--why", "on the way"))
    controller.mend("ap-3")
    controller.go(11)
    everything = said(run("list", "--all"))

    assert "closed" in everything
    assert "repaired in 1 min" in everything


def test_what_is_still_down_is_not_closed_by_hand(run: Plaza, controller: Controller) -> None:
    refused = run("close", of(controller, "ap-3"), "--why", "done")

    assert isinstance(refused.exception, IncidentError)
    assert "ap-3 is still down" in str(refused.exception)
    assert actions(controller) == []


def test_what_nobody_can_ask_any_more_is_closed_by_hand(run: Plaza, controller: Controller) -> None:
    name = of(controller, "ap-3")
    controller.mend("ap-3")
    controller.go(1)
    said(run("close", name, "--who", "ana", "--why", "it was the cable"))
    again = run("close", name, "--why", "twice")

    assert "by ana: it was the cable" in said(run("show", name))
    assert "is closed" in str(again.exception)
    assert actions(controller) == ["incident-closed"]


def test_an_outage_is_announced_listed_and_called_off(run: Plaza, controller: Controller) -> None:
    times = ("--from", "2126-11-28T02:00", "--until", "3h")
    made = said(run("expect", "08027-clinic", *times, "--who", "ana", "--why", "new mast"))
    name = made.split()[0]
    listed = said(run("expect"))
    machine = json.loads(said(run("expect", "--json")))
    said(run("expect", "--cancel", name))

    assert "2126-11-28 02:00 -06 to 2126-11-28 05:00 -06  ana: new mast" in made
    assert "1 announced" in listed
    assert machine[0]["from"] == "2126-11-28T08:00:00Z"
    assert "0 announced" in said(run("expect"))
    assert actions(controller) == ["outage-announced", "outage-called-off"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            ("expect", "nowhere", "--until", "3h", "--why", "x"),
            SelectorError,
            "is no site and no municipality",
        ),
        (("expect", "08027", "--until", "soon", "--why", "x"), IncidentError, "write 2026-11-28T02:00"),
        (("expect", "08027", "--why", "x"), IncidentError, "--until says when it ends"),
        (("expect", "08027", "--until", "3h"), IncidentError, "--why"),
        (("expect", "08027", "--until", "2020-01-01T00:00", "--why", "x"), IncidentError, "is over"),
        (("expect", "--cancel", "zz"), IncidentError, "no announced outage"),
        (("show", "zz"), IncidentError, "no such incident"),
        (("show", ""), IncidentError, "2 incidents begin so"),
        (("list", "--mun", "99999"), SelectorError, "no municipality"),
        (("list", "--mun", "chihuaua"), SelectorError, "08019 (Chihuahua)"),
        (("stats", "--since", "90"), IncidentError, "write 90d for 90 days"),
    ],
)
def test_nonsense_gets_one_line_that_says_how_to_mend_it(
    run: Plaza, arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    result = run(*arguments)

    assert isinstance(result.exception, error), result.output
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)


def test_repair_times_are_counted_and_what_is_open_is_not_left_out(
    run: Plaza, controller: Controller
) -> None:
    controller.mend("ap-3")
    controller.go(11)
    controller.wait(73 * 3600)
    controller.go(1)
    table = said(run("stats", "--since", "2026-01-01"))
    machine = json.loads(said(run("stats", "--since", "2026-01-01", "--json")))

    assert machine["all"]["closed"] == 1
    assert machine["all"]["open_longer_than_72_h"] == 1
    assert machine["08019"]["median_with_open_s"] is None
    assert machine["08027"]["closed_median_s"] == 90
    assert "08027 Guachochi" in table


def test_states_are_told_with_their_reason(run: Plaza, controller: Controller) -> None:
    controller.now = int(datetime.now(UTC).timestamp())
    controller.go(4)
    shown = said(run("states"))
    machine = json.loads(said(run("states", "--mun", "08027", "--json")))

    assert "08027 Guachochi: degraded, 08027-clinic: ap-3: no answer" in shown
    assert "  08027-clinic: down, ap-3: no answer" in shown
    assert machine.keys() == {"08027"}
    assert machine["08027"]["sites"]["08027-school"]["state"] == "up"
