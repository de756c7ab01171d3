"""From a notice to a poll now: whom it concerns, how soon, and what is told about the rest."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controller.errors import ControllerError, PortTaken
from controller.notices import Hurry, Neighbours, addresses_of, attend, identity, tell
from controller.poller import Polled, Targets, turn
from controller.settings import Settings
from drivers.definition import load_platforms
from drivers.model import (
    Device,
    Endpoint,
    HttpLogin,
    PollBy,
    Role,
    Secret,
    SnmpCredentials,
    SnmpV2c,
    SnmpV3,
    SshLogin,
)
from drivers.snmp.engine import Engine
from drivers.snmp.notice import Counts, Notice, NoticeKind
from drivers.snmp.seam import Learned
from tests.snmp import senders
from tests.snmp.hostile import Agent
from tests.snmp.senders import COLD_START, LINK_DOWN, community, user
from tests.snmp.snmpd import USER, free_port, snmpd

PUBLIC = SnmpV2c(Secret("public"))
COMMUNITY = community("2c", "public")
HOUR_S = 3600
PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Known:
    """Secrets by name."""

    found: Mapping[str, SnmpCredentials]

    def of(self, _device: Device) -> "Known":
        return self

    def snmp(self, name: str) -> SnmpCredentials:
        """Credentials for polling."""
        return self.found[name]

    def ssh(self, name: str) -> SshLogin:
        """Credentials for configuring."""
        return SshLogin("root")

    def http(self, name: str) -> HttpLogin:
        """Credentials for devices asked over HTTPS."""
        return HttpLogin("root")

    def passphrase(self, name: str) -> Secret:
        """A Wi-Fi passphrase."""
        return Secret(name)


SECRETS = Known({"public": PUBLIC, "other": SnmpV2c(Secret("other")), "user": USER})


def device(
    name: str, host: str, port: int = 161, *, poll: PollBy = PollBy.SNMP, secret: str = "public"
) -> Device:
    """An access point whose agent is there."""
    place, nowhere = Endpoint(host, port), Endpoint(host, 1)
    return Device(
        name,
        Role.AP,
        "08027",
        "08027-plaza",
        "generic",
        "192.168.88.2",
        place,
        nowhere,
        nowhere,
        secret,
        poll=poll,
    )


def targets(*devices: Device) -> Targets:
    """Those devices."""
    return Targets.of(devices, load_platforms(), SECRETS)


def notice(source: str, kind: NoticeKind = NoticeKind.LINK_DOWN) -> Notice:
    """One that was believed."""
    return Notice(source, kind, (1, 3), {})


def test_everybody_behind_one_address_is_concerned_and_nobody_else() -> None:
    found = Neighbours.of(
        targets(
            device("ap-1", "192.0.2.1", 1161),
            device("ap-2", "192.0.2.1", 2161, secret="other"),
            device("ap-3", "192.0.2.1", poll=PollBy.SSH),
            device("ap-4", "192.0.2.4"),
        ),
        addresses_of,
    )
    assert found.names == {"192.0.2.1": ["ap-1", "ap-2", "ap-3"], "192.0.2.4": ["ap-4"]}
    assert found.credentials["192.0.2.1"] == [PUBLIC, SECRETS.found["other"]]
    hurry = Hurry(found.names)
    hurry.hear(notice("192.0.2.1"))
    assert hurry.take() == {"ap-1", "ap-2", "ap-3"}
    assert hurry.take() == set()


def test_a_refused_community_makes_nobody_poll_for_our_own_polls_cause_it() -> None:
    hurry = Hurry({"192.0.2.1": ["ap-1"]})
    hurry.hear(notice("192.0.2.1", NoticeKind.AUTHENTICATION_FAILURE))
    assert hurry.take() == set()
    hurry.hear(notice("192.0.2.1", NoticeKind.VENDOR))
    assert hurry.take() == {"ap-1"}


def test_a_host_name_is_every_address_it_has_and_an_unknown_one_none() -> None:
    named = {"gateway.example": ["192.0.2.1", "2001:DB8::1"]}
    found = Neighbours.of(
        targets(device("ap-1", "gateway.example"), device("ap-2", "nowhere.example")),
        lambda host: named.get(host, []),
    )
    assert set(found.names) == {"192.0.2.1", "2001:db8::1"}
    assert "127.0.0.1" in addresses_of("localhost")
    assert addresses_of("no-such-host.invalid") == []


def test_we_are_the_same_engine_after_a_restart_with_one_boot_more(tmp_path: Path) -> None:
    first, second = identity(tmp_path), identity(tmp_path)
    assert first.engine_id == second.engine_id
    assert (first.boots, second.boots) == (1, 2)
    assert 5 <= len(first.engine_id) <= 32
    assert first.engine_id[0] & 0x80
    assert (tmp_path / "snmp-engine.json").stat().st_mode & 0o777 == 0o600


def test_boots_that_are_used_up_make_another_engine(tmp_path: Path) -> None:
    first = identity(tmp_path)
    text = json.dumps({"engine_id": first.engine_id.hex(), "boots": 2**31 - 2})
    (tmp_path / "snmp-engine.json").write_text(text)
    assert identity(tmp_path).engine_id != first.engine_id


@pytest.mark.parametrize("text", ["", "{}", '{"engine_id": "xyz", "boots": 1}', "[1]"])
def test_a_damaged_identity_is_one_line_with_the_fix(tmp_path: Path, text: str) -> None:
    (tmp_path / "snmp-engine.json").write_text(text)
    with pytest.raises(ControllerError, match=r"snmp-engine\.json: .*; delete it"):
        identity(tmp_path)


@dataclass
class Town:
    """A running poller of these targets, listening; `polls` counts the finished ones of each device."""

    settings: Settings
    targets: Targets
    learned: Mapping[str, Learned] = field(default_factory=dict)
    polls: dict[str, list[Polled]] = field(default_factory=dict)

    def keep(self, batch: Sequence[Polled]) -> None:
        """Remember them."""
        for one in batch:
            self.polls.setdefault(one.device.name, []).append(one)

    async def poll(self, interval_s: int = HOUR_S) -> None:
        """Until cancelled."""
        engine = Engine()
        try:
            async with attend(self.settings, self.targets, engine, self.learned) as (hearing, hurried):
                await turn(self.targets, hearing, self.keep, interval_s, 100, hurried)
        finally:
            await engine.close()

    async def until_polled(self, name: str, times: int = 1) -> Polled:
        """Its last poll, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.polls.get(name, [])) < times:
                await asyncio.sleep(0.02)
        return self.polls[name][-1]

    async def tell(self, state: Path, options: Sequence[str], what: Sequence[str] = LINK_DOWN) -> int:
        """An inform to this town: 0 when it was acknowledged."""
        host, _, port = self.settings.trap_listen.partition(":")
        to = Endpoint(host, int(port))
        return await asyncio.to_thread(senders.send, state, to, options, what, inform=True)


def settings(directory: Path, listen: str = "") -> Settings:
    """Of a town that listens on a port of its own."""
    return Settings(data_dir=directory, trap_listen=listen or f"127.0.0.1:{free_port()}")


@contextmanager
def agents(count: int) -> Iterator[list[Agent]]:
    """Real agents on the loopback."""
    with ExitStack() as stack:
        yield [stack.enter_context(Agent()) for _ in range(count)]


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel it and wait for its end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_link_that_goes_down_is_polled_now_and_not_an_hour_later(tmp_path: Path) -> None:
    async def run() -> None:
        with agents(2) as (behind, beside):
            town = Town(
                settings(tmp_path),
                targets(device("ap-1", behind.host, behind.port), device("ap-2", "127.0.0.1", beside.port)),
            )
            task = asyncio.create_task(town.poll())
            assert await town.tell(tmp_path, COMMUNITY) == 0
            for name in ("ap-1", "ap-2"):  # both stand behind one address
                polled = await town.until_polled(name)
                assert polled.verdict.agent_answers
            await stopped(task)
        assert [len(polls) for polls in town.polls.values()] == [1, 1]

    asyncio.run(run())


def test_a_notice_that_is_not_believed_makes_nobody_poll(tmp_path: Path) -> None:
    async def run() -> None:
        with agents(1) as [agent]:
            town = Town(settings(tmp_path), targets(device("ap-1", agent.host, agent.port)))
            task = asyncio.create_task(town.poll())
            assert await town.tell(tmp_path, community("2c", "guessed")) != 0
            await stopped(task)
        assert town.polls == {}
        assert agent.requests == []

    asyncio.run(run())


def test_the_engine_a_poll_has_learned_is_believed_in_traps(tmp_path: Path) -> None:
    async def run() -> None:
        with snmpd(tmp_path, engine_id="0x80001f880411223344") as agent:
            town = Town(settings(tmp_path), targets(device("ap-1", agent.host, agent.port, secret="user")))
            task = asyncio.create_task(town.poll())
            assert await town.tell(tmp_path / "informs", user(USER)) == 0
            polled = await town.until_polled("ap-1")
            assert polled.learned is not None
            host, _, port = town.settings.trap_listen.partition(":")
            clock = f"{polled.learned.boots},60"
            trap = ["-e", polled.learned.engine_id.hex(), "-Z", clock, *user(USER)]
            to = Endpoint(host, int(port))
            assert await asyncio.to_thread(senders.send, tmp_path / "traps", to, trap, COLD_START) == 0
            await town.until_polled("ap-1", times=2)
            await stopped(task)

    asyncio.run(run())


def test_the_engine_of_an_earlier_run_is_believed_in_traps(tmp_path: Path) -> None:
    learned = {"ap-1": Learned(engine_id=bytes.fromhex("80001f880411223344"), boots=1), "gone": Learned()}

    async def run() -> None:
        town = Town(
            settings(tmp_path), targets(device("ap-1", "127.0.0.1", free_port(), secret="user")), learned
        )
        task = asyncio.create_task(town.poll())
        host, _, port = town.settings.trap_listen.partition(":")
        trap = ["-e", "80001f880411223344", *user(USER)]
        to = Endpoint(host, int(port))
        async with asyncio.timeout(PATIENCE_S):
            while "ap-1" not in town.polls:  # a trap that comes before we listen is lost, as any is
                await asyncio.to_thread(senders.send, tmp_path / "traps", to, trap, COLD_START)
        await stopped(task)

    asyncio.run(run())


def test_a_flood_of_20000_from_a_stranger_costs_no_device_its_turn(tmp_path: Path) -> None:
    async def run() -> None:
        with agents(8) as some:
            listen = f"0.0.0.0:{free_port()}"
            town = Town(
                settings(tmp_path, listen),
                targets(*(device(f"ap-{n}", one.host, one.port) for n, one in enumerate(some))),
            )
            task = asyncio.create_task(town.poll(interval_s=1))
            await town.until_polled("ap-0")
            before = {name: len(polls) for name, polls in town.polls.items()}
            flood = threading.Thread(target=pour, args=(int(listen.rpartition(":")[2]), 20_000))
            flood.start()
            for name in sorted(town.targets.devices):
                await town.until_polled(name, times=before.get(name, 0) + 3)
            flood.join()
            await stopped(task)
        for name, polls in town.polls.items():
            slots = [one.at for one in polls]
            assert slots == list(range(slots[0], slots[0] + len(slots))), name
            assert all(one.failure is None for one in polls)

    asyncio.run(run())


def pour(port: int, datagrams: int) -> None:
    """Send from an address that no device has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.99", 0))
        for _ in range(datagrams):
            made.sendto(b"\x30\x03\x02\x01\x01", ("127.0.0.1", port))


def test_what_was_not_believed_is_told_in_numbers_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "controller.notices")

    async def run() -> None:
        counts = Counts(strangers=5)
        telling = asyncio.create_task(tell(counts, every_s=0.01))
        await asyncio.sleep(0)
        counts.strangers, counts.surplus, counts.heard = 12, 3, 2
        while not caplog.records:
            await asyncio.sleep(0.01)
        counts.heard = 4
        await stopped(telling)

    asyncio.run(run())
    first, last = caplog.records
    assert (first.message, first.levelname) == ("notices not believed", "WARNING")
    assert (first.strangers, first.disbelieved, first.surplus, first.heard) == (7, 0, 3, 2)  # type: ignore[attr-defined]
    assert (last.message, last.levelname) == ("notices heard", "INFO")


def test_an_empty_setting_listens_nowhere(tmp_path: Path) -> None:
    async def run() -> None:
        engine = Engine()
        nowhere = Settings(data_dir=tmp_path, trap_listen="")
        async with attend(nowhere, targets(), engine, {}) as (hearing, hurried):
            assert hearing is engine
            assert list(hurried()) == []
        await engine.close()

    asyncio.run(run())
    assert not (tmp_path / "snmp-engine.json").exists()


def test_a_taken_port_is_one_line_with_the_fix(tmp_path: Path) -> None:
    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            taken = settings(tmp_path, f"127.0.0.1:{other.getsockname()[1]}")
            engine = Engine()
            with pytest.raises(PortTaken, match="PLAZA_TRAP_LISTEN") as caught:
                async with attend(taken, targets(), engine, {}):
                    raise AssertionError("listening")
            assert "\n" not in str(caught.value)
            await engine.close()

    asyncio.run(run())


def test_snmp_v3_credentials_are_needed_for_an_engine_to_be_known(tmp_path: Path) -> None:
    learned = {"ap-1": Learned(engine_id=b"\x80" * 9, boots=1)}

    async def run() -> None:
        engine = Engine()
        async with attend(settings(tmp_path), targets(device("ap-1", "127.0.0.1")), engine, learned):
            pass
        await engine.close()

    asyncio.run(run())
    assert isinstance(SECRETS.found["user"], SnmpV3)
