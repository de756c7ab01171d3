"""Runs the citizen probe of a site, in a process of its own, and keeps what it found last."""

import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Event, Thread
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine, select

from captive_portal import own_probe
from captive_portal.tables import insert
from controller.app import App
from controller.errors import SecretError, SelectorError
from controller.model import Inventory, Site, Uplink, UplinkKind
from controller.secrets import site_key
from controller.store.engine import READ_ONLY
from controller.store.tables import probes
from drivers.probe.report import ENTERING, Finding, Step, Went, decisive, works

WITHIN_S: Final = 60.0
_PROBE: Final = (sys.executable, "-P", "-m", "drivers.probe")  # -P: what runs as root is not taken from here
_SLACK_S: Final = 10.0
_MANNERS_S: Final = 5.0
_GLANCE_S: Final = 0.2

MOST_OCTETS: Final = 256_000
"""Of one download, enough to tell a rate."""

MOST_OCTETS_BY_SATELLITE: Final = 64_000
LEAST_OCTETS: Final = 32_000
"""Less tells no rate, and is left out."""

SHARE_OF_CAP: Final = 0.005
"""Of what a site's contract carries in a month, for the downloads of all its probes."""

_MINUTES_OF_MONTH: Final = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Errand:
    """A visit to make: where, what the probe is told, and why it only looks: "" where it goes in."""

    interface: str
    options: tuple[str, ...] = ()
    only_looks: str = ""


@dataclass(frozen=True, slots=True)
class Last:
    """The last probe of a site: `works` None where it could not be tried; `detail` says why it does not.

    `since` is when `works` became what it is; `rtt_ms` and `down_bps` are None where nobody measured them.
    """

    works: bool | None
    step: str
    detail: str
    took_ms: int
    at: int
    since: int
    rtt_ms: int | None = None
    down_bps: int | None = None


def site_to_probe(inventory: Inventory, key: str) -> Site:
    """A site that can be probed from here. Raises SelectorError."""
    site = inventory.sites.get(key)
    if site is None:
        raise SelectorError(f"no site is called {key!r}; see sites in the inventory")
    if not site.probe:
        mend = f"write sites.{key}.probe with the interface of this machine that is in its guests' network"
        raise SelectorError(f"no probe can run at {key}; {mend}")
    return site


def errand(app: App, site: Site, at: int) -> Errand:
    """The whole way at a UTC epoch second, or to the portal's page where a probe cannot, or may not, enter.

    The MAC is one by which the portal knows the probe, so that no figure counts it as a citizen.
    """
    try:
        key = site_key(app.secrets.gateway(site.portal.gateway_credentials), site.key)
    except SecretError as error:
        return Errand(site.probe, only_looks=f"without the site's key it would count as a citizen: {error}")
    options = ("--mac", own_probe.mac_at(key, site.key, at))
    if site.portal.vouchers:
        return Errand(site.probe, options, "the site wants a voucher, and a probe has none")
    octets = download_octets(site.uplink, app.settings.probe_minutes)
    loads = ("--page", app.settings.probe_url, "--octets", str(octets))
    return Errand(site.probe, (*options, "--enter", *(loads if app.settings.probe_url and octets else ())))


def looking(wanted: Errand) -> Errand:
    """The same as far as the portal's page."""
    kept = wanted.options[:2]
    return wanted if wanted.only_looks else Errand(wanted.interface, kept, "it was asked to")


def download_octets(uplink: Uplink, every_min: int) -> int:
    """What one probe of a site may download to tell the rate; 0 where that would be too little."""
    most = MOST_OCTETS_BY_SATELLITE if uplink.kind is UplinkKind.SATELLITE else MOST_OCTETS
    if uplink.cap_gb is not None:
        most = min(most, int(uplink.cap_gb * 1e9 * SHARE_OF_CAP * every_min / _MINUTES_OF_MONTH))
    return most if most >= LEAST_OCTETS else 0


def visit(
    wanted: Errand, within_s: float = WITHIN_S, stop: Event | None = None
) -> Generator[Finding, None, None]:
    """What a citizen would meet there, each step as it is found; over after `within_s`, or at `stop`.

    Needs root, and says so in a finding without it. A probe that breaks is a finding, too.
    """
    command = [*_PROBE, "--interface", wanted.interface, "--within", str(within_s), *wanted.options]
    found: list[Finding] = []
    with TemporaryFile() as errors, Popen(command, stdout=PIPE, stderr=errors, text=True) as child:
        try:
            assert child.stdout is not None  # noqa: S101  a pipe was asked for
            with _bounded(child, within_s + _SLACK_S, stop or Event()):
                for line in child.stdout:
                    found.append(Finding.read(line))
                    yield found[-1]
        except ValueError as error:
            yield Finding(_after(found, wanted), Went.UNTRIED, f"the probe says nonsense: {error}")
            return
        finally:
            _end(child)
        if child.returncode != 0 or not found:
            said = f"the probe itself ended early: {_last_line(errors) or f'exit {child.returncode}'}"
            yield Finding(_after(found, wanted), Went.UNTRIED, said)


def keep(engine: Engine, site: str, findings: Sequence[Finding], at: int) -> Last | None:
    """Make what a probe found durable, in place of the one before, which is given."""
    verdict, spoken = works(findings), decisive(findings)
    row: dict[str, Any] = {
        "site": site,
        "works": None if verdict is None else int(verdict),
        "step": str(spoken.step),
        "detail": "" if verdict else spoken.said,
        "took_ms": round(sum(finding.took_ms or 0 for finding in findings)),
        "probed_at": at,
        "rtt_ms": measured(findings, "rtt_ms"),
        "down_bps": measured(findings, "down_bps"),
    }
    with engine.begin() as connection:
        before = _last(connection, site)
        row["since"] = before.since if before is not None and before.works == verdict else at
        statement = insert(connection, probes)
        changed = {c.name: statement.excluded[c.name] for c in probes.c if c.name != "site"}
        connection.execute(statement.on_conflict_do_update(index_elements=["site"], set_=changed), row)
    return before


def last(engine: Engine, site: str) -> Last | None:
    """What the last probe of a site found; None when there was none."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return _last(connection, site)


def said(findings: Sequence[Finding]) -> str:
    """A probe in one line."""
    verdict, spoken = works(findings), decisive(findings)
    if not verdict:
        return f"{spoken.step}: {spoken.said}"
    if any(finding.step in ENTERING for finding in findings):
        return "a phone gets its address, is sent to the portal, let in and online"
    return "a phone gets its address, is sent to the portal and sees it"


def measured(findings: Iterable[Finding], name: str) -> int | None:
    """The last figure of a name, `rtt_ms` or `down_bps`, in whole units; None where no step has it."""
    found = [value for finding in findings if (value := getattr(finding, name)) is not None]
    return round(found[-1]) if found else None


def _last(connection: Connection, site: str) -> Last | None:
    row = connection.execute(select(probes).where(probes.c.site == site)).one_or_none()
    if row is None:
        return None
    return Last(
        works=None if row.works is None else bool(row.works),
        step=row.step,
        detail=row.detail,
        took_ms=row.took_ms,
        at=row.probed_at,
        since=row.probed_at if row.since is None else row.since,
        rtt_ms=row.rtt_ms,
        down_bps=row.down_bps,
    )


def _after(found: Iterable[Finding], wanted: Errand) -> Step:
    """The step that would have come next."""
    done = {finding.step for finding in found}
    todo = [step for step in Step if step not in ENTERING or not wanted.only_looks]
    return next((step for step in todo if step not in done), todo[-1])


@contextmanager
def _bounded(child: "Popen[str]", within_s: float, stop: Event) -> Generator[None]:
    """Ask the probe to end when its time is over, or when we stop."""
    over = Event()

    def watch() -> None:
        left_s = within_s
        while left_s > 0 and not stop.is_set():
            if over.wait(_GLANCE_S):
                return
            left_s -= _GLANCE_S
        child.terminate()
        if not over.wait(_MANNERS_S):
            child.kill()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _end(child: "Popen[str]") -> None:
    """A probe that is asked to end gives its session and its lease back."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(_MANNERS_S)
    except TimeoutExpired:
        child.kill()
        child.wait()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
