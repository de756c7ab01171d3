"""`plaza adopt`, `plaza diff` and `plaza apply`, as a technician types them."""

import re
from pathlib import Path

from controller import audit
from controller.access import Pinning
from controller.store.engine import open_engine
from tests.configure.desk import CANARY, utc_now
from tests.configure.device import Ap
from tests.configure.keyboard import Plaza


def test_from_adoption_to_no_difference(plaza: Plaza, one_ap: Ap) -> None:
    code, _, errors = plaza("diff ap-08019-1")
    assert code == 2
    assert "no SSH host key is pinned; run `plaza adopt ap-08019-1`" in errors

    code, output, _ = plaza("adopt ap-08019-1")
    assert (code, output) == (0, f"ap-08019-1: ssh-ed25519 {one_ap.host_key().fingerprint} pinned\n")

    code, output, errors = plaza("diff ap-08019-1")
    assert code == 3
    assert "--- ap-08019-1/wireless\n+++ ap-08019-1/wireless (wanted)\n" in output
    assert "+\toption ssid 'Chihuahua Gratis'" in output
    assert errors == "1 to change, 0 as intended\n"

    before = one_ap.configuration()
    code, _, errors = plaza("apply ap-08019-1", answer="n\n")
    assert code == 0
    assert "nothing was changed" in errors
    assert one_ap.configuration() == before

    code, output, _ = plaza("apply --yes ap-08019-1")
    assert code == 0
    assert output.endswith("ap-08019-1: confirmed\n1 changed\n")
    assert one_ap.option("wireless.plaza_2g4_2.key") == CANARY

    assert plaza("diff ap-08019-1") == (0, "", "0 to change, 1 as intended\n")
    assert plaza("apply --yes ap-08019-1")[:2] == (0, "0 changed\n")


def test_one_device_that_does_not_answer_costs_one_line(plaza: Plaza) -> None:
    plaza("adopt ap-08019-1")
    code, output, errors = plaza("diff")
    assert code == 2
    assert "+++ ap-08019-1/wireless (wanted)" in output
    assert re.search(r"^ap-08019-2: .*", errors, re.MULTILINE)
    assert "1 to change, 0 as intended, 1 not planned, 1 left alone\n" in errors


def test_a_changed_host_key_is_refused_until_the_device_is_named(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    old = one_ap.host_key().fingerprint
    one_ap.reinstall()
    new = one_ap.host_key().fingerprint

    for command in ("adopt ap-08019-1", "diff ap-08019-1"):
        code, _, errors = plaza(command)
        assert code == 2
        assert old in errors
        assert new in errors
        assert "plaza adopt --replace-key ap-08019-1 ap-08019-1" in errors

    assert plaza("adopt --replace-key ap-08019-2 ap-08019-1") == (
        2,
        "",
        "--replace-key ap-08019-2: 'ap-08019-1' selects no such device; nothing was pinned\n",
    )
    code, output, _ = plaza("adopt --replace-key ap-08019-1 ap-08019-1")
    assert (code, output) == (0, f"ap-08019-1: ssh-ed25519 {new} pinned in place of {old}\n")
    assert plaza("adopt ap-08019-1")[1].endswith("already pinned\n")
    assert plaza("diff ap-08019-1")[0] == 3


def test_a_key_that_is_the_one_of_another_device_is_said_to_be_its(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    one_ap.reinstall()
    engine = open_engine(f"sqlite:///{Path('var/plaza.db').absolute()}")
    pinning = Pinning(engine, audit.load_key(Path("var")), "tecnica")
    pinning.pin("ap-08019-2", one_ap.host_key(), utc_now())
    for command in ("adopt ap-08019-1", "diff ap-08019-1"):
        code, _, errors = plaza(command)
        assert code == 2
        assert "that is the key of ap-08019-2: are cables or addresses swapped?" in errors
        assert "--replace-key" not in errors


def test_a_selector_that_fits_nothing_is_one_line(plaza: Plaza) -> None:
    for command in ("diff nobody", "apply nobody", "adopt nobody", "diff mun=08019 role=ap"):
        code, output, errors = plaza(command)
        assert (code, output) == (2, "")
        assert len(errors.splitlines()) == 1


def test_a_halted_rollout_ends_in_one_line_and_exit_code_2(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    staged = one_ap.root / "tmp/.uci"
    staged.mkdir()
    (staged / "network").write_text("network.lan.proto='static'\n")
    code, output, errors = plaza("apply --yes ap-08019-1")
    assert code == 2
    assert output.endswith("0 changed, 1 failed\n")
    assert errors.splitlines()[-1] == (
        "ap-08019-1: failed: it has uncommitted changes of somebody else; nothing was changed; "
        "see `uci changes` there, then commit or revert them"
    )
