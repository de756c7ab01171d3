"""MikroTik RouterOS 6 and 7: its console, safe mode, schedulers, backups.

What is modelled after help.mikrotik.com (Configuration Management, Scheduler, Backup, Scripting): every
change is kept at once; safe mode undoes what a lost session did, other sessions' changes too, and forgets
itself after 100 actions; whoever finds it taken is asked; a scheduler entry runs each `interval`, or after a
start when it has none; loading a backup reboots. Texts of refusals are after what people published. Never
compared with a device.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import paramiko

from simulator.vendors.device import Alarm, Box, Cut, DiskFull, Look, Session
from simulator.vendors.routeros_config import Configuration, Item, seconds
from simulator.vendors.routeros_console import look_over, run
from simulator.vendors.routeros_machine import Context
from simulator.vendors.routeros_packages import fetched, posted, version_of
from simulator.vendors.routeros_script import ScriptError
from simulator.vendors.routeros_values import Value

SAFE_MODE: Final = "\x18"
LEAVE: Final = "\x04"
HELP: Final = "?"
HISTORY: Final = 100
BOARD: Final = "cAPGi-5HaxD2HaxD"
SERIAL: Final = "HEX0A1B2C3D"
ARCHITECTURE: Final = "arm64"
_CONFIG: Final = "config"
_FILE: Final = "file:"
_HIJACK: Final = "Hijacking Safe Mode from someone - unroll/release/don't take it [u/r/d]: "
_RESTORE: Final = "Restore and reboot? [y/N]: "
_SOON_S: Final = 0.05


@dataclass
class _Safe:
    """Safe mode: whose it is, what there was before, how much was done since."""

    owner: Session
    before: dict[str, list[Item]]
    actions: int = 0


class RouterOs:
    """A device whose flash holds its configuration; `flash_folder` says that files elsewhere are in memory.

    A session that is lost is noticed after `keepalive_s` of the device's time; entries that run at startup do
    so after `startup_s`.
    """

    look = Look(pager="-- [Q quit|D dump|down]", height=0, keys=SAFE_MODE + LEAVE + HELP)

    def __init__(
        self, box: Box | None = None, version: str = "7.16.2", *, flash_folder: bool = False
    ) -> None:
        self.box = box or Box()
        self.version = version
        self.flash_folder = flash_folder
        self.keepalive_s = 0.0
        self.startup_s = 0.3
        self.is_board = True
        self.refuses_packages = False
        self.inactive: set[str] = set()
        self.safe: _Safe | None = None
        self.reboots = 0
        self.config = Configuration(self._major)
        self.globals: dict[str, Value] = {}
        self.host_key = ""
        self._alarms: dict[str, Alarm] = {}
        self.box.runs(self.boot)

    @property
    def _major(self) -> int:
        return int(self.version.partition(".")[0])

    def keep(self) -> None:
        """Put the configuration as it is onto the flash, as each change does."""
        self.box.flash[_CONFIG] = json.dumps(self.config.content)

    def value(self, menu: str, name: str, where: tuple[str, str] = ("", "")) -> str:
        """A property of the first item of a menu that has `where`; empty where there is none."""
        with self.box.lock:
            for item in self.config.items(menu):
                if not where[0] or self.config.value(menu, item, where[0]) == where[1]:
                    return self.config.value(menu, item, name)
            return ""

    def exported(self) -> str:
        """All its settings with secrets, as an export's lines."""
        with self.box.lock:
            return "\n".join(self.config.export(secrets=True))

    # Vendor

    def boot(self) -> None:
        """Power on."""
        self.reboots += 1
        self.safe = None
        self.globals = {}
        self._alarms = {}
        self._install()
        if self.flash_folder:
            for name in [name for name in self.box.flash if name.startswith(_FILE)]:
                if not name.startswith(f"{_FILE}flash/"):
                    del self.box.flash[name]
        self.config = Configuration(self._major, json.loads(self.box.flash.get(_CONFIG, "{}")))
        for item in self.config.items("system scheduler"):
            if self._interval(item) == 0 and self._get(item, "start-time") == "startup":
                self.box.after(self.startup_s, partial(self._event, item))
        self._time()

    def lets_in(self, user: str, key: paramiko.PKey) -> bool:
        """What `/user ssh-keys` says."""
        return any(key.get_base64() in line.split() for line in self._keys_of(user))

    def keys_only(self, user: str) -> bool:
        """As long as `/ip ssh always-allow-password-login` is no, which it is from its box."""
        return bool(self._keys_of(user))

    def _keys_of(self, user: str) -> list[str]:
        menu, config = "user ssh-keys", self.config
        return [
            config.value(menu, one, "key")
            for one in config.items(menu)
            if config.value(menu, one, "user") == user
        ]

    def greet(self, session: Session) -> None:
        """A login begins."""
        session.facts["menu"] = ()

    def prompt(self, session: Session) -> str:
        """With colours unless the client asked for none behind the user's name."""
        question = session.facts.get("question", "")
        if question:
            return str(question)
        identity = self.config.value("system identity", self.config.items("system identity")[0], "name")
        path = "".join(f"/{part}" for part in session.facts["menu"])
        end = "<SAFE> " if self.safe is not None and self.safe.owner is session else "> "
        plain = f"[{session.user}@{identity}] {path}{end}"
        if "c" in session.suffix:
            return plain
        return f"\x1b[m\x1b[36m[{session.user}@{identity}]\x1b[m {path}\x1b[m{end}"

    def execute(self, session: Session, line: str) -> str:
        """One line."""
        if session.facts.get("question"):
            return self._answer(session, line)
        context = Context(session.facts["menu"], session.kind == "shell", session)
        said = run(self, line, context)
        session.facts["menu"] = context.menu
        return said

    def press(self, session: Session, key: str, typed: str) -> str:
        """Ctrl-X, Ctrl-D or the help."""
        if session.facts.get("question"):
            return ""
        if key == HELP:
            return "  <command>\n"
        if key == LEAVE:
            self._unroll(session)
            raise Cut("\n")
        if self.safe is None:
            self.safe = _Safe(session, self.config.copied())
            return "[Safe Mode taken]\n"
        if self.safe.owner is session:
            self.safe = None
            return "[Safe Mode released]\n"
        session.facts["question"] = _HIJACK
        return ""

    def leave(self, session: Session) -> None:
        """A session is lost: what it did in safe mode is undone once the device notices."""
        if self.safe is None or self.safe.owner is not session:
            return
        if self.keepalive_s:
            self.box.after(self.keepalive_s, lambda: self._unroll(session))
        else:
            self._unroll(session)

    # Machine

    def changed(self, actions: int) -> None:
        """Kept at once; more actions than the history holds end safe mode, and they stay."""
        self.keep()
        self._time()
        if self.safe is not None:
            self.safe.actions += actions
            if self.safe.actions > HISTORY:
                self.safe = None

    def special(self, path: tuple[str, ...], arguments: Mapping[str, str], context: Context) -> str | None:
        """Commands that are no verb of a menu."""
        match path:
            case (":execute",):
                script = arguments["script"]
                self.box.after(_SOON_S, lambda: self._run(script))
                return ""
            case ("system", "backup", "save"):
                return self._save(arguments["name"])
            case ("system", "backup", "load"):
                return self._load(arguments, context)
            case ("import",) | ("tool", "fetch") | ("ip", "ssh", "export-host-key"):
                return self._of_files(path[-1], arguments)
            case ("system", "reboot"):
                self.box.lose_power()
                raise Cut("")
            case ("quit",):
                raise Cut("interrupted\n")
            case ("safe-mode", verb) if self._scripts_safe_mode and isinstance(context.owner, Session):
                return self._safe_mode(verb, context.owner)
        return None

    def export(self, *, secrets: bool, only: str) -> str:
        """With the header that tells the time."""
        header = f"# 2026-11-26 16:00:{self.box.deaths % 60:02d} by RouterOS {self.version}\n"
        header += f"# software id = ABCD-EFGH\n#\n# model = {BOARD}\n# serial number = {SERIAL}\n"
        return header + "".join(f"{line}\n" for line in self.config.export(secrets=secrets, only=only))

    def about(self, menu: str) -> str:
        """Right-aligned properties; a CHR is no routerboard."""
        if menu == "system routerboard":
            told = {"routerboard": "yes", "board-name": "cAP ax", "model": BOARD, "serial-number": SERIAL}
            shown = told if self.is_board else {"routerboard": "no"}
        else:
            shown = {
                "uptime": "1w2d3h",
                "version": f"{self.version} (stable)",
                "free-memory": "640.2MiB",
                "free-hdd-space": "0" if self.box.faults.disk_full else "93.5MiB",
                "total-hdd-space": "128.0MiB",
                "architecture-name": ARCHITECTURE,
                "board-name": "cAP ax" if self.is_board else "CHR",
                "platform": "MikroTik",
            }
        return "".join(f"{name:>25}: {value}\n" for name, value in shown.items())

    def flags(self, menu: str, item: Item) -> str:
        """X disabled, I inactive, R running."""
        if self.config.value(menu, item, "disabled") == "yes":
            return "X"
        return "I" if self.config.value(menu, item, "name") in self.inactive else "R"

    def posted(self, arguments: Mapping[str, str]) -> Value:
        """Only a POST whose answer is asked for is modelled."""
        if (arguments.get("http-method"), arguments.get("output")) != ("post", "user"):
            raise ScriptError("failure: not modelled")
        return {"data": posted(arguments["url"], arguments["http-data"]), "status": "finished"}

    def files(self) -> list[dict[str, str]]:
        """Name, type, size, contents."""
        found = (
            [{"name": "flash", "type": "directory", "size": "", "contents": ""}] if self.flash_folder else []
        )
        for name, text in self.box.flash.items():
            if name.startswith(_FILE):
                found.append({"name": name.removeprefix(_FILE), "size": str(len(text)), "contents": text})
        return found

    def put(self, name: str, offset: int, octets: bytes) -> None:
        """Over SFTP; an octet is a letter."""
        before = self.box.flash.get(_FILE + name, "")
        text = octets.decode("latin-1")
        self.box.write(
            _FILE + name, before[:offset].ljust(offset, "\0") + text + before[offset + len(text) :]
        )

    def empty(self, name: str) -> None:
        """Over SFTP."""
        self.box.write(_FILE + name, "")

    def write_file(self, name: str, contents: str) -> None:
        """Refused when the disk is full."""
        try:
            self.box.write(_FILE + name, contents)
        except DiskFull:
            raise ScriptError("failure: not enough space on disk") from None

    def remove_file(self, name: str) -> None:
        """It is gone."""
        self.box.flash.pop(_FILE + name, None)

    @property
    def _scripts_safe_mode(self) -> bool:
        return tuple(map(int, self.version.split(".")[:2])) >= (7, 18)

    def _safe_mode(self, verb: str, session: Session) -> str:
        mine = self.safe is not None and self.safe.owner is session
        if verb == "take":
            if self.safe is not None and not mine:
                raise ScriptError("failure: someone else already in safe mode")
            self.safe = self.safe or _Safe(session, self.config.copied())
        elif not mine:
            raise ScriptError("failure: not in safe mode")
        elif verb == "release":
            self.safe = None
        else:
            self._unroll(session)
        return ""

    def _answer(self, session: Session, line: str) -> str:
        question = session.facts["question"]
        if question == _RESTORE:
            session.facts["question"] = ""
            if line.strip().lower() == "y":
                self._restore(session.facts["backup"])
                raise Cut("Restoring system configuration\n")
            return ""
        keys = [key for key in line if key in "urd"]
        if not keys:
            return ""
        session.facts["question"] = ""
        if keys[0] == "u" and self.safe is not None:
            self._unroll(self.safe.owner)
        if keys[0] in "ur":
            self.safe = _Safe(session, self.config.copied())
        return ""

    def _unroll(self, session: Session) -> None:
        if self.safe is not None and self.safe.owner is session:
            self.config = Configuration(self._major, self.safe.before)
            self.safe = None
            self.keep()
            self._time()

    def _of_files(self, verb: str, arguments: Mapping[str, str]) -> str:
        if verb == "import":
            return self._import(arguments)
        if verb == "fetch":
            return self._fetch(arguments)
        self.write_file(f"{arguments['key-file-prefix']}_ed25519_pub.pem", self.host_key)
        return ""

    def _fetch(self, arguments: Mapping[str, str]) -> str:
        text = fetched(arguments["url"])
        self.write_file(arguments.get("dst-path", arguments["url"].rpartition("/")[2]), text)
        return f"      status: finished\n  downloaded: {len(text) // 1024}KiB\n"

    def _install(self) -> None:
        """Packages at the top are taken at the start, unless the device refuses them."""
        for name in [name for name in self.box.flash if name.startswith(_FILE) and name.endswith(".npk")]:
            version = "" if self.refuses_packages else version_of(self.box.flash[name], ARCHITECTURE)
            del self.box.flash[name]
            self.version = version or self.version

    def _import(self, arguments: Mapping[str, str]) -> str:
        plain = next((name for name in arguments if name not in {"file-name", "dry-run", "verbose"}), "")
        text = self.box.flash.get(_FILE + arguments.get("file-name", plain))
        if text is None:
            raise ScriptError("failure: no such file")
        if "dry-run" in arguments:
            return look_over(self, text)
        said = run(self, text, Context())
        return said or "Script file loaded and executed successfully\n"

    def _save(self, name: str) -> str:
        self.write_file(f"{name.removesuffix('.backup')}.backup", json.dumps(self.config.content))
        return "Saving system configuration\nConfiguration backup saved\n"

    def _load(self, arguments: Mapping[str, str], context: Context) -> str:
        name = arguments["name"]
        if "password" not in arguments and not context.interactive:
            raise ScriptError("missing value(s) of argument(s) password")
        backup = self.box.flash.get(f"{_FILE}{name.removesuffix('.backup')}.backup")
        if backup is None:
            raise ScriptError("failure: no such file")
        if context.interactive and isinstance(context.owner, Session):
            context.owner.facts |= {"question": _RESTORE, "backup": backup}
            return ""
        self._restore(backup)
        return "Restoring system configuration\n"

    def _restore(self, backup: str) -> None:
        self.box.flash[_CONFIG] = backup
        self.box.lose_power()

    # Schedulers

    def _time(self) -> None:
        """Each entry with an interval counts; one that is gone does not."""
        there = {item["id"]: item for item in self.config.items("system scheduler")}
        for gone in self._alarms.keys() - there.keys():
            self._alarms.pop(gone).cancel()
        for key, item in there.items():
            interval_s = self._interval(item)
            if key not in self._alarms and interval_s and self._get(item, "disabled") == "no":
                self._alarms[key] = self.box.after(interval_s, partial(self._again, key))

    def _again(self, key: str) -> None:
        self._alarms.pop(key, None)
        item = next((one for one in self.config.items("system scheduler") if one["id"] == key), None)
        if item is not None:
            self._time()
            self._event(item)

    def _event(self, item: Item) -> None:
        allowed = self._major < 7 or self.value("system device-mode", "scheduler") == "yes"
        if allowed and item in self.config.items("system scheduler"):
            self._run(self._get(item, "on-event"))

    def _run(self, script: str) -> None:
        kept = self.value("system script", "source", ("name", script))
        script = f'/system script run "{script}"' if kept else script
        with suppress(Cut):  # it was its own restart
            run(self, script, Context())

    def _interval(self, item: Item) -> float:
        return seconds(self._get(item, "interval"))

    def _get(self, item: Item, name: str) -> str:
        return self.config.value("system scheduler", item, name)
