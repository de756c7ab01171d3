"""`python -m bench.gateway.internet ADDRESS`: a web server beyond the gate, in one event loop.

`/generate_204` answers a probe, `/octets/N` is a page of so many octets, `/bbr/N` the same sent by
BBR. Prints `ready`.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Final

PORT: Final = 80
CONGESTION: Final = {"octets": b"cubic", "bbr": b"bbr"}
"""By which a page is sent, by the first word of its path; `cubic` is what Linux does by itself."""

_MOST: Final = 100_000_000
_PIECE: Final = bytes(65_536)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):  # the phone went away
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode("latin-1")
        _, kind, *rest = path.split("/")
        octets = min(int(rest[0]), _MOST) if kind in CONGESTION else 0
        by = CONGESTION.get(kind, CONGESTION["octets"])
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, by)
        status = "200 OK" if octets else "204 No Content"
        length = f"Content-Length: {octets}\r\n" if octets else ""
        writer.write(f"HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n".encode())
        while octets > 0:
            writer.write(_PIECE[:octets])
            await writer.drain()
            octets -= len(_PIECE)
        await writer.drain()
    writer.close()


async def main(address: str) -> None:
    """Serve for ever."""
    server = await asyncio.start_server(_answer, address, PORT, backlog=1024)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
