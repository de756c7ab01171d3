"""Two people who begin to rotate at once do not write over each other's next secret."""

import fcntl
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from controller.errors import CredentialError
from controller.rotation import carry
from tests.people.town import town


def test_who_begins_waits_until_the_other_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = threading.Event()

    def first_look(_means: carry.Means, name: str) -> NoReturn:
        inside.set()
        raise CredentialError(f"credential {name}: enough")

    monkeypatch.setattr(carry, "_rotatable", first_look)
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        means = here.means()

        def begin() -> None:
            with suppress(CredentialError):
                carry.begin(means, "aps-ssh", "yearly")

        thread = threading.Thread(target=begin, daemon=True)
        with (means.app.settings.data_dir / "rotation.lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            thread.start()
            assert not inside.wait(1)
        assert inside.wait(60)
        thread.join(60)
