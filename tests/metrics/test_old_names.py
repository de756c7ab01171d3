"""Fields that were renamed: a file with the old names still opens, reads and takes new samples."""

import sqlite3
from pathlib import Path

from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests.metrics.test_store import ALL

TAGS = {"mun": "08027", "site": "08027-plaza"}


def test_a_file_with_the_old_names_of_session_fields_is_read_without_them(store: LocalStore) -> None:
    store.write("worker", [Sample("wifi_session", TAGS, {"opened": 1, "admitted": 2}, 60)])
    store.write("worker", [Sample("wifi_portal", TAGS, {"arrivals": 3}, 60)])
    store.close()
    with sqlite3.connect(Path(store.shelf.place) / "raw-1970-01-01.db") as connection:
        connection.execute("ALTER TABLE wifi_session RENAME COLUMN admitted TO online")
        connection.execute("ALTER TABLE wifi_portal RENAME COLUMN arrivals TO pages")
    again = LocalStore.open(Path(store.shelf.place))
    again.write("worker", [Sample("wifi_portal", TAGS, {"arrivals": 1}, 120)])
    assert [sample.fields for sample in again.read("wifi_session", ALL)] == [{"opened": 1}]
    assert [sample.fields for sample in again.read("wifi_portal", ALL)][-1] == {"arrivals": 1}
    again.close()
