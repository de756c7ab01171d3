"""No name and no passphrase becomes a command of a Cisco device."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drivers.change import Line
from drivers.configurers.cisco_ios.config import parse
from drivers.configurers.cisco_ios.trial import STYLE
from drivers.configurers.seam import Running, Wish
from drivers.errors import ValueRefused
from drivers.model import Secret, Security, Ssid
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.cisco_keys import decrypted
from simulator.vendors.cisco_startup import Flavour
from simulator.vendors.device import Session
from simulator.vendors.terminal import Terminal
from tests.configure.cisco import Bench, asked, bench_of, line_of
from tests.configure.test_terminal import enter


@pytest.fixture(params=list(Flavour), ids=lambda flavour: flavour.value)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = bench_of(request.param)
    with found.server:
        yield found


EVIL = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32),
    st.sampled_from(
        ["end", "exit", "no shutdown", "!", "a\nhostname x", '"', "$(reboot)", "; reload", "|", "\\", "?"]
    ),
)


@given(name=EVIL, passphrase=EVIL.map(lambda text: text.ljust(8, "-")), flavour=st.sampled_from(Flavour))
@example("x\x16?", "12345678", Flavour.AUTONOMOUS)
@example('La "plaza"', "a?b c!d\"e'f\\", Flavour.AUTONOMOUS)
@example("Chihuahua Gratis", "a?b c!d\"e'f\\", Flavour.AUTONOMOUS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_evil_name_or_passphrase_is_stored_as_it_is_or_refused(
    name: str, passphrase: str, flavour: Flavour
) -> None:
    """Typed into the device's own parser, key by key."""
    bench = bench_of(flavour)
    _check_stored(bench, name, passphrase, lambda lines: _typed(bench.device, lines))
    bench.server.close()


@given(name=EVIL, passphrase=EVIL.map(lambda text: text.ljust(8, "-")))
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_an_evil_name_over_ssh_is_stored_as_it_is_or_refused(
    bench: Bench, name: str, passphrase: str
) -> None:
    bench.device.box.flash.pop("nvram:private-config", None)
    bench.device.boot()
    with enter(bench.server) as shell:
        _check_stored(bench, name, passphrase, lambda lines: shell.console(STYLE, 30).send(lines, 30))


class Typist:
    """A wire on which everything was typed before anybody reads."""

    def __init__(self, octets: bytes) -> None:
        self._waiting = [octets]

    def read(self) -> bytes:
        return self._waiting.pop() if self._waiting else b""

    def write(self, text: str) -> None:
        pass

    def obeyed(self) -> None:
        pass


def _typed(device: CiscoIos, lines: Sequence[Line]) -> None:
    session = Session("plaza")
    device.greet(session)
    octets = "".join(f"{line.command.reveal()}\n" for line in lines).encode("utf-8", "surrogateescape")
    Terminal(device, session, Typist(octets)).run()


def _check_stored(
    bench: Bench, name: str, passphrase: str, type_in: Callable[[Sequence[Line]], object]
) -> None:
    """Nothing else appears than with a harmless name and passphrase."""
    harmless = bench_of(bench.device.flavour)
    harmless.server.close()
    plain = _wish("Plaza", "doce-letras-12")
    lines = harmless.cisco.change("ap-1", _read(harmless.device), plain).lines
    _typed(harmless.device, [line_of("configure terminal"), *lines, line_of("end")])
    try:
        change = bench.cisco.change("ap-1", _read(bench.device), _wish(name, passphrase))
    except ValueRefused:
        return
    type_in([line_of("configure terminal"), *change.lines, line_of("end")])
    assert _network(bench.device) == (name, passphrase)
    assert _shape(bench.device) == _shape(harmless.device)


def _wish(name: str, passphrase: str) -> Wish:
    ssid = Ssid(name, Security.WPA2, passphrase="alcaldia", vlan=40)
    return replace(asked(ssids=(ssid,)), passphrases={"alcaldia": Secret(passphrase)})


def _read(device: CiscoIos) -> Running:
    return Running(Secret(f"! Plaza is logged in as plaza\n{device.running_text()}end\n"), "")


def _network(device: CiscoIos) -> tuple[str, str]:
    """The name and key of the one network of ours, as the device's own parser understood them."""
    if device.flavour is Flavour.AUTONOMOUS:
        names = [node for node in device.running.below if node.line.startswith("dot11 ssid ")]
        node = names[-1]
        keys = [one.line.split(" ")[3] for one in node.below if one.line.startswith("wpa-psk")]
        return node.line.removeprefix("dot11 ssid "), decrypted(keys[0])
    node = next(node for node in device.running.below if node.line.startswith("wlan plaza-"))
    keys = [one.line.split(" ", 6)[6] for one in node.below if "set-key" in one.line]
    return node.line.split(" ", 3)[3].strip('"'), keys[0]


def _shape(device: CiscoIos) -> Counter[tuple[int, str]]:
    """How many lines of which kind, whatever they hold."""
    return Counter((len(entry.path), entry.line.split(" ")[0]) for entry in parse(device.running_text()))
