"""Which modes files have. One that is not complete is private; in its place it has the mode of the
file that it replaces."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tandem-tmp"
ASIDE = ".corrupt-"
"""In the name of a file that was set aside, behind the name that it had."""

PRIVATE = 0o600
"""Mode of a file that is not complete yet."""
PUBLIC = 0o666
"""Less the umask, the mode of other files."""
PERMISSIONS = 0o777
"""Permissions, without what runs a file as somebody else."""


def mode_of_new(path: str, is_exclusive: bool) -> int:
    """With which mode a file is created."""
    return PRIVATE if is_exclusive and path.endswith(TEMPORARY) else PUBLIC


class Modes:
    """The modes of what one instance renames."""

    def __init__(self) -> None:
        self._umask = umask()
        self._aside: dict[tuple[int, int, str], int] = {}
        """Modes of files that were set aside, by the directories and names that they had."""

    def rename(self, name: str, new_name: str, directory: int, to: int) -> None:
        """Renames something in open directories."""
        if name.endswith(TEMPORARY):
            open_up(name, directory, self._mode_for(new_name, to))
            os.rename(name, new_name, src_dir_fd=directory, dst_dir_fd=to)
            return
        aside = os.lstat(name, dir_fd=directory) if ASIDE in new_name else None
        os.rename(name, new_name, src_dir_fd=directory, dst_dir_fd=to)
        if aside is not None and stat.S_ISREG(aside.st_mode):
            # What takes its place is as private.
            self._aside[place(directory, name)] = aside.st_mode & PERMISSIONS

    def _mode_for(self, name: str, directory: int) -> int:
        # The copy of a file that is to be set aside is like the file.
        original, is_copy, _ = name.rpartition(ASIDE)
        original = original if is_copy else name
        try:
            found = os.lstat(original, dir_fd=directory).st_mode
        except FileNotFoundError:
            found = 0
        except OSError:
            # It may have been private.
            return PRIVATE
        known = self._aside.pop(place(directory, name), None) if self._aside else None
        if stat.S_ISREG(found):
            return found & PERMISSIONS
        # A link has no permissions of its own.
        return PUBLIC & ~self._umask if known is None else known


def place(directory: int, name: str) -> tuple[int, int, str]:
    """What tells a file from those of other directories, however these were opened."""
    found = os.fstat(directory)
    return found.st_dev, found.st_ino, name


def open_up(name: str, directory: int, mode: int) -> None:
    """Gives a complete file its mode, or leaves it private: some file systems have no modes."""
    if mode == PRIVATE:
        return
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Through a descriptor: the name could have become a link that leads elsewhere.
        number = os.open(name, flags, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            # Without a descriptor the file would lose its mode.
            raise
        return
    try:
        found = os.fstat(number)
        # A second name of another file is none of ours.
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            with suppress(OSError):
                os.fchmod(number, mode)
    finally:
        os.close(number)


def umask() -> int:
    """What the process takes away from the modes of new files."""
    # To ask the system changes it for a moment, and another thread may create a file then.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.removeprefix("Umask:"), 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
