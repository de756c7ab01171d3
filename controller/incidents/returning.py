"""Who of an open incident answers again, since when, and when that closes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from controller.incidents import reading
from controller.incidents.desk import Incident
from controller.incidents.model import Fact, Open, Reach, Seen
from controller.incidents.moment import Moment
from controller.incidents.world import world_of
from controller.model import Inventory
from controller.store.engine import READ_ONLY

_SHARED: Final = frozenset({Reach.PORTAL, Reach.UPLINK, Reach.MUNICIPALITY, Reach.PROVIDER})


@dataclass(frozen=True, slots=True)
class Return:
    """Members that answer again, not yet for long enough; `whole`: nobody else is down.

    `since` is when the last of them first answered, `closes_at` when the last of them will have answered for
    long enough: the incident closes then if it is `whole`, and stays so.
    """

    members: Mapping[str, Seen]
    whole: bool

    @property
    def since(self) -> int:
        """Epoch seconds; 0 where nobody answers again."""
        return max((one.since for one in self.members.values()), default=0)

    @property
    def closes_at(self) -> int:
        """Epoch seconds; 0 where nobody answers again."""
        return max((one.sure_at for one in self.members.values()), default=0)


def answering(
    engine: Engine, inventory: Inventory, now: datetime, every: reading.Every
) -> Mapping[str, Seen]:
    """Every device and service that answers now, by its key."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        facts = reading.moment(connection, inventory, world_of(inventory), now, every).seen
    return {key: seen for key, seen in facts.items() if seen.fact is Fact.GOOD}


def returned(incident: Incident, answer: Mapping[str, Seen]) -> Return:
    """Who of those that are still in it answers again; nobody where it is closed."""
    held = [one.key for one in incident.down] if incident.is_open else []
    members = {key: answer[key] for key in held if key in answer}
    return Return(members, whole=bool(members) and len(members) == len(held))


def answers_again(moment: Moment, incident: Open) -> bool:
    """Whether what was found while it was down can be found no more: the root answers, or what hangs on it.

    Of a line that several sites share, one that answers says nothing of the others.
    """
    root = incident.root
    if root.reach is Reach.DEVICE and root.key in incident.ever:
        return moment.fact(root.key).fact is Fact.GOOD
    facts = {moment.fact(key).fact for key in incident.ever}
    return Fact.GOOD in facts and (root.reach not in _SHARED or Fact.BAD not in facts)
