"""A vendor's terminal over one channel: echo, line editing, prompt, pager."""

import codecs
import time
from typing import Final, Protocol

from simulator.vendors.device import Cut, Session, Vendor

_ENTER: Final = "\r\n"
_BACKSPACES: Final = "\x08\x7f"
_QUOTE_NEXT: Final = "\x16"  # Ctrl-V
_CLEAR: Final = "\x15"  # Ctrl-U
_INTERRUPT: Final = "\x03"  # Ctrl-C
_BELL: Final = "\x07"


class Wire(Protocol):
    """Octets to and from a client."""

    def read(self) -> bytes:
        """What was typed; empty when the client is gone."""
        ...

    def write(self, text: str) -> None:
        """Print; raises OSError when the client is gone."""
        ...

    def obeyed(self) -> None:
        """A line was obeyed: what faults there are happen here. Raises OSError when the line is cut."""
        ...


class Terminal:
    """Runs one session until it ends."""

    def __init__(self, vendor: Vendor, session: Session, wire: Wire) -> None:
        self._vendor = vendor
        self._session = session
        self._wire = wire
        self._waiting: list[str] = []
        self._typed = ""
        self._printed: list[str] = []
        self._after_return = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        session.height = vendor.look.height

    def run(self) -> None:
        """Until the client leaves or the model raises Cut."""
        self._print(self._vendor.look.banner)
        self._show_prompt()
        while (key := self._key()) is not None:
            if not self._press(key):
                return

    def command(self, line: str) -> None:
        """Obey one command of an exec channel and print its whole output."""
        try:
            self._print(self._obey(line))
        except Cut as end:
            self._print(end.said)
        self._flush()

    def _press(self, key: str) -> bool:
        """One key; False when the session is over."""
        after_return, self._after_return = self._after_return, key == "\r"
        if key == "\n" and after_return:
            return True
        if key in _ENTER:
            return self._enter()
        if key in self._vendor.look.keys:
            with self._vendor.box.lock:
                said = self._vendor.press(self._session, key, self._typed)
            self._print("\n" + said)
            self._show_prompt(self._typed)
        elif key in _BACKSPACES and self._typed:
            self._typed = self._typed[:-1]
            self._printed.append("\b \b")
        elif key == _QUOTE_NEXT:
            self._type(self._key() or "")
        elif key in {_CLEAR, _INTERRUPT}:
            self._typed = ""
            self._print("\n")
            self._show_prompt()
        elif key.isprintable():
            self._type(key)
        return True

    def _type(self, key: str) -> None:
        if len(self._typed) >= self._vendor.look.longest:
            self._printed.append(_BELL)
            return
        self._typed += key
        self._printed.append(key)

    def _enter(self) -> bool:
        line, self._typed = self._typed, ""
        self._printed.append("\r\n")
        try:
            said = self._obey(line)
        except Cut as end:
            self._print(end.said)
            self._flush()
            return False
        self._page(said)
        self._show_prompt()
        return True

    def _obey(self, line: str) -> str:
        box = self._vendor.box
        self._flush()
        time.sleep(box.faults.slow_s)
        with box.lock:
            said = self._vendor.execute(self._session, line)
            self._wire.obeyed()
        return said

    def _page(self, said: str) -> None:
        lines = said.splitlines(keepends=True)
        height = self._session.height
        while height and len(lines) > height:
            self._print("".join(lines[:height]))
            lines = lines[height:]
            if not self._turns_page():
                return
        self._print("".join(lines))

    def _turns_page(self) -> bool:
        pager = self._vendor.look.pager
        self._printed.append(pager)
        key = self._key()
        wipe = "\b" * len(pager)
        self._printed.append(wipe + " " * len(pager) + wipe)
        return key is not None and key not in {"q", "Q", _INTERRUPT}

    def _show_prompt(self, typed: str = "") -> None:
        with self._vendor.box.lock:
            prompt = self._vendor.prompt(self._session)
        if self._vendor.look.colour:
            prompt = f"\r\x1b[K\x1b[9999B{prompt}\x1b[K\r\x1b[m\x1b[36m{prompt}\x1b[m"
        self._printed.append(prompt + typed)

    def _print(self, said: str) -> None:
        if said:
            self._printed.append(said.replace("\n", "\r\n"))

    def _flush(self) -> None:
        """What was printed goes out before a line is obeyed and before the next key is waited for."""
        if self._printed:
            self._wire.write("".join(self._printed))
            self._printed.clear()

    def _key(self) -> str | None:
        while not self._waiting:
            self._flush()
            octets = self._wire.read()
            if not octets:
                return None
            self._waiting = list(self._decoder.decode(octets))[::-1]
        return self._waiting.pop()
