"""SFTP in front of a virtual device that keeps files: writing only, which is all that anybody needs."""

import os
from typing import Protocol, runtime_checkable

import paramiko
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

from simulator.vendors.device import Box, DiskFull


@runtime_checkable
class TakesFiles(Protocol):
    """A device that files can be sent to."""

    box: Box

    def put(self, name: str, offset: int, octets: bytes) -> None:
        """Write into a file; one that is not there begins empty. Raises DiskFull."""
        ...

    def empty(self, name: str) -> None:
        """Begin a file anew. Raises DiskFull."""
        ...


class _File(paramiko.SFTPHandle):
    """An open file."""

    def __init__(self, device: TakesFiles, name: str, flags: int) -> None:
        super().__init__(flags)
        self._device = device
        self._name = name

    def write(self, offset: int, data: bytes) -> int:  # type: ignore[override]  # it is bytes here
        try:
            with self._device.box.lock:
                self._device.put(self._name, offset, data)
        except DiskFull:
            return SFTP_FAILURE
        return SFTP_OK


class Files(paramiko.SFTPServerInterface):
    """What one login may do."""

    def __init__(self, server: paramiko.ServerInterface, device: TakesFiles) -> None:
        super().__init__(server)
        self._device = device

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        name = path.lstrip("/")
        try:
            with self._device.box.lock:
                self._device.empty(name) if flags & os.O_TRUNC else self._device.put(name, 0, b"")
        except DiskFull:
            return SFTP_FAILURE
        return _File(self._device, name, flags)
