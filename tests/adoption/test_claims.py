"""What the edge answers a new device: all to the right one, once, and the same nothing to all others."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from captive_portal.sessions import StoredSessions
from controller import inventory_edit, worker
from controller.access import pinned
from controller.adoption import public_key
from controller.adoption.claims import ClaimKind, Claims, Ticket, load_claims
from controller.adoption.current import Current
from controller.adoption.tokens import ANSWER, HASHES, QUESTION, Identity, genuine, pads, sign, token_of
from controller.adoption.wire import MAX_OCTETS
from controller.app import App, build
from controller.edge.app import create_app
from controller.edge.claiming import MAX_REFUSALS, claiming_of
from controller.errors import AdoptionError
from controller.settings import load
from controller.store.tables import audit, claims, device_facts
from drivers.model import Secret
from tests.adoption.factory import MAC, NAME, Office
from tests.configure.desk import utc_now

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILYuAk/sm1T7B2HdZV/rXHv+MYBX83bF3NgT0Ac7pgLI"
OTHER_MAC = "02:00:5e:10:00:02"


class Counter:
    """The edge's counter, with a clock that a test moves on."""

    def __init__(self, office: Office) -> None:
        self.app: App = build(load({}, office.folder))
        self.claims: Claims = load_claims(self.app.engine, office.folder / "var")
        self.now: datetime = utc_now()
        claiming = claiming_of(self.app, lambda: self.now)
        self.client: FlaskClient = create_app(
            {}, StoredSessions(self.app.engine), utc_now, claiming
        ).test_client()

    def ticket(self, kind: ClaimKind = ClaimKind.ADOPT) -> Ticket:
        """As `plaza adopt token`."""
        return self.claims.issue(self.app.inventory.devices[NAME], kind, "tecnica", self.now)

    def ask(self, ticket: Ticket, step: str = "hello", **changed: Any) -> tuple[int, str]:
        """As the device does."""
        return self.post(question(ticket, step, **changed))

    def post(self, body: bytes, address: str = "10.0.0.7") -> tuple[int, str]:
        """From an address."""
        said = self.client.post("/adopt/claim", data=body, environ_base={"REMOTE_ADDR": address})
        return said.status_code, said.get_data(as_text=True)

    def refused(self) -> tuple[int, str]:
        """What everybody hears who has no claim."""
        return self.post(b"who knows", "10.0.0.99")


def question(ticket: Ticket, step: str = "hello", digits: int = 64, **changed: Any) -> bytes:
    """Signed by the device's token, whatever is changed in it."""
    lines = {
        "step": step,
        "claim": ticket.identity.claim,
        "device": ticket.identity.device,
        "mac": ticket.identity.mac,
        "model": "Acme",
        "version": "23.05",
        "serial": "S-77",
        "hostkey": KEY,
    } | changed
    text = "\n".join(["plaza-claim-1", *(f"{key}={value}" for key, value in lines.items())])
    return f"{text}\nsignature={sign(ticket.token, QUESTION, text.encode(), digits)}".encode()


@pytest.fixture
def counter(expecting: Office) -> Iterator[Counter]:
    """Open."""
    made = Counter(expecting)
    yield made
    made.app.engine.dispose()


@pytest.mark.parametrize("digits", [64, 128])
def test_the_right_device_learns_our_key_and_is_pinned_when_it_is_done(counter: Counter, digits: int) -> None:
    ticket = counter.ticket()
    status, said = counter.post(question(ticket, "hello", digits))
    text, _, signature = said.rstrip("\n").rpartition("\nsignature=")
    device = counter.app.inventory.devices[NAME]
    assert status == 200
    assert text.split("\n")[1:] == ["step=hello", f"key={public_key.of_device(counter.app.secrets, device)}"]
    assert genuine(ticket.token, ANSWER, text.encode(), signature)
    assert pinned(counter.app.engine, NAME) is None
    assert counter.post(question(ticket, "done", digits))[0] == 200
    key = pinned(counter.app.engine, NAME)
    assert key is not None
    assert f"{key.kind} {key.public_key}" == KEY
    with counter.app.engine.connect() as connection:
        facts = connection.execute(select(device_facts)).one()
    assert (facts.device, facts.model, facts.serial) == (NAME, "Acme", "S-77")


def test_what_a_device_says_of_itself_is_kept_without_what_moves_a_terminal(counter: Counter) -> None:
    said = "Ac\x1b[31mme\x07\u202e\u2028" + "x" * 99
    assert counter.ask(counter.ticket(), "done", model=said, serial="S\r-77", version="\x9b2J1")[0] == 200
    with counter.app.engine.connect() as connection:
        facts = connection.execute(select(device_facts)).one()
        (detail,) = connection.execute(select(audit.c.detail).where(audit.c.action == "claimed")).scalars()
    assert facts.model == ("Ac[31mme" + "x" * 99)[:64]
    assert (facts.serial, facts.version) == ("S-77", "2J1")
    assert str(detail).isprintable()


def test_a_claim_is_used_once(counter: Counter) -> None:
    ticket = counter.ticket()
    body = question(ticket, "done")
    assert counter.post(body)[0] == 200
    assert counter.post(body) == counter.refused()
    assert counter.ask(ticket, "hello") == counter.refused()


def test_of_many_at_once_one_is_taken_in(counter: Counter) -> None:
    body = question(counter.ticket(), "done")
    heard: list[int] = []
    ask = partial(threading.Thread, target=lambda: heard.append(counter.post(body)[0]), daemon=True)
    threads = [ask() for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(heard) == len(threads)
    assert heard.count(200) == 1
    assert set(heard) <= {200, 403, 503}


def test_a_day_later_it_is_over(counter: Counter) -> None:
    ticket = counter.ticket()
    counter.now += timedelta(hours=24) - timedelta(seconds=1)
    assert counter.ask(ticket)[0] == 200
    counter.now += timedelta(seconds=1)
    assert counter.ask(ticket) == counter.ask(ticket, "done") == counter.refused()


def test_a_new_token_ends_the_one_before(counter: Counter) -> None:
    old, new = counter.ticket(), counter.ticket()
    assert counter.ask(old) == counter.ask(old, "done") == counter.refused()
    assert counter.ask(new, "done")[0] == 200


def test_another_mac_another_name_and_another_claim_are_refused_alike(counter: Counter) -> None:
    ticket = counter.ticket()
    for changed in ({"mac": OTHER_MAC}, {"device": "ap-otra"}, {"claim": "0" * 32}):
        assert counter.ask(ticket, "done", **changed) == counter.refused()
    elsewhere = Identity(ticket.identity.claim, NAME, OTHER_MAC)
    moved = Ticket(elsewhere, token_of(counter.claims.master, elsewhere), ticket.expires_at)
    assert counter.ask(moved, "done") == counter.refused()  # even signed with the token of that MAC


def test_a_device_whose_mac_the_inventory_corrected_is_refused(counter: Counter, expecting: Office) -> None:
    ticket = counter.ticket()
    inventory_edit.set_key(expecting.inventory, NAME, "mac", OTHER_MAC)
    assert counter.ask(ticket, "done") == counter.refused()


def test_a_device_that_is_active_is_not_taken_in_again(counter: Counter, expecting: Office) -> None:
    ticket = counter.ticket()
    inventory_edit.set_key(expecting.inventory, NAME, "state", "active")
    assert counter.ask(ticket, "done") == counter.refused()
    device = replace(
        counter.app.inventory.devices[NAME],
        state=Current(expecting.inventory).inventory().devices[NAME].state,
    )
    with pytest.raises(AdoptionError, match="its state is active"):
        counter.claims.issue(device, ClaimKind.ADOPT, "tecnica", counter.now)
    assert counter.claims.issue(device, ClaimKind.REPLACE, "tecnica", counter.now)


def test_whatever_is_changed_on_the_way_is_refused(counter: Counter) -> None:
    body = question(counter.ticket(), "done")
    for before, after in ((b"S-77", b"S-78"), (b"AAAAC3", b"AAAAC4"), (b"step=done", b"step=hello")):
        assert counter.post(body.replace(before, after)) == counter.refused()
    assert counter.post(body[:-1] + (b"0" if body[-1:] != b"0" else b"1")) == counter.refused()
    assert counter.post(body)[0] == 200


def test_each_claim_device_and_mac_has_a_token_of_its_own() -> None:
    identities = [
        Identity("0" * 32, NAME, MAC),
        Identity("1" * 32, NAME, MAC),
        Identity("0" * 32, "ap-otra", MAC),
        Identity("0" * 32, NAME, OTHER_MAC),
    ]
    masters = (b"m" * 32, b"n" * 32)
    assert len({token_of(master, identity) for master in masters for identity in identities}) == 8


@pytest.mark.parametrize("digits", [64, 128])
def test_pads_are_printable_and_make_the_same_signature(digits: int) -> None:
    token = token_of(b"m" * 32, Identity("0" * 32, NAME, MAC))
    keys, digest = pads(token, digits), HASHES[digits]
    assert (keys.inner + keys.outer).isprintable()
    half = digest(keys.inner.encode() + QUESTION.encode() + b"\nx").digest()
    assert digest(keys.outer.encode() + half).hexdigest() == sign(token, QUESTION, b"x", digits)


def test_the_worker_writes_into_the_inventory_who_was_claimed(
    counter: Counter, expecting: Office, caplog: pytest.LogCaptureFixture
) -> None:
    (job,) = [each for each in worker.jobs(counter.app, utc_now) if each.name == "move claimed devices on"]
    ticket, before = counter.ticket(), expecting.inventory.read_text()
    job.work()
    assert expecting.inventory.read_text() == before
    counter.ask(ticket, "done")
    expecting.inventory.write_text(before + "nonsense: 1\n")
    job.work()
    job.work()
    assert caplog.text.count("a claimed device is still expected") == 1
    expecting.inventory.write_text(before)
    job.work()
    assert expecting.inventory.read_text() == before.replace("state: expected", "state: staging")
    with counter.app.engine.connect() as connection:
        last = connection.execute(select(audit).order_by(audit.c.seq.desc())).first()
    assert last is not None
    assert (last.actor, last.action, last.subject) == ("plaza worker", "state-changed", NAME)


def test_an_answer_is_no_question_and_a_question_no_answer() -> None:
    token = Secret("a" * 64)
    assert not genuine(token, ANSWER, b"x", sign(token, QUESTION, b"x"))


def test_who_is_refused_too_often_waits_a_minute_and_nobody_else_does(counter: Counter) -> None:
    body = question(counter.ticket())
    heard = {counter.post(b"no", "10.0.0.8")[0] for _ in range(MAX_REFUSALS)}
    assert heard == {403}
    assert counter.post(body, "10.0.0.8")[0] == 429
    assert counter.post(body, "10.0.0.9")[0] == 200
    counter.now += timedelta(seconds=61)
    assert counter.post(body, "10.0.0.8")[0] == 200


def test_a_body_that_is_too_large_is_not_read(counter: Counter) -> None:
    assert counter.post(b"x" * (MAX_OCTETS + 1))[0] == 413


def test_nothing_written_down_holds_the_token(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ticket = counter.ticket()
    counter.ask(ticket, "hello")
    counter.ask(ticket, "done")
    counter.ask(ticket, "done")
    keys = pads(ticket.token)
    with counter.app.engine.connect() as connection:
        rows = [*connection.execute(select(claims)), *connection.execute(select(audit))]
    said = " ".join(map(str, (*rows, *(record.__dict__ for record in caplog.records), ticket, keys)))
    assert [record.message for record in caplog.records if record.name.endswith("claiming")] == [
        "claim accepted",
        "claim accepted",
        "claim refused",
    ]
    for secret in (ticket.token.reveal(), keys.inner, keys.outer, repr(keys.inner)[1:-1]):
        assert secret not in said


def test_the_audit_log_tells_who_and_when(counter: Counter) -> None:
    counter.ticket()
    counter.ask(counter.ticket(), "done")
    with counter.app.engine.connect() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("tecnica", "claim-issued", NAME),
        ("tecnica", "claim-issued", NAME),
        (f"device {NAME}", "claimed", NAME),
        (f"device {NAME}", "host-key-pinned", NAME),
    ]
    assert [MAC in row.detail for row in rows] == [True, True, True, False]


def test_an_inventory_with_a_mistake_makes_the_device_try_again(counter: Counter, expecting: Office) -> None:
    ticket = counter.ticket()
    sound = expecting.inventory.read_text()
    expecting.inventory.write_text(sound + "nonsense: 1\n")
    assert counter.ask(ticket)[0] == 503
    expecting.inventory.write_text(sound)
    assert counter.ask(ticket, "done")[0] == 200
