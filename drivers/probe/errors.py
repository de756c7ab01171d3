"""Why a step ends early: `Failed` is the network's fault, `Untried` is ours.

ProbeError
├── Failed(said)
│   └── Reset(said)      the other side broke the connection off
└── Untried(said)
"""


class ProbeError(Exception):
    """Ends a step, with its reason in words."""


class Failed(ProbeError):
    """A citizen would fail here, too."""


class Reset(Failed):
    """A TCP reset: a phone shows an error, not the portal."""


class Untried(ProbeError):
    """Nothing is known of the network: we could not try."""
