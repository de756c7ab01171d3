"""`plaza demo` on the shipped inventory, with no internet and no root: the whole state within two minutes."""

import html
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from controller import inventory
from tests import need
from tests.town import Phone, Town, ended, environment, fetch, town, wait_for

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "inventory.yaml"
PLAZA = Path(sys.executable).with_name("plaza")
WITHIN_S = 120
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
DEFAULT_PORTS = {"portal": 8080, "console": 8081, "edge": 8082}


@contextmanager
def its_own_loopback() -> Iterator[tuple[str, ...]]:
    """What enters a network of nothing but a loopback; where we are not root, the machine's own."""
    if os.geteuid() != 0:
        _require_the_simulated_addresses()
        yield ()
        return
    for name, package in (("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")):
        need.program(name, package)
    argv = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
        holder.kill()


def _require_the_simulated_addresses() -> None:
    """They are fixed in the shipped inventory, so a demonstration that runs here has them."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind(("127.8.1.11", 16161))
        except OSError as error:
            need.missing(f"127.8.1.11:16161: {error.strerror}; stop the demonstration that runs, or be root")


def _without_root(directory: Path) -> tuple[str, ...]:
    """What gives root up: as nobody; where only root may read this installation, as root without power."""
    if os.geteuid() != 0:
        return ()
    # `sh`, because setpriv itself still finds programs with the eyes of root.
    argv = [*AS_NOBODY, "sh", "-c", '"$0" -c "import controller.roles"', sys.executable]
    if subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode != 0:
        return ("unshare", "--user")
    os.chown(directory, NOBODY, NOBODY)
    return AS_NOBODY


@pytest.fixture(scope="module")
def state() -> Iterator[Town]:
    """The state of Chihuahua as `make run` shows it; its commands are the installed ones."""
    assert PLAZA.exists(), f"{PLAZA}: install Plaza first, with make test"
    with ExitStack() as stack:
        # Not pytest's: nobody but root may enter those.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plaza-demo-")))
        inside = stack.enter_context(its_own_loopback()) + _without_root(directory)
        made = Town(directory, environment(directory, SHIPPED), "", inside=inside, program=(str(PLAZA),))
        stack.enter_context(ended(made))
        began_s = time.monotonic()
        made.start()
        wait_for(
            lambda: "have been polled" in made.said(),
            f"the end of the first round in {made.said()}",
            WITHIN_S - (time.monotonic() - began_s),
        )
        yield made


def test_within_two_minutes_all_134_access_points_are_polled_and_up(state: Town) -> None:
    assert "Plaza runs with 134 simulated access points, polled every 30 s; " in state.said()
    assert "All 134 access points have been polled: 134 up." in state.said()


def test_it_needs_no_internet(state: Town) -> None:
    if not state.inside:
        pytest.skip("needs root: this run shared the machine's network")
    interfaces = state.ran("cat", "/proc/net/dev").stdout.splitlines()[2:]
    assert [line.partition(":")[0].strip() for line in interfaces] == ["lo"]


def test_it_needs_no_root(state: Town) -> None:
    powers = {_effective_capabilities(pid) for pid in state.processes()}
    assert powers == {0}


def _effective_capabilities(pid: int) -> int:
    found = re.search(r"^CapEff:\s+(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1], 16)


def test_the_console_lists_the_67_municipalities(state: Town) -> None:
    page = html.unescape(_page(state, printed(state, "Console")))
    rows = re.findall(r'<tr role="row" id="m-(\d{5})".*?<th [^>]*>([^<]+?) <', page, re.DOTALL)
    shipped = inventory.load(SHIPPED).municipalities
    assert dict(rows) == {key: one.name for key, one in shipped.items()}
    assert len(rows) == 67


def test_citizens_are_online(state: Town) -> None:
    wait_for(lambda: '"citizens_online": 0,' not in state.plaza("demo", "status").stdout, "a citizen online")
    wait_for(
        lambda: state.rows("SELECT 1 FROM session WHERE acctstarttime NOT NULL"), "a gateway's word of it"
    )


def test_the_three_lines_to_try_next_work_as_they_are_printed(state: Town) -> None:
    poll, diff, broken = to_try_next(state)
    asked = state.ran("sh", "-c", poll)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.rstrip().endswith("134 up, 0 degraded, 0 down, 0 unknown")
    pending = state.ran("sh", "-c", diff)
    assert pending.returncode == 3, pending.stderr
    assert {"ap-08019-1", "ap-08019-2"} <= set(re.findall(r"ap-\d{5}-\d", pending.stdout))
    assert state.ran("sh", "-c", broken).returncode == 0
    name = broken.split()[-1]
    assert re.search(rf"{name} .* down .*no answer", state.plaza("poll", "--once", name).stdout)


def test_ctrl_c_stops_all_of_it_and_says_that_the_data_stays(state: Town) -> None:
    assert state.interrupt() == 0
    assert state.processes() == {}
    assert "Stopped. The data stays" in state.said()


def test_where_the_ports_are_taken_it_takes_others_and_prints_them(tmp_path: Path) -> None:
    with town(tmp_path, "127.73.1") as guachochi, ExitStack() as stack:
        for name, port in DEFAULT_PORTS.items():
            del guachochi.environ[f"PLAZA_{name.upper()}_LISTEN"]
            _occupy(stack, port)
        guachochi.start()
        console = printed(guachochi, "Console")
        assert urlsplit(console).port not in DEFAULT_PORTS.values()
        assert "Guachochi" in fetch(console)
        phone = Phone("127.0.73.1")
        phone.open(printed(guachochi, "Portal"))
        assert urlsplit(phone.url).port not in {*DEFAULT_PORTS.values(), urlsplit(console).port}
        phone.tap()
        assert "/online" in phone.url
        opened = "SELECT 1 FROM session WHERE acctstarttime NOT NULL"
        wait_for(lambda: guachochi.rows(opened), "the gateway's word, over the edge's port")


def _occupy(stack: ExitStack, port: int) -> None:
    try:
        stack.enter_context(socket.create_server(("127.0.0.1", port)))
    except OSError:
        return  # somebody else has it: taken all the same


def printed(place: Town, what: str) -> str:
    """The address that the greeting gives for the console or the portal."""
    found = re.search(rf"^  {what} +(http://\S+)", place.said(), re.MULTILINE)
    assert found, place.said()
    return found[1]


def to_try_next(place: Town) -> list[str]:
    """The commands of the greeting, without what it says they show."""
    _, _, rest = place.said().partition("Try next, in another terminal:\n")
    return [re.split(r" {2,}", line.strip())[0] for line in rest.split("\n\n")[0].splitlines()]


def _page(place: Town, url: str) -> str:
    program = "import sys; from tests.town import fetch; sys.stdout.write(fetch(sys.argv[1]))"
    return place.ran(sys.executable, "-c", program, url).stdout
