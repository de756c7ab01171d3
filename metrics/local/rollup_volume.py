"""The volume in which rollups live."""

from typing import Final

from metrics.local import rollup_before
from metrics.local.rollup_tables import CLOSED, DUE, SEEN, all_tables
from metrics.local.roster import ASKED, ROSTER
from metrics.local.shelf import Layout, Volume
from metrics.local.store import LocalStore

NAME: Final = "rollup"
LAYOUT: Final = Layout((*all_tables(), SEEN, DUE, CLOSED, ASKED, ROSTER), upgrade=rollup_before.upgrade)


def opened(store: LocalStore) -> Volume:
    """This thread's hold of the rollups, which begin empty."""
    return store.shelf.open(NAME, LAYOUT)
