"""A worker in a process of its own that ends itself with SIGKILL in the middle of a sweep."""

import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from controller import app as building
from controller import settings
from controller.sweeper import Sweeper


def main(where: str) -> None:
    """Die as the store is about to be told this, in the night of the 9th."""
    app = building.build(settings.load())

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(where):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(app.engine, "before_cursor_execute", look)
    Sweeper(app, lambda: datetime(2026, 7, 9, 10, 20, tzinfo=UTC)).turn()


if __name__ == "__main__":
    main(sys.argv[1])
