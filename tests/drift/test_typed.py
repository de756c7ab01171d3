"""`plaza drift` and `plaza history`, as a technician types them."""

import json
import re
from pathlib import Path

from tests.configure.device import Ap
from tests.configure.keyboard import Plaza
from tests.drift.test_sweeper import by_hand


def test_from_the_first_look_to_what_was_put_right(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    assert plaza("drift ap-08019-1") == (
        2,
        "ap-08019-1: nobody looked yet: add --now\n",
        "1 device: 0 as known, 0 drifted, 1 not read\n",
    )
    code, _, errors = plaza("drift --fix --yes ap-08019-1")
    assert (code, errors.splitlines()[0]) == (
        2,
        "nothing of ours is known to have changed; not read yet: 1 of 1 device, add --now",
    )
    assert plaza("history ap-08019-1")[1:] == (
        "",
        "ap-08019-1: nothing is kept of it yet; `plaza drift --now ap-08019-1` reads it\n",
    )
    plaza("apply --yes ap-08019-1")
    code, output, errors = plaza("drift --now ap-08019-1")
    assert (code, output) == (0, "")
    assert re.fullmatch(r"1 device: 1 as known, 0 drifted, 0 not read; looked at \d+ s ago\n", errors)

    by_hand(one_ap, "wireless.radio0.cell_density", "7")
    code, output, _ = plaza("drift --now ap-08019-1")
    assert code == 3
    said = r"ap-08019-1: foreign drift, since .* \d\d:\d\dZ: changed between .* and .*; looked at \d+ s ago\n"
    assert re.fullmatch(said, output)
    assert plaza("drift ap-08019-1")[0] == 3
    assert plaza("drift --accept ap-08019-1")[:2] == (0, "ap-08019-1: version 3 is known from now on\n")
    assert plaza("drift --now ap-08019-1")[0] == 0

    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    code, output, _ = plaza("drift --now --diff ap-08019-1")
    assert code == 3
    assert "ap-08019-1: owned drift, 1 line not as wished, since" in output
    assert "--- ap-08019-1 (version 3, known)\n+++ ap-08019-1 (now)\n" in output
    assert "+\toption ssid 'Otra'" in output
    code, output, _ = plaza("drift --json ap-08019-1")
    (found,) = json.loads(output)
    assert (code, found["state"], found["owned"]) == (3, "owned", 1)
    assert "not accepted: what is ours differs" in plaza("drift --accept ap-08019-1")[2]

    code, _, errors = plaza("drift --fix ap-08019-1", answer="n\n")
    assert (code, "nothing was changed" in errors) == (3, True)
    assert plaza("drift --fix --yes ap-08019-1")[0] == 0
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == "Chihuahua Gratis"
    assert one_ap.option("wireless.radio0.cell_density") == "7"
    first, *_ = plaza("drift --fix --yes ap-08019-1")[2].splitlines()
    assert first == "nothing of ours is known to have changed"


def test_what_cannot_be_read_and_what_is_not_configured(plaza: Plaza) -> None:
    plaza("adopt ap-08019-1")
    code, output, errors = plaza("drift --now")
    assert code == 2
    lines = dict(line.split(": ", 1) for line in output.splitlines())
    assert "lines not as wished: the inventory asks for more: `plaza diff ap-08019-1`" in lines["ap-08019-1"]
    assert lines["ap-08019-2"].startswith("not read since ")
    assert "sw-08019" not in output
    assert errors.startswith("2 devices: 1 as known, 0 drifted, 1 not read")


def test_the_history_is_listed_shown_and_compared(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    plaza("drift --now ap-08019-1")
    by_hand(one_ap, "wireless.radio0.cell_density", "7")
    plaza("drift --now ap-08019-1")
    by_hand(one_ap, "wireless.radio0.cell_density", "8")
    plaza("drift --now ap-08019-1")
    code, output, _ = plaza("history ap-08019-1")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == ["version", "3", "2", "1"]
    assert {line.split()[3] for line in output.splitlines()[1:]} == {"seen"}
    assert plaza("rollback --list ap-08019-1")[1] == output

    seven, eight, zero = (f"\toption cell_density '{level}'" for level in "780")
    code, output, _ = plaza("history ap-08019-1 --diff")
    assert output.startswith("--- ap-08019-1 (version 2)\n+++ ap-08019-1 (version 3)\n")
    assert (f"-{seven}\n+{eight}\n" in output, zero in output) == (True, False)
    assert f"-{zero}\n+{seven}\n" in plaza("history ap-08019-1 1 2 --diff")[1]
    assert f"-{zero}\n+{eight}\n" in plaza("history ap-08019-1 --diff 1")[1]
    shown = plaza("history ap-08019-1 --show 1")[1]
    assert f"{zero}\n" in shown
    assert "La red de la tecnica" in shown
    assert "hecha-a-mano" not in shown

    for wrong in ("--show 9", "--diff 1 9"):
        code, output, errors = plaza(f"history ap-08019-1 {wrong}")
        assert (code, output) == (2, "")
        assert errors == "ap-08019-1: there is no version 9 of it; kept: 3, 2, 1\n"
    assert plaza("history ap-08019-1 1")[0] == 2
    assert plaza("history ap-*")[0] == 2


def test_a_secret_that_changed_is_told_without_being_shown(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    plaza("drift --now ap-08019-1")
    file = one_ap.root / "etc/config/wireless"
    file.write_text(file.read_text().replace("hecha-a-mano", "otra-hecha-a-mano"))
    code, output, _ = plaza("drift --now --diff ap-08019-1")
    assert (code, "what differs does not show: a secret" in output) == (3, True)
    code, output, errors = plaza("history ap-08019-1 --diff")
    assert (code, output, errors.startswith("they differ in nothing that may be shown")) == (0, "", True)
    assert not any(b"hecha-a-mano" in one.read_bytes() for one in Path("var").rglob("plaza.db*"))
