"""Plans the incidents of silent pollers: each is one of its own, for it hangs on nothing that is asked."""

from collections.abc import Sequence
from dataclasses import replace

from controller.incidents.model import POLLER, Open, Opening, Plan, Reach, Root
from controller.incidents.moment import Moment


def with_pollers(made: Plan, moment: Moment, incidents: Sequence[Open]) -> Plan:
    """A plan with what changes of pollers, beside what it says of nodes."""
    held = {key: one for one in incidents for key in one.members}
    gone = [(one.name, key) for key, one in held.items() if key not in moment.pollers]
    back = {key: moment.fact(key).since for key in held if moment.is_back(key)}
    fresh = [key for key in moment.pollers if moment.is_down(key) and key not in {*held, *moment.expected}]
    since = {key: min(moment.fact(key).since, moment.now) for key in fresh}
    ended = {held[key].name: min(at, moment.now) for key, at in back.items()}
    return replace(
        made,
        opened=(
            *made.opened,
            *(
                Opening(Root(Reach.POLLER, key.removeprefix(POLLER)), at, {key: at})
                for key, at in since.items()
            ),
        ),
        restored=(*made.restored, *((held[key].name, key, at) for key, at in back.items())),
        gone=(*made.gone, *gone),
        closed={**made.closed, **ended, **{name: moment.now for name, _ in gone}},
    )
