"""A plan in a file is carried out exactly as it was shown, or not at all."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller import planfile
from controller.errors import PlanError
from drivers.model import Secret
from tests.configure.desk import CANARY, Desk, NewDesk
from tests.configure.device import Ap

KEY = b"k" * 32


@pytest.fixture
def at(one_ap: Ap, desk: NewDesk) -> Desk:
    """A desk with one access point that needs a change with a secret in it."""
    made = desk(one_ap)
    made.want_staff()
    return made


def test_a_plan_that_still_holds_is_believed_and_shows_no_secret(at: Desk, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    saved = planfile.save(file, "all", at.plan(), KEY)
    assert planfile.load(file) == saved
    assert CANARY not in file.read_text()
    assert "Personal" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    planfile.check(saved, at.plan(), KEY)


def test_a_plan_does_not_hold_for_another_configuration(at: Desk, one_ap: Ap, tmp_path: Path) -> None:
    saved = planfile.save(tmp_path / "plan.json", "all", at.plan(), KEY)
    wireless = one_ap.root / "etc/config/wireless"
    wireless.write_text(wireless.read_text() + "\n# somebody was here\n")
    with pytest.raises(PlanError, match="runs another configuration than the one it was planned for"):
        planfile.check(saved, at.plan(), KEY)


def test_a_plan_does_not_hold_for_another_intent(at: Desk, one_ap: Ap, tmp_path: Path) -> None:
    saved = planfile.save(tmp_path / "plan.json", "all", at.plan(), KEY)
    at.want(replace(at.devices()[0], country="US"))
    with pytest.raises(PlanError, match=r"the inventory \(or a secret\) changed since the plan was made"):
        planfile.check(saved, at.plan(), KEY)


def test_a_plan_does_not_hold_for_another_passphrase(
    at: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = planfile.save(tmp_path / "plan.json", "all", at.plan(), KEY)
    secrets = at.works.access.secrets
    monkeypatch.setattr(secrets, "passphrase", lambda name: Secret("otra-palabra-larga"))
    with pytest.raises(PlanError, match=r"the inventory \(or a secret\) changed since the plan was made"):
        planfile.check(saved, at.plan(), KEY)


def test_a_plan_that_is_done_holds_as_long_as_the_inventory_says_the_same(at: Desk, tmp_path: Path) -> None:
    saved = planfile.save(tmp_path / "plan.json", "all", at.plan(), KEY)
    at.apply()
    planfile.check(saved, at.plan(), KEY)
    at.want(replace(at.devices()[0], country="US"))
    with pytest.raises(PlanError, match="runs another configuration"):
        planfile.check(saved, at.plan(), KEY)


def test_a_plan_whose_device_is_gone_does_not_hold(at: Desk, tmp_path: Path) -> None:
    saved = planfile.save(tmp_path / "plan.json", "all", at.plan(), KEY)
    with pytest.raises(PlanError, match="is no longer in the inventory"):
        planfile.check(saved, [], KEY)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_plan_with_one_octet_changed_is_refused_or_means_the_same(
    data: st.DataObject, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    change = planfile.PlannedChange("ap-1", "i" * 64, "f" * 64, "c" * 64, "--- a\n+++ b\n+x\n")
    content = planfile._content(planfile.PlanFile("all", (change,)))
    octets = bytearray(json.dumps({**content, "hash": planfile._hash(content)}).encode())
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] = data.draw(st.integers(32, 126))
    file.write_bytes(octets)
    try:
        loaded = planfile.load(file)
    except PlanError as error:
        assert re.match(rf"{re.escape(str(file))}.*plan again", str(error))  # noqa: PT017
    else:
        assert loaded == planfile.PlanFile("all", (change,))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"plaza_plan": 1}', "\xff", '{"plaza_plan": 2, "hash": ""}']
)
def test_what_is_no_plan_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(PlanError, match="plan again") as caught:
        planfile.load(file)
    assert "\n" not in str(caught.value)
