"""Fields that were renamed: a file with the old names still opens, reads and takes new samples."""

from metrics.local.blocks import pack
from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests.metrics.test_store import ALL

TAGS = {"mun": "08027", "site": "08027-plaza"}


def test_a_file_with_the_old_names_of_session_fields_is_read_without_them(store: LocalStore) -> None:
    store.write("worker", [Sample("wifi_session", TAGS, {"opened": 1, "admitted": 2}, 60)])
    store.write("worker", [Sample("wifi_portal", TAGS, {"arrivals": 3, "taps": 2}, 60)])
    day = store.day("1970-01-01")
    with day.writing():
        day.execute("UPDATE wifi_session SET data = ?", (pack(("opened", "online"), "BB", [(1, 2)]),))
        day.execute("UPDATE wifi_portal SET data = ?", (pack(("pages", "taps"), "BB", [(3, 2)]),))
    store.write("worker", [Sample("wifi_portal", TAGS, {"arrivals": 1}, 60)])
    assert [sample.fields for sample in store.read("wifi_session", ALL)] == [{"opened": 1}]
    assert [sample.fields for sample in store.read("wifi_portal", ALL)] == [{"arrivals": 1, "taps": 2}]
