"""Calls of a case, made through the package."""

from __future__ import annotations

import dataclasses
import gc
import warnings
from collections.abc import Callable
from enum import Enum
from typing import Any

from tandem_persistence import ErrorKind, Run, Tandem, TandemError
from tandem_persistence.records import (
    HISTORY_OPTIONS,
    RECORD_OPTIONS,
    REMOVE_OPTIONS,
    REQUEST,
    RUN_OPTIONS,
    ErrorFields,
    Shape,
)

from .fields import BadCase, Fields
from .pattern import Check, pattern, short
from .text import text

Outcome = tuple[str, Any]
"""`ok`, `error`, `again` or `broken`, and the value with the names of the WIT."""


class Host:
    """A component and its open runs."""

    def __init__(self, tandem: Tandem) -> None:
        self.tandem = tandem
        self.runs: dict[str, Run] = {}


Call = Callable[[Host], Any]


def _open(fields: Fields) -> Call:
    name, options = fields.take("run", str), _options(fields, RUN_OPTIONS)

    def call(host: Host) -> Any:
        run = host.tandem.open_run(**options)
        host.runs[name] = run
        return run.recovery

    return call


def _set(fields: Fields) -> Call:
    name, document = fields.take("run", str), text(fields.take("document"))
    return lambda host: host.runs[name].set(document)


def _merge(fields: Fields) -> Call:
    name, patch = fields.take("run", str), text(fields.take("patch"))
    return lambda host: host.runs[name].merge(patch)


def _mark(fields: Fields) -> Call:
    name, flags = fields.take("run", str), _request(fields)
    return lambda host: host.runs[name].mark(**flags)


def _schedule(fields: Fields) -> Call:
    name, flags = fields.take("run", str), _request(fields)
    return lambda host: host.runs[name].schedule(**flags)


def _request(fields: Fields) -> Any:
    request = Fields(fields.take("request"), "a request")
    flags = {flag: request.take(flag, bool, False) for flag in REQUEST}
    request.end()
    return flags


def _flush(fields: Fields) -> Call:
    name = fields.take("run", str)
    return lambda host: host.runs[name].flush()


def _close(fields: Fields) -> Call:
    name = fields.take("run", str)
    return lambda host: host.runs[name].close()


def _drop(fields: Fields) -> Call:
    name = fields.take("run", str)

    def call(host: Host) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del host.runs[name]
            gc.collect()

    return call


def _stats(fields: Fields) -> Call:
    name = fields.take("run", str)
    return lambda host: host.runs[name].stats()


def _record_run(fields: Fields) -> Call:
    summary, options = text(fields.take("summary")), _options(fields, RECORD_OPTIONS)
    return lambda host: host.tandem.record_run(summary, **options)


def _remove_runs(fields: Fields) -> Call:
    runs, options = fields.take("runs", list), _options(fields, REMOVE_OPTIONS)
    return lambda host: host.tandem.remove_runs(runs=runs, **options)


def _history(fields: Fields) -> Call:
    options = _options(fields, HISTORY_OPTIONS)
    return lambda host: host.tandem.history(**options)


CALLS = {
    "open": _open,
    "set": _set,
    "merge": _merge,
    "mark": _mark,
    "schedule": _schedule,
    "flush": _flush,
    "close": _close,
    "drop": _drop,
    "stats": _stats,
    "record-run": _record_run,
    "remove-runs": _remove_runs,
    "history": _history,
}


@dataclasses.dataclass(frozen=True)
class Expected:
    """A call and what is expected of it."""

    name: str
    call: Call
    kind: str
    check: Check | None

    def compare(self, outcome: Outcome) -> str | None:
        """Says what is wrong with an outcome, or None."""
        kind, value = outcome
        if kind != self.kind:
            return f"expected {self.kind}, it is {kind}: {short(value)}"
        return self.check(value) if self.check else None

    def play(self, host: Host) -> Outcome:
        """Makes the call."""
        try:
            value = self.call(host)
        except TandemError as error:
            kind = "broken" if error.kind is ErrorKind.COMPONENT_FAILED else "error"
            return kind, plain(error)
        except Exception as error:
            return "broken", repr(error)
        if self.name != "schedule":
            return "ok", plain(value)
        if value.call_again_in_ms is None:
            return "ok", plain(value.receipt)
        return "again", {"in-ms": value.call_again_in_ms, "receipt": plain(value.receipt)}


def expected(step: Any, has_expect: bool = True) -> Expected:
    """Reads a call."""
    fields = Fields(step, "a call")
    name = fields.take("do", str)
    if name not in CALLS:
        raise BadCase(f"there is no call `{name}`")
    kind, check = "ok", None
    if has_expect and "expect" in step:
        wanted = fields.take("expect", dict)
        kind = "".join(wanted)
        if kind not in ("ok", "error", "again"):
            raise BadCase(f"`expect` has one of `ok`, `error` and `again`: {short(wanted)}")
        check = pattern(wanted[kind])
    call = CALLS[name](fields)
    fields.end()
    return Expected(name, call, kind, check)


def plain(value: Any) -> Any:
    """A value of the package with the names of the WIT."""
    if isinstance(value, TandemError):
        # `__cause__` and notes are no fields.
        return {name: plain(getattr(value, name)) for name in ErrorFields.__annotations__}
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name.replace("_", "-"): plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _options(fields: Fields, shape: Shape) -> dict[str, Any]:
    """The options of a call as arguments of a method."""
    options = fields.take("options", dict)
    for name in options:
        if name.replace("-", "_") not in shape or "_" in name:
            raise BadCase(f"there is no option `{name}`")
    needed = {"run_id"} if shape is RUN_OPTIONS else set()
    if shape is not RECORD_OPTIONS:
        needed.add("task_id")
    given = {name.replace("-", "_"): value for name, value in options.items()}
    for name in sorted(needed - given.keys()):
        raise BadCase(f"the options need `{name.replace('_', '-')}`")
    return given
