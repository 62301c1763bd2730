"""Makes values of this package of what the component answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .errors import TandemError, error_type
from .records import ErrorFields

Answer = TypeVar("Answer")
Lift = Callable[[Any], Any]


def outcome(value: Any) -> Any:
    """The value of a result, or its error raised."""
    lifted = settled(value)
    if isinstance(lifted, TandemError):
        raise lifted
    return lifted


def settled(value: Any) -> Any:
    """The value of a result, or its error."""
    is_ok, inner = value
    return inner if is_ok else error(inner)


def error(value: Any) -> TandemError:
    """The error of a record."""
    fields = _fields(ErrorFields, value)
    return error_type(fields["kind"])(**fields)


def record(answer: type[Answer], value: Any) -> Answer:
    """The dataclass of a record."""
    return answer(**_fields(answer, value))


def _fields(answer: type, value: Any) -> dict[str, Any]:
    return {field: lift(value[field]) for field, lift in _plan(answer)}


@functools.cache
def _plan(answer: type) -> list[tuple[str, Lift]]:
    """Each field, and what makes its value."""
    hints = get_type_hints(answer, localns={"TandemError": TandemError})
    return [(field, _lift_of(hint)) for field, hint in hints.items()]


def _lift_of(hint: Any) -> Lift:
    arguments = get_args(hint)
    if NoneType in arguments:
        (inner,) = (_lift_of(other) for other in arguments if other is not NoneType)
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is tuple:
        item = _lift_of(arguments[0])
        return item if item is _as_it_is else lambda values: tuple(map(item, values))
    if hint is TandemError:
        return error
    if isinstance(hint, type) and is_dataclass(hint):
        return functools.partial(record, hint)
    return hint if issubclass(hint, StrEnum) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
