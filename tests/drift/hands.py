"""What somebody changes at a device by hand, per platform: something of ours, something that is not."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from drivers.configurers.aruba_instant.board import InstantBoard
from drivers.configurers.cisco_ios.trial import STYLE as CISCO
from drivers.configurers.cnpilot.board import CnPilotBoard
from drivers.configurers.routeros import console
from drivers.configurers.unarmed import plain
from tests.configure.desk import PATIENT
from tests.configure.device import Dropbear
from tests.configure.peers import ShellPeer
from tests.drift.post import Post

Hand = Callable[[Post, str], None]
"""Sets something to a word."""


def _uci(option: str) -> Hand:
    def act(post: Post, word: str) -> None:
        ap = _shell_peer(post).ap
        uci = "/sbin/uci" if isinstance(ap.server, Dropbear) else "uci"
        for command in (("set", f"{option}={word}"), ("commit", option.partition(".")[0])):
            done = ap.server.run(ap.root, uci, *command)
            assert done.returncode == 0, done.stderr

    return act


def _file(path: str, before: str, after: str) -> Hand:
    """Replace what begins with `before` up to the line's end, or append where nothing does."""

    def act(post: Post, word: str) -> None:
        file = _shell_peer(post).ap.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text().splitlines() if file.exists() else []
        kept = [line for line in lines if not line.startswith(before)]
        place = next((at for at, line in enumerate(lines) if line.startswith(before)), len(kept))
        kept.insert(place, after % word)
        file.write_text("".join(f"{line}\n" for line in kept))

    return act


def _airos(key: str) -> Hand:
    def act(post: Post, word: str) -> None:
        _file("tmp/system.cfg", f"{key}=", f"{key}=%s")(post, word)
        memory = _shell_peer(post).ap.root / "tmp"
        (memory / "running.cfg").write_text((memory / "system.cfg").read_text())

    return act


def _shell_peer(post: Post) -> ShellPeer:
    assert isinstance(post.peer, ShellPeer)
    return post.peer


def _ios(command: str) -> Hand:
    def act(post: Post, word: str) -> None:
        with post.peer.target(PATIENT).connect() as shell:
            terminal = shell.console(CISCO, 30)
            lines = ("configure terminal", command % word, "end", "write memory")
            answers = terminal.send([plain(line) for line in lines], 30)
            assert not any(answer.refused for answer in answers)

    return act


def _board(board: InstantBoard | CnPilotBoard, command: str) -> Hand:
    def act(post: Post, word: str) -> None:
        with post.peer.target(PATIENT).connect() as shell:
            board.commit(post.talk(shell), shell.console(board.style, 30), [plain(command % word)])

    return act


def _routeros(command: str) -> Hand:
    def act(post: Post, word: str) -> None:
        with post.peer.target(PATIENT).connect() as shell:
            assert not console.ask(post.talk(shell), command % word).strip()

    return act


OURS: Final[Mapping[str, Hand]] = MappingProxyType(
    {
        "aruba_instant": _board(InstantBoard(), "name %s"),
        "cambium_cnpilot": _board(CnPilotBoard(), "hostname %s"),
        "cisco_9800": _ios("hostname %s"),
        "cisco_ios": _ios("hostname %s"),
        "mikrotik_routeros": _routeros("/system identity set name=%s"),
        "linux": _file("etc/hostapd/plaza-5g.conf", "ssid", "ssid2=%s"),
        "openwrt": _uci("wireless.plaza_2g4_1.ssid"),
        "ubiquiti_airos": _airos("wireless.1.ssid"),
    }
)
"""What is ours is set to a word."""

THEIRS: Final[Mapping[str, Hand]] = MappingProxyType(
    {
        "aruba_instant": _board(InstantBoard(), "syslocation %s"),
        "cambium_cnpilot": _board(CnPilotBoard(), "location %s"),
        "cisco_9800": _ios("snmp-server location %s"),
        "cisco_ios": _ios("snmp-server location %s"),
        "mikrotik_routeros": _routeros("/ip firewall filter add chain=input action=accept comment=%s"),
        "linux": _file("root/.ssh/authorized_keys", "ssh-rsa", "ssh-rsa AAAA %s"),
        "openwrt": _uci("wireless.radio0.cell_density"),
        "ubiquiti_airos": _airos("netconf.3.ip"),
    }
)
"""What is somebody else's is set to a word."""
