"""Errors of the metrics room, named by what the caller does next.

MetricsError
├── CatalogError       a sample names a measurement, tag or field the catalogue does not know: a bug
├── QuestionTooLarge   an answer of more rows than anybody reads: ask for larger buckets or less time
├── QuestionEmpty      no bucket lies in the window: ask for another, or for smaller buckets
├── StoreUnusable      the store's directory or file cannot be read: say which and how to mend it
│   ├── StoreFull      there is no room: hold what is to be written and try again
│   ├── StoreBroken    the inside of one volume is damaged: set that one aside and go on
│   └── VolumeGone     it was dropped at this moment: look again
├── StaleEpoch         another process owns this shard by now: stop polling it, its lease is gone
├── SpoolFull          nothing can be put now: go on, and try again
├── FrameUnreadable    these bytes are no batch of samples: dead-letter them
├── FrameUnknown       a batch of another version: keep it until both sides are the same
└── SinkError
    ├── SinkUnavailable  the journal waits and polling goes on; retry after `retry_after_s`
    └── SinkRefused      the server refuses these bytes: bisect, dead-letter the bad lines, keep the good
"""

from pathlib import Path
from typing import Final

_LONG: Final = ("day", "month")


class MetricsError(Exception):
    """Any error of this room."""


class CatalogError(MetricsError):
    """A sample does not fit the catalogue."""


class QuestionTooLarge(MetricsError):
    """An answer would have more than `most` rows."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the answer would have more than {most:,} rows: ask for larger buckets or less time"
        )


class QuestionEmpty(MetricsError):
    """No `bucket` begins in the window and by now."""

    def __init__(self, bucket: str) -> None:
        noon = ": a day or month belongs to the time in which its first noon lies" if bucket in _LONG else ""
        super().__init__(f"no {bucket} lies in that time{noon}; ask from earlier on, or by smaller buckets")


class StoreUnusable(MetricsError):
    """The store cannot be used; `path` (of a server: its URL) says where, `hint` how to mend it."""

    def __init__(self, path: Path | str, reason: str, hint: str) -> None:
        self.path = path
        self.hint = hint
        super().__init__(f"{path}: {reason}; {hint}")


class StoreFull(StoreUnusable):
    """No space left."""


class StoreBroken(StoreUnusable):
    """A volume is damaged inside."""


class VolumeGone(StoreUnusable):
    """A volume that was there is not any more."""


class StaleEpoch(MetricsError):
    """A write for a shard that a newer owner (`newest` > `epoch`) has written for; nothing was stored."""

    def __init__(self, shard: int, epoch: int, newest: int) -> None:
        self.shard = shard
        self.epoch = epoch
        self.newest = newest
        super().__init__(
            f"shard {shard}: epoch {epoch} is stale, epoch {newest} has written; give the shard up"
        )


class SpoolFull(MetricsError):
    """A spool takes no frame: its disk is full, or cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}; make room: df {path}")


class FrameUnreadable(MetricsError):
    """A frame that no version of ours has written."""


class FrameUnknown(MetricsError):
    """A frame of another version than we know."""


class SinkError(MetricsError):
    """Something about one sink; `sink` is its configured name."""

    def __init__(self, sink: str, reason: str) -> None:
        self.sink = sink
        self.reason = reason
        super().__init__(f"sink {sink}: {reason}")


class SinkUnavailable(SinkError):
    """Not now: network, 401/403/404, 408, 429 or 5xx."""

    def __init__(self, sink: str, reason: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(sink, reason)


class SinkRefused(SinkError):
    """Never: 400 or 422 (413 halves)."""
