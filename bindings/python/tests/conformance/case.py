"""A behaviour as data."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandem_persistence import Tandem, TandemError

from .calls import CALLS, Expected, Host, expected
from .fields import BadCase, Fields
from .sandbox import ACTIONS, Action, Entry, Failed, Sandbox, action, entry

Step = Callable[[Host, Sandbox], None]


@dataclass(frozen=True)
class Case:
    """What `case.json` says."""

    name: str
    limits: dict[str, int]
    before: list[Action]
    steps: list[Step]
    after: list[Entry]

    def play(self, directory: Path, note: Callable[[int], None]) -> None:
        """Plays the case in an empty directory, and notes the number of each step."""
        sandbox = Sandbox(directory)
        for act in self.before:
            act(sandbox)
        host = Host(Tandem(sandbox.granted, **self.limits))  # type: ignore[arg-type]
        try:
            for number, step in enumerate(self.steps, start=1):
                note(number)
                try:
                    step(host, sandbox)
                except (Failed, OSError) as failed:
                    raise Failed(f"step {number}: {failed}") from failed
            try:
                sandbox.check(self.after, is_all=True)
            except Failed as failed:
                raise Failed(f"after: {failed}") from failed
        finally:
            # What a case left unwritten may have no place any more.
            with contextlib.suppress(TandemError):
                host.tandem.close()


def read(directory: Path) -> Case:
    """Reads the case of one directory."""
    path = directory / "case.json"
    try:
        if re.fullmatch("[a-z0-9-]+", directory.name) is None:
            raise BadCase("a name has small letters, digits and hyphens")
        fields = Fields(json.loads(path.read_text()), "a case")
        for name in ("about", "rule", "area"):
            if not fields.take(name, str):
                raise BadCase(f"`{name}` says something")
        case = Case(
            directory.name,
            _limits(fields.take("limits", dict, {})),
            [action(value) for value in fields.take("before", list, [])],
            [_step(value) for value in fields.take("steps", list)],
            [entry(value) for value in fields.take("after", list)],
        )
        fields.end()
    except (BadCase, ValueError, OSError) as error:
        raise BadCase(f"{path}: {error}") from error
    return case


def _limits(value: dict[str, Any]) -> dict[str, int]:
    """The limits of the component, by the names of the package."""
    fields = Fields(value, "limits")
    given = {}
    for name in ("max-document-bytes", "max-total-document-bytes", "max-history-bytes"):
        if name in value:
            given[name.replace("-", "_")] = fields.take(name, int)
    fields.end()
    return given


def read_all(directory: Path) -> list[Case]:
    """Reads all cases, sorted by name."""
    return [read(path) for path in sorted(directory.iterdir())]


def _step(value: Any) -> Step:
    name = value.get("do") if isinstance(value, dict) else None
    if name in CALLS:
        return _call(expected(value))
    if name in ACTIONS:
        act = action(value)
        return lambda _, sandbox: act(sandbox)
    fields = Fields(value, "a step")
    name = fields.take("do", str)
    step: Step
    if name == "check":
        entries = [entry(item) for item in fields.take("files", list)]
        step = lambda _, sandbox: sandbox.check(entries, is_all=False)  # noqa: E731
    else:
        _flight(name, fields)
        step = _blocks
    fields.end()
    return step


def _call(wanted: Expected) -> Step:
    def step(host: Host, _: Sandbox) -> None:
        wrong = wanted.compare(wanted.play(host))
        if wrong is not None:
            raise Failed(wrong)

    return step


def _flight(name: str, fields: Fields) -> None:
    """Reads calls at the same time, for what the format does not know."""
    if name == "start":
        fields.take("as", str)
        call = fields.take("call", dict)
        if "expect" in call:
            raise BadCase("a call that is started has no `expect`")
        expected(call)
    elif name == "is-waiting":
        fields.take("calls", list)
    elif name == "await":
        fields.take("call", str)
        wanted = fields.take("expect", dict, {})
        # Any call shows whether `expect` can be read.
        expected(
            {"do": "flush", "run": "", "expect": wanted} if wanted else {"do": "flush", "run": ""}
        )
    elif name == "together":
        for call in fields.take("calls", list):
            expected(call)
    elif name == "wait-for":
        for item in fields.take("files", list):
            entry(item)
    else:
        raise BadCase(f"there is no step `{name}`")


def _blocks(_: Host, __: Sandbox) -> None:
    raise Failed("a call blocks here, and none can be started")
