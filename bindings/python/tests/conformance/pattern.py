"""What a case expects of a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .fields import BadCase, Fields
from .text import content, text

Check = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""


def pattern(wanted: Any) -> Check:
    """Reads a pattern."""
    if isinstance(wanted, list):
        return _list([pattern(item) for item in wanted])
    if isinstance(wanted, dict):
        if any(name.startswith("$") for name in wanted):
            return _matcher(wanted)
        return _record({name: pattern(item) for name, item in wanted.items()})
    if wanted is None:
        return _check("nothing", lambda value: value is None)
    return _check(short(wanted), lambda value: same(wanted, value))


def content_pattern(wanted: Any) -> Callable[[bytes], str | None]:
    """Reads a pattern for the content of a file."""
    if isinstance(wanted, dict) and "hex" in wanted:
        expected = content(wanted)
        return lambda found: None if found == expected else f"other bytes: {found[:300]!r}"
    check = pattern(wanted)

    def compare(found: bytes) -> str | None:
        try:
            return check(found.decode())
        except UnicodeDecodeError as error:
            return f"the content is no text: {error}"

    return compare


def whole(expression: str) -> re.Pattern[str]:
    """A regular expression for `fullmatch`."""
    if re.search(r"\\[dwsbDWSB]", expression):
        raise BadCase(f"not every engine means the same by the classes of {expression}")
    try:
        return re.compile(expression, re.DOTALL)
    except re.error as error:
        raise BadCase(f"this is no regular expression: {expression}: {error}") from error


def same(wanted: Any, found: Any) -> bool:
    """Whether two JSON values are the same; 1 and 1.0 are, 1 and true are not."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(same(wanted[k], found[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(same, wanted, found))
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found)


def short(value: Any) -> str:
    """A value that fits in a message."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 300 else f"{shown[:300]}... ({len(shown)} characters)"


def _check(wanted: str, holds: Callable[[Any], bool]) -> Check:
    return lambda value: None if holds(value) else f"expected {wanted}, found {short(value)}"


def _list(checks: list[Check]) -> Check:
    def compare(value: Any) -> str | None:
        if not isinstance(value, list) or len(value) != len(checks):
            return f"expected a list of {len(checks)}, found {short(value)}"
        wrongs = (
            (number, check(item))
            for number, (check, item) in enumerate(zip(checks, value, strict=True))
        )
        return next((f"{number}: {wrong}" for number, wrong in wrongs if wrong), None)

    return compare


def _record(checks: dict[str, Check]) -> Check:
    def compare(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"expected a record, found {short(value)}"
        wrongs = ((name, check(value.get(name))) for name, check in checks.items())
        return next((f"{name}: {wrong}" for name, wrong in wrongs if wrong), None)

    return compare


def _matcher(wanted: dict[str, Any]) -> Check:
    fields = Fields(wanted, "a matcher")
    known = [_any, _text, _contains, _matches, _json, _one_of, _range]
    for read in known:
        check = read(wanted, fields)
        if check is not None:
            fields.end()
            return check
    raise BadCase(f"there is no such matcher: {short(wanted)}")


def _any(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$any" not in wanted:
        return None
    if fields.take("$any") is not True:
        raise BadCase("$any is true or not there")
    return _check("anything", lambda value: value is not None)


def _text(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$text" not in wanted:
        return None
    expected = text(fields.take("$text"))
    return _check(short(expected), lambda value: bool(value == expected))


def _contains(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$contains" not in wanted:
        return None
    value = fields.take("$contains", (str, list))
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise BadCase(f"$contains takes texts: {value!r}")
    return _check(
        f"a text with {parts}",
        lambda value: isinstance(value, str) and all(part in value for part in parts),
    )


def _matches(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$matches" not in wanted:
        return None
    regex = whole(fields.take("$matches", str))
    return _check(
        f"a match of {regex.pattern}",
        lambda value: isinstance(value, str) and regex.fullmatch(value) is not None,
    )


def _json(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$json" not in wanted:
        return None
    expected = fields.take("$json")

    def holds(value: Any) -> bool:
        try:
            return same(expected, json.loads(value))
        except (TypeError, ValueError):
            return False

    return _check(f"the JSON {short(expected)}", holds)


def _one_of(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$one-of" not in wanted:
        return None
    checks = [pattern(item) for item in fields.take("$one-of", list)]
    fields.take("why", str)
    expected = f"one of {short(wanted['$one-of'])}"
    return _check(expected, lambda value: any(check(value) is None for check in checks))


def _range(wanted: dict[str, Any], fields: Fields) -> Check | None:
    if "$at-least" not in wanted and "$at-most" not in wanted:
        return None
    low = fields.take("$at-least", (int, float), None)
    high = fields.take("$at-most", (int, float), None)

    def holds(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (low is None or value >= low) and (high is None or value <= high)

    return _check(f"a number from {low} to {high}", holds)
