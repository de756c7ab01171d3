"""Why a step ends early: `Failed` is the network's fault, `Untried` is ours.

ProbeError
├── Failed(said)
│   ├── Reset(said)              the other side broke the connection off
│   └── Distrusted(said, code)   its certificate is not believed
└── Untried(said)
"""


class ProbeError(Exception):
    """Ends a step, with its reason in words."""


class Failed(ProbeError):
    """A citizen would fail here, too."""


class Reset(Failed):
    """A TCP reset: a phone shows an error, not the portal."""


class Distrusted(Failed):
    """A certificate that is not believed; `code` is OpenSSL's reason (X509_V_ERR_…)."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


class Untried(ProbeError):
    """Nothing is known of the network: we could not try."""
