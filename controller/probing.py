"""Runs the citizen probe of a site, in a process of its own, and keeps what it found last."""

import sys
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from subprocess import PIPE, Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any, Final

from sqlalchemy import Engine, select

from captive_portal.tables import insert
from controller.errors import SelectorError
from controller.model import Inventory, Site
from controller.store.engine import READ_ONLY
from controller.store.tables import probes
from drivers.probe.report import Finding, Step, Went, decisive, works

WITHIN_S: Final = 60.0
_PROBE: Final = (sys.executable, "-P", "-m", "drivers.probe")  # -P: what runs as root is not taken from here
_SLACK_S: Final = 10.0
_MANNERS_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Last:
    """The last probe of a site: `works` None where it could not be tried; `detail` says why it does not."""

    works: bool | None
    step: str
    detail: str
    took_ms: int
    at: int


def site_to_probe(inventory: Inventory, key: str) -> Site:
    """A site that can be probed from here. Raises SelectorError."""
    site = inventory.sites.get(key)
    if site is None:
        raise SelectorError(f"no site is called {key!r}; see sites in the inventory")
    if not site.probe:
        mend = f"write sites.{key}.probe with the interface of this machine that is in its guests' network"
        raise SelectorError(f"no probe can run at {key}; {mend}")
    return site


def visit(
    interface: str, within_s: float = WITHIN_S, options: Sequence[str] = ()
) -> Generator[Finding, None, None]:
    """What a citizen would meet there, step by step as it is found; it ends when `within_s` is over.

    Needs root, and says so in a finding without it. A probe that breaks is a finding, too.
    """
    command = [*_PROBE, "--interface", interface, "--within", str(within_s)]
    found: list[Finding] = []
    with (
        TemporaryFile() as errors,
        Popen([*command, *options], stdout=PIPE, stderr=errors, text=True) as child,
    ):
        clock = Timer(within_s + _SLACK_S, child.terminate)
        clock.start()
        try:
            assert child.stdout is not None  # noqa: S101  a pipe was asked for
            for line in child.stdout:
                found.append(Finding.read(line))
                yield found[-1]
        except ValueError as error:
            yield Finding(_after(found), Went.UNTRIED, f"the probe says nonsense: {error}")
            return
        finally:
            clock.cancel()
            _end(child)
        if child.returncode != 0 or not found:
            said = f"the probe itself ended early: {_last_line(errors) or f'exit {child.returncode}'}"
            yield Finding(_after(found), Went.UNTRIED, said)


def keep(engine: Engine, site: str, findings: Sequence[Finding], at: int) -> None:
    """Make what a probe found durable, in place of the one before."""
    verdict, spoken = works(findings), decisive(findings)
    row: dict[str, Any] = {
        "site": site,
        "works": None if verdict is None else int(verdict),
        "step": str(spoken.step),
        "detail": "" if verdict else spoken.said,
        "took_ms": round(sum(finding.took_ms or 0 for finding in findings)),
        "probed_at": at,
    }
    with engine.begin() as connection:
        statement = insert(connection, probes)
        changed = {c.name: statement.excluded[c.name] for c in probes.c if c.name != "site"}
        connection.execute(statement.on_conflict_do_update(index_elements=["site"], set_=changed), row)


def last(engine: Engine, site: str) -> Last | None:
    """What the last probe of a site found; None when there was none."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(select(probes).where(probes.c.site == site)).one_or_none()
    if row is None:
        return None
    return Last(
        None if row.works is None else bool(row.works), row.step, row.detail, row.took_ms, row.probed_at
    )


def said(findings: Sequence[Finding]) -> str:
    """A probe in one line."""
    verdict, spoken = works(findings), decisive(findings)
    if verdict:
        return "a phone gets its address, is sent to the portal and sees it"
    return f"{spoken.step}: {spoken.said}"


def _after(found: Iterable[Finding]) -> Step:
    """The step that would have come next."""
    done = {finding.step for finding in found}
    return next((step for step in Step if step not in done), Step.API)


def _end(child: "Popen[str]") -> None:
    """A probe that is asked to end gives its lease back."""
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
