"""gosnmp, the library of Telegraf and snmp_exporter, in a small program of ours with its sockets kept."""

from typing import Final

from bench.poll import child
from bench.poll.machine import PLACE, debian_version
from bench.poll.peer import Missing, Peer, Size, build, program
from bench.poll.work import Figures, Job, Version

_PROGRAM: Final = PLACE / "gosnmp"
_SOURCE: Final = "bench/poll/peers/gosnmp.go"
_LIBRARY: Final = "golang-github-gosnmp-gosnmp-dev"


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    numbers = (job.port, job.polls, job.in_flight, job.passes)
    return child.figures([str(_PROGRAM), job.version, *map(str, numbers)])


def prepare() -> str:
    """Build it from what Debian has; nothing is fetched."""
    go = program("go", "golang-go")
    library = debian_version(_LIBRARY)
    if not library:
        raise Missing(f"no Debian package {_LIBRARY} here; as root: sh deploy/debian.sh bench")
    offline = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(PLACE / "go-cache")}
    build([go, "build", "-o", str(_PROGRAM), _SOURCE], offline)
    return f"{library}, Go {debian_version('golang-go')}"


PEER: Final = Peer("gosnmp", prepare, run, {Version.V2C: Size(5000, 200), Version.V3: Size(1000, 200)})
