"""Lets phones in, each another one, and says when it began to: a process that is killed, or ends."""

import sys
import time
from datetime import UTC, datetime
from itertools import count

from captive_portal.model import Arrival, Grant, Phone
from captive_portal.sessions import StoredSessions
from controller.store.engine import open_engine
from tests.portal.places import site_of

SITE = site_of("08027-plaza")


def main(store: str, name: int, many: int = 0) -> None:
    sessions = StoredSessions(open_engine(f"sqlite:///{store}"))
    for number in range(many) if many else count():
        phone = Phone(f"02:ca:fe:{name:02x}:{number // 256:02x}:{number % 256:02x}")
        arrival = Arrival(SITE.key, f"{name}-{number}", "binding", "", "", phone)
        began_s = time.monotonic()
        grant = sessions.open(SITE, arrival, SITE.plan, datetime.now(UTC))
        assert isinstance(grant, Grant)
        sys.stdout.write(f"{began_s}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
