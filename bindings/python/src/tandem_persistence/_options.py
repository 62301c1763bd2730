"""Makes records of the keywords that methods take, by the tables of `records`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import _arguments as arguments
from .errors import ArgumentTypeError
from .records import ErrorKind, Shape

Method = TypeVar("Method", bound=Callable[..., Any])


def takes(options: type) -> Callable[[Method], Method]:
    """Adds a method's keywords to its docstring, for `help`."""

    def add(method: Method) -> Method:
        # Python can be told to drop all docstrings.
        if method.__doc__ and options.__doc__:
            _, _, listed = inspect.cleandoc(options.__doc__).partition("\n\n")
            method.__doc__ = f"{inspect.cleandoc(method.__doc__)}\n\n{listed}"
        return method

    return add


def record(shape: Shape, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record for the component. What is left out is None, and a flag False."""
    for name in given:
        if name not in shape:
            message = f"there is no such option: {name}"
            raise ArgumentTypeError(ErrorKind.INVALID_INPUT, message)
    return {name: _checked(name, kind, given) for name, kind in shape.items()}


def _checked(name: str, kind: Any, given: Mapping[str, Any]) -> Any:
    if kind == "bool":
        return arguments.flag(name, given.get(name, False))
    value = given.get(name)
    if kind == "optional-bool":
        return None if value is None else arguments.flag(name, value)
    if kind == "u32":
        return arguments.integer(name, value, arguments.U32_MAX)
    if kind == "u64":
        return arguments.integer(name, value)
    if kind == "str":
        return arguments.optional_text(name, value)
    return arguments.choice(name, value, kind)
