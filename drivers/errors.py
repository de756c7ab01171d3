"""Errors of the drivers, named by what the caller does next.

DriverError(device)
├── Unreachable       back off, try again later
├── AuthFailed        stop and tell a person; never hammer
├── HostKeyChanged    hard stop: somebody may stand between us and the device
├── HostKeyUnknown    the device was never adopted
├── UnexpectedReply   keep the raw text, skip this device
├── ConfigRejected    the device refused a line; nothing was left applied
├── ValueRefused      mend the value in the inventory; nothing was sent
├── VerifyFailed      let the device revert by itself
└── PlatformError     a platform.yaml or a recording is wrong (file, line)
"""


class DriverError(Exception):
    """Something about one device; `device` is its name, `hint` the next step for a person."""

    def __init__(self, device: str, reason: str, hint: str = "") -> None:
        self.device = device
        self.reason = reason
        self.hint = hint
        super().__init__(f"{device}: {reason}" + (f"; {hint}" if hint else ""))


class Unreachable(DriverError):
    """No answer in time, or the network refused."""


class AuthFailed(DriverError):
    """The device answered and refused our credentials."""


class HostKeyChanged(DriverError):
    """The device shows another SSH host key than the one pinned; `shown` is its fingerprint."""

    def __init__(self, device: str, reason: str, hint: str = "", shown: str = "") -> None:
        self.shown = shown
        super().__init__(device, reason, hint)


class HostKeyUnknown(DriverError):
    """No SSH host key is pinned for this device yet."""


class UnexpectedReply(DriverError):
    """The device said something nobody can read; the raw text is in `raw`."""

    def __init__(self, device: str, reason: str, raw: str = "", hint: str = "") -> None:
        self.raw = raw
        super().__init__(device, reason, hint)


class ConfigRejected(DriverError):
    """The device refused a configuration line; its previous configuration stands."""


class ValueRefused(DriverError):
    """A wanted value cannot be carried by this device; nothing was sent."""


class VerifyFailed(DriverError):
    """After the change the device is not what it should be; its own timer reverts it."""


class PlatformError(DriverError):
    """A platform definition or a recording is wrong: `device` holds file:line."""
