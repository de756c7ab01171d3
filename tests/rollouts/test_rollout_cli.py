"""What a technician types about rollouts, and what the worker does, over simulated access points."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from controller import rollout
from controller.app import utc_now
from controller.journal import State
from controller.rollouts.carrying import Carrier
from controller.rollouts.seam import Phase
from controller.rollouts.store import Rollout
from controller.store.tables import audit as audit_table
from controller.store.tables import device_facts, rollouts
from tests.children import CTRL_C_WORKS, heard, interrupted, killed_at_the_end
from tests.configure.device import wait_until
from tests.configure.keyboard import Plaza
from tests.rollouts.fleet import GATEWAY, QUICK, Fleet
from tests.simulator.lab import REPOSITORY

TYPED = f"--typed {GATEWAY}"


def newest(at: Fleet) -> Rollout:
    """The rollout that was begun last."""
    return at.store().find("")


def begun(at: Fleet) -> int:
    """How many there ever were."""
    with at.app().engine.connect() as connection:
        return len(connection.execute(select(rollouts)).all())


def story(at: Fleet, name: str) -> list[tuple[str, str, dict[str, str]]]:
    """What the audit log says of a rollout: action, subject, detail."""
    with at.app().engine.connect() as connection:
        rows = connection.execute(select(audit_table).order_by(audit_table.c.seq)).all()
    found = [(row.action, row.subject, json.loads(row.detail)) for row in rows]
    return [each for each in found if each[1] == name or each[2].get("rollout") == name]


def test_a_rollout_goes_from_the_canary_to_the_end_and_its_story_is_in_the_audit_log(
    at: Fleet, plaza: Plaza
) -> None:
    code, _, errors = plaza(f"rollout start all --yes {TYPED}")
    assert (code, "say why" in errors) == (2, True)
    code, _, errors = plaza("rollout start all --yes --why red-nueva")
    assert code == 2
    assert f"behind {GATEWAY}: 2 devices of 2 sites: ap-000, ap-002; --yes is not enough for it" in errors
    code, _, errors = plaza("rollout start all --why red-nueva", answer="yes\n")
    assert (code, errors.endswith("nothing was changed\n")) == (0, True)
    code, output, errors = plaza(f"rollout start all --yes {TYPED} --why red-nueva {QUICK}")
    assert code == 0, errors
    assert "wave 1, canary: 1 device" in errors
    assert output.index("ap-002: confirmed") < output.index(f"{GATEWAY}: confirmed")
    assert plaza("diff all")[0] == 0
    name = newest(at).name
    told = story(at, name)
    assert told[0][0] == "rollout-started"
    assert told[0][2]["why"] == "red-nueva"
    assert told[-1][0] == "rollout-done"
    ended = [subject for action, subject, _ in told if action == "device-confirmed"]
    assert sorted(ended) == ["ap-000", "ap-001", "ap-002", "ap-003"]
    assert {action for action, _, _ in told} >= {"rollout-soaking", "rollout-wave"}
    with at.app().engine.connect() as connection:
        assert len(connection.execute(select(device_facts)).all()) == 4
    code, output, _ = plaza(f"rollout status {name[:6]} --json")
    assert code == 0
    assert {each["state"] for each in json.loads(output)["devices"]} == {"confirmed"}
    code, _, errors = plaza(f"rollout start all --yes --why otra-vez {QUICK}")
    assert (code, errors.endswith("nothing to change\n")) == (0, True)


def test_the_worker_carries_on_what_was_left_to_it_and_people_stop_it(at: Fleet, plaza: Plaza) -> None:
    at.want("Segunda")
    with rollout.alone(at.folder / "var"):
        code, _, errors = plaza(f"rollout start site=08019-s000 --yes --why segunda {QUICK}")
    assert (code, "the rollout is kept and the worker carries it on" in errors) == (3, True)
    assert plaza("rollout pause --why comida")[0] == 0
    worker = Carrier(at.app(), utc_now)
    worker.turn()
    assert {row.state for row in at.rows().values()} == {State.PLANNED}
    assert plaza("rollout status")[0] == 3
    code, _, errors = plaza("rollout resume --detach")
    assert (code, "say why" in errors) == (2, True)
    assert plaza("rollout resume --detach --why sigamos")[0] == 3

    def is_done() -> bool:
        worker.turn()
        return newest(at).phase is Phase.DONE

    wait_until("the worker is done", is_done)
    assert {row.state for row in at.rows().values()} == {State.CONFIRMED}
    told = [(action, detail.get("why")) for action, _, detail in story(at, newest(at).name)]
    assert ("rollout-paused", "comida") in told
    assert ("rollout-resumed", "sigamos") in told


def test_no_evidence_is_no_success_until_a_person_goes_on_without_it(at: Fleet, plaza: Plaza) -> None:
    at.want("Tercera")
    code, _, errors = plaza("rollout start ap-000 --yes --why tercera --soak 0s")
    assert code == 3
    assert "no evidence yet: 08019-s000" in errors
    assert plaza("rollout pause --why ver")[0] == 0
    code, output, errors = plaza(
        "rollout resume --why visto --without probe --without clients --without uplink"
    )
    assert (code, "done" in output) == (0, True), errors


def test_what_was_edited_since_is_held_and_an_aborted_one_is_taken_up_by_retry(
    at: Fleet, plaza: Plaza
) -> None:
    at.want("Cuarta")
    assert plaza(f"rollout start site=08019-s000 --yes --why cuarta --detach {QUICK}")[0] == 3
    at.want("Quinta")
    code, output, _ = plaza("rollout resume")
    assert code == 2
    assert output.count("held: the inventory changed since this rollout was planned") >= 2
    assert plaza("rollout retry --why quinta --yes --detach")[0] == 3
    assert plaza("rollout abort --why no")[0] == 0
    assert {row.state for row in at.rows().values()} == {State.HELD}
    code, _, errors = plaza("rollout resume --why si")
    assert (code, "plaza rollout retry" in errors) == (2, True)
    code, output, errors = plaza("rollout retry --why si --yes")
    assert code == 0, errors
    assert plaza("diff site=08019-s000")[0] == 0


def test_apply_leaves_a_device_alone_that_a_rollout_has_on_trial(at: Fleet, plaza: Plaza) -> None:
    at.want("Sexta")
    assert plaza(f"rollout start ap-000 --yes --why sexta --detach {QUICK}")[0] == 3
    journal = at.store().journal
    row = at.rows()["ap-000"]
    journal.write(replace(row, state=State.APPLIED, token="f" * 32, deadline_at=1))
    code, output, errors = plaza("apply --yes ap-000")
    assert code == 2
    assert "an earlier change has not ended yet" in output + errors
    assert at.rows()["ap-000"].state is State.APPLIED
    assert newest(at).phase is Phase.RUNNING
    code, output, errors = plaza("rollout resume")
    assert (code, at.rows()["ap-000"].state) == (0, State.CONFIRMED), output + errors
    told = [
        detail["detail"] for action, _, detail in story(at, newest(at).name) if action == "device-planned"
    ]
    assert told == ["the controller died in its middle, and its old configuration stands"]


def test_a_device_that_somebody_else_is_changing_is_held_before_anything_is_changed(
    at: Fleet, plaza: Plaza
) -> None:
    at.want("Septima")
    staged: Path = at.root("ap-001") / "tmp/.uci"
    staged.mkdir(parents=True, exist_ok=True)
    (staged / "network").write_text("network.lan.proto='static'\n")
    try:
        code, _, errors = plaza(f"rollout start ap-001 --yes --why septima {QUICK}")
    finally:
        (staged / "network").unlink()
    assert code == 2
    assert "ap-001: held: somebody else is changing it" in errors
    code, _, errors = plaza(f"rollout start ap-001 --yes --why septima {QUICK}")
    assert code == 0, errors


def test_a_device_that_was_edited_by_hand_since_is_held_and_says_how_to_go_on(
    at: Fleet, plaza: Plaza
) -> None:
    assert plaza("drift ap-002 --now")[0] == 0
    at.want("Octava")
    with (at.root("ap-002") / "etc/config/wireless").open("a") as file:
        file.write("\nconfig wifi-iface 'otra'\n\toption device 'radio0'\n")
    code, _, errors = plaza(f"rollout start ap-002 --yes --why octava {QUICK}")
    assert code == 2
    assert "ap-002: held: it was changed since it was last looked at" in errors
    assert "plaza drift ap-002 --now --accept" in errors
    assert plaza("drift ap-002 --now")[0] == 3  # as the nightly sweep sees it
    code, _, errors = plaza(f"rollout start ap-002 --yes --why octava {QUICK}")
    assert (code, "ap-002: held: somebody else changed it" in errors) == (2, True)
    assert plaza("drift ap-002 --now --accept")[0] == 0
    assert plaza(f"rollout start ap-002 --yes --why octava {QUICK}")[0] == 0


def test_a_device_that_comes_back_with_changes_of_somebody_else_is_held_at_its_turn(
    at: Fleet, plaza: Plaza
) -> None:
    at.want("Novena")
    assert plaza(f"rollout start ap-002 --yes --why novena --detach {QUICK}")[0] == 3
    at.store().note(replace(at.rows()["ap-002"], state=State.PENDING, attempts=1))
    with (at.root("ap-002") / "etc/config/wireless").open("a") as file:
        file.write("\nconfig wifi-iface 'otra'\n\toption device 'radio0'\n")
    code, output, errors = plaza("rollout resume")
    assert code == 2, errors
    assert "ap-002: held: it was changed since it was last looked at" in output + errors
    assert b"Novena" not in at.configuration("ap-002")["wireless"]
    assert plaza("drift ap-002 --now --accept")[0] == 0
    code, _, errors = plaza("rollout retry --yes --why novena")
    assert code == 0, errors


def test_a_device_that_comes_back_as_another_model_waits_as_one_of_that(at: Fleet, plaza: Plaza) -> None:
    at.want("Novena-bis")
    assert plaza(f"rollout start ap-002 --yes --why novena --detach {QUICK}")[0] == 3
    model = at.rows()["ap-002"].model
    at.store().note(replace(at.rows()["ap-002"], state=State.PENDING, attempts=1, model="openwrt"))
    code, output, errors = plaza("rollout resume")
    row = at.rows()["ap-002"]
    assert (code, row.state, row.model) == (3, State.PENDING, model), output + errors
    assert f"only now known as {model}" in output + errors
    assert b"Novena-bis" not in at.configuration("ap-002")["wireless"]
    at.store().note(replace(row, next_at=0))
    assert plaza("rollout resume")[0] == 0
    assert at.rows()["ap-002"].state is State.CONFIRMED


def test_a_retry_with_nothing_to_try_again_says_so_and_changes_nothing(at: Fleet, plaza: Plaza) -> None:
    at.want("Decima")
    assert plaza("rollout start site=08019-s000 --yes --why decima --soak 10m")[0] == 3
    before, rows = newest(at), at.rows()
    code, _, errors = plaza("rollout retry --yes --why otra-vez")
    assert (code, "nothing to retry" in errors) == (0, True), errors
    assert (newest(at), at.rows()) == (before, rows)
    assert plaza("rollout abort --why no")[0] == 0


def test_ctrl_c_at_the_question_says_that_nothing_was_changed(
    at: Fleet,
) -> None:
    at.want("Undecima")
    before = begun(at)
    screen, keyboard = pty.openpty()
    with os.fdopen(keyboard, "r") as terminal:
        command = [sys.executable, "-m", "controller.cli.main", "rollout", "start", "ap-000", "--why", "x"]
        asking = subprocess.Popen(
            [*CTRL_C_WORKS, *command],
            cwd=at.folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with killed_at_the_end(asking) as asked:
            said = heard(asked.stderr, b"[y/N]")
            said += interrupted(asked)
        assert (asked.returncode, said.endswith(b"nothing was changed\n")) == (130, True), said
    os.close(screen)
    assert begun(at) == before
