"""Texts of a case, which may say how to build one."""

from __future__ import annotations

from typing import Any

from .fields import BadCase, Fields


def text(value: Any) -> str:
    """Builds a text."""
    if isinstance(value, str):
        return value
    fields = Fields(value, "a text")
    if "repeat" in value:
        built = text(fields.take("repeat")) * int(fields.take("times", int))
    else:
        built = "".join(text(part) for part in fields.take("concat", list))
    fields.end()
    return built


def content(value: Any) -> bytes:
    """Builds the content of a file."""
    if not isinstance(value, dict) or "hex" not in value:
        return text(value).encode()
    fields = Fields(value, "a content")
    digits = fields.take("hex", str)
    fields.end()
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise BadCase(f"these are no bytes: {digits!r}") from error
