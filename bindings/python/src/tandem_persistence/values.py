"""What calls answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import TandemError


class Durability(StrEnum):
    """What a successful write is asked to survive."""

    VISIBLE = "visible"
    """A crash of the process. After a power loss the file may be old, absent, empty or torn."""
    DURABLE = "durable"
    """A power loss."""


class Reached(StrEnum):
    """What a successful write did reach."""

    VISIBLE = "visible"
    DATA_SYNCED = "data-synced"
    """The file system cannot sync directories: a power loss may bring the old file back."""
    DURABLE = "durable"


@dataclass(frozen=True, slots=True)
class Written:
    """How one file was written."""

    reached: Reached
    bytes: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was flushed; None for a file that was not written."""

    manifest: Written | None
    heartbeat: Written | None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What `Run.schedule` did.

    `call_again_in_ms` is None if nothing that was asked for is unwritten. Otherwise a call before
    that many milliseconds writes nothing more.
    """

    receipt: Receipt
    call_again_in_ms: int | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What `Tandem.open` found on the disk."""

    directory: str
    """The run's directory, relative to that of the `Tandem`."""
    document: str | None
    """The text of the manifest; it is the run's current document."""
    heartbeat: str | None
    """The heartbeat without its newline."""
    heartbeat_age_ms: int | None
    """The heartbeat's age by the file system's clock."""
    swept: int
    """How many abandoned temporary files were removed."""
    set_aside: tuple[str, ...]
    """The paths to which corrupt files were moved."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `Tandem.record_run` did."""

    summary: Written
    history: Written
    runs: int
    """How many entries the history has now."""
    is_dropped: bool
    """Whether `keep_last` dropped the run itself."""
    set_aside: tuple[str, ...]
    """The paths to which corrupt files were moved."""
    swept: int
    """How many abandoned temporary files were removed."""


@dataclass(frozen=True, slots=True)
class History:
    """A task's history."""

    last_run_at: str
    """The timestamp of the newest run; empty if there is none."""
    total: int
    """How many entries there are, above the limit too."""
    runs: tuple[str, ...]
    """The JSON text of each entry, newest first."""


@dataclass(frozen=True, slots=True)
class Cause:
    """How often a channel failed for one reason, such as `write: insufficient-space`."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ChannelStats:
    """Counters of one channel."""

    dirty: bool
    """Whether there is something that no flush has taken yet, or that failed."""
    writes: int
    bytes: int
    failures: int
    retries: int
    """Writes that were tried after a failed one, until one succeeded."""
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many flushes took at most this long and longer than the bucket before."""

    up_to_us: int
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of a run since it was opened."""

    requests: int
    """Calls of `schedule` and `flush` that were accepted."""
    coalesced: int
    """Of those, calls that shared their flush with an earlier one."""
    flushes: int
    failed_flushes: int
    automatic_retries: int
    """Always 0: nothing is retried without a call."""
    manifest: ChannelStats
    heartbeat: ChannelStats
    last_error: TandemError | None
    """The error of the last flush that failed, until everything that failed is written."""
    latency: tuple[Bucket, ...]
