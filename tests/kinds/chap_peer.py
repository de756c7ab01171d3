"""A real FreeRADIUS that knows one password, and a gateway's question to it (RFC 1994, RFC 2865)."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests import need
from tests.children import heard, killed_at_the_end

SHARED: Final = "testing123"
_CONFIGURATION: Final = """
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
security {{
    allow_vulnerable_openssl = yes
}}
client loopback {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
modules {{
    chap {{
    }}
    files {{
        filename = {home}/users
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        chap
        files
    }}
    authenticate {{
        Auth-Type CHAP {{
            chap
        }}
    }}
}}
"""


@contextmanager
def knowing(home: Path, user: str, password: str) -> Iterator[int]:
    """The port of a FreeRADIUS that lives in `home` and knows this user."""
    program = need.program("freeradius", "freeradius")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (home / "radiusd.conf").write_text(_CONFIGURATION.format(secret=SHARED, home=home, port=port))
    (home / "users").write_text(f'{user} Cleartext-Password := "{password}"\n')
    command = [program, "-X", "-d", str(home)]
    with killed_at_the_end(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ) as child:
        heard(child.stdout, b"Ready to process requests")
        yield port


def asked(port: int, user: str, chap_id: bytes, challenge: bytes, response: bytes) -> str:
    """What it says when a gateway passes a phone's response on, as radclient prints it."""
    client = need.program("radclient", "freeradius-utils")
    shown = f"CHAP-Password=0x{(chap_id + response).hex()},CHAP-Challenge=0x{challenge.hex()}"
    done = subprocess.run(
        [client, "-x", "-r", "5", "-t", "5", f"127.0.0.1:{port}", "auth", SHARED],
        input=f"User-Name={user},{shown}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout
