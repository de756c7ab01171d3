"""Errors of the controller, named by what the caller does next; the command line prints each, exit 2.

ControllerError
├── InventoryError(problems)   mend the named lines of the inventory
├── SecretError                mend the reference or the file's owner and mode
├── CredentialError            what is asked of a credential or a person's keys cannot be done; it says why
├── SettingsError              mend plaza.toml or the PLAZA_* variable
├── AdoptionError              a new device cannot be taken in so
├── SelectorError              nothing, or nonsense, was selected
├── StoreError                 the relational store cannot be opened or is of another version
├── StoreBusy                  try again
├── PortTaken                  another program listens there
├── NotBegun                   nothing; a person stopped the rollout meanwhile
├── FirmwareError              the image is not what was said of it, or is still needed
├── IncidentError              there is no such incident, or it cannot be done with it
├── RolloutError               write another rollout, or do first what it says
└── RolloutHalted(wave, causes)
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a user's file: where it is, what is wrong, how to mend it."""

    file: str
    line: int
    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.what}, {self.mend}"


class ControllerError(Exception):
    """An expected error: one line with the fix."""


class InventoryError(ControllerError):
    """The inventory has mistakes; `problems` lists all of them in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SecretError(ControllerError):
    """A credential reference cannot be resolved."""


class CredentialError(ControllerError):
    """What is asked of a credential or of somebody's keys cannot be done."""


class SettingsError(ControllerError):
    """plaza.toml or a PLAZA_* variable is wrong."""


class SelectorError(ControllerError):
    """A selector matches nothing or cannot be read."""


class AdoptionError(ControllerError):
    """A new device cannot be taken in as it is described."""


class StoreError(ControllerError):
    """The relational store cannot be used."""


class StoreBusy(ControllerError):
    """Another process holds the store too long."""


class NoSuchVersion(ControllerError):
    """A version of a device's configuration that is not kept."""


class PlanError(ControllerError):
    """A plan file cannot be used: damaged, or no longer what would be done."""


class PortTaken(ControllerError):
    """An address to listen on is in use."""


class NotBegun(ControllerError):
    """A device of a rollout that was paused, halted or aborted is not begun."""


class FirmwareError(ControllerError):
    """A firmware image is not what was said of it, is not kept, or is still needed."""


class IncidentError(ControllerError):
    """There is no such incident or announced outage, or it cannot be now what is asked."""


class RolloutError(ControllerError):
    """There is no such rollout, or it cannot do now what is asked."""


class RolloutHalted(ControllerError):
    """A rollout stopped at `wave` because of `causes`, and the rest is held; no wave: it is one device."""

    def __init__(self, wave: str, causes: Sequence[str]) -> None:
        self.wave = wave
        self.causes = tuple(causes)
        where = f"rollout halted at {wave}: " if wave else ""
        super().__init__(where + "; ".join(self.causes))
