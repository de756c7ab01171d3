"""What a demonstration simulates of an inventory whose devices come and go."""

from pathlib import Path

import pytest

from controller.app import build
from controller.demo import in_service, make_secrets, simulator_spec
from controller.inventory import load as load_inventory
from controller.settings import load as load_settings
from tests.town import Town, ended, town, wait_for

MORE = """\
  ap-new: {{site: 08027-plaza, address: {0}.13, state: expected}}
  ap-gone: {{site: 08027-plaza, address: {0}.14, state: retired}}
"""
IN_SERVICE = ["ap-kiosk", "ap-school"]


def grown(made: Town) -> Path:
    """Its inventory, with one device that is to come and one that has gone."""
    file = made.directory / "inventory.yaml"
    file.write_text(file.read_text() + MORE.format("127.78.9"))
    return file


def test_a_retired_device_is_not_there_and_an_expected_one_is(tmp_path: Path) -> None:
    with town(tmp_path, "127.78.9") as made:
        make_secrets(load_inventory(grown(made)), tmp_path / "var/secrets")
        app = build(load_settings(made.environ, tmp_path))
        aps = simulator_spec(app)["aps"]
        assert [device.name for device in in_service(app.inventory)] == IN_SERVICE
        app.samples.close()
        app.engine.dispose()
    assert isinstance(aps, list)
    assert [ap["name"] for ap in aps] == [*IN_SERVICE, "ap-new"]


@pytest.mark.soak
def test_who_is_only_expected_or_was_stolen_holds_up_no_greeting(tmp_path: Path) -> None:
    with town(tmp_path, "127.78.9") as made, ended(made):
        grown(made)
        assert "Plaza runs with 2 simulated access points" in made.start()
        wait_for(lambda: "All 2 access points have been polled: 2 up." in made.said(), "the first round")
        adopted = made.plaza("adopt", "ap-new")
        assert "pinned" in adopted.stdout
        assert "already" not in adopted.stdout
        assert made.plaza("stolen", "ap-school", "--why", "robado", "--yes").returncode in (0, 3)
        made.interrupt()
        assert "Plaza runs with 1 simulated access points" in made.start()
        wait_for(lambda: "All 1 access points have been polled: 1 up." in made.said(), "the next round")
        assert "Traceback" not in made.said()
