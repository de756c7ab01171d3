"""`python -m tests.collectors.expect [NAME…]`: write what dialogues come to; read it before you commit it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from controller.poller_http import OverHttp
from controller.poller_ssh import OverSsh
from drivers.collect import Collected
from drivers.definition import load_platforms
from drivers.model import PollBy
from tests.collectors import replay_https
from tests.collectors.dialogue import SLOT, Dialogue, load, names, shown
from tests.collectors.replay_ssh import replayed


def over_ssh(directory: Path, dialogue: Dialogue) -> Collected:
    """What a poll of the replayed device brings."""
    with replayed(directory, dialogue) as door:
        ask = OverSsh(door.enter, lambda name: door.login)
        heard = ask(door.device, load_platforms()[dialogue.platform], SLOT)
    assert heard.failure is None, heard.failure
    return heard.collected


def over_https(directory: Path, dialogue: Dialogue) -> Collected:
    """What a poll of the replayed device or controller brings."""
    with replay_https.replayed(directory, dialogue) as server:
        ask = OverHttp(lambda name: replay_https.login(dialogue))
        heard = ask(server.device, load_platforms()[dialogue.platform], SLOT)
    assert heard.failure is None, heard.failure
    return heard.collected


HEAR: dict[PollBy, Callable[[Path, Dialogue], Collected]] = {PollBy.SSH: over_ssh, PollBy.HTTP: over_https}

if __name__ == "__main__":
    for name in sys.argv[1:] or [name for way in HEAR for name in names(way)]:
        dialogue = load(name)
        with TemporaryDirectory() as folder:
            found = shown(HEAR[dialogue.way](Path(folder), dialogue))
        text = json.dumps(found, indent=1, ensure_ascii=False)
        dialogue.file.with_suffix(".expected.json").write_text(text + "\n", encoding="utf-8")
