"""JSON lines on standard error: a constant message, variables as fields."""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

from captive_portal.gateway.lines import in_one_line

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One line per record, whatever the values hold."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object: time, level, role, logger, message, then its fields."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return in_one_line(line)


def set_up(level: str) -> None:
    """Log from here on; libraries only from WARNING up."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[stream], force=True)
    for library in ("apscheduler", "paramiko", "urllib3", "werkzeug", "alembic", "_granian", "granian"):
        logging.getLogger(library).setLevel(logging.WARNING)
