"""Where compiled code is kept between starts, by wasmtime's own cache, and whether it is trusted.

The rule stands in `docs/compiled-code.md`.
"""

from __future__ import annotations

import json
import os
import stat
from functools import cache
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_ANYTHING = stat.S_IRWXG | stat.S_IRWXO

CONFIGURATION_NAME = "wasmtime.toml"


@cache
def configuration() -> str | None:
    """wasmtime's configuration file for a cache that only this user can reach, decided once.

    None where such a cache cannot be had: that costs time and nothing else.
    """
    try:
        directory = _directory()
        kept = None if directory is None else private(directory, os.geteuid())
        return None if kept is None else write_configuration(kept)
    except (OSError, ValueError):
        # A path that is not UTF-8 is a ValueError: TOML cannot hold it.
        return None


def _directory() -> Path | None:
    """`tandem/compiled` in the user's cache directory."""
    caches, home = (Path(os.environ.get(name, "")) for name in ("XDG_CACHE_HOME", "HOME"))
    if not caches.is_absolute():
        if not home.is_absolute():
            return None
        caches = home / ".cache"
    return caches / "tandem" / "compiled"


def private(directory: Path, user: int) -> Path | None:
    """The directory, without links in its path, if it is the user's alone.

    Only the user and root can put anything in its place. It is made if it is missing, but only
    where that holds.
    """
    missing: list[Path] = []
    there = directory
    while not there.exists():
        missing.append(there)
        there = there.parent
    if not _keeps_others_out(_without_links(there), user):
        return None
    # What it lies in is made for the user alone too.
    for step in reversed(missing):
        step.mkdir(mode=0o700, exist_ok=True)
    directory = _without_links(directory)
    # Whatever is made below it is out of reach for others, whatever its own mode.
    is_private = directory.stat().st_mode & OTHERS_ANYTHING == 0
    return directory if is_private and _keeps_others_out(directory, user) else None


def _without_links(path: Path) -> Path:
    # `Path.resolve` tells of a loop by another exception in older versions of Python.
    return Path(os.path.realpath(path, strict=True))


def _keeps_others_out(path: Path, user: int) -> bool:
    """Whether nobody but the user and root can replace anything on a path that has no links."""
    return all(is_out_of_reach(step.stat(), user) for step in (path, *path.parents))


def is_out_of_reach(found: os.stat_result, user: int) -> bool:
    """Whether nobody but the user and root can replace what a directory holds."""
    # In a sticky one nobody removes or renames what belongs to others.
    is_closed = found.st_mode & OTHERS_WRITE == 0 or found.st_mode & stat.S_ISVTX != 0
    return found.st_uid in (0, user) and is_closed


def write_configuration(directory: Path) -> str:
    """Tells wasmtime to keep its cache in a private directory, by a file in it.

    Without a file of ours wasmtime would read the user's, which can name any directory. Its
    cleanup may remove this one, as everything that it does not know; then the next start writes
    it again.
    """
    # JSON escapes all that a string of TOML has to, but one character.
    quoted = json.dumps(str(directory), ensure_ascii=False).replace("\x7f", "\\u007f")
    content = f"[cache]\ndirectory = {quoted}\n".encode()
    file = directory / CONFIGURATION_NAME
    try:
        is_written = file.read_bytes() == content
    except FileNotFoundError:
        is_written = False
    if not is_written:
        _replace(file, content)
    return str(file)


def _replace(file: Path, content: bytes) -> None:
    # It takes longer to import than all of this module, and is seldom needed.
    import tempfile

    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
