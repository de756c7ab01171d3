"""The prober's process: every site that can be probed from here, each at its turn, into the stores."""

import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from controller import probing
from controller.app import App, build, utc_now
from controller.model import Site
from controller.probing import Errand
from controller.settings import Settings
from controller.signals import stop_on_signals
from drivers.probe.report import Finding, Step, Went, works
from metrics.errors import MetricsError
from metrics.sample import Sample

log = logging.getLogger(__name__)

WRITER: Final = "prober"
SHARD: Final = 258  # pollers have 0 to 255, the portal 256, gateways 257
GLANCE_S: Final = 1.0

Visit = Callable[[Errand, Event], Sequence[Finding]]


def run_prober(settings: Settings) -> None:
    """Probe each site that has `probe:` every `probe_minutes` until SIGTERM."""
    stop = stop_on_signals()
    prober = Prober(build(settings), utc_now)
    refused = may_not()
    if refused:
        prober.give_up(refused)
        stop.wait()
    while not stop.wait(GLANCE_S):
        prober.turn(stop)
    log.info("stopped")


def may_not() -> str:
    """Why this process cannot be a phone; "" where it can."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return "needs root (or CAP_NET_RAW) to be a phone; see docs/probe.md"
    except OSError as error:  # systemd's RestrictAddressFamilies
        return f"this process may not send frames: {error.strerror}; see docs/probe.md"
    return ""


def due(place: int, places: int, every_s: int, now: int) -> int:
    """The latest moment, at or before a UTC epoch second, at which a site is to be probed.

    The sites' moments are spread over the interval by their place in it.
    """
    phase = place * every_s // places
    return (now - phase) // every_s * every_s + phase


def service_sample(site: Site, findings: Sequence[Finding], at: int) -> Sample | None:
    """What the probe found, as numbers; None where it could not be tried."""
    verdict = works(findings)
    if verdict is None:
        return None
    fields: dict[str, int | float] = {"works": int(verdict)}
    for finding in findings:
        if finding.went is Went.UNTRIED:
            continue
        fields[f"failed_{finding.step}"] = int(finding.went is Went.FAILED)
        if finding.took_ms is not None:
            fields[f"{finding.step}_ms"] = finding.took_ms
    for name in ("rtt_ms", "down_bps"):
        value = probing.measured(findings, name)
        if value is not None:
            fields[name] = value
    return Sample("service", {"mun": site.municipality, "site": site.key}, fields, at)


def _visit(wanted: Errand, stop: Event) -> Sequence[Finding]:
    with closing(probing.visit(wanted, stop=stop)) as findings:
        return list(findings)


@dataclass(slots=True)
class Prober:
    """Who probes the sites, one after the other; a site whose moment has passed is probed once, not twice."""

    app: App
    clock: Callable[[], datetime]
    visit: Visit = _visit
    done: dict[str, int] = field(default_factory=dict)

    @property
    def sites(self) -> list[Site]:
        """Those that can be probed from here, by their keys."""
        found = (site for site in self.app.inventory.sites.values() if site.probe)
        return sorted(found, key=lambda site: site.key)

    def turn(self, stop: Event) -> None:
        """Probe every site whose moment has come, the one that waits longest first."""
        every_s = self.app.settings.probe_minutes * 60
        places = self.sites
        while not stop.is_set():
            now = self._now()
            moments = {site.key: due(n, len(places), every_s, now) for n, site in enumerate(places)}
            waiting = [site for site in places if moments[site.key] != self.done.get(site.key)]
            if not waiting:
                return
            site = min(waiting, key=lambda site: moments[site.key])
            self.done[site.key] = moments[site.key]
            if site.hours.open_at(self.clock()):
                self._probe(site, moments[site.key], stop)

    def give_up(self, why: str) -> None:
        """Say once that nothing can be probed, and keep that: what was found before is not known any more."""
        log.error("no site is probed", extra={"sites": len(self.sites), "reason": why})
        for site in self.sites:
            self._keep(site, [Finding(Step.DHCP, Went.UNTRIED, why)], self._now())

    def _probe(self, site: Site, at: int, stop: Event) -> None:
        now = self._now()
        findings = self.visit(probing.errand(self.app, site, now), stop)
        if stop.is_set():
            return  # it was cut short by us
        before = self._keep(site, findings, at)
        if before is None or before.works != works(findings):
            log.warning("probe", extra={"site": site.key, "found": probing.said(findings)})

    def _keep(self, site: Site, findings: Sequence[Finding], at: int) -> probing.Last | None:
        """What was kept before. A store that does not take it costs this one sample, and is told."""
        before = None
        try:
            before = probing.keep(self.app.engine, site.key, findings, self._now())
            sample = service_sample(site, findings, at)
            if sample is not None:
                self.app.samples.write(WRITER, [sample], shard=SHARD)
        except (SQLAlchemyError, MetricsError) as error:
            log.error("probe not kept", extra={"site": site.key, "error": str(error)})
        return before

    def _now(self) -> int:
        return int(self.clock().timestamp())
