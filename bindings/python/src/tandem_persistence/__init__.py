"""Crash-safe run manifests, heartbeats and run histories.

    from tandem_persistence import Tandem

    with Tandem("state") as tandem, tandem.open_run("nightly", "r1") as run:
        run.set({"status": "in_progress"})
        run.schedule(manifest=True, heartbeat=True, force=True)
        run.merge({"status": "succeeded"})

Every error is a `TandemError`. `tandem_persistence.aio` has the same calls for `asyncio`.
"""

from .errors import ArgumentTypeError, ArgumentValueError, TandemError
from .records import (
    Bucket,
    Channel,
    ChannelStats,
    Durability,
    ErrorKind,
    Failure,
    FailureCount,
    HistoryOptions,
    LeftReason,
    LeftRun,
    Limits,
    LockHolder,
    Operation,
    Reached,
    Receipt,
    Recorded,
    RecordOptions,
    Recovery,
    Removed,
    RemoveOptions,
    Request,
    Revised,
    RunOptions,
    Scheduled,
    Stats,
    TaskHistory,
    Written,
)
from .run import Document, Run
from .tandem import Tandem

__version__ = "0.1.0"

__all__ = [
    "ArgumentTypeError",
    "ArgumentValueError",
    "Bucket",
    "Channel",
    "ChannelStats",
    "Document",
    "Durability",
    "ErrorKind",
    "Failure",
    "FailureCount",
    "HistoryOptions",
    "LeftReason",
    "LeftRun",
    "Limits",
    "LockHolder",
    "Operation",
    "Reached",
    "Receipt",
    "RecordOptions",
    "Recorded",
    "Recovery",
    "RemoveOptions",
    "Removed",
    "Request",
    "Revised",
    "Run",
    "RunOptions",
    "Scheduled",
    "Stats",
    "Tandem",
    "TandemError",
    "TaskHistory",
    "Written",
]
