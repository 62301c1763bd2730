"""Opens what lies below a directory, and nothing else, whatever links and other processes do.

A link is followed where it is asked for and leads to what lies below. Linux is told so in one call;
elsewhere, and where it refuses that call, each step of the path is opened alone and no link is left
to the system.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache

STEPS_MAX = 40
"""How many links a path may lead through, as in Linux."""

OPENAT2 = 437
"""The number of the system call, the same for all processors that Python runs on but Alpha."""
BENEATH_WITHOUT_MAGIC_LINKS = 0x08 | 0x02
TRIES = 8
"""Linux gives up when directories are renamed meanwhile."""

STEP = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
"""How a directory is opened that is only passed through."""

FILE_MODE = 0o666
"""Less the umask, the mode of files that are created."""


class EscapeError(PermissionError):
    """A path led out of the directory."""

    def __init__(self) -> None:
        super().__init__(errno.EPERM, "the path leads out of the directory")


class OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def is_name(path: str) -> bool:
    """Whether a path is one step down, so that only a link could lead elsewhere."""
    return "/" not in path and path not in ("", ".", "..")


def open_beneath(directory: int, path: str, flags: int, mode: int = FILE_MODE) -> int:
    """Opens a path below a directory. With `O_NOFOLLOW`, a link in the last place is an error."""
    flags |= os.O_CLOEXEC
    if flags & os.O_NOFOLLOW and is_name(path):
        return os.open(path, flags, mode, dir_fd=directory)
    if path.startswith("/"):
        raise EscapeError
    if has_openat2():
        return _in_one_call(directory, path, flags, mode)
    return _step_by_step(directory, path, flags, mode)


def parent_beneath(directory: int, path: str) -> tuple[int, str]:
    """The directory in which the last step of a path lies, opened, and that step."""
    above, _, name = path.rstrip("/").rpartition("/")
    if not is_name(name):
        raise OSError(errno.EINVAL, "the path has no name at its end")
    if path.startswith("/"):
        raise EscapeError
    return open_beneath(directory, above or ".", os.O_DIRECTORY | os.O_RDONLY), name


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def has_openat2() -> bool:
    """Whether the system opens beneath a directory by itself. A sandbox may refuse the call."""
    if not sys.platform.startswith("linux"):
        return False
    here = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(_in_one_call(here, ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0))
    except OSError:
        return False
    finally:
        os.close(here)
    return True


def _in_one_call(directory: int, path: str, flags: int, mode: int) -> int:
    how = OpenHow(flags, mode if flags & os.O_CREAT else 0, BENEATH_WITHOUT_MAGIC_LINKS)
    name = os.fsencode(path)
    number = 0
    for _ in range(TRIES):
        opened: int = _libc().syscall(
            ctypes.c_long(OPENAT2),
            ctypes.c_int(directory),
            ctypes.c_char_p(name),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if opened >= 0:
            return opened
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    if number == errno.EXDEV:
        raise EscapeError
    raise OSError(number, os.strerror(number))


def _step_by_step(directory: int, path: str, flags: int, mode: int) -> int:
    # The directories that were passed, each with those above it.
    passed = [directory]
    rest = _steps(path)
    if not rest:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    links = 0
    try:
        while True:
            step = rest.pop()
            is_last = not rest
            if step == ".." and len(passed) == 1:
                raise EscapeError
            if step in (".", ".."):
                if step == "..":
                    os.close(passed.pop())
                if is_last:
                    return os.open(".", flags, mode, dir_fd=passed[-1])
                continue
            try:
                if is_last:
                    wanted = flags | os.O_NOFOLLOW
                    return os.open(step, wanted, mode, dir_fd=passed[-1])
                passed.append(os.open(step, STEP, dir_fd=passed[-1]))
            except OSError as error:
                target = _link(passed[-1], step)
                if target is None or (is_last and flags & (os.O_NOFOLLOW | os.O_EXCL)):
                    raise
                links += 1
                if links > STEPS_MAX:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
                if target.startswith("/"):
                    raise EscapeError from error
                rest += _steps(target)
    finally:
        for opened in passed[1:]:
            os.close(opened)


def _steps(path: str) -> list[str]:
    """The steps of a path, the last one first. One that ends in a slash is that of a directory."""
    steps = [step for step in path.split("/") if step]
    if path.endswith("/"):
        steps.append(".")
    return steps[::-1]


def _link(directory: int, name: str) -> str | None:
    """What a link leads to, or None if it is none."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None
