# Generated from wit/records/types.wit by `cargo xtask records`.
"""What the calls of `tandem:persistence` and `tandem:persistence-blocking` take and answer. Both
packages have the same records, but for what `schedule` answers.

Paths are relative to the one directory that the host preopens and use `/`. Durations are
milliseconds, sizes are bytes. An option that is absent has its default.

Texts and files are UTF-8. One byte order mark at the start of a text that is given, or of a file
that is found, is skipped, and no file gets one.

A run's files lie in `<runs_root>/<task>/cli/<run>/`, but for its summary, which lies in
`<runs_root>/<task>/<run>/`. A task's history lies in `<history_root>/<task>/`, its lock is
`<runs_root>/<task>.lock`. The layout is that of the orchestrator whose files these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from .errors import TandemError

Shape = dict[str, str | type[StrEnum]]
"""The names of all fields of a record, each with what it holds."""


class Channel(StrEnum):
    """One of the files of a run."""

    MANIFEST = "manifest"
    """The run's JSON document: what the run is and where it stands."""
    HEARTBEAT = "heartbeat"
    """The liveness file: one ISO-8601 UTC timestamp with milliseconds and a newline."""
    SUMMARY = "summary"
    """The JSON document of a completed run, written once."""
    HISTORY = "history"
    """The summaries of all completed runs of a task."""


class Durability(StrEnum):
    """What a successful write is asked to survive."""

    VISIBLE = "visible"
    """The file is replaced atomically and not synced. The new content survives a crash of the
    process. After a power loss the file may be old, absent, empty or torn."""
    DURABLE = "durable"
    """The data is synced, the file is replaced atomically, then the directory is synced, and every
    directory above it too unless this component has synced it before. The new content survives a
    power loss."""


class Reached(StrEnum):
    """What a successful write did reach."""

    VISIBLE = "visible"
    """As `Durability.VISIBLE`."""
    DATA_SYNCED = "data-synced"
    """The data is synced and the file is replaced, but the file system cannot sync directories:
    after a power loss the whole old content may be back."""
    DURABLE = "durable"
    """As `Durability.DURABLE`."""


class Operation(StrEnum):
    """The step that failed."""

    CREATE_DIRECTORY = "create-directory"
    """Create a directory of the layout. POSIX: `mkdirat`."""
    OPEN = "open"
    """Open the directory, or create a temporary file in it. POSIX: `openat`."""
    READ = "read"
    """Read an existing file."""
    WRITE = "write"
    """Write the temporary file."""
    SYNC = "sync"
    """Sync the temporary file's data. POSIX: `fdatasync`."""
    RENAME = "rename"
    """Put the temporary file in the target's place, or set a corrupt file aside. POSIX: `renameat`.
    """
    SYNC_DIRECTORY = "sync-directory"
    """Sync a directory. POSIX: `fsync` on a directory."""
    LIST = "list"
    """List the run's directory."""
    STAT = "stat"
    """Read a file's type, size or time. POSIX: `fstatat`."""
    LOCK = "lock"
    """Acquire or check the lock of a task history."""
    REMOVE = "remove"
    """Take the directory of a run away, or remove what was in it. POSIX: `renameat`, `unlinkat`."""


class ErrorKind(StrEnum):
    """What a caller can do about an error."""

    INVALID_INPUT = "invalid-input"
    """An argument breaks a rule; nothing changed. Correct the argument."""
    INVALID_ID = "invalid-id"
    """A task id or a run id breaks a rule; nothing changed. Choose another id."""
    ALREADY_OPEN = "already-open"
    """The run is open in this component already. Use that handle, or close it."""
    CLOSED = "closed"
    """The run is closed or being closed. Open it again."""
    STORAGE = "storage"
    """A file operation failed. What a run did not write stays dirty, and a later flush writes it; a
    `record_run` is to be called again."""
    CONFLICT = "conflict"
    """Somebody else writes the same file: when the new file was to be put in its place, it was
    gone. On a plain file system somebody has removed it, or its directory. A storage that numbers
    the versions of a file answers so when another owner of the run has written it since. What was
    not written stays dirty and is not retried by itself: find out who owns the run, then ask again.
    """
    TOO_LARGE = "too-large"
    """A document, patch, summary or existing file is above a limit, or all of them in memory
    together would be; nothing changed."""
    LOCKED = "locked"
    """Another holder kept the lock of the history for as long as the caller would wait: the summary
    is written, the history is not; of `remove_runs`, nothing is removed. Call again."""
    HISTORY = "history"
    """The summary is written, the history is not, for any other reason. For `history` and
    `remove_runs`, which have no summary: the file holds no history of the task. One such reason is
    that the file is the history of another task whose directory is this task's too: their ids are
    equal but for ASCII case, or the file system takes the two names for one, or one is a link. It
    is left as it is, and the message names both ids: choose another id. In a directory that is this
    task's alone, a history of another task is corrupt."""
    COMPONENT_FAILED = "component-failed"
    """The component failed, and whether the call took effect is unknown. Hosts answer it, the
    component never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """Who keeps the lock of a task's history."""

    acquired_at: str | None = None
    """When it acquired the lock, by its own clock, if the lock's file tells."""
    lease_ms: int
    """How long the lock may stand untouched before the caller may take it over: the lease that the
    lock's file tells, or the caller's own if it tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a file operation failed with."""

    channel: Channel | None = None
    """The file that was not written, or none if the step served no single file."""
    operation: Operation
    """The step that failed."""
    path: str
    """The file or directory that the caller knows; a temporary file is named by its target."""
    code: str
    """The name of the `wasi:filesystem` error code, for example `insufficient-space`; `locked` for
    a lock that another holder kept, `other-task` for a history that is another task's."""
    retryable: bool
    """Whether the same request can succeed later without a change by the caller. True for
    `already`, `busy`, `deadlock`, `quota`, `in-progress`, `interrupted`, `io`, `locked`, `no-lock`,
    `insufficient-memory`, `insufficient-space` and `text-file-busy`."""
    message: str
    """One sentence for a person: what, where, why."""


class ErrorFields:
    """An error of this package.

    When both channels of a flush failed, the fields tell the manifest's failure, whichever failed
    first in time, and `beside` tells the heartbeat's. When both writes of `record_run` failed, they
    tell the summary's failure, and `beside` tells the history's.
    """

    kind: ErrorKind
    """What the caller can do about it."""
    channel: Channel | None = None
    """The file that was not written, if the error is about one."""
    operation: Operation | None = None
    """The step that failed, for `storage`, `conflict`, `locked` and the `history` of `record_run`;
    otherwise none."""
    path: str | None = None
    """The path that the error is about, if there is one."""
    code: str | None = None
    """As `Failure.code`, where `operation` is set; otherwise none."""
    retryable: bool = False
    """As `Failure.retryable`, where `operation` is set; otherwise false."""
    holder: LockHolder | None = None
    """Who keeps the lock, for `locked`, if its file was read; otherwise none."""
    message: str
    """One sentence for a person: what, where, which rule."""
    beside: Failure | None = None
    """The second failure of the same call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How one file was written."""

    reached: Reached
    """What the write reached."""
    bytes: int
    """The size of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """A document that was set or changed."""

    revision: int
    """Which revision of the document it is. What `open_run` found is revision 0, also if it found
    none; each change that is accepted adds 1, also one that leaves the text as it was. A later
    `open_run` counts anew."""
    bytes: int
    """The size of the manifest as its file will hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was flushed for a request, without an error."""

    manifest: Written | None = None
    """Set if the manifest was written."""
    heartbeat: Written | None = None
    """Set if the heartbeat was written."""
    revision: int | None = None
    """The revision of the document that was written, if the manifest was."""


class Limits(TypedDict, total=False):
    """What the component may keep in memory. It counts its own documents against them.

    `max_document_bytes`: The largest document or patch of a run, and the largest summary. Default:
    16 MiB.

    `max_total_document_bytes`: What the documents of all open runs may have together, as their
    files hold them; at least `max_document_bytes`. Summaries that are being recorded are counted
    apart: they may have 64 MiB together, or `max_document_bytes` if that is more. Default: 256 MiB,
    or twice `max_document_bytes` if that is more.

    `max_history_bytes`: The largest history. It is no part of the total: of histories, so many are
    in memory at once as have 64 MiB together, or a single larger one. Default: 64 MiB.
    """

    max_document_bytes: int | None
    max_total_document_bytes: int | None
    max_history_bytes: int | None


LIMITS: Shape = {
    "max_document_bytes": "u64",
    "max_total_document_bytes": "u64",
    "max_history_bytes": "u64",
}


class RunOptions(TypedDict, total=False):
    """What to open, and how to keep it.

    `manifest_interval_ms`: The throttle of the manifest; 0 for none. Default: 5000 ms.

    `heartbeat_interval_ms`: The throttle of the heartbeat; 0 for none. Default: 5000 ms.

    `manifest_durability`: What a write of the manifest is to survive. Default: `durable`.

    `heartbeat_durability`: What a write of the heartbeat is to survive. Default: `visible`.

    `max_document_bytes`: The largest document or patch, as given and as its file holds it. Default,
    and at most: `Limits.max_document_bytes`.

    `sweep_after_ms`: Temporary files older than this are removed by `open_run` and `close`.
    Default: one hour.

    `runs_root`: The directory of all runs, relative to the preopened directory. Default: `.runs`.

    `manifest_name`: The manifest's file name. Default: `manifest.json`.

    `heartbeat_name`: The heartbeat's file name. Default: `.heartbeat`.
    """

    manifest_interval_ms: int | None
    heartbeat_interval_ms: int | None
    manifest_durability: Durability | str | None
    heartbeat_durability: Durability | str | None
    max_document_bytes: int | None
    sweep_after_ms: int | None
    runs_root: str | None
    manifest_name: str | None
    heartbeat_name: str | None


RUN_OPTIONS: Shape = {
    "task_id": "str",
    "run_id": "str",
    "manifest_interval_ms": "u64",
    "heartbeat_interval_ms": "u64",
    "manifest_durability": Durability,
    "heartbeat_durability": Durability,
    "max_document_bytes": "u64",
    "sweep_after_ms": "u64",
    "runs_root": "str",
    "manifest_name": "str",
    "heartbeat_name": "str",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What `open_run` found on the disk."""

    directory: str
    """The run's directory, relative to the preopened directory."""
    document: str | None = None
    """The text of the manifest, if there was a readable one. It is the run's current document, and
    is written as it was found until it is changed."""
    heartbeat: str | None = None
    """The text of the heartbeat without its newline, if there was a readable one."""
    heartbeat_age_ms: int | None = None
    """The heartbeat's age by the file system's own clock."""
    swept: int
    """How many abandoned temporary files were removed."""
    set_aside: tuple[str, ...]
    """The paths to which corrupt files were moved."""


class Request(TypedDict, total=False):
    """What to write, and when.

    `manifest`: Mark the manifest dirty.

    `heartbeat`: Mark the heartbeat dirty.

    `force`: Do not wait for an interval or a back-off, and write everything that is dirty.
    """

    manifest: bool
    heartbeat: bool
    force: bool


REQUEST: Shape = {
    "manifest": "bool",
    "heartbeat": "bool",
    "force": "bool",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What `schedule` of `tandem:persistence-blocking` did."""

    receipt: Receipt
    """What this call wrote."""
    call_again_in_ms: int | None = None
    """Set if something that was asked for is still unwritten: in how many milliseconds, rounded up,
    one of its channels will be due. A call before that, unless forced, writes nothing for it,
    except that it may go along with the other channel. After an error there is no answer that tells
    it: a request without flags does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """How often a channel failed for one reason."""

    name: str
    """The step and the error code, for example `write: insufficient-space`."""
    count: int
    """How often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStats:
    """Counters of one channel since `open_run`."""

    dirty: bool
    """Whether there is something that no flush has taken yet, or that failed."""
    writes: int
    """Successful writes."""
    bytes: int
    """Bytes of successful writes."""
    failures: int
    """Failed writes."""
    retries: int
    """Writes that were tried after a failed one, until one succeeded."""
    causes: tuple[FailureCount, ...]
    """Failed writes by cause, sorted by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One step of a histogram."""

    up_to_us: int
    """The bucket's upper bound in microseconds, a power of two. The largest one, 2^31, has whatever
    took longer too."""
    count: int
    """How many flushes took at most this and more than half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counters of a run since `open_run`."""

    revision: int
    """The revision of the document now."""
    written_revision: int | None = None
    """The revision that the last successful write of the manifest wrote; none if there was none
    since `open_run`."""
    requests: int
    """Calls of `mark`, `schedule` and `flush` that were accepted."""
    coalesced: int
    """Of those, calls that shared their flush with an earlier one."""
    flushes: int
    """Flushes that ended."""
    failed_flushes: int
    """Flushes that failed, in whole or in part."""
    automatic_retries: int
    """Flushes that no request asked for, made to retry what had failed. The component of
    `tandem:persistence-blocking` makes none, and answers 0; a host that calls it again by itself
    may count these calls here."""
    manifest: ChannelStats
    """The manifest's counters."""
    heartbeat: ChannelStats
    """The heartbeat's counters."""
    last_error: TandemError | None = None
    """The error of the last flush that failed, until everything that failed is written."""
    latency: tuple[Bucket, ...]
    """How long flushes took, from taking the flags to the outcome; empty buckets are left out."""


class RecordOptions(TypedDict, total=False):
    """Where and how to record a run. The run and its task are named in its summary.

    `task_id`: The task. Default: that of the summary. If it is given, the summary's must be the
    same.

    `summary_durability`: What the summary is to survive. Default: `durable`.

    `history_durability`: What the history is to survive. Default: `durable`. A `visible` write
    replaces what an earlier one made durable.

    `keep_last`: Keep only this many entries, at least 1, applied after the merge: the run itself,
    and of the others the last ones in the history's order. Default: all.

    `max_summary_bytes`: The largest summary, as given and as its file holds it. Default, and at
    most: `Limits.max_document_bytes`.

    `max_history_bytes`: The largest history, before and after the merge. Default, and at most:
    `Limits.max_history_bytes`.

    `lease_ms`: How long the lock may stand untouched before others may take it over, from 10 ms to
    3,600,000 ms. It must be longer than three steps of the file system's clock. Default: 10,000 ms.

    `lock_wait_ms`: How long to wait for the lock, from when it is first wanted; 0 tries once. Waits
    of one component add up: it takes over a dead holder's lock when it has seen it unchanged for
    that holder's lease, however short each wait was. Default: 30,000 ms.

    `sweep_after_ms`: Temporary files older than this are removed from the directories that are
    written. Default: one hour.

    `runs_root`: The directory of all runs, relative to the preopened directory. Default: `.runs`.

    `history_root`: The directory of all histories, relative to the preopened directory. Default:
    `out`.

    `summary_name`: The summary's file name. Default: `manifest.json`.

    `history_name`: The history's file name, which is not `state.json`. Default: `runs.json`.
    """

    task_id: str | None
    summary_durability: Durability | str | None
    history_durability: Durability | str | None
    keep_last: int | None
    max_summary_bytes: int | None
    max_history_bytes: int | None
    lease_ms: int | None
    lock_wait_ms: int | None
    sweep_after_ms: int | None
    runs_root: str | None
    history_root: str | None
    summary_name: str | None
    history_name: str | None


RECORD_OPTIONS: Shape = {
    "task_id": "str",
    "summary_durability": Durability,
    "history_durability": Durability,
    "keep_last": "u32",
    "max_summary_bytes": "u64",
    "max_history_bytes": "u64",
    "lease_ms": "u64",
    "lock_wait_ms": "u64",
    "sweep_after_ms": "u64",
    "runs_root": "str",
    "history_root": "str",
    "summary_name": "str",
    "history_name": "str",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What `record_run` did."""

    summary: Written
    """The summary: `<runs_root>/<task>/<run>/<summary_name>`."""
    history: Written
    """The history: `<history_root>/<task>/<history_name>`."""
    runs: int
    """How many entries the history has now."""
    ahead: tuple[str, ...]
    """Set if `keep_last` dropped an entry, and no other that it kept is earlier than this run: the
    ids of those that are later, because the clock that made them was probably ahead. At most 10,
    the latest first; always empty with a `keep_last` of 1."""
    set_aside: tuple[str, ...]
    """Where a corrupt history was kept before it was replaced."""
    swept: int
    """How many abandoned temporary files were removed."""


class RemoveOptions(TypedDict, total=False):
    """Of which task runs are removed, and how.

    `from_history`: Whether the entries of these runs in the history go too, before anything else.
    Default: they stay.

    `sweep`: Whether all other directories of the task are looked through for what killed processes
    left: temporary files that are older than `sweep_after_ms`, and directories of summaries that
    have no summary and nothing else. Default: no.

    `alive_for_ms`: How recent a sign of life is that keeps a run, by the file system's own clock; 0
    for none. Default: 30,000 ms.

    `max_history_bytes`: The largest history. Default, and at most: `Limits.max_history_bytes`.

    `lease_ms`: As in `RecordOptions`.

    `lock_wait_ms`: As in `RecordOptions`.

    `sweep_after_ms`: As in `RecordOptions`.

    `runs_root`: As in `RunOptions`.

    `manifest_name`: As in `RunOptions`.

    `heartbeat_name`: As in `RunOptions`.

    `summary_name`: As in `RecordOptions`.

    `history_root`: As in `RecordOptions`.

    `history_name`: As in `RecordOptions`.
    """

    from_history: bool | None
    sweep: bool | None
    alive_for_ms: int | None
    max_history_bytes: int | None
    lease_ms: int | None
    lock_wait_ms: int | None
    sweep_after_ms: int | None
    runs_root: str | None
    manifest_name: str | None
    heartbeat_name: str | None
    summary_name: str | None
    history_root: str | None
    history_name: str | None


REMOVE_OPTIONS: Shape = {
    "task_id": "str",
    "from_history": "optional-bool",
    "sweep": "optional-bool",
    "alive_for_ms": "u64",
    "max_history_bytes": "u64",
    "lease_ms": "u64",
    "lock_wait_ms": "u64",
    "sweep_after_ms": "u64",
    "runs_root": "str",
    "manifest_name": "str",
    "heartbeat_name": "str",
    "summary_name": "str",
    "history_root": "str",
    "history_name": "str",
}


class LeftReason(StrEnum):
    """Why a run is left where it is."""

    OPEN = "open"
    """It is open in this component."""
    ALIVE = "alive"
    """It has shown a sign of life."""
    NO_DIRECTORY = "no-directory"
    """Something else than a directory is in the place of one of its directories."""
    FAILED = "failed"
    """It could not be taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRun:
    """A run that is left where it is."""

    run_id: str
    """The run."""
    reason: LeftReason
    """Why."""
    failure: Failure | None = None
    """What failed, for `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What `remove_runs` did."""

    runs: tuple[str, ...]
    """The runs that are removed, in the order in which they were named."""
    absent: tuple[str, ...]
    """The runs of which nothing was there."""
    left: tuple[LeftRun, ...]
    """The runs that are left where they are. With `from_history`, one that showed a sign of life or
    failed only when it was to be renamed has lost its entry in the history."""
    entries: int
    """How many entries of the history are removed."""
    swept: int
    """How many directories and files are removed that killed processes left."""
    remaining: tuple[Failure, ...]
    """What could not be removed of directories that were taken away. The next call for this task
    tries again."""


class HistoryOptions(TypedDict, total=False):
    """Which history to read.

    `limit`: At most this many runs. Default: all.

    `max_history_bytes`: The largest file. Default, and at most: `Limits.max_history_bytes`.

    `history_root`: As in `RecordOptions`.

    `history_name`: As in `RecordOptions`.
    """

    limit: int | None
    max_history_bytes: int | None
    history_root: str | None
    history_name: str | None


HISTORY_OPTIONS: Shape = {
    "task_id": "str",
    "limit": "u32",
    "max_history_bytes": "u64",
    "history_root": "str",
    "history_name": "str",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHistory:
    """A task's history."""

    last_run_at: str
    """The timestamp of the newest run; empty if there is none."""
    total: int
    """How many entries there are, above the limit too."""
    runs: tuple[str, ...]
    """The JSON text of each entry, newest first."""
