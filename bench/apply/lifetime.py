"""A program of the bench's that serves others: it tells where it is on a line, then works until ended."""

import json
import signal
from typing import Any

from bench.poll.meter import told


def until_ended(**facts: Any) -> None:
    """Tell the facts and wait for SIGTERM, which is what the end of the bench sends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    told(facts)
    signal.sigwait({signal.SIGTERM})


def given(text: str) -> Any:
    """The JSON of a command line."""
    return json.loads(text)
