"""Checks Python values before the bindings see them.

The bindings cut numbers to 64 bits without a word and fail on other things with errors of their
own, so nothing reaches them that does not fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from .errors import ArgumentTypeError, ArgumentValueError, TandemError
from .records import Channel, ErrorKind

Item = TypeVar("Item", bound=StrEnum)

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1


def invalid(
    message: str,
    kind: ErrorKind = ErrorKind.INVALID_INPUT,
    channel: Channel | None = None,
) -> NoReturn:
    """Refuses a value."""
    raise ArgumentValueError(kind, message, channel=channel)


def wrong_type(name: str, wanted: str, value: object, channel: Channel | None = None) -> NoReturn:
    """Refuses a value for its type."""
    message = f"{name} must be {wanted}, and is: {type(value).__name__}"
    raise ArgumentTypeError(ErrorKind.INVALID_INPUT, message, channel=channel)


def text(
    name: str,
    value: object,
    kind: ErrorKind = ErrorKind.INVALID_INPUT,
    channel: Channel | None = None,
) -> str:
    """A string that UTF-8 can hold."""
    if not isinstance(value, str):
        wrong_type(name, "a str", value, channel)
    try:
        # It is a copy of the whole text, which most texts do not need.
        if not value.isascii():
            value.encode()
    except UnicodeEncodeError as error:
        place = f"{name} has a lone surrogate at index {error.start}"
        invalid(f"{place}: {value[error.start]!a}", kind, channel)
    return value


def ident(name: str, value: object) -> str:
    """A task id or a run id; the component checks the other rules."""
    return text(name, value, ErrorKind.INVALID_ID)


def optional_text(name: str, value: object) -> str | None:
    """A string or None."""
    if value is None:
        return None
    return ident(name, value) if name.endswith("_id") else text(name, value)


def integer(name: str, value: object, maximum: int = U64_MAX) -> int | None:
    """An unsigned integer that fits, or None."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        wrong_type(name, "an int or None", value)
    if not 0 <= value <= maximum:
        # The number itself may have more digits than Python prints.
        shown = f"a number of {value.bit_length()} bits" if value > maximum else str(value)
        invalid(f"{name} must be from 0 to {maximum}, and is: {shown}")
    return value


def flag(name: str, value: object) -> bool:
    """A boolean; 0 and 1 are none."""
    if not isinstance(value, bool):
        wrong_type(name, "a bool", value)
    return value


def choice(name: str, value: object, choices: type[Item]) -> Item | None:
    """An item of an enum, or its text, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        wrong_type(name, f"a {choices.__name__} or None", value)
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(choices)
        invalid(f"{name} must be one of {known}, and is: {value!r}")


LIMITS = {Channel.MANIFEST: "max_document_bytes", Channel.SUMMARY: "max_summary_bytes"}
"""The option that limits a text."""


def document(name: str, value: str | Mapping[str, Any], bytes_max: int, channel: Channel) -> str:
    """The JSON text of a document, within a limit.

    A str is passed on as it is, so that the texts of its numbers and keys are kept.
    """
    if isinstance(value, str):
        content = value
    elif isinstance(value, Mapping):
        content = _dump(name, value, channel)
    else:
        wrong_type(name, "a str of JSON or a dict", value, channel)
    text(name, content, channel=channel)
    # The component checks it too, but has to hold the document for that.
    size = text_bytes(content)
    if size > bytes_max:
        message = f"{name} takes {size} bytes, above {LIMITS[channel]}: {bytes_max}"
        raise TandemError(ErrorKind.TOO_LARGE, message, channel=channel)
    return content


def text_bytes(content: str) -> int:
    """The size of a text in UTF-8."""
    return len(content) if content.isascii() else len(content.encode())


def _dump(name: str, value: Mapping[str, Any], channel: Channel) -> str:
    try:
        return json.dumps(dict(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except TypeError as error:
        message = f"{name} cannot be written as JSON: {error}"
        raise ArgumentTypeError(ErrorKind.INVALID_INPUT, message, channel=channel) from error
    except (ValueError, RecursionError) as error:
        message = f"{name} cannot be written as JSON: {error}"
        raise ArgumentValueError(ErrorKind.INVALID_INPUT, message, channel=channel) from error
