"""Opens sessions for ever and says which are acknowledged: a process for tests to kill."""

import sys
from datetime import UTC, datetime, timedelta
from itertools import count

from captive_portal.model import Arrival, Plan
from captive_portal.sessions import StoredSessions
from controller.store.engine import open_engine


def main(store: str, name: str) -> None:
    sessions = StoredSessions(open_engine(f"sqlite:///{store}"))
    for number in count():
        arrival = Arrival("08027-plaza", f"{name}-{number}", "binding", "stamp", "nonce")
        grant = sessions.open(arrival, Plan("libre", timedelta(hours=1)), "es", datetime.now(UTC))
        sys.stdout.write(grant.session + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
