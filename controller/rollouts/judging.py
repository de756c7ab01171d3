"""What the evidence after a wave means for the rollout: the next wave, a little patience, or a halt."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from controller.rollouts.seam import Asked, Evidence, Look
from controller.rollouts.store import Rollout

_NAMED: Final = 5


class Verdict(Enum):
    """What to do."""

    GO_ON = auto()
    WAIT = auto()
    HALT = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """With the sentence for it."""

    verdict: Verdict
    said: str


def look_at(sites: Sequence[str], rollout: Rollout, look: Look) -> list[Evidence]:
    """Whatever must not be missing, of every site; what nobody looked at is no evidence."""
    asked = set(Asked) - rollout.policy.without
    if not asked:
        return []
    with ThreadPoolExecutor(rollout.policy.parallel) as pool:
        looked = list(pool.map(lambda site: look(site, rollout.soaking_since), sites))
    found = {(each.site, each.asked): each for several in looked for each in several}
    return [
        found.get((site, one), Evidence(site, one, None, "nobody looked"))
        for site in sites
        for one in sorted(asked)
    ]


def judge(found: Sequence[Evidence], rollout: Rollout, now: int) -> Judgement:
    """Bad halts at once, none after patience; pure."""
    bad = [each for each in found if each.good is False]
    none = [each for each in found if each.good is None]
    wave = rollout.wave_said
    if bad:
        return Judgement(Verdict.HALT, f"after {wave}: {_said(bad)}")
    if none and now < patient_until(rollout):
        return Judgement(Verdict.WAIT, f"{wave}: no evidence yet: {_said(none)}")
    if none:
        return Judgement(Verdict.HALT, f"after {wave}: held, for there is no evidence: {_said(none)}")
    return Judgement(Verdict.GO_ON, _said(found) or "no evidence was asked for")


def counts_from(rollout: Rollout) -> int:
    """When a wave has soaked, epoch seconds."""
    return rollout.soaking_since + rollout.policy.soak_s


def patient_until(rollout: Rollout) -> int:
    """How long evidence is waited for, epoch seconds."""
    return counts_from(rollout) + rollout.policy.patience_s


def _said(found: Sequence[Evidence]) -> str:
    said = [f"{each.site} {each.asked.value}: {each.said}" for each in found]
    more = f" and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    return "; ".join(said[:_NAMED]) + more
