"""Our whole safe cycle at many OpenWrt-like hosts: `python -m bench.apply.cycle JOB`.

Plan, arm, apply, a new login, verify, confirm, with the timers a technician's `plaza apply` has.
"""

import sys
from functools import partial
from typing import Final

from bench.apply import meter
from bench.apply.peers.ours import device, host_key, login
from bench.apply.work import TIMEOUT_S, Job, Place
from drivers import apply, ssh
from drivers.apply import Target, Timers
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Wish
from drivers.model import Band, Device, Intent, Radio, Ssid

_GUESTS: Final = "Chihuahua Gratis"


def wish(name: str, token: str) -> Wish:
    """A name, both radios, two networks on each: some 40 lines of UCI."""
    return Wish(
        Intent(
            device=name,
            hostname=name,
            country="MX",
            radios=(Radio(Band.GHZ_2, channel=6), Radio(Band.GHZ_5, channel=149, width_mhz=40, power_dbm=20)),
            ssids=(Ssid(_GUESTS, vlan=20), Ssid(f"Biblioteca {token}", vlan=30)),
        )
    )


def target(job: Job, at: Device) -> Target:
    """A device of the job, ready to be changed."""
    connect = partial(ssh.connect, at, login(job), host_key(job), TIMEOUT_S)
    return Target(at.name, OpenWrt(), connect, Timers())


def act(job: Job, place: Place) -> bool:
    """See meter.Act."""
    found = target(job, device(place, f"ap-{place.host.replace('.', '-')}"))
    wanted = wish(found.device, job.token)
    planned = apply.plan(found, wanted)
    running = apply.carry_out(found, planned, job.token, lambda step: None)
    return bool(planned.change) and f"Biblioteca {job.token}" in running.text.reveal()


if __name__ == "__main__":
    _job = Job.read(sys.argv[1])
    meter.run(partial(act, _job), _job)
