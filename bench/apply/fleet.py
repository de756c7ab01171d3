"""A whole fleet: one name changed everywhere by `plaza rollout` and by nornir, swept for drift, resumed."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from bench.apply import sweeps as sweeping
from bench.apply.desk import Desk, sections
from bench.apply.farm import Farm, farm
from bench.apply.goals import SWEPT
from bench.apply.peer import ELSEWHERE
from bench.apply.rounds import Say, Scale, host_key, new_job
from bench.apply.work import Figures, Job, Kind
from bench.poll import child
from controller.rollouts.seam import Policy

_BEFORE, _AFTER, _LATER, _BY_NORNIR = "Antes", "Despues", "Luego", "Por nornir"
OURS: Final = "plaza rollout start, with no soak and no window"
THEIRS: Final = "nornir with netmiko"


@dataclass(slots=True)
class Measured:
    """What was found; `rollouts` and `sweeps` by who did it and how."""

    rollouts: dict[str, Figures] = field(default_factory=dict)
    sweeps: dict[str, sweeping.Figures] = field(default_factory=dict)
    resume_s: float = 0.0
    resume_cpu_s: float = 0.0

    def by_goal(self) -> dict[str, float]:
        """By the keys of goals."""
        ours, theirs = self.rollouts[OURS], self.rollouts.get(THEIRS)
        found = {"fleet complete": ours.share * 100, "resume": self.resume_s}
        if theirs is not None:
            found["fleet pace / nornir"] = ours.per_minute / theirs.per_minute
        looks = self.sweeps.values()
        found["sweep same"] = 100 * sum(one.same for one in looks) / sum(one.looks for one in looks)
        for key, way in (("sweep login", sweeping.LOGIN), ("sweep kept", sweeping.KEPT)):
            found[key] = self.sweeps[way].cpu_ms * SWEPT / 1000
        return found

    def details(self) -> dict[str, str]:
        """For a person."""
        found = {
            f"{who}: CPU per device": f"{one.cpu_ms:.1f} ms, {one.per_minute:,.0f} devices a minute, "
            f"{one.share:.1%} complete; the devices used {one.farm_ms:.0f} ms each, {one.farm_busy:.0%} of "
            "their core"
            for who, one in self.rollouts.items()
        }
        found |= {
            f"a look for drift, {way}": f"{one.cpu_ms:.2f} ms of CPU in the best night, {one.looks:,} looks"
            for way, one in self.sweeps.items()
        }
        resumed = f"{self.resume_s:.2f} s until its first row, {self.resume_cpu_s:.2f} s of them CPU"
        on_trial = Policy().parallel
        return found | {f"plaza rollout resume, after kill -9 with {on_trial} devices on trial": resumed}

    def raw(self) -> Mapping[str, Any]:
        """For machines."""
        return asdict(self)


def measure(scale: Scale, say: Say, *, with_nornir: bool) -> Measured:
    """All of it at one farm. Raises FarmFailed, FleetFailed and ClientFailed."""
    found = Measured()
    say(f"starting {scale.fleet:,} devices")
    with farm(Kind.OPENWRT, scale.fleet) as devices:
        shown = host_key(devices.places)
        desk = Desk(devices.places)
        desk.set_up(shown)
        desk.managed(_BEFORE)
        say(f"plaza rollout start: {scale.fleet:,} devices, {scale.abreast} at a time")
        used_s = devices.cpu_s()
        ours = desk.rollout(_AFTER, scale.abreast)
        found.rollouts[OURS] = replace(ours, farm_cpu_s=devices.cpu_s() - used_s)
        say(f"{scale.looks:,} looks for drift with a login each, then as many without")
        looked = child.lines(
            [sys.executable, "-m", "bench.apply.sweeps", sweeping.Wanted(scale.looks).text()]
        )
        found.sweeps = {one["way"]: sweeping.Figures(**one) for one in looked}
        names = sections(_AFTER)
        say("kill -9 in the middle of a rollout, and resume")
        found.resume_s, found.resume_cpu_s = desk.resumed_s(_LATER, Policy().parallel)
        if with_nornir:
            say(f"{THEIRS}: the same change")
            job = new_job(Kind.OPENWRT, devices.places, shown, scale.abreast)
            theirs = _by_nornir(replace(job, token=_BY_NORNIR), names, devices)
            found.rollouts[THEIRS] = replace(theirs, complete=desk.sending(_BY_NORNIR))
    return found


def _by_nornir(job: Job, names: Sequence[str], devices: Farm) -> Figures:
    used_s = devices.cpu_s()
    argv = [ELSEWHERE, "-m", "bench.apply.peers.nornir_ssid", job.text(), ",".join(names)]
    (told,) = child.lines(argv)
    return replace(Figures(**told), farm_cpu_s=devices.cpu_s() - used_s)
