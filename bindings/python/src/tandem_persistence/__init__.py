"""Crash-safe run manifests, heartbeats and run histories.

    from tandem_persistence import Tandem

    with Tandem("state") as tandem, tandem.open("nightly", "r1") as run:
        run.set({"status": "in_progress"})
        run.schedule(manifest=True, heartbeat=True, force=True)
        run.merge({"status": "succeeded"})

Every error is a `TandemError`.
"""

from .errors import (
    ArgumentTypeError,
    ArgumentValueError,
    Channel,
    ErrorKind,
    Failure,
    Operation,
    TandemError,
)
from .run import Document, Run
from .tandem import Tandem
from .values import (
    Bucket,
    Cause,
    ChannelStats,
    Durability,
    History,
    Reached,
    Receipt,
    Recorded,
    Recovery,
    Scheduled,
    Stats,
    Written,
)

__version__ = "0.1.0"

__all__ = [
    "ArgumentTypeError",
    "ArgumentValueError",
    "Bucket",
    "Cause",
    "Channel",
    "ChannelStats",
    "Document",
    "Durability",
    "ErrorKind",
    "Failure",
    "History",
    "Operation",
    "Reached",
    "Receipt",
    "Recorded",
    "Recovery",
    "Run",
    "Scheduled",
    "Stats",
    "Tandem",
    "TandemError",
    "Written",
]
