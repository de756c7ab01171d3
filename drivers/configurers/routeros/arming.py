"""Makes a RouterOS device ready to revert by itself: a backup, and two scheduler entries that load it.

The backup is made before the entries, so loading it takes them away.
"""

import re
from typing import Final

from drivers.configurers.routeros import console, entries, state
from drivers.configurers.routeros.language import quote
from drivers.configurers.routeros.menus import BOOT, OWN_NAME, REVERT
from drivers.configurers.routeros.reading import read
from drivers.configurers.seam import Talk
from drivers.errors import ConfigRejected

_POLICY: Final = frozenset({"ftp", "read", "reboot", "write"})  # to load a file and restart
_SAVED: Final = r"(?:.*\n)?Configuration backup saved"


def arm(talk: Talk, fingerprint: str, token: str, revert_s: int) -> None:
    """Save a backup, then have it loaded in `revert_s` seconds and at the next start.

    The name of the first entry is the lock: who comes second cannot add it. Raises ConfigRejected when the
    device is not as planned for, somebody's trial is open, somebody is in safe mode, or it refuses a line;
    then nothing is armed.
    """
    _see_that_timers_run(talk)
    console.probe_safe_mode(talk)
    known = _as_planned(talk, fingerprint)
    if entries.schedulers(known.items):
        raise ConfigRejected(talk.device, "another trial is open", "wait until it reverted or was confirmed")
    backup = f"{known.login.folder}{OWN_NAME}{token}"
    console.do(talk, f"/system backup save name={quote(backup)} dont-encrypt=yes", said=_SAVED)
    try:
        _schedule(talk, f"{backup}.backup", f"plaza {token} {fingerprint}", revert_s)
        _as_planned(talk, fingerprint)
        others = f"name~{quote(entries.backup_of('[^/]*'))} and name!={quote(f'{backup}.backup')}"
        console.do(talk, f"/file remove [find where {others}]")
        _see_backup(talk, f"{backup}.backup")
    except ConfigRejected:
        console.ask(talk, f"{entries.disarming(token)}; /file remove [find name={quote(f'{backup}.backup')}]")
        raise


def _see_that_timers_run(talk: Talk) -> None:
    """In a device-mode without schedulers (home, since 7.17) an entry is taken and never runs."""
    if re.search(r"(?m)^\s*scheduler:\s*no\b", console.ask(talk, "/system device-mode print")):
        hint = "allow it with `/system device-mode update scheduler=yes` and its button"
        raise ConfigRejected(talk.device, "its device-mode runs no scheduler, so nothing would revert", hint)


def _as_planned(talk: Talk, fingerprint: str) -> state.State:
    running = read(talk)
    if running.fingerprint != fingerprint:
        raise ConfigRejected(talk.device, "its configuration changed since the plan was made", "plan again")
    return state.decompose(talk.device, running)


def _see_backup(talk: Talk, file: str) -> None:
    size = console.ask(talk, f":put [/file get [/file find name={quote(file)}] size]").strip()
    if not re.match(r"[1-9]", size):
        raise ConfigRejected(talk.device, "its backup is not on its flash", "look at its free space")


def _schedule(talk: Talk, file: str, note: str, revert_s: int) -> None:
    """The countdown first: a link that is cut in between leaves a trial that ends by itself."""
    load = f'/system backup load name={quote(file)} password=""'
    when = {REVERT: f"interval={revert_s}s", BOOT: "start-time=startup"}
    for name, start in when.items():
        rest = f"on-event={quote(load)} comment={quote(note)}"
        console.do(talk, f"/system scheduler add name={quote(name)} {start} {rest}")
    there = entries.schedulers(entries.items(talk, entries.exported(talk)))
    if {item.get("name"): item.get("comment") for item in there} != {REVERT: note, BOOT: note}:
        raise ConfigRejected(talk.device, "its timers are not there", "look at /system scheduler")
    if any(item.get("policy") and not _POLICY.issubset(item.get("policy").split(",")) for item in there):
        what = f"its timers would not be allowed {', '.join(sorted(_POLICY))}"
        raise ConfigRejected(talk.device, what, "put our user into the group full")
