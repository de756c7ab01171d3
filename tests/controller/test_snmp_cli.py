"""`plaza snmp`: a technician asks one device, and learns why it does not answer."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from controller.cli.main import main
from controller.demo import make_secrets
from controller.health import State, Verdict
from controller.inventory import load
from controller.store import health, snmp
from controller.store.engine import open_store
from drivers.snmp.ber import Message, Tag, Verb, encode
from drivers.snmp.seam import Failure, Learned, Reason
from tests.snmp import snmpd as real
from tests.snmp.hostile import IF_DESCR, MIB, SYS_NAME, Agent, Behaviour, Mib, Sent, error, honest
from tests.town import Town, town, wait_for

NETWORK = "127.76.1"
SILENT = Failure(Reason.TIMEOUT, "no answer from 127.76.1.13:161 in 2 tries; is it on?")
DEVICES = f"""\
devices:
  ap-real: {{site: 08027-plaza, platform: generic, address: {NETWORK}.11}}
  ap-bent: {{site: 08027-plaza, platform: generic, address: {NETWORK}.12}}
  ap-dead: {{site: 08027-plaza, platform: generic, address: {NETWORK}.13}}
  ap-user: {{site: 08027-plaza, platform: generic, address: {NETWORK}.14, snmp: {{credentials: user}}}}
  ap-swap: {{site: 08027-plaza, platform: generic, address: {NETWORK}.16, snmp: {{credentials: user}}}}
  ap-shell: {{site: 08027-plaza, address: {NETWORK}.15, poll: ssh}}
"""
USER = """\
  user: {kind: snmp-v3, user: plaza, auth_key: ref+file:auth, priv_key: ref+file:priv}
"""
REAL = real.COMMUNITY.community.reveal()
SECRETS = (REAL, "an-authentication-key", "a-privacy-key-of-tests")


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Square:
    """A town whose devices are agents of this test, all at one port."""

    town: Town
    port: int

    def snmp(self, *words: str) -> Done:
        """Type `plaza snmp …`; whatever it says holds no secret."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.town.environ.items():
                patch.setenv(name, value)
            patch.chdir(self.town.directory)
            patch.setattr(sys, "argv", ["plaza", "snmp", *words])
            with pytest.raises(SystemExit) as left:
                main()
        done = Done(int(left.value.code or 0), out.getvalue(), err.getvalue())
        assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
        return done

    def said(self, *words: str) -> list[str]:
        """The lines of a command that succeeds."""
        done = self.snmp(*words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def refused(self, *words: str) -> str:
        """The one line of a command that ends by an expected error."""
        done = self.snmp(*words)
        assert done.returncode == 2, done.stdout + done.stderr
        [line] = done.stderr.splitlines()
        return line

    @contextmanager
    def bent(self, behaviour: Behaviour = honest, mib: Mib = MIB) -> Iterator[Agent]:
        """The agent of ap-bent."""
        with Agent(behaviour, mib, f"{NETWORK}.12", self.port) as agent:
            yield agent

    def noted(self, note: Callable[[Connection], None]) -> None:
        """What a poller would have written."""
        engine = open_store(f"sqlite:///{self.town.directory}/var/plaza.db")
        with engine.begin() as connection:
            note(connection)
        engine.dispose()


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    """Real agents at ap-real and ap-user, nobody at ap-dead."""
    directory = tmp_path_factory.mktemp("square")
    with town(directory, NETWORK) as made:
        made.environ["PLAZA_TRAP_LISTEN"] = ""
        port = real.free_port()
        _write_inventory(directory, port)
        with (
            real.snmpd(directory / "one", name="ap-real", host=f"{NETWORK}.11", port=port),
            real.snmpd(directory / "two", name="ap-user", host=f"{NETWORK}.14", port=port),
        ):
            yield Square(made, port)


def _write_inventory(directory: Path, port: int) -> None:
    file = directory / "inventory.yaml"
    head = file.read_text().partition("devices:\n")[0].replace("credentials:\n", f"credentials:\n{USER}", 1)
    old_port = head.partition("snmp: {port: ")[2].partition(",")[0]
    file.write_text(head.replace(f"snmp: {{port: {old_port},", f"snmp: {{port: {port},") + DEVICES)
    secrets = directory / "var" / "secrets"
    make_secrets(load(file), secrets)
    for name, value in zip(("snmp-community", "auth", "priv"), SECRETS, strict=True):
        (secrets / name).write_text(value)


def bulk_is_refused(asked: Message, mib: Mib) -> Sent:
    """As an agent that knows no GETBULK."""
    return [encode(error(asked, 5))] if asked.verb == Verb.BULK else honest(asked, mib)


# --- get


def test_an_object_is_asked_by_name_or_by_number(square: Square) -> None:
    assert square.said("get", "ap-real", "sysName.0", "1.3.6.1.2.1.1.6.0", "SNMPv2-MIB::sysObjectID.0") == [
        "1.3.6.1.2.1.1.5.0  sysName.0  ap-real",
        "1.3.6.1.2.1.1.6.0  sysLocation.0  Plaza de Armas",
        "1.3.6.1.2.1.1.2.0  sysObjectID.0  1.3.6.1.4.1.8072.3.2.10",
    ]


def test_snmp_v3_is_asked_in_the_same_way(square: Square) -> None:
    assert square.said("get", "ap-user", "sysName.0") == ["1.3.6.1.2.1.1.5.0  sysName.0  ap-user"]


def test_an_object_that_the_agent_lacks_has_a_line_of_its_own(square: Square) -> None:
    assert square.said("get", "ap-real", "1.3.6.1.4.1.99999.1.0", "sysName.0", "sysName") == [
        "1.3.6.1.4.1.99999.1.0  the agent has no such object",
        "1.3.6.1.2.1.1.5.0  sysName.0  ap-real",
        "1.3.6.1.2.1.1.5  sysName  the agent has no such object; a single one is sysName.0,"
        " of a table walk sysName",
    ]


def test_octets_that_are_no_text_are_shown_in_hex_and_line_ends_keep_one_line(square: Square) -> None:
    mib: Mib = {
        SYS_NAME: (Tag.OCTETS, b"\x00\x1a\xff"),
        (*IF_DESCR, 1): (Tag.OCTETS, "Señal\r\nbuena".encode()),
        (*IF_DESCR, 2): (Tag.OCTETS, b"\x1b[31mred"),
    }
    with square.bent(mib=mib):
        assert square.said("get", "ap-bent", "sysName.0", "ifDescr.1", "ifDescr.2") == [
            "1.3.6.1.2.1.1.5.0  sysName.0  0x001aff",
            "1.3.6.1.2.1.2.2.1.2.1  ifDescr.1  Señal\\r\\nbuena",
            "1.3.6.1.2.1.2.2.1.2.2  ifDescr.2  0x1b5b33316d726564",
        ]


def test_a_program_gets_types_octets_and_absence(square: Square) -> None:
    mib: Mib = {SYS_NAME: (Tag.OCTETS, b"\xff"), (*IF_DESCR, 1): (Tag.GAUGE32, 7)}
    with square.bent(mib=mib):
        [line] = square.said("get", "ap-bent", "sysName.0", "ifDescr.1", "ifDescr.2", "--json")
    first, second, third = json.loads(line)["objects"]
    assert (first["value"], first["hex"], first["name"]) == (None, "ff", "sysName.0")
    assert (second["value"], second["absent"], third["absent"]) == (7, False, True)
    assert json.loads(line)["failure"] is None


def test_a_silent_device_ends_as_one_line_with_the_next_step(square: Square) -> None:
    line = square.refused("get", "ap-dead", "sysName.0")
    assert line.startswith("ap-dead: port-unreachable: ")
    assert "start its agent" in line


def test_an_agent_that_drops_everything_ends_as_one_line(square: Square) -> None:
    with square.bent(lambda asked, mib: []):
        line = square.refused("get", "ap-bent", "sysName.0")
    assert line.startswith("ap-bent: no-answer: ")
    assert "power and link" in line


def test_wrong_keys_end_as_one_line_that_names_the_credential_and_no_key(square: Square) -> None:
    priv = square.town.directory / "var" / "secrets" / "auth"
    priv.write_text("another-key-than-the-agents")
    try:
        line = square.refused("get", "ap-user", "sysName.0")
    finally:
        priv.write_text(SECRETS[1])
    assert line.startswith("ap-user: authentication-failed: ")
    assert "compare credential user with the device" in line


def test_a_failure_stands_in_the_machine_output_too(square: Square) -> None:
    done = square.snmp("get", "ap-dead", "sysName.0", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["failure"]["reason"] == "port-unreachable"


def test_an_unknown_name_is_answered_with_the_nearest(square: Square) -> None:
    assert "did you mean sysName?" in square.refused("get", "ap-real", "sysNmae.0")
    assert "write it dotted" in square.refused("get", "ap-real", "wirelessThings")
    assert "come numbers" in square.refused("get", "ap-real", "ifDescr.eth0")


def test_one_device_is_asked_at_a_time(square: Square) -> None:
    assert "name one, as ap-real" in square.refused("get", "role=ap", "sysName.0")
    assert "did you mean ap-real?" in square.refused("get", "ap-rael", "sysName.0")


def test_pysnmp_gives_the_second_opinion(square: Square) -> None:
    square.town.environ["PLAZA_SNMP_BACKEND"] = "pysnmp"
    try:
        assert square.said("get", "ap-user", "sysName.0") == ["1.3.6.1.2.1.1.5.0  sysName.0  ap-user"]
    finally:
        del square.town.environ["PLAZA_SNMP_BACKEND"]


def test_what_a_person_asks_for_is_asked_though_the_agent_once_lacked_it(square: Square) -> None:
    square.noted(
        lambda connection: snmp.keep_learned(connection, {"ap-real": Learned(missing=(SYS_NAME,))}, 1)
    )
    assert square.said("get", "ap-real", "sysName.0") == ["1.3.6.1.2.1.1.5.0  sysName.0  ap-real"]


# --- walk


def test_a_walk_shows_every_row_in_order(square: Square) -> None:
    with square.bent():
        lines = square.said("walk", "ap-bent", "ifDescr", "ifHCInOctets")
    assert lines == [
        *(f"1.3.6.1.2.1.2.2.1.2.{row}  ifDescr.{row}  eth{row}" for row in range(1, 8)),
        *(f"1.3.6.1.2.1.31.1.1.1.6.{row}  ifHCInOctets.{row}  {(1 << 40) + row}" for row in range(1, 8)),
    ]


def test_a_group_is_walked_as_a_whole(square: Square) -> None:
    lines = square.said("walk", "ap-real", "system")
    assert "1.3.6.1.2.1.1.5.0  sysName.0  ap-real" in lines
    oids = [tuple(map(int, line.split()[0].split("."))) for line in lines]
    assert oids == sorted(oids)


def test_a_walk_of_nothing_says_so(square: Square) -> None:
    assert square.said("walk", "ap-real", "1.3.6.1.4.1.99999") == [
        "1.3.6.1.4.1.99999  the agent has no such object"
    ]


def test_a_walk_that_is_cut_off_says_where_and_keeps_what_it_got(square: Square) -> None:
    with square.bent():
        done = square.snmp("walk", "ap-bent", "ifDescr", "--rows", "3")
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 3
    [line] = done.stderr.splitlines()
    assert line.startswith("ap-bent: stopped early: more than 3 rows at ")
    assert line.endswith("raise --rows")


def test_a_walk_in_a_circle_ends_with_the_reason(square: Square) -> None:
    def circle(asked: Message, mib: Mib) -> Sent:
        again = [((*IF_DESCR, 1), Tag.OCTETS, b"again")] * 2
        return [encode(replace(asked, verb=Verb.RESPONSE, status=0, index=0, varbinds=again))]

    with square.bent(circle):
        done = square.snmp("walk", "ap-bent", "ifDescr")
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 1)
    assert done.stderr.startswith("ap-bent: stopped early: ")
    assert "do not increase" in done.stderr


def test_an_agent_known_to_lack_getbulk_is_walked_without_it(square: Square) -> None:
    square.noted(lambda connection: snmp.keep_learned(connection, {"ap-bent": Learned(bulk=False)}, 1))
    with square.bent(bulk_is_refused) as agent:
        assert len(square.said("walk", "ap-bent", "ifDescr")) == 7
        assert {asked.verb for asked in agent.requests} == {Verb.NEXT}


# --- names of a vendor


ACME = """\
ACME-AP-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises, OBJECT-TYPE FROM SNMPv2-SMI;
acme OBJECT IDENTIFIER ::= { enterprises 99999 } -- a "vendor
acmeClients OBJECT-TYPE
    SYNTAX Gauge32 MAX-ACCESS read-only STATUS current
    DESCRIPTION "lies OBJECT-TYPE ::= { acme 7 }"
    ::= { acme 1 }
END
"""


def test_a_vendors_mib_gives_names_to_ask_for_and_to_read(square: Square, tmp_path: Path) -> None:
    (tmp_path / "acme.mib").write_text(ACME)
    with square.bent(mib={(1, 3, 6, 1, 4, 1, 99999, 1, 0): (Tag.GAUGE32, 12)}):
        for place in (tmp_path, tmp_path / "acme.mib"):
            lines = square.said("get", "ap-bent", "acmeClients.0", "--mib", str(place))
            assert lines == ["1.3.6.1.4.1.99999.1.0  acmeClients.0  12"]


def test_a_file_that_is_no_mib_is_refused(square: Square, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear technician")
    assert "is it a MIB file?" in square.refused("get", "ap-bent", "sysName.0", "--mib", str(tmp_path))


# --- why


def note_down(square: Square, device: str) -> None:
    """A poller that saw it answer at noon in Chihuahua, and then no more."""
    noon = int(datetime(2026, 9, 21, 18, tzinfo=UTC).timestamp())
    up, down = Verdict(State.UP, True, None, ""), Verdict(State.DOWN, False, None, SILENT.detail)
    lesson = Learned(5, 7, 3, False, 9, ((1, 3, 6, 1, 2, 1, 1, 4, 0),), bytes.fromhex("80001f8804"), 3)

    def note(connection: Connection) -> None:
        for table in ("health", "poll_error", "snmp_learned"):
            connection.execute(text(f"DELETE FROM {table}"))
        health.keep(connection, [(device, up, noon)])
        for at in (noon + 30, noon + 60):
            health.keep(connection, [(device, down, at)])
            snmp.keep_errors(connection, [(device, SILENT, at)])
        snmp.keep_learned(connection, {device: lesson}, noon)

    square.noted(note)


def test_why_tells_state_lessons_errors_and_the_next_step_in_local_time(square: Square) -> None:
    note_down(square, "ap-dead")
    report = "\n".join(square.said("why", "ap-dead"))
    for sentence in (
        "ap-dead, Plaza principal de Guachochi; times are those of America/Chihuahua",
        "down since 2026-09-21 12:00:30",
        f"because: {SILENT.detail}",
        "last asked 2026-09-21 12:01:00, last answered 2026-09-21 12:00:00",
        f"asked over SNMP at {NETWORK}.13:{square.port} with credential aps-snmp (snmp-v2c)",
        "profile normal: asked every 5 s",
        "nobody has counted its octets on the wire yet",
        "it does not answer GETBULK: its tables are walked row by row",
        "one request may hold 5 objects, or 7 columns of a table",
        "it does not have sysContact.0",
        "its SNMPv3 engine is 80001f8804, engineBoots 3",
        f"since 2026-09-21 12:00:30, 2 times: no-answer: {SILENT.detail}",
        "1. start Plaza, or see why its poller does not run: plaza doctor",
        "2. see that it has power and link: its lamps, or the switch port that it hangs on",
    ):
        assert sentence in report, report


def test_why_in_machine_output_is_utc(square: Square) -> None:
    note_down(square, "ap-dead")
    [line] = square.said("why", "ap-dead", "--json")
    found = json.loads(line)
    assert (found["state"], found["stale"]) == ("down", True)
    assert found["since"] == "2026-09-21T18:00:30+00:00"
    assert found["answered_at"] == "2026-09-21T18:00:00+00:00"
    assert found["learned"]["missing"] == ["1.3.6.1.2.1.1.4.0"]
    assert found["errors"][0]["times"] == 2
    assert (found["profile"], found["cost"]["interval_s"], found["cost"]["last_day"]) == ("normal", 5, None)


def test_why_of_a_device_nobody_asked_says_so(square: Square) -> None:
    report = "\n".join(square.said("why", "ap-shell"))
    assert "unknown: it was not polled yet" in report
    assert "asked over SSH" in report
    assert "plaza doctor" in report


# --- the poller remembers


def forget_lessons(connection: Connection) -> None:
    """As if no agent had taught us anything."""
    connection.execute(text("DELETE FROM snmp_learned"))


@contextmanager
def polling(place: Town) -> Iterator["subprocess.Popen[bytes]"]:
    """One poller process, killed at the end."""
    program = [sys.executable, "-m", "controller.cli.main", "run", "poller"]
    with (place.directory / "poller.log").open("ab") as log:
        poller = subprocess.Popen(
            program, env=place.environ, cwd=place.directory, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield poller
    finally:
        os.kill(poller.pid, signal.SIGKILL)
        poller.wait()


def test_what_an_agent_taught_us_survives_a_kill_of_the_poller(square: Square) -> None:
    lessons = "SELECT bulk FROM snmp_learned WHERE device = 'ap-bent'"
    square.noted(forget_lessons)
    with square.bent(bulk_is_refused) as agent:
        with polling(square.town):
            wait_for(lambda: square.town.rows(lessons) == [(0,)], "the lesson in the store")
        assert Verb.BULK in {asked.verb for asked in agent.requests}
        agent.requests.clear()
        with polling(square.town):
            wait_for(
                lambda: Verb.NEXT in {asked.verb for asked in agent.requests}, "a walk after the restart"
            )
        assert Verb.BULK not in {asked.verb for asked in agent.requests}


def test_why_knows_what_the_poller_saw_while_it_runs(square: Square) -> None:
    errors = "SELECT times FROM poll_error WHERE device = 'ap-dead' AND reason = 'port-unreachable'"
    with polling(square.town):
        wait_for(lambda: square.town.rows(errors), "the dead device's error")
        wait_for(lambda: square.town.rows(errors)[0][0] >= 2, "its second turn")
        living = "SELECT 1 FROM health WHERE device = 'ap-real' AND state = 'up'"
        wait_for(lambda: square.town.rows(living), "the verdict on the living one")
        broken = "\n".join(square.said("why", "ap-dead"))
        well = "\n".join(square.said("why", "ap-real"))
    assert "start its agent" in broken
    assert len(square.town.rows(errors)) == 1
    assert "up since" in well
    assert well.endswith("What to try next\n  nothing")


def test_an_agent_that_was_replaced_stands_in_the_audit_log(square: Square, tmp_path: Path) -> None:
    known = "SELECT 1 FROM snmp_learned WHERE device = 'ap-swap' AND engine_id != ''"
    told = "SELECT actor, detail FROM audit WHERE action = 'snmp-event' AND subject = 'ap-swap'"
    for number, waited_for in (("01", known), ("02", told)):
        agent = real.snmpd(
            tmp_path / number,
            host=f"{NETWORK}.16",
            port=square.port,
            engine_id=f"0x8000000001020304{number}",
        )
        with agent, polling(square.town):
            wait_for(partial(square.town.rows, waited_for), waited_for)
    [(actor, detail)] = square.town.rows(told)
    assert actor == "plaza poller"
    assert "engineID changed" in json.loads(detail)["event"]


def test_why_of_a_device_that_failed_before_says_from_when_until_when(square: Square) -> None:
    morning = int(datetime(2026, 9, 21, 14, tzinfo=UTC).timestamp())

    def note(connection: Connection) -> None:
        connection.execute(text("DELETE FROM poll_error"))
        hostile = Failure(Reason.ERROR, "said \x1b[31m\n")
        snmp.keep_errors(connection, [("ap-dead", hostile, morning), ("ap-dead", None, morning + 90)])

    square.noted(note)
    report = square.said("why", "ap-dead")
    what = "agent-error: said \N{REPLACEMENT CHARACTER}[31m\\n"
    assert f"  2026-09-21 08:00:00 until 2026-09-21 08:01:30, once: {what}" in report
