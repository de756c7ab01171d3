"""`plaza-gateway.pyz install` and `uninstall`: a site's gateway on a machine, and the machine as it was."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway import bundle, checks, config, rules, service, systems
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.config import Config
from captive_portal.gateway.errors import ConfigError, InstallFailed
from captive_portal.gateway.manifest import PLACE, Manifest
from captive_portal.gateway.systems import CONFIG, HOME, KEY, PROGRAM, System

REAL: Final = Path("/")
FORWARDING: Final = "net.ipv4.ip_forward"
RUNNING: Final = "running"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is written: directories with modes, files with what they say and modes, links with targets."""

    site: str
    system: System
    directories: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, bytes, int], ...]
    links: tuple[tuple[str, str], ...]


def install(arguments: Sequence[str]) -> int:
    """Install what this file holds: 0 done, 1 not wanted, 2 refused or failed, one line for each reason."""
    options = _options("install", "Install this site's gateway on this machine.", arguments)
    return _told(_install, options)


def uninstall(arguments: Sequence[str]) -> int:
    """Put the machine back, also after an install that was cut: 0 done, 1 not wanted, 2 refused or failed."""
    options = _options("uninstall", "Leave this machine as it was before `install`.", arguments)
    return _told(_uninstall, options)


def plan(site: SiteFiles, wanted: Config, program: bytes, system: System) -> Plan:
    """What is written on a machine of this kind for this site."""
    lines = site.config.splitlines(keepends=True)
    moved = [f'state_dir = "{system.state}"\n' if line.startswith("state_dir ") else line for line in lines]
    others = dict.fromkeys(str(Path(path).parent) for path in (PROGRAM, *system.files, *system.links))
    return Plan(
        wanted.site.site,
        system,
        ((HOME, 0o700), (system.state, 0o700), *((path, 0o755) for path in others)),
        (
            (KEY, site.key.encode(), 0o600),
            (CONFIG, "".join(moved).encode(), 0o600),
            (PROGRAM, program, 0o600),
            *((path, text.said.encode(), text.mode) for path, text in system.files.items()),
        ),
        tuple(system.links.items()),
    )


def show(wanted: Plan, root: Path) -> str:
    """The changes in words, a line each."""
    at, system = Manifest(root).at, wanted.system
    above = [one for path, _ in wanted.directories for one in (*reversed(Path(path).parents), Path(path))]
    lines = [
        f"The gateway of {wanted.site} on {system.name}. This will change:",
        *(f"  make     {path}" for path in dict.fromkeys(map(str, above)) if not at(path).is_dir()),
        *(f"  {_verb(at(path))}  {path} ({mode:04o})" for path, _, mode in wanted.files),
        *(f"  {_verb(at(path))}  {path}, a link to {target}" for path, target in wanted.links),
    ]
    if root == REAL:
        lines += [
            f"  set      {FORWARDING} to 0, now and at boot; to 1 whenever the gateway is ready",
            f"  start    {system.service}, now and at boot; it loads the nftables table inet {rules.NAME}",
        ]
    return "\n".join([*lines, f"What is there now is kept in {PLACE}; `uninstall` puts it back.", ""])


def _verb(path: Path) -> str:
    return "replace" if path.exists() or path.is_symlink() else "write  "


def _undoing(manifest: Manifest, root: Path, system: System) -> str:
    """What uninstall changes, in words."""
    lines = ["This will change:"]
    if root == REAL:
        lines += [
            f"  stop     {system.service}; phones that are in are cut",
            f"  remove   the nftables table inet {rules.NAME}",
            f"  set      {FORWARDING} to {manifest.fact(FORWARDING) or service.forwarding()}, as it was",
        ]
    for path, former in reversed([*manifest.formers.items()]):
        lines.append(f"  {'remove ' if former.kind == 'nothing' else 'restore'}  {path}")
    return "\n".join([*lines, "What the controller was not told of yet is lost.", ""])


def _install(options: argparse.Namespace) -> int:
    here = Path(__file__).parents[2]
    site = bundle.held(here) if here.is_file() else None
    if site is None:
        raise InstallFailed("this file holds no site: run the one that `plaza gateway build SITE` made")
    wanted, system = _read(site), systems.here(options.root)
    if options.root == REAL:
        _require(system, wanted)
    made = plan(site, wanted, here.read_bytes(), system)
    if not _agreed(show(made, options.root), options):
        return 1
    manifest = Manifest(options.root)
    if options.root == REAL:
        manifest.note(FORWARDING, service.forwarding())
        manifest.note(RUNNING, "yes" if service.runs(system) else "no")
    _write(made, manifest)
    if options.root == REAL:
        service.forward("0")
        service.begin(system)
    sys.stdout.write(f"installed; `python3 {PROGRAM} uninstall` takes it away\n")
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    if options.root == REAL and checks.not_root():
        raise InstallFailed(checks.ROOT_NEEDED)
    manifest, system = Manifest(options.root), systems.here(options.root)
    if not manifest.exists:
        manifest.forget()
        sys.stdout.write("nothing of the gateway is installed here\n")
        return 0
    if not _agreed(_undoing(manifest, options.root, system), options):
        return 1
    if options.root == REAL:
        service.end(system)
    kept = _put_back(manifest, system)
    if options.root == REAL:
        _resume(manifest, system)
    manifest.forget()
    for path in kept:
        sys.stdout.write(f"kept: {path} holds what the install did not write\n")
    sys.stdout.write("uninstalled; the machine is as it was\n")
    return 0


def _require(system: System, wanted: Config) -> None:
    """Raises InstallFailed with all that stands against it. Our own service may run: it is started anew."""
    reasons = checks.refusals(system, wanted)
    if not reasons and not service.runs(system):
        reasons = checks.taken([wanted.listen])
    if reasons:
        raise InstallFailed(*reasons)


def _read(site: SiteFiles) -> Config:
    """The configuration, checked by the program's own reader. Raises InstallFailed."""
    with tempfile.TemporaryDirectory() as aside:
        file, key = Path(aside) / "gateway.toml", Path(aside) / "site.key"
        for path, text in ((file, site.config), (key, site.key)):
            path.touch(0o600)
            path.write_text(text, encoding="utf-8")
        try:
            return config.load(file)
        except ConfigError as error:
            raise InstallFailed(f"{str(error).removeprefix(f'{file}: ')}; build the file again") from error


def _write(wanted: Plan, manifest: Manifest) -> None:
    for path, mode in wanted.directories:
        manifest.make(path, mode)
    for path, octets, mode in wanted.files:
        manifest.write(path, octets, mode)
    for path, target in wanted.links:
        manifest.link(path, target)


def _put_back(manifest: Manifest, system: System) -> tuple[str, ...]:
    """What the program wrote goes with its directory, unless that was there before."""
    state, former = manifest.at(system.state), manifest.formers.get(system.state)
    if former is not None and former.kind == "nothing" and state.is_dir():
        shutil.rmtree(state)
    return manifest.put_back()


def _resume(manifest: Manifest, system: System) -> None:
    service.reread(system)
    if manifest.fact(RUNNING) == "yes":
        service.begin(system)
    if before := manifest.fact(FORWARDING):
        service.forward(before)


def _agreed(text: str, options: argparse.Namespace) -> bool:
    sys.stdout.write(text)
    if options.yes:
        return True
    sys.stdout.write("Type yes to go on: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip() == "yes":
        return True
    sys.stdout.write("nothing was changed\n")
    return False


def _told(work: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    try:
        if not options.root.is_dir():
            raise InstallFailed(f"--root: {options.root} is not a directory: make it first")
        return work(options)
    except InstallFailed as error:
        reasons = error.reasons
    except OSError as error:
        reasons = (f"{error.filename}: {error.strerror}; mend it and go on, or `uninstall` puts all back",)
    sys.stderr.writelines(f"gateway: {reason}\n" for reason in reasons)
    return 2


def _options(name: str, what: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"plaza-gateway.pyz {name}", description=what)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--root", type=lambda text: Path(text).resolve(), default=REAL, metavar="DIR",
        help="change only files below DIR, and nothing of the running system",
    )  # fmt: skip
    return parser.parse_args(arguments)
