"""Makes values of this package of what the component answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from wasmtime import component

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
    """The value of a result, or its error.

    The bindings wrap a result in a variant only if a Python type alone does not tell the cases
    apart.
    """
    if isinstance(value, component.Variant):
        return value.payload if value.tag == "ok" else error(value.payload)
    return error(value) if isinstance(value, component.Record) else value


def error(value: Any) -> TandemError:
    """The error of a record."""
    fields = _fields(ErrorFields, value)
    return error_type(fields["kind"])(**fields)


def record(answer: type[Answer], value: Any) -> Answer:
    """The dataclass of a record."""
    return answer(**_fields(answer, value))


def _fields(answer: type, value: Any) -> dict[str, Any]:
    return {field: lift(getattr(value, name)) for field, name, lift in _plan(answer)}


@functools.cache
def _plan(answer: type) -> list[tuple[str, str, Lift]]:
    """Each field, its name in the component, and what makes its value."""
    hints = get_type_hints(answer, localns={"TandemError": TandemError})
    return [(field, field.replace("_", "-"), _lift_of(hint)) for field, hint in hints.items()]


def _lift_of(hint: Any) -> Lift:
    arguments = get_args(hint)
    if NoneType in arguments:
        (inner,) = (_lift_of(other) for other in arguments if other is not NoneType)
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is tuple:
        item = _lift_of(arguments[0])
        return tuple if item is _as_it_is else lambda values: tuple(map(item, values))
    if hint is TandemError:
        return error
    if isinstance(hint, type) and is_dataclass(hint):
        return functools.partial(record, hint)
    return hint if issubclass(hint, StrEnum) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
