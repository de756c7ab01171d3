"""What a process of ours does when it is sent a signal."""

import os
import signal
from threading import Event


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def reload_on_signal() -> Event:
    """An event that SIGHUP sets, except at a terminal, where it says that the terminal is gone."""
    reload = Event()
    if not os.isatty(0):
        signal.signal(signal.SIGHUP, lambda _number, _frame: reload.set())
    return reload
