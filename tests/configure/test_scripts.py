"""Of a script of functions only those are sent that the called one needs, and none of those is missing."""

import re
import subprocess

import pytest

from drivers.configurers import shell
from drivers.configurers.openwrt.dialect import OPENWRT
from drivers.configurers.shell import Call

SCRIPTS = (
    "openwrt/trial.sh",
    "openwrt/firmware.sh",
    "linux/trial.sh",
    "ubiquiti_airos/trial.sh",
    "shared/copies.sh",
)
COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)


def functions(script: str) -> list[str]:
    return re.findall(r"^(\w+)\(\)", shell.file(script), re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_act_is_a_whole_script_that_has_every_function_it_names(script: str) -> None:
    names = set(functions(script))
    for name in names:
        sent = shell.compose(script, Call(name))
        subprocess.run(["sh", "-n"], input=sent, text=True, check=True)
        there = set(re.findall(r"^(\w+)\(\)", sent, re.MULTILINE))
        _, _, bodies = COMMENT.sub("", sent).partition("umask 077\n")  # the last line outside of them
        assert names & set(re.findall(r"\w+", bodies)) == there


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_taken_for_a_comment_is_one(script: str) -> None:
    for line in shell.file(script).splitlines():
        if found := COMMENT.search(line):
            before = line[: found.start()]
            assert before.count("'") % 2 == before.count('"') % 2 == 0, line


def test_a_look_at_an_access_point_sends_no_word_of_changing_it() -> None:
    sent = shell.compose(OPENWRT.script, Call("read_config"))
    assert len(sent) < len(shell.file(OPENWRT.script)) / 4
    assert not {"arm", "apply", "revert", "rollback.tgz"} & set(re.findall(r"[\w.]+", COMMENT.sub("", sent)))
