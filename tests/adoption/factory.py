"""An access point fresh from its box, a controller's desk with an edge that listens, and their inventory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from werkzeug.serving import make_server

from captive_portal.sessions import StoredSessions
from controller.app import build, utc_now
from controller.edge.app import create_app
from controller.edge.claiming import claiming_of
from controller.settings import load
from tests import need
from tests.configure.device import (
    FACTORY,
    NETWORK,
    RELOAD,
    SYSTEM,
    Ap,
    Dropbear,
    free_port,
    install_program,
    keygen,
)

MAC = "02:00:5e:10:00:01"
NAME = "ap-nueva"
APPLETS = (
    "date",
    "wget",
    "rmdir",
    "id",
    "uname",
    "ip",
    "df",
    "touch",
    "dirname",
    "basename",
    "ps",
    "wc",
    "sort",
    "mktemp",
    "md5sum",
    "find",
    "readlink",
)

INVENTORY = """\
# La red
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: root, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
profiles:
  plaza:
    ssids: [{{name: Chihuahua Gratis}}]
    radios: {{2g4: {{channel: auto}}, 5g: {{channel: auto, width_mhz: 40}}}}
    uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
    portal: {{plan: free, duration: 1h}}
defaults:
  country: MX
  profile: plaza
  platform: openwrt
  poll: ssh
  ssh: {{port: {port}, credentials: aps-ssh}}
  portal: {{languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza de Armas, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
"""
ENTRY = f"  {NAME}: {{site: 08019-plaza, address: 127.0.0.1, mac: {MAC}, state: expected}}\n"


def from_the_box(folder: Path, port: int, mac: str = MAC) -> Ap:
    """Dropbear and BusyBox in a chroot, no key of ours, radios off, as a stock OpenWrt."""
    need.root()
    root = folder / "box"
    for part in (
        "etc/config",
        "etc/rc.d",
        "etc/uci-defaults",
        "tmp/sysinfo",
        "ssh",
        "sbin",
        "sys/class/net/eth0",
    ):
        (root / part).mkdir(parents=True)
    (root / "etc/config/system").write_text(SYSTEM)
    (root / "etc/config/network").write_text(NETWORK)
    (root / "etc/config/wireless").write_text(FACTORY)
    (root / "etc/openwrt_release").write_text("DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='23.05.5'\n")
    (root / "tmp/sysinfo/model").write_text("Acme AP «uno»\n")
    (root / "sys/class/net/eth0/address").write_text(f"{mac.upper()}\n")
    server = Dropbear()
    listener = server.install(root, port)
    (root / "sbin/reload_config").write_text(RELOAD % listener)
    (root / "sbin/reload_config").chmod(0o755)
    install_program(root, Path(need.program("dropbearkey", "dropbear-bin")), "bin/dropbearkey")
    for applet in APPLETS:
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    (root / "root/.ssh/authorized_keys").unlink()
    (root / "root/.ssh/authorized_keys").symlink_to("/etc/dropbear/authorized_keys")
    for kind in ("ed25519", "rsa"):
        (root / f"etc/dropbear/dropbear_{kind}_host_key").symlink_to(kind)
    return Ap(root, server, port, NAME)


@contextmanager
def box(folder: Path, port: int, mac: str = MAC) -> Iterator[Ap]:
    """One that is switched off at the end."""
    ap = from_the_box(folder, port, mac)
    try:
        yield ap
    finally:
        ap.lose_power()


def first_boot(ap: Ap) -> None:
    """What /etc/init.d/boot does with uci-defaults: each is sourced, and removed when it ended well."""
    run = 'for file in /etc/uci-defaults/*; do ( . "$file" ) && rm -f "$file"; done'
    done = ap.server.run(ap.root, "/bin/sh", "-c", run)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    ap.boot()


@dataclass
class Office:
    """A controller: its folder, and an edge that devices reach."""

    folder: Path
    port: int
    edge_port: int
    app: object = field(default=None, repr=False)

    @property
    def inventory(self) -> Path:
        """The file."""
        return self.folder / "inventory.yaml"

    @property
    def url(self) -> str:
        """Where devices claim."""
        return f"http://127.0.0.1:{self.edge_port}/adopt/claim"


def office(folder: Path, devices: str = "") -> Office:
    """With credentials and an inventory, and settings in plaza.toml."""
    secrets = folder / "var/secrets"
    secrets.mkdir(parents=True)
    made = Office(folder, free_port(), free_port())
    made.inventory.write_text(INVENTORY.format(port=made.port) + (f"devices:\n{devices}" if devices else ""))
    keygen(secrets / "aps-ssh-key")
    (secrets / "gateway-key").write_text("0" * 64)
    for file in secrets.iterdir():
        file.chmod(0o600)
    (folder / "plaza.toml").write_text(f'edge_listen = "127.0.0.1:{made.edge_port}"\n')
    return made


@contextmanager
def edge(office: Office) -> Iterator[None]:
    """The edge, listening."""
    built = build(load({}, office.folder))
    claims = claiming_of(built, utc_now)
    server = make_server(
        "127.0.0.1",
        office.edge_port,
        create_app({}, StoredSessions(built.engine), utc_now, claims),
        threaded=True,
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """What the edge answers."""
    try:
        with urlopen(Request(url, body), timeout=30) as reply:
            return reply.status, reply.read()
    except HTTPError as refused:
        return refused.code, refused.read()
