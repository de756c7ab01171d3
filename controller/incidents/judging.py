"""Tells power, backhaul and device apart by what was found, and says what is missing where it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from controller.incidents.model import Cause, Evidence, Fact, Finding, Reach, Root
from drivers.model import Role

LITTLE_S: Final = 180
"""A battery that would not last longer is as good as empty."""
_LINES: Final = frozenset({Role.BACKHAUL, Role.MODEM, Role.GATEWAY})
_SHARED: Final = frozenset({Reach.UPLINK, Reach.MUNICIPALITY, Reach.PROVIDER})
_BESIDE: Final = frozenset(
    {"parent-answers", "siblings-answer", "devices-answer", "gateway-calls", "served", "refused"}
)
"""What was seen to answer near it, or of it, while it was down: then the line carried data."""
_INFERRED: Final = frozenset({"at-once", "fed-at-once"})
_SURE_POWER: Final = frozenset({"ups-low", "ups-dark", "poe-fault", "poe-off"})
_OURS: Final = frozenset({"dhcp", "router", "dns", "redirect", "portal", "api", "grant"})
"""Steps of a phone that the site's own gateway or the portal answers; beyond them is the line."""


@dataclass(frozen=True, slots=True)
class Battery:
    """What a UPS said last before the outage began; None = it did not tell."""

    ups: str
    on_battery: bool | None = None
    low: bool | None = None
    left_s: int | None = None

    @property
    def was_empty(self) -> bool:
        """Whether it could not feed its load any longer."""
        return self.on_battery is True and (self.low is True or (self.left_s or LITTLE_S + 1) <= LITTLE_S)


@dataclass(frozen=True, slots=True)
class Port:
    """What the port that feeds a device says since the outage began; None = it does not tell."""

    switch: str
    port: str
    feeds: bool | None = None
    fault: bool | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """What was found of one outage. `first` is the root device, or the first member where the root is none.

    `sites` are those of the members; `at_once`: all of them went within a poll or two. `neighbours` are
    devices of the same parent or site that answer. `calls`: whether the site's own gateway was heard since,
    None where none ever was. `connected`: what a modem says. `kept_running`: whether it had been up all the
    time when it came back, None while it has not. `served`: a phone gets online there all the same.
    Of a silent poller: when it `landed_at` last (epoch seconds), how many devices it `polls`, and whether it
    still holds its `lease`.
    """

    root: Root
    first: str = ""
    role: Role | None = None
    asked: bool = True
    members: int = 1
    sites: tuple[str, ...] = ()
    shared: str = ""
    at_once: bool = False
    parent: str = ""
    parent_fact: Fact = Fact.UNKNOWN
    neighbours: int = 0
    refused: str = ""
    reason: str = ""
    batteries: tuple[Battery, ...] = ()
    port: Port | None = None
    calls: bool | None = None
    connected: bool | None = None
    kept_running: bool | None = None
    served: bool = False
    step: str = ""
    step_said: str = ""
    unreadable: str = ""
    landed_at: int = 0
    polls: int = 0
    lease: bool = False


def judge(traces: Traces) -> Finding:
    """The class of an outage, with what speaks for it; the first that fits, then what else was found."""
    for rule in _RULES.get(traces.root.reach, (_refused, _no_power, _no_line, _the_device)):
        if (found := rule(traces)) is not None:
            cause, evidence = found
            return concluded(Finding(cause, evidence), traces)
    return concluded(Finding(Cause.UNKNOWN, (*_seen(traces), *_missing(traces))), traces)


def concluded(finding: Finding, traces: Traces) -> Finding:
    """What was thought of an outage while it lasted, with what the device said when it came back.

    That it had run all the time speaks against a loss of power that was only inferred, and for the line where
    nothing near it answered meanwhile. It overturns nothing else.
    """
    cause, codes = finding.cause, {one.code for one in finding.evidence}
    if traces.kept_running and cause is Cause.POWER and codes & _INFERRED and not codes & _SURE_POWER:
        cause = Cause.UNKNOWN
    cut_off = traces.kept_running and cause in {Cause.UNKNOWN, Cause.BACKHAUL} and not codes & _BESIDE
    after = tuple(one for one in _after(traces, cut_off=bool(cut_off)) if one not in finding.evidence)
    return Finding(Cause.BACKHAUL if cut_off else cause, (*finding.evidence, *after))


Found = tuple[Cause, tuple[Evidence, ...]] | None


def _refused(traces: Traces) -> Found:
    if traces.served:
        return Cause.DEVICE, (_evidence("served", site=traces.sites[0]), *_seen(traces))
    if not traces.refused:
        return None
    return Cause.DEVICE, (_evidence("refused", device=traces.first, said=traces.refused),)


def _no_power(traces: Traces) -> Found:
    found = [_battery(one) for one in traces.batteries if one.was_empty]
    port = traces.port
    if port is not None and (port.fault or port.feeds is False):
        code = "poe-fault" if port.fault else "poe-off"
        found.append(_evidence(code, switch=port.switch, port=port.port))
    if traces.root.reach is Reach.SUPPLY:
        found.append(_evidence("fed-at-once", count=traces.members, source=traces.root.key))
    if traces.role is Role.UPS and traces.members > 1:
        found.append(_evidence("ups-dark", ups=traces.root.key, count=traces.members - 1))
    if traces.root.reach is Reach.SITE and traces.calls and traces.at_once:
        found += [_evidence("at-once", count=traces.members), _gateway(traces)]
    return (Cause.POWER, tuple(found)) if found else None


def _no_line(traces: Traces) -> Found:
    found = list(_lines(traces))
    if traces.connected is False:
        found.append(_evidence("modem-offline", site=traces.sites[0]))
    if not found:
        return None
    return Cause.BACKHAUL, (*found, *([_gateway(traces)] if traces.calls is not None else []))


def _lines(traces: Traces) -> Iterator[Evidence]:
    root = traces.root
    if root.reach in _SHARED:
        yield _evidence("sites-together", count=len(traces.sites), shared=traces.shared or root.key)
    elif root.reach is Reach.SITE and traces.calls is False:
        yield _evidence("site-dark", site=root.key, count=traces.members)
    elif root.reach is Reach.DEVICE and not traces.asked:
        yield _evidence("behind-silent", device=root.key, count=traces.members)
        if traces.parent_fact is Fact.GOOD:
            yield _evidence("parent-answers", parent=traces.parent)
    elif root.reach is Reach.DEVICE and traces.role in _LINES and not traces.calls:
        behind = traces.members - 1
        code = "line-device" if behind else "line-alone"
        yield _evidence(code, device=root.key, count=behind)


def _the_device(traces: Traces) -> Found:
    """What it hangs on answers, and what feeds it feeds it."""
    if traces.root.reach is not Reach.DEVICE:
        return None
    near, power = list(_near(traces)), list(_fed(traces))
    return (Cause.DEVICE, (*near, *power)) if near and power else None


def _the_service(traces: Traces) -> Found:
    if not traces.step:
        return None
    probe = _evidence("probe", step=traces.step, said=traces.step_said)
    cause = Cause.DEVICE if traces.step in _OURS else Cause.BACKHAUL
    answer = [_evidence("devices-answer", count=traces.neighbours)] if traces.neighbours else []
    return cause, (probe, *answer, *([_gateway(traces)] if traces.calls is not None else []))


def _the_portal(traces: Traces) -> Found:
    probe = [_evidence("probe", step=traces.step, said=traces.step_said)] if traces.step else []
    return Cause.DEVICE, (_evidence("portal-shared", count=len(traces.sites)), *probe)


def _the_poller(traces: Traces) -> Found:
    name = traces.root.key
    last = datetime.fromtimestamp(traces.landed_at, UTC)
    return Cause.POLLER, (
        _evidence("poller-silent", poller=name, at=f"{last:%Y-%m-%dT%H:%M:%SZ}"),
        _evidence("poller-runs" if traces.lease else "poller-away", poller=name),
        _evidence("poller-devices", count=traces.polls),
    )


_RULES: Final[dict[Reach, tuple[Callable[[Traces], Found], ...]]] = {
    Reach.SERVICE: (_the_service,),
    Reach.PORTAL: (_the_portal,),
    Reach.POLLER: (_the_poller,),
}


def _near(traces: Traces) -> Iterator[Evidence]:
    if traces.parent_fact is Fact.GOOD:
        yield _evidence("parent-answers", parent=traces.parent)
    if traces.neighbours:
        yield _evidence("siblings-answer", count=traces.neighbours)
    if traces.calls:
        yield _gateway(traces)


def _fed(traces: Traces) -> Iterator[Evidence]:
    port = traces.port
    if port is not None and port.feeds:
        yield _evidence("poe-on", switch=port.switch, port=port.port)
    elif port is None:
        yield from (_battery(one) for one in traces.batteries if one.on_battery is False)


def _seen(traces: Traces) -> Iterator[Evidence]:
    """What was found, though it decides nothing."""
    if traces.reason:
        yield _evidence("said", device=traces.first, said=traces.reason)
    yield from _near(traces)
    yield from _fed(traces)
    yield from (_battery(one) for one in traces.batteries if one.on_battery)
    if traces.connected:
        yield _evidence("modem-online", site=traces.sites[0])


def _after(traces: Traces, *, cut_off: bool) -> Iterator[Evidence]:
    if traces.kept_running is not None:
        ran = "kept-running" if cut_off else "ran-on"
        yield _evidence(ran if traces.kept_running else "restarted", device=traces.first)
    if traces.unreadable:
        yield _evidence("samples-unreadable", said=traces.unreadable)


def _missing(traces: Traces) -> Iterator[Evidence]:
    if traces.root.reach is Reach.SERVICE:
        yield _evidence("missing-step")
        return
    if traces.root.reach is not Reach.DEVICE:
        yield _evidence("missing-line")
        return
    if not any(_fed(traces)):
        yield _evidence("missing-power")
    if not any(_near(traces)):
        yield _evidence("missing-neighbour")


def _battery(battery: Battery) -> Evidence:
    if battery.was_empty:
        left = "0" if battery.left_s is None else str(battery.left_s)
        return _evidence("ups-low", ups=battery.ups, left=left)
    return _evidence("ups-battery" if battery.on_battery else "ups-mains", ups=battery.ups)


def _gateway(traces: Traces) -> Evidence:
    return _evidence("gateway-calls" if traces.calls else "gateway-silent", site=traces.sites[0])


def _evidence(code: str, **said: object) -> Evidence:
    return Evidence(code, {name: str(value) for name, value in said.items()})
