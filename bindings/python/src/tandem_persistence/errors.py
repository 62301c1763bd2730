"""What calls fail with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Channel(StrEnum):
    """A file that a run or its task has."""

    MANIFEST = "manifest"
    HEARTBEAT = "heartbeat"
    SUMMARY = "summary"
    HISTORY = "history"


class Operation(StrEnum):
    """The step that failed."""

    CREATE_DIRECTORY = "create-directory"
    OPEN = "open"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    RENAME = "rename"
    SYNC_DIRECTORY = "sync-directory"
    LIST = "list"
    STAT = "stat"
    LOCK = "lock"


class ErrorKind(StrEnum):
    """What a caller can do about an error."""

    INVALID_INPUT = "invalid-input"
    """An argument breaks a rule; nothing changed. Correct the argument."""
    INVALID_ID = "invalid-id"
    """A task id or a run id breaks a rule; nothing changed. Choose another id."""
    ALREADY_OPEN = "already-open"
    """The run is open in this `Tandem` already. Use that handle, or close it."""
    CLOSED = "closed"
    """The run or its `Tandem` is closed. Open it again."""
    STORAGE = "storage"
    """A file operation failed. What a run did not write stays in memory and dirty."""
    TOO_LARGE = "too-large"
    """A document, patch, summary or existing file is above the limit; nothing changed."""
    LOCKED = "locked"
    """The summary is written, the history is not: its lock stayed with another holder."""
    HISTORY = "history"
    """The summary is written, the history is not, for any other reason."""
    COMPONENT_FAILED = "component-failed"
    """The component cannot be used any more, and whether the call took effect is unknown. Make
    a new `Tandem`; documents that were set and not flushed are lost."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a file operation failed with."""

    channel: Channel | None
    operation: Operation
    path: str
    code: str
    retryable: bool
    message: str


class TandemError(Exception):
    """Every error of this package.

    `operation`, `path` and `code` tell the step that failed, if one did; `code` is the name of an
    error code of `wasi:filesystem`. `retryable` tells whether the same call can succeed later
    without a change by the caller. `beside` is the second failure of the same call.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        channel: Channel | None = None,
        operation: Operation | None = None,
        path: str | None = None,
        code: str | None = None,
        retryable: bool = False,
        beside: Failure | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.channel = channel
        self.operation = operation
        self.path = path
        self.code = code
        self.retryable = retryable
        self.beside = beside
        if beside is not None:
            self.add_note(f"beside it: {beside.message}")

    def __reduce__(self) -> tuple[Any, ...]:
        # What takes keywords is not copied or sent to another process otherwise.
        return (_error_again, (type(self), dict(self.__dict__)))


class ArgumentValueError(TandemError, ValueError):
    """A `TandemError` of kind `invalid-input` or `invalid-id`: a value breaks a rule."""


class ArgumentTypeError(TandemError, TypeError):
    """A `TandemError` of kind `invalid-input`: a value has the wrong Python type."""


def _error_again(error_type: type[TandemError], state: dict[str, Any]) -> TandemError:
    error = error_type(state["kind"], state["message"])
    error.__dict__.update(state)
    return error


def error_type(kind: ErrorKind) -> type[TandemError]:
    """The class for errors of a kind."""
    if kind in (ErrorKind.INVALID_INPUT, ErrorKind.INVALID_ID):
        return ArgumentValueError
    return TandemError
