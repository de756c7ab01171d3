"""Children of the kill tests and what they acknowledged."""

import subprocess
import sys
import threading
from pathlib import Path


class Child:
    """One run after the other of `tests.metrics.child` on the same store."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.acknowledged: list[int] = []
        self._command = [sys.executable, "-m", "tests.metrics.child", str(directory), *arguments]
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # a killed writer's last line may be cut
                self.acknowledged.append(int(line))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._end(None)

    def finish(self, within_s: float) -> None:
        """Let it catch up and exit by itself."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._end(within_s)

    def _end(self, within_s: float | None) -> None:
        assert self._process is not None
        status = self._process.wait(within_s)
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None
        assert within_s is None or status == 0
