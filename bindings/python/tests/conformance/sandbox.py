"""Files that a case makes, and files that it expects."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .fields import BadCase, Fields
from .pattern import Check, content_pattern, pattern, whole
from .text import content

GRANTED = "granted"
"""What the component is given, in the sandbox."""

Action = Callable[["Sandbox"], None]

ACTIONS = ("write-file", "make-directory", "symlink", "hard-link", "remove")


def action(step: Any) -> Action:
    """Reads a file action."""
    fields = Fields(step, "a file action")
    name = fields.take("do", str)
    if name not in ACTIONS:
        raise BadCase(f"there is no file action `{name}`")
    path = fields.take("path", str)
    made: Action
    if name == "write-file":
        data, age_s = content(fields.take("content")), fields.take("age-s", int, None)
        made = lambda sandbox: sandbox.write_file(path, data, age_s)  # noqa: E731
    elif name in ("symlink", "hard-link"):
        to = fields.take("to", str)
        made = lambda sandbox: sandbox.link(path, to, name == "symlink")  # noqa: E731
    elif name == "make-directory":
        made = lambda sandbox: sandbox.place(path).mkdir(exist_ok=True)  # noqa: E731
    else:
        made = lambda sandbox: sandbox.remove(path)  # noqa: E731
    fields.end()
    return made


@dataclass(frozen=True)
class Entry:
    """What is expected to stand somewhere."""

    path: str | re.Pattern[str]
    kind: str
    content: Callable[[bytes], str | None] | None = None
    size: Check | None = None
    to: Check | None = None


def entry(value: Any) -> Entry:
    """Reads an entry of `after` or `check`."""
    fields = Fields(value, "an entry")
    path: str | re.Pattern[str]
    if "path-matches" in value:
        path = whole(fields.take("path-matches", str))
    else:
        path = fields.take("path", str)
    kind = fields.take("is", str, "file")
    parts: dict[str, Any] = {}
    if kind == "file":
        if "content" in value:
            parts["content"] = content_pattern(fields.take("content"))
        if "bytes" in value:
            parts["size"] = pattern(fields.take("bytes"))
    elif kind == "symlink":
        if "to" in value:
            parts["to"] = pattern(fields.take("to"))
    elif kind not in ("directory", "absent"):
        raise BadCase(f"there is no kind of file `{kind}`")
    fields.end()
    return Entry(path, kind, **parts)


class Failed(Exception):  # noqa: N818, it is a verdict
    """A case does not hold."""


class Sandbox:
    """The directory of one case."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.granted = directory / GRANTED
        self.granted.mkdir()

    def place(self, path: str) -> Path:
        """A path whose directory is there."""
        place = self.granted / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def write_file(self, path: str, data: bytes, age_s: int | None) -> None:
        place = self.place(path)
        place.write_bytes(data)
        if age_s is not None:
            changed_at = time.time() - age_s
            os.utime(place, (changed_at, changed_at))

    def link(self, path: str, to: str, is_symbolic: bool) -> None:
        if is_symbolic:
            self.place(path).symlink_to(to)
        else:
            self.place(path).hardlink_to(self.granted / to)

    def remove(self, path: str) -> None:
        place = self.granted / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()

    def check(self, entries: list[Entry], is_all: bool) -> None:
        """Compares what stands in the sandbox. If it `is_all`, nothing else may."""
        found = self._list()
        named: set[str] = set()
        for expected in entries:
            path = _one(expected, found)
            if path is None:
                continue
            if path in named:
                raise Failed(f"{path}: two entries name it")
            named.add(path)
            wrong = self._compare(expected, path, found[path])
            if wrong is not None:
                raise Failed(f"{path}: {wrong}")
        for path, kind in found.items():
            if is_all and kind != "directory" and path not in named:
                raise Failed(f"{path}: nothing should stand there")

    def _compare(self, expected: Entry, path: str, kind: str) -> str | None:
        if kind != expected.kind:
            return f"a {kind} stands there"
        wrongs = []
        if expected.content is not None or expected.size is not None:
            data = (self.granted / path).read_bytes()
            wrongs.append(expected.size(len(data)) if expected.size else None)
            wrongs.append(expected.content(data) if expected.content else None)
        if expected.to is not None:
            wrongs.append(expected.to(str((self.granted / path).readlink())))
        return next(filter(None, wrongs), None)

    def _list(self) -> dict[str, str]:
        """What stands in the sandbox, named as cases name it."""
        found = {}
        for place in self.directory.rglob("*"):
            if place == self.granted:
                continue
            is_inside = place.is_relative_to(self.granted)
            base = self.granted if is_inside else self.directory
            name = place.relative_to(base).as_posix()
            kind = "symlink" if place.is_symlink() else "directory" if place.is_dir() else "file"
            found[name if is_inside else f"../{name}"] = kind
        return dict(sorted(found.items()))


def _one(expected: Entry, found: dict[str, str]) -> str | None:
    """The path that an entry names, or None if nothing should stand there."""
    if isinstance(expected.path, str):
        shown, paths = expected.path, [path for path in found if path == expected.path]
    else:
        regex = expected.path
        shown, paths = regex.pattern, [path for path in found if regex.fullmatch(path)]
    if expected.kind == "absent":
        if paths:
            raise Failed(f"{shown}: nothing should stand there")
        return None
    if len(paths) != 1:
        raise Failed(
            f"{shown}: {f'several stand there: {paths}' if paths else 'nothing stands there'}"
        )
    return paths[0]
