"""What calls fail with."""

from __future__ import annotations

from typing import Any

from .records import ErrorFields, ErrorKind


class TandemError(ErrorFields, Exception):
    """Every error of this package.

    `operation`, `path` and `code` tell the step that failed, if one did; `code` is the name of an
    error code of `wasi:filesystem`. `retryable` tells whether the same call can succeed later
    without a change by the caller. `holder` tells who keeps the lock of a history. `beside` is the
    second failure of the same call.
    """

    def __init__(self, kind: ErrorKind, message: str, **fields: Any) -> None:
        """The fields are those of the class; what is left out is None, or False."""
        super().__init__(message)
        for name in fields:
            if name not in ErrorFields.__annotations__:
                raise TypeError(f"an error has no such field: {name}")
        self.__dict__.update(fields, kind=kind, message=message)
        if self.beside is not None:
            self.add_note(f"beside it: {self.beside.message}")

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
