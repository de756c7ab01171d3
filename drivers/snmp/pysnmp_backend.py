"""pysnmp behind the poller seam, a few polls at a time: slow, and an oracle for our own engine."""

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    ContextData,
    ObjectIdentity,
    ObjectType,
    bulk_cmd,
    get_cmd,
    next_cmd,
)
from pysnmp.proto import errind, rfc1905

from drivers.model import SnmpV1, SnmpV3
from drivers.snmp.ber import Tag, VarBind, Verb
from drivers.snmp.dialogue import Answer, Dialogue
from drivers.snmp.habits import Habits
from drivers.snmp.pysnmp_engines import AUTH_ERRORS, Engines, Session, UnknownProtocol
from drivers.snmp.pysnmp_octets import Tally, Udp6Target, UdpTarget, counted
from drivers.snmp.pysnmp_values import plain
from drivers.snmp.questions import Question
from drivers.snmp.seam import Failure, Learned, PollReply, PollRequest, Reason

_AT_ONCE: Final = 8  # with many more its decoder falls behind and healthy agents seem dead


_ABSENT: Final = (
    (rfc1905.NoSuchObject, Tag.NO_SUCH_OBJECT),
    (rfc1905.NoSuchInstance, Tag.NO_SUCH_INSTANCE),
    (rfc1905.EndOfMibView, Tag.END_OF_MIB_VIEW),
)


class _Stopped(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


class PysnmpPoller:
    """Implements `seam.Poller`; `at_once` bounds the polls in the air. Timeouts are those of the request."""

    def __init__(
        self,
        learned: Mapping[str, Learned] = MappingProxyType({}),
        at_once: int = _AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._learned = learned
        self._clock = clock
        self._places = asyncio.Semaphore(at_once)
        self._engines = Engines(clock)
        self._habits: dict[str, Habits] = {}
        self._running: set[asyncio.Task[PollReply]] = set()
        self._closed = False

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """See `seam.Poller`."""
        tasks = {asyncio.create_task(self._place(request)) for request in requests}
        self._running |= tasks
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()
            self._running -= tasks

    async def close(self) -> None:
        """Release the sockets; polls in flight end with TIMEOUT."""
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._engines.close()

    async def _place(self, request: PollRequest) -> PollReply:
        try:
            async with self._places:
                return await self._poll(request)
        except asyncio.CancelledError:
            if not self._closed:
                raise
            return PollReply(request.device, failure=Failure(Reason.TIMEOUT, "the poller was closed"))

    async def _poll(self, request: PollRequest) -> PollReply:
        habits = self._habits.get(request.device)
        if habits is None:
            habits = self._habits[request.device] = Habits(self._learned.get(request.device, Learned()))
        dialogue = Dialogue(request, habits, bulk=not isinstance(request.credentials, SnmpV1))
        started = self._clock()
        talk = _Talk(request, self._engines)
        failure: Failure | None = None
        try:
            async with asyncio.timeout(request.deadline_s):
                while (question := dialogue.question()) is not None:
                    dialogue.hear(await talk.ask(question))
        except _Stopped as stopped:
            failure = stopped.failure
        except TimeoutError:
            failure = Failure(Reason.TIMEOUT, f"{request.endpoint} took longer than {request.deadline_s} s")
        octets = (talk.octets.sent, talk.octets.received)
        return dialogue.reply(failure, self._clock() - started, talk.most_tries, 0, octets)


class _Talk:
    """Questions of one poll through pysnmp, with our own tries."""

    def __init__(self, request: PollRequest, engines: Engines) -> None:
        self._request = request
        self._engines = engines
        self._tries = 0
        self.most_tries = 1
        self.octets = Tally()

    async def ask(self, question: Question) -> Answer:
        """The answer. Raises _Stopped."""
        self._tries = 0
        credentials = self._request.credentials
        try:
            session = self._engines.session(credentials)
            for _ in range(self._request.retries + 1):
                if (answer := await self._try(session, question)) is not None:
                    return answer
            fresh = self._engines.renew(credentials, self._request.device)
            if fresh is not None and (answer := await self._renewed(fresh, question)) is not None:
                return answer
        except UnknownProtocol as error:
            raise _Stopped(Failure(Reason.UNSUPPORTED, str(error))) from error
        except PySnmpError as error:
            raise _Stopped(Failure(Reason.ERROR, f"pysnmp cannot poll: {type(error).__name__}")) from error
        detail = f"no answer from {self._request.endpoint} in {self._tries} tries; is it on?"
        raise _Stopped(Failure(Reason.TIMEOUT, detail))

    async def _renewed(self, fresh: Session, question: Question) -> Answer | None:
        answer = None
        try:
            answer = await self._try(fresh, question)
        finally:
            if answer is None:
                self._engines.discard(fresh)
        if answer is not None:
            self._engines.adopt(self._request.credentials, fresh)
        return answer

    async def _try(self, session: Session, question: Question) -> Answer | None:
        """None when nobody answered in time."""
        self._tries += 1
        self.most_tries = max(self.most_tries, self._tries)
        try:
            async with asyncio.timeout(self._request.timeout_s):
                indication, status, index, varbinds = await self._command(session, question)
        except TimeoutError:
            return None
        if isinstance(indication, errind.RequestTimedOut):
            return None
        if indication is not None:
            reason = Reason.AUTH if isinstance(indication, AUTH_ERRORS) else Reason.ERROR
            raise _Stopped(Failure(reason, f"{self._request.endpoint}: {indication}"))
        session.peers.add(self._request.device)
        return Answer(int(status), int(index), _varbinds(varbinds))

    async def _command(self, session: Session, question: Question) -> Any:
        objects = [ObjectType(ObjectIdentity(oid)) for oid in question.oids]
        credentials = self._request.credentials
        context = ContextData(contextName=credentials.context if isinstance(credentials, SnmpV3) else "")
        target = await self._target()
        start = (session.engine, session.auth, target, context)
        with counted(target, self.octets):
            if question.verb == Verb.BULK:
                return await bulk_cmd(*start, 0, question.repetitions, *objects, lookupMib=False)
            command = get_cmd if question.verb == Verb.GET else next_cmd
            return await command(*start, *objects, lookupMib=False)

    async def _target(self) -> Any:
        endpoint = self._request.endpoint
        try:
            ipv6 = ipaddress.ip_address(endpoint.host).version == 6
        except ValueError:
            ipv6 = False
        kind = Udp6Target if ipv6 else UdpTarget
        address = (endpoint.host, endpoint.port)
        return await kind.create(address, timeout=self._request.timeout_s, retries=0)


def _varbinds(found: Iterable[tuple[Any, Any]]) -> list[VarBind]:
    return [(tuple(name), _tag(value), plain(value)) for name, value in found]


def _tag(value: Any) -> int:
    """The tag of what stands for "not there"; of a value nobody asks for it."""
    return next((int(tag) for kind, tag in _ABSENT if isinstance(value, kind)), 0)
