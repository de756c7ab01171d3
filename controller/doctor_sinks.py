"""What `plaza doctor` says of each sink: it is asked, never written to."""

import shlex
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Final

from controller.doctor_jobs import works
from controller.errors import SecretError
from controller.finding import Finding, pasteable
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.sink_settings import KINDS, SinkSettings, place_of
from controller.sinks import Standing, open_sink, standing
from metrics.errors import SinkUnavailable, StoreUnusable
from metrics.local.cursors import Cursors
from metrics.local.store import LocalStore
from metrics.looking import Found, Looked

TRY_S: Final = 5.0
"""So long may a server take to answer; all are asked at once."""

BEHIND_S: Final = 900
NEW_S: Final = 86_400
_BOOK: Final = "cursors"
_RESTART: Final = "restart Plaza: it reads [[sinks]] when it starts"

_SAYS: Final[Mapping[Found, str]] = MappingProxyType(
    {
        Found.READY: "answers and takes {what}{there}",
        Found.COMING: "answers and takes {what}; it makes {place} with the first points",
        Found.HIDDEN: "answers and takes {what}; it does not tell whether it has {place}",
        Found.REFUSED: "answers and refuses {what}",
        Found.PLACELESS: "answers, and has no {place}, or does not show it to us",
        Found.POLICYLESS: "answers; {place} is there, without its retention policy {policy}",
        Found.STRANGER: "answers, and not as {server} does",
    }
)


def sinks_looked_at(settings: Settings, now: datetime, try_s: float = TRY_S) -> Iterator[Finding]:
    """Of each sink: whether it would take points, how far it is, and what it refused. Writes nothing."""
    if not settings.sinks:
        yield Finding("sinks", "none, nothing is streamed to a time-series server")
        return
    with ThreadPoolExecutor(len(settings.sinks)) as pool:
        ask = partial(_tried, settings, try_s)
        tried = dict(zip(settings.sinks, pool.map(ask, settings.sinks), strict=True))
    try:
        samples = _opened(settings)
    except StoreUnusable as error:
        yield from tried.values()
        yield Finding("feed of the sinks", str(error), error.hint)
        return
    for wanted, finding in tried.items():
        yield finding
        yield from _fed(settings, wanted, samples, now)
    if samples is not None:
        samples.close()


def _tried(settings: Settings, try_s: float, wanted: SinkSettings) -> Finding:
    what = f"sink {wanted.name}"
    try:
        sink = open_sink(FileSecrets({}, settings.secrets_dir), wanted, try_s)
    except SecretError as error:
        trouble, _, mend = str(error).removeprefix(f"credential {what}: ").rpartition(", ")
        return Finding(what, trouble, pasteable(mend))
    try:
        looked = sink.look()
    except SinkUnavailable as error:
        path = "/health" if wanted.dialect == "victoriametrics" else "/ping"
        mend = f"curl -sSm 5 {shlex.quote(wanted.url.rstrip('/') + path)}  # does it run there, is url right"
        return Finding(what, error.reason, mend)
    finally:
        sink.close()
    return Finding(what, _said(wanted, looked), _mend(settings, wanted, looked.found))


def _said(wanted: SinkSettings, looked: Looked) -> str:
    place = place_of(wanted.dialect, wanted.bucket)
    said = _SAYS[looked.found].format(
        what="our token" if wanted.token else "requests without a token",
        there=f"; {place} is there" if place else "",
        place=place,
        policy=wanted.bucket.partition("/")[2],
        server=KINDS[wanted.dialect],
    )
    return f"{wanted.url} {said}" + (f": {looked.told}" if looked.told else "")


def _mend(settings: Settings, wanted: SinkSettings, found: Found) -> str:
    """The command, where there is one; empty when it is well."""
    if found is Found.REFUSED:
        return _another_token(settings, wanted)
    if found in {Found.PLACELESS, Found.POLICYLESS}:
        return f"{_making(wanted, found)}  # on that server"
    if found is Found.STRANGER:
        kinds = ", ".join(f"{name} is {server}" for name, server in KINDS.items())
        return f"mend dialect or url of [[sinks]] {wanted.name} in plaza.toml: {kinds}"
    return ""


def _another_token(settings: Settings, wanted: SinkSettings) -> str:
    kind, _, target = wanted.token.partition(":")
    if not target:
        return f'write token = "ref+file:NAME" into [[sinks]] {wanted.name} in plaza.toml, the token there'
    which = "user:password" if wanted.dialect == "v1" else "a token"
    place = place_of(wanted.dialect, wanted.bucket)
    why = f"  # {which} that may read and write {place}".rstrip()
    if kind == "ref+env":
        return f"export {target}=…{why}"
    return f"(umask 077; cat > {shlex.quote(str(settings.secrets_dir / target))}){why}"


def _making(wanted: SinkSettings, found: Found) -> str:
    if wanted.dialect == "v2":
        org = shlex.quote(wanted.org or "ORG")
        return f"influx bucket create --name {shlex.quote(wanted.bucket)} --org {org}"
    database, _, policy = wanted.bucket.partition("/")
    query = f'CREATE DATABASE "{database}"'
    if found is Found.POLICYLESS:
        query = f'CREATE RETENTION POLICY "{policy}" ON "{database}" DURATION INF REPLICATION 1'
    return f"influx -execute {shlex.quote(query)}"


def _opened(settings: Settings) -> LocalStore | None:
    """None before anything was measured: it is not for us to make the store. Raises StoreUnusable."""
    if not settings.samples_url and not settings.samples_dir.exists():
        return None
    return LocalStore.open(settings.samples_place)


def _fed(
    settings: Settings, wanted: SinkSettings, samples: LocalStore | None, now: datetime
) -> Iterator[Finding]:
    what = f"feed of sink {wanted.name}"
    if samples is None:
        yield Finding(what, "nothing was measured yet")
        return
    try:
        fed = works(settings, now)
        if _BOOK not in samples.shelf.names():  # to look would make it
            yield Finding(what, "nothing was sent yet", _RESTART if fed else "")
            return
        at = standing(samples, wanted.name, now)
        yield Finding(what, _how_far(at, fed=fed), _feeding(at) if fed else "")
        if at.refused_lines:
            yield _refused(samples, wanted.name, at.refused_lines, now)
    except StoreUnusable as error:
        yield Finding(what, str(error), error.hint)


def _how_far(at: Standing, *, fed: bool) -> str:
    parts = [f"{at.safe_points} points safe there"]
    waits = f"{at.waiting_batches} batches wait, {at.behind_s} s behind"
    parts.append(waits if at.waiting_batches else "nothing waits")
    if at.failing and at.trouble:
        parts.append(f"it fails since {_at(at.trouble.since.timestamp())}: {at.failing}")
    if not fed:
        parts.append("Plaza does not run")
    return ", ".join(parts)


def _feeding(at: Standing) -> str:
    """What to do while a worker runs; empty when it is well."""
    if at.failing:
        return "plaza sink status  # it is tried again within a minute; once that went well, this is gone"
    if at.waiting_batches and not at.heard_of:
        return _RESTART
    if at.behind_s > BEHIND_S:
        return "plaza sink status  # twice: if the batches that wait do not become fewer, restart Plaza"
    return ""


def _refused(samples: LocalStore, name: str, lines: int, now: datetime) -> Finding:
    """What was refused long ago stays told, and is nobody's fault today."""
    newest = Cursors(samples, name).dead_letters()[-1]
    found = f"{lines} lines for ever, the newest at {_at(newest.refused_at.timestamp())}: {newest.reason}"
    show = f"plaza sink status --refused {name}"
    if (now - newest.refused_at).total_seconds() > NEW_S:
        return Finding(f"refused by sink {name}", f"{found} ({show})")
    return Finding(f"refused by sink {name}", found, f"{show}  # each line with the server's words")


def _at(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
