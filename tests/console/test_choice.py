"""Finding the municipality one looks for."""

import pytest

from controller.console.choice import Choice, Order, choose, parse
from controller.health import State


def keys(network, **wishes):
    return [row.key for row in choose(network.overview().rows, Choice(**wishes))]


def test_trouble_comes_first(mixed):
    found = keys(mixed)

    assert found[:2] == ["08029", "08065"]  # down
    assert found[7:9] == ["08008", "08040"]  # unknown
    assert len(found) == 67


def test_a_trouble_state_finds_every_municipality_with_something_in_it(mixed):
    assert keys(mixed, state=State.DOWN) == ["08029", "08065", "08019", "08037", "08052"]


def test_up_means_all_of_the_municipality(mixed):
    assert len(keys(mixed, state=State.UP)) == 58


@pytest.mark.parametrize("text", ["juarez", "JUÁREZ", "08037", "ap-08037-2", "08037-plaza"])
def test_text_finds_names_and_keys_without_accents_or_case(mixed, text):
    assert "08037" in keys(mixed, text=text)
    assert len(keys(mixed, text=text)) < 5


def test_text_that_is_nowhere_finds_nothing(mixed):
    assert keys(mixed, text="Guadalajara") == []


def test_most_clients_puts_the_unknown_last(mixed):
    assert keys(mixed, order=Order.CLIENTS)[0] == "08037"
    assert set(keys(mixed, order=Order.CLIENTS)[-3:]) == {"08008", "08029", "08065"}


def test_names_are_sorted_as_people_sort_them(mixed):
    found = keys(mixed, order=Order.NAME)

    assert found.index("08019") < found.index("08020") < found.index("08014")  # Chihuahua, Chínipas, Coronado


def test_nonsense_in_the_address_falls_back_to_the_default():
    assert parse({"lang": "xx", "state": "maybe", "sort": "9", "auto": "1e3"}) == Choice()
    assert parse({"auto": "5"}) == parse({"auto": "99999"}) == Choice()


def test_a_link_keeps_the_other_wishes():
    choice = parse({"lang": "en", "state": "down", "q": "plaza & más", "auto": "30"})

    assert choice.link(state=None) == "/?lang=en&q=plaza+%26+m%C3%A1s&auto=30"
    assert Choice().link() == "/"
