"""Opens sessions for ever and says which are acknowledged: a process for tests to kill."""

import sys
from datetime import UTC, datetime
from itertools import count

from captive_portal.model import Arrival, Grant
from captive_portal.sessions import StoredSessions
from controller.store.engine import open_engine
from tests.portal.places import site_of

SITE = site_of("08027-plaza")


def main(store: str, name: str) -> None:
    sessions = StoredSessions(open_engine(f"sqlite:///{store}"))
    for number in count():
        arrival = Arrival(SITE.key, f"{name}-{number}", "binding", "stamp", "nonce")
        grant = sessions.open(SITE, arrival, SITE.plan, datetime.now(UTC))
        assert isinstance(grant, Grant)
        sys.stdout.write(grant.session + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
