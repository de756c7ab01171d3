"""What `plaza doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` is empty when it is well."""

    what: str
    found: str
    mend: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing needs mending."""
        return not self.mend


def pasteable(mend: str) -> str:
    """The command of a mend first, and what it is for behind it, as a shell takes both."""
    why, _, command = mend.partition(": ")
    return f"{command}  # {why}" if command else mend
