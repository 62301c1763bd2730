"""Reads JSON objects, and refuses what is not known."""

from __future__ import annotations

from typing import Any

MISSING = object()

Kind = type | tuple[type, ...]


class BadCase(Exception):  # noqa: N818, it is no error of the program
    """A case says what its format does not know."""


class Fields:
    """The fields of an object, each taken once."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise BadCase(f"{what} is an object, not {value!r}")
        self._fields = dict(value)
        self._what = what

    def take(
        self, name: str, kind: type | tuple[type, ...] = object, default: Any = MISSING
    ) -> Any:
        """The value of a field, which must be of a type."""
        value = self._fields.pop(name, default)
        if value is MISSING:
            raise BadCase(f"{self._what} needs the field `{name}`")
        if value is not default and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is int)
        ):
            raise BadCase(f"`{name}` of {self._what} cannot be {value!r}")
        return value

    def end(self) -> None:
        """Nothing else may be there."""
        for name in self._fields:
            raise BadCase(f"{self._what} has no field `{name}`")
