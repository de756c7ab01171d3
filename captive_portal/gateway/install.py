"""`plaza-gateway.pyz install` and `uninstall`: a site's gateway on a machine, and the machine as it was."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from captive_portal.gateway import bundle, checks, config, kernel, nft, service, showing, systems
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.config import Config
from captive_portal.gateway.errors import ConfigError, InstallFailed
from captive_portal.gateway.manifest import REAL, Manifest
from captive_portal.gateway.showing import FORWARDING, Plan
from captive_portal.gateway.systems import CONFIG, HOME, KEY, POLICY, PROGRAM, System

RUNNING: Final = "running"
LAN, SETTING = "lan ", "setting "
"""How facts begin that name a guests' interface, and a setting of the kernel."""


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
    places = {
        "state_dir ": f'state_dir = "{system.state}"\n',
        "[network]": f'[network]\nrun_dir = "{system.run}"\n',
    }
    moved = [
        next((place for begin, place in places.items() if line.startswith(begin)), line)
        for line in site.config.splitlines(keepends=True)
    ]
    others = dict.fromkeys(str(Path(path).parent) for path in (PROGRAM, *system.files, *system.links))
    return Plan(
        wanted.site.site,
        system,
        ((HOME, 0o700), (system.state, 0o700), *((path, 0o755) for path in others)),
        (
            (KEY, site.key.encode(), 0o600),
            *(((POLICY, site.policy.encode(), 0o600),) if site.policy else ()),
            (CONFIG, "".join(moved).encode(), 0o600),
            (PROGRAM, program, 0o600),
            *((path, text.said.encode(), text.mode) for path, text in system.files.items()),
        ),
        tuple(system.links.items()),
    )


def show(made: Plan, wanted: Config, manifest: Manifest) -> str:
    """The changes in words, a line each; of a tree that is not this machine's the files alone."""
    live = showing.running(wanted, made.system) if manifest.real else ()
    return "\n".join([*showing.files(made, manifest), *live, *showing.kept(), ""])


def _undoing(manifest: Manifest) -> str:
    """What uninstall changes, in words."""
    live = showing.going(manifest, _sides(manifest), _settings(manifest)) if manifest.real else ()
    return "\n".join(["This will change:", *live, *showing.put_back(manifest), ""])


def _noted(wanted: Config, system: System) -> Mapping[str, str]:
    """What is kept of the running machine before it is changed."""
    facts = {FORWARDING: service.forwarding(), RUNNING: "yes" if service.runs(system) else "no"}
    if wanted.territory:
        lan, wan = wanted.territory.lan, wanted.territory.wan
        facts[f"{LAN}{lan}"] = wan
        facts |= {f"{SETTING}{name}": value for name, value in kernel.found(lan, wan).items()}
    return facts


def _sides(manifest: Manifest) -> Mapping[str, str]:
    """The guests' interfaces of this install and of those before it, each with that towards the Internet."""
    return _facts(manifest, LAN)


def _settings(manifest: Manifest) -> Mapping[str, str]:
    """The kernel's settings as they were."""
    return _facts(manifest, SETTING)


def _facts(manifest: Manifest, of: str) -> Mapping[str, str]:
    facts = manifest.facts.items()
    return {name.removeprefix(of): value for name, value in facts if name.startswith(of)}


def _install(options: argparse.Namespace) -> int:
    here = Path(__file__).parents[2]
    site = bundle.held(here) if here.is_file() else None
    if site is None:
        raise InstallFailed("this file holds no site: run the one that `plaza gateway build SITE` made")
    wanted, system, manifest = _read(site), systems.here(options.root), Manifest(options.root)
    if manifest.real:
        _require(system, wanted, manifest)
    made = plan(site, wanted, here.read_bytes(), system)
    if not _agreed(show(made, wanted, manifest), options):
        return 1
    if manifest.real:
        manifest.note(_noted(wanted, system))
    _write(made, manifest)
    if manifest.real:
        _begin(wanted, system, manifest)
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
    if not _agreed(_undoing(manifest), options):
        return 1
    if manifest.real:
        service.end(system, _sides(manifest))
    kept = _put_back(manifest, system)
    if manifest.real:
        _resume(manifest, system)
    manifest.forget()
    for path in kept:
        sys.stdout.write(f"kept: {path} holds what the install did not write\n")
    sys.stdout.write("uninstalled; the machine is as it was\n")
    return 0


def _begin(wanted: Config, system: System, manifest: Manifest) -> None:
    service.forward("0")
    for lan, wan in _sides(manifest).items():
        if wanted.territory and lan != wanted.territory.lan:  # of an install before this one
            service.leave(lan, wan)
    service.begin(system)


def _require(system: System, wanted: Config, manifest: Manifest) -> None:
    """Raises InstallFailed with all that stands against it. What is installed may run: it is started anew."""
    reasons = checks.refusals(system, wanted)
    if not reasons and wanted.territory:
        reasons = checks.refused(wanted.territory, nft.command())
    if not reasons and not manifest.exists and not service.runs(system):
        reasons = checks.taken(system, checks.ports(wanted))
    if reasons:
        raise InstallFailed(*reasons)


def _read(site: SiteFiles) -> Config:
    """The configuration, checked by the program's own reader. Raises InstallFailed."""
    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside) / "gateway.toml"
        for name, text in site.named.items():
            path = Path(aside) / Path(name).name
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
    service.restore(_settings(manifest))
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
        if not (options.root / "etc").is_dir():
            raise InstallFailed(f"--root: {options.root} holds no etc: name the root of a system")
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
