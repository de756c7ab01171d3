"""The script language of the virtual RouterOS device, as MikroTik's manual tells it."""

import hashlib

import pytest

from simulator.vendors.routeros import RouterOs
from simulator.vendors.routeros_console import run
from simulator.vendors.routeros_machine import Context
from simulator.vendors.routeros_startup import hand_made


@pytest.mark.parametrize(
    ("script", "prints"),
    [
        (":local a 2\n:set a ($a + 3)\n:put $a", "5\n"),
        (":put [:typeof $nobody]; :put [:typeof 7]; :put [:typeof seven]", "nothing\nnum\nstr\n"),
        (':put [:typeof [:find "abc" "x"]]; :put [:find "abc" "c"]', "nil\n2\n"),
        (':put [:pick "abcdef" 1 3]', "bc\n"),
        (':if ("a" . "b" = "ab") do={ :put yes } else={ :put no }', "yes\n"),
        (":if (1 > 2) do={ :put yes } else={ :put no }", "no\n"),
        (':if ("1" = 1) do={ :put same }; :if yes do={}', "same\nconditional not boolean\n"),
        (":foreach x in={1;2} do={ :put $x }", "1\n2\n"),
        (':do { :error "no"; :put never } on-error={ :put caught }', "caught\n"),
        (':error "the end"\n:put never', "the end\n"),
        (":local f do={ :return ($x + 1); :put never }\n:put [$f x=4]", "5\n"),
        (":local around 9\n:local f do={ :put [:typeof $around] }\n$f", "nothing\n"),
        (":local a 9\n:if (1 = 1) do={ :local b 8; :put $a }\n:put [:typeof $b]", "9\nnothing\n"),
        (":set stranger 1", "syntax error: variable stranger is not declared\n"),
        (":nonsense", "bad command name nonsense (line 1 column 1)\n"),
        (":put [:convert abc transform=sha512 to=hex]", hashlib.sha512(b"abc").hexdigest() + "\n"),
        (":put [:convert [:convert ff00 from=hex to=raw] to=base64]", "/wA=\n"),
        (":local user nobody; :put [:len [/user ssh-keys find user=$user]]", "2\n"),
        (":local hers ana; :put [:len [/user ssh-keys find user=$hers]]", "1\n"),
    ],
)  # fmt: skip
def test_a_script_does_what_the_manual_says(script: str, prints: str) -> None:
    device = RouterOs()
    hand_made(device)
    for user in ("ana", "luis"):
        device.config.put("user ssh-keys", {"user": user, "key": f"ssh-ed25519 AAAA {user}"})
    assert run(device, script, Context()) == prints


def test_global_variables_are_kept_between_scripts_and_lost_with_the_power() -> None:
    device = RouterOs()
    count = ":global n; :if ([:typeof $n] != num) do={ :set n 0 }; :set n ($n + 1); :put $n"
    device.config.put("system script", {"name": "count", "source": count})
    assert [run(device, "/system script run count", Context()) for _ in range(2)] == ["1\n", "2\n"]
    assert run(device, ":put [:typeof $n]", Context()) == "nothing\n"
    run(device, '/system script environment remove [find name="n"]', Context())
    assert run(device, count, Context()) == "1\n"
    device.keep()
    device.box.lose_power()
    assert run(device, count, Context()) == "1\n"
