"""Cisco IOS: an autonomous Aironet (AUTONOMOUS) and a Catalyst 9800 (CATALYST), running and startup apart.

Modelled after Cisco's configuration guides and public transcripts: prompts and modes, `no` forms, the pager,
the answers to nonsense, type 7 passwords, Rollback Confirmed Change with its archive, an SSH server that
opens one channel per connection. Texts that no public transcript shows are in _UNVERIFIED.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import paramiko

from simulator.vendors.cisco_config import Configuration, nonsense
from simulator.vendors.cisco_grammar import AUTONOMOUS, CATALYST, Node, parse
from simulator.vendors.cisco_startup import HAND_MADE, Flavour
from simulator.vendors.device import Alarm, Box, Cut, DiskFull, Look, Session

STARTUP: Final = "nvram:startup-config"
PRIVATE: Final = "nvram:private-config"

_UNVERIFIED: Final = {
    "busy": "%Rollback Confirmed Change already pending\n",
    "full": "%Error opening nvram:/startup-config (No space left on device)\n",
    "no backup": "%Error: the backup of the running configuration failed (No space left on device)\n",
}
_NO_ARCHIVE: Final = "%Turn config archive on before using Rollback Confirmed Change\n"
_NOTHING_PENDING: Final = "%No Rollback Confirmed Change pending\n"
_ENTER: Final = "Enter configuration commands, one per line.  End with CNTL/Z.\n"
_ABOUT: Final[Mapping[Flavour, str]] = {
    Flavour.AUTONOMOUS: """\
Cisco IOS Software, C2600 Software (AP3G2-K9W7-M), Version 15.3(3)JF12, RELEASE SOFTWARE (fc1)
Technical Support: http://www.cisco.com/techsupport

ap-viejo uptime is 3 weeks, 2 days, 4 hours, 5 minutes
cisco AIR-CAP2602E-A-K9    (PowerPC) processor (revision A0) with 204790K/57344K bytes of memory.
Processor board ID FTX1722R0AB
PowerPC CPU at 800Mhz, revision number 0x2151
32K bytes of flash-simulated non-volatile configuration memory.
Base ethernet MAC Address: 00:11:22:33:44:55
Part Number                          : 73-14511-02
Top Assembly Serial Number           : FTX1722R0AB
Product/Model Number                 : AIR-CAP2602E-A-K9
""",
    Flavour.CATALYST: """\
Cisco IOS XE Software, Version 17.09.04a
Cisco IOS Software [Cupertino], C9800 Software (C9800_IOSXE-K9), Version 17.9.4a, RELEASE SOFTWARE (fc3)
Technical Support: http://www.cisco.com/techsupport

wlc-viejo uptime is 3 weeks, 2 days, 4 hours, 5 minutes
cisco C9800-L-C-K9 (C9800-L-C-K9) processor (revision 1.0) with 7715904K/6147K bytes of memory.
32768K bytes of non-volatile configuration memory.
""",
}
_INVENTORY: Final[Mapping[Flavour, str]] = {
    Flavour.AUTONOMOUS: """\
NAME: "AP2600", DESCR: "Cisco Aironet 2600 Series (IEEE 802.11n) Access Point"
PID: AIR-CAP2602E-A-K9 , VID: V01, SN: FTX1722R0AB
""",
    Flavour.CATALYST: """\
NAME: "Chassis 1", DESCR: "Cisco C9800-L-C-K9 Chassis"
PID: C9800-L-C-K9      , VID: V01  , SN: FCL2401Q0XY
""",
}
_SHORT: Final[Mapping[str, str]] = {
    "conf t": "configure terminal",
    "config t": "configure terminal",
    "sh run": "show running-config",
    "wr": "write memory",
    "write": "write memory",
    "wr mem": "write memory",
    "term len 0": "terminal length 0",
    "copy run start": "copy running-config startup-config",
}
_EXEC: Final = ("configure", "copy", "enable", "exit", "logout", "reload", "show", "terminal", "write")


class CiscoIos:
    """One device. `hidden_keys`: it stores keys as type 8, as with `password encryption aes`.

    `has_archive` false is an image without Rollback Confirmed Change.
    """

    def __init__(
        self,
        flavour: Flavour = Flavour.AUTONOMOUS,
        box: Box | None = None,
        startup: str | None = None,
        *,
        hidden_keys: bool = False,
    ) -> None:
        self.box = box or Box()
        self.look = Look(pager=" --More-- ", height=24, longest=253, keys="?", channels=1)
        self.flavour = flavour
        self.has_archive = True
        grammar = AUTONOMOUS if flavour is Flavour.AUTONOMOUS else CATALYST
        self._configuration = Configuration(grammar, hidden_keys=hidden_keys)
        self._trial: tuple[str, Alarm, str, int] | None = None
        self._air = {
            Flavour.AUTONOMOUS: ("show dot11 bssid", self._show_bssid),
            Flavour.CATALYST: ("show wlan summary", self._show_wlans),
        }
        self.box.flash.setdefault(STARTUP, HAND_MADE[flavour] if startup is None else startup)
        self.box.runs(self.boot)

    @property
    def running(self) -> Node:
        """What it does now."""
        return self._configuration.running

    @property
    def snmp_users(self) -> dict[str, str]:
        """The whole line of each, by name."""
        return self._configuration.snmp_users

    def boot(self) -> None:
        self._configuration.running = parse(self.box.flash[STARTUP])
        self._configuration.snmp_users = dict(
            line.split(" ", 1) for line in self.box.flash.get(PRIVATE, "").splitlines() if line
        )
        self._trial = None

    def running_text(self) -> str:
        """The running configuration, as it is printed between header and end."""
        return "".join(f"{line}\n" for line in self.running.lines())

    def startup_text(self) -> str:
        """The startup configuration in the same shape."""
        return "".join(f"{line}\n" for line in parse(self.box.flash[STARTUP]).lines())

    def pending(self) -> bool:
        """Whether a change waits to be confirmed."""
        return self._trial is not None

    def lets_in(self, user: str, key: paramiko.PKey) -> bool:
        """What `ip ssh pubkey-chain` says: the MD5 of each user's key."""
        chain = self.running.find("ip ssh pubkey-chain")
        owner = chain.find(f"username {user}") if chain else None
        lines = [node.line.split() for node in owner.below] if owner else []
        return any(line[1:3] == [key.get_name(), key.get_fingerprint().hex().upper()] for line in lines)

    def keys_only(self, user: str) -> bool:
        """A password is as good."""
        return False

    def greet(self, session: Session) -> None:
        session.modes.append("exec")
        session.facts["path"] = []

    def prompt(self, session: Session) -> str:
        if session.modes[-1] == "copy":
            return "Destination filename [startup-config]? "
        name = next((n.line.split()[1] for n in self.running.below if n.line.startswith("hostname ")), "ap")
        mode = "" if session.modes[-1] == "exec" else f"({session.modes[-1]})"
        return f"{name}{mode}#"

    def press(self, session: Session, key: str, typed: str) -> str:
        return "  <cr>\n"

    def leave(self, session: Session) -> None:
        session.modes.clear()

    def execute(self, session: Session, line: str) -> str:
        line = line.strip(" ")
        if session.modes[-1] == "copy":
            session.modes.pop()
            return self._write()
        if not line or line.startswith("!"):
            return ""
        if session.modes[-1] == "exec":
            return self._exec(session, _SHORT.get(line, line))
        if line == "end":
            del session.modes[1:]
            session.facts["path"] = []
            return ""
        if line == "exit":
            session.modes.pop()
            session.facts["path"] = session.facts["path"][:-1]
            return ""
        return self._configuration.obey(session, line, self.prompt(session))

    def _exec(self, session: Session, line: str) -> str:
        alias = next((n.line for n in self.running.below if n.line.startswith(f"alias exec {line} ")), "")
        line = alias.removeprefix(f"alias exec {line} ") or line
        command, _, wanted = line.partition(" | include ")
        for pattern, act in self._commands(session).items():
            found = re.fullmatch(pattern, command)
            if found:
                lines = act(found).splitlines(keepends=True)
                return "".join(one for one in lines if re.search(wanted, one))
        return nonsense(line, _EXEC, self.prompt(session))

    def _commands(self, session: Session) -> Mapping[str, Callable[[re.Match[str]], str]]:
        return {
            "show running-config": lambda _: self._show_running(),
            "show startup-config": lambda _: self._show_startup(),
            "show version": lambda _: _ABOUT[self.flavour],
            "show inventory": lambda _: _INVENTORY[self.flavour],
            "dir flash:": lambda _: self._directory(),
            "show archive config rollback timer": lambda _: self._show_timer(),
            "show archive": lambda _: self._show_archive(),
            self._air[self.flavour][0]: lambda _: self._air[self.flavour][1](),
            "terminal length ([0-9]+)": lambda found: _set(session, "height", int(found[1])),
            "terminal width ([0-9]+)": lambda found: _set(session, "width", int(found[1])),
            "configure terminal": lambda _: self._enter(session),
            "configure terminal revert timer ([0-9]+)": lambda found: self._arm(session, int(found[1])),
            "configure confirm": lambda _: self._confirm(),
            "configure revert now": lambda _: self._revert_now(),
            "write memory": lambda _: self._write(),
            "copy running-config startup-config": lambda _: _ask(session),
            "enable": lambda _: "",
            "exit|logout": lambda _: _leave(),
            "reload": lambda _: self._reload(),
        }

    def _directory(self) -> str:
        free = 0 if self.box.faults.disk_full else 6_862_336
        rows = "    2  -rwx        1048  Mar 1 2016 00:01:04 +00:00  private-multiple-fs\n\n"
        return f"Directory of flash:/\n\n{rows}15998976 bytes total ({free} bytes free)\n"

    def _show_running(self) -> str:
        text = self.running_text()
        head = f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n!\nversion 15.3\n"
        return f"{head}{text}end\n"

    def _show_startup(self) -> str:
        text = self.startup_text()
        return f"Using {len(text)} bytes\n!\n{text}end\n"

    def _show_timer(self) -> str:
        if not self.has_archive:
            return "           ^\n% Invalid input detected at '^' marker.\n\n"
        if self._trial is None:
            return _NOTHING_PENDING
        _, _, user, minutes = self._trial
        return (
            "Time configured(or reconfigured): 22:50:48 UTC Sat Feb 21 2009\nTimer type: absolute timer\n"
            f"Timer value: {minutes} min\nUser: {user}\n"
        )

    def _archive(self) -> str:
        archive = self.running.find("archive")
        path = next((n.line for n in archive.below if n.line.startswith("path ")), "") if archive else ""
        return path.removeprefix("path ")

    def _show_archive(self) -> str:
        on, off = "The maximum archive configurations allowed is 10.\n", " Archive feature not enabled\n"
        return on if self._archive() else off

    def _show_bssid(self) -> str:
        rows = ["Interface     BSSID             Guest  SSID"]
        for radio in self.running.below:
            if re.fullmatch("interface Dot11Radio[01]", radio.line) and not radio.find("shutdown"):
                names = [node.line[5:] for node in radio.below if node.line.startswith("ssid ")]
                port = radio.line.split()[1]
                rows += [
                    f"{port}   0011.2233.44{place:02x}    Yes    {name}" for place, name in enumerate(names)
                ]
        return "\n".join(rows) + "\n"

    def _show_wlans(self) -> str:
        wlans = [node for node in self.running.below if node.line.startswith("wlan ")]
        rows = [
            f"Number of WLANs: {len(wlans)}",
            "",
            "ID   Profile Name    SSID      Status Security",
            "-" * 70,
        ]
        for node in wlans:
            _, name, number, ssid = node.line.split(" ", 3)
            state = "UP" if node.find("no shutdown") else "DOWN"
            rows.append(f"{number:<5}{name:<33}{ssid.strip(chr(34)):<33}{state:<7}[open]")
        return "\n".join(rows) + "\n"

    def _enter(self, session: Session) -> str:
        session.modes.append("config")
        return _ENTER

    def _arm(self, session: Session, minutes: int) -> str:
        if not self.has_archive:
            return "                      ^\n% Invalid input detected at '^' marker.\n\n"
        if not self._archive():
            return _NO_ARCHIVE
        if self._trial is not None:
            return _UNVERIFIED["busy"]
        backup = self._archive() + "-backup"
        try:
            self.box.write(backup, self.running_text())
        except DiskFull:
            return _UNVERIFIED["no backup"]
        alarm = self.box.after(minutes * 60, self._roll_back)
        self._trial = (self.running_text(), alarm, session.user, minutes)
        said = f"Rollback Confirmed Change: Backing up current running config to {backup}\n"
        return said + self._enter(session)

    def _roll_back(self) -> None:
        if self._trial is not None:
            before, alarm, _, _ = self._trial
            alarm.cancel()
            self._configuration.running = parse(before)
            self._trial = None

    def _confirm(self) -> str:
        if self._trial is None:
            return _NOTHING_PENDING
        self._trial[1].cancel()
        self._trial = None
        return ""

    def _revert_now(self) -> str:
        if self._trial is None:
            return _NOTHING_PENDING
        path = self._archive()
        self._roll_back()
        said = f"Rollback Confirmed Change: Rolling to:{path}-backup\n\n"
        return said + "Total number of passes: 1\nRollback Done\n"

    def _write(self) -> str:
        try:
            self.box.write(STARTUP, self.running_text())
            self.box.write(PRIVATE, "".join(f"{user} {rest}\n" for user, rest in self.snmp_users.items()))
        except DiskFull:
            return "Building configuration...\n" + _UNVERIFIED["full"]
        return "Building configuration...\n[OK]\n"

    def _reload(self) -> str:
        self.box.lose_power()
        raise Cut


def _set(session: Session, name: str, value: int) -> str:
    setattr(session, name, value)
    return ""


def _ask(session: Session) -> str:
    session.modes.append("copy")
    return ""


def _leave() -> str:
    raise Cut
