"""What the component imports: one directory, clocks, randomness, and streams to write to files.

It is served by Python's `os`, in the thread of the call. wasmtime's own hands each operation to
another thread, which takes longer than most of them.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from ._abi import PAIR, Memory
from ._beneath import is_name, open_beneath, parent_beneath
from ._codes import ILLEGAL_BYTE_SEQUENCE, UNSUPPORTED, code_of
from ._modes import Modes, mode_of_new
from ._patience import Patience
from ._streams import Descriptor, Pollable, Stream, wait

FOLLOW = 1
CREATE, DIRECTORY, EXCLUSIVE, TRUNCATE = 1, 2, 4, 8
READ, WRITE, SYNCED = 1, 2, 4 | 8 | 16

DESCRIPTOR_TYPES = {0o060: 1, 0o020: 2, 0o040: 3, 0o010: 4, 0o120: 5, 0o100: 6, 0o140: 7}
"""Of what `st_mode` tells above the permissions."""

READ_BYTES_MAX = 1 << 20
WRITE_BYTES_MAX = 1 << 20
"""What one call hands over."""

OK = struct.Struct("<B")
OK_NUMBER = struct.Struct("<B3xI")
FAILED = {4: struct.Struct("<B3xB"), 8: struct.Struct("<B7xB"), 1: struct.Struct("<BB")}
"""A result that is an error's code, by the alignment of what it could have been."""
PERMIT = struct.Struct("<B7xQ")
STREAM_FAILED = {4: struct.Struct("<B3xB3xI"), 8: struct.Struct("<B7xB3xI")}
TIME = struct.Struct("<QI")
CONTENT = struct.Struct("<B3xIIB")
ENTRY = struct.Struct("<B3xB3xB3xII")
NO_ENTRY = struct.Struct("<B3xB")
STAT = struct.Struct("<B7xB7xQQ" + "B7xQI4x" * 3)
GRANTED = struct.Struct("<III")
OPTION = struct.Struct("<BB")
READY = struct.Struct("<I")


class Entries:
    """The names in a directory that are still to be told."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = iter(names)

    def close(self) -> None:
        pass


class Failure:
    """What a stream failed with."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def close(self) -> None:
        pass


Result = TypeVar("Result")
Kept = TypeVar("Kept", Descriptor, Entries, Failure, Stream, Pollable)


class Wasi:
    """The functions that one instance imports, and what it holds by number."""

    def __init__(self, directory: int) -> None:
        """Takes an open directory."""
        self.memory: Memory
        self._held: dict[int, Any] = {}
        self._free: list[int] = []
        self._root = Descriptor(directory)
        self._patience = Patience()
        self._modes = Modes()
        files, streams = "wasi:filesystem/types@0.2.0", "wasi:io/streams@0.2.0"
        polls = "wasi:io/poll@0.2.0"
        self.imports: dict[tuple[str, str], Callable[..., int | None]] = {
            (files, "[resource-drop]descriptor"): self._drop,
            (files, "[resource-drop]directory-entry-stream"): self._drop,
            (streams, "[resource-drop]output-stream"): self._drop,
            (polls, "[resource-drop]pollable"): self._drop,
            ("wasi:io/error@0.2.0", "[resource-drop]error"): self._drop,
            ("wasi:filesystem/preopens@0.2.0", "get-directories"): self._get_directories,
            (files, "[method]descriptor.open-at"): self._open_at,
            (files, "[method]descriptor.read"): self._read,
            (files, "[method]descriptor.write-via-stream"): self._write_via_stream,
            (files, "[method]descriptor.sync-data"): self._sync_data,
            (files, "[method]descriptor.sync"): self._sync,
            (files, "[method]descriptor.stat-at"): self._stat_at,
            (files, "[method]descriptor.rename-at"): self._rename_at,
            (files, "[method]descriptor.create-directory-at"): self._create_directory_at,
            (files, "[method]descriptor.remove-directory-at"): self._remove_directory_at,
            (files, "[method]descriptor.unlink-file-at"): self._unlink_file_at,
            (files, "[method]descriptor.read-directory"): self._read_directory,
            (files, "[method]directory-entry-stream.read-directory-entry"): self._read_entry,
            (files, "filesystem-error-code"): self._error_code,
            (streams, "[method]output-stream.check-write"): self._check_write,
            (streams, "[method]output-stream.write"): self._write,
            (streams, "[method]output-stream.flush"): self._flush,
            (streams, "[method]output-stream.subscribe"): self._subscribe,
            (polls, "[method]pollable.ready"): self._ready,
            (polls, "poll"): self._poll,
            ("wasi:clocks/monotonic-clock@0.2.0", "now"): time.monotonic_ns,
            ("wasi:clocks/monotonic-clock@0.2.0", "subscribe-instant"): self._subscribe_instant,
            ("wasi:clocks/wall-clock@0.2.0", "now"): self._wall_clock,
            ("wasi:random/random@0.2.0", "get-random-u64"): self._random,
        }

    def close(self) -> None:
        """Closes whatever the instance still holds."""
        held, self._held = self._held, {}
        for it in sorted(held.values(), key=lambda it: not isinstance(it, Stream)):
            it.close()
        self._root.close()

    def _keep(self, it: Any) -> int:
        number = self._free.pop() if self._free else len(self._held) + 1
        self._held[number] = it
        return number

    def _get(self, number: int, kind: type[Kept]) -> Kept:
        it = self._held[number]
        if not isinstance(it, kind):
            raise TypeError(f"the component took a {type(it).__name__} for a {kind.__name__}")
        return it

    def _file(self, number: int) -> int:
        return self._get(number, Descriptor).number

    def _drop(self, number: int) -> None:
        self._held.pop(number).close()
        self._free.append(number)

    def _text(self, place: int, size: int) -> str:
        return self.memory.read(place, size).decode()

    def _failed(self, answer: int, error: Exception, align: int) -> None:
        """Answers the code of an error."""
        self.memory.store(FAILED[align], answer, 1, code_of(error))

    def _done(self, answer: int, do: Callable[..., object], *arguments: object) -> None:
        """Answers whether something succeeded."""
        try:
            do(*arguments)
        except (OSError, ValueError) as error:
            self._failed(answer, error, 1)
        else:
            self.memory.store(OK, answer, 0)

    def _get_directories(self, answer: int) -> None:
        granted = self._keep(Descriptor(os.dup(self._root.number)))
        name = self.memory.allocate(1, 1)
        self.memory.write(name, b".")
        entries = self.memory.allocate(GRANTED.size, 4)
        self.memory.store(GRANTED, entries, granted, name, 1)
        self.memory.store(PAIR, answer, entries, 1)

    def _open_at(
        self, at: int, follow: int, path: int, size: int, how: int, rights: int, answer: int
    ) -> None:
        if rights & SYNCED:
            self.memory.store(FAILED[4], answer, 1, UNSUPPORTED)
            return
        flags = flags_of(follow, how, rights)
        try:
            name = self._text(path, size)
            mode = mode_of_new(name, bool(how & EXCLUSIVE))
            opened = open_beneath(self._file(at), name, flags, mode)
        except (OSError, ValueError) as error:
            self._failed(answer, error, 4)
        else:
            self.memory.store(OK_NUMBER, answer, 0, self._keep(Descriptor(opened)))

    def _read(self, file: int, size: int, place: int, answer: int) -> None:
        size = min(size, READ_BYTES_MAX)
        try:
            content = os.pread(self._file(file), size, place)
        except (OSError, OverflowError) as error:
            self._failed(answer, error, 4)
            return
        at = self.memory.allocate(len(content), 1)
        self.memory.write(at, content)
        self.memory.store(CONTENT, answer, 0, at, len(content), len(content) < size)

    def _write_via_stream(self, file: int, place: int, answer: int) -> None:
        stream = self._keep(Stream(self._get(file, Descriptor), place))
        self.memory.store(OK_NUMBER, answer, 0, stream)

    def _sync_data(self, file: int, answer: int) -> None:
        self._done(answer, self._patience.do, sync_data, self._file(file))

    def _sync(self, file: int, answer: int) -> None:
        self._done(answer, self._patience.do, sync, self._file(file))

    def _stat_at(self, at: int, follow: int, path: int, size: int, answer: int) -> None:
        try:
            found = self._stat(self._file(at), self._text(path, size), bool(follow & FOLLOW))
        except (OSError, ValueError) as error:
            self._failed(answer, error, 8)
            return
        times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        self.memory.store(
            STAT,
            answer,
            0,
            DESCRIPTOR_TYPES.get(found.st_mode >> 9, 0),
            found.st_nlink,
            found.st_size,
            *(part for ns in times for part in (1, max(ns, 0) // 10**9, max(ns, 0) % 10**9)),
        )

    def _stat(self, directory: int, path: str, is_followed: bool) -> os.stat_result:
        if is_followed:
            opened = open_beneath(directory, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            try:
                return os.fstat(opened)
            finally:
                os.close(opened)
        return in_parent(os.lstat, directory, path)

    def _rename_at(
        self, at: int, path: int, size: int, to: int, new: int, new_size: int, answer: int
    ) -> None:
        name, new_name = self._text(path, size), self._text(new, new_size)
        at, to = self._file(at), self._file(to)
        self._done(answer, self._patience.do, rename, self._modes, at, name, to, new_name)

    def _create_directory_at(self, at: int, path: int, size: int, answer: int) -> None:
        self._done(answer, in_parent, os.mkdir, self._file(at), self._text(path, size))

    def _remove_directory_at(self, at: int, path: int, size: int, answer: int) -> None:
        self._done(answer, in_parent, os.rmdir, self._file(at), self._text(path, size))

    def _unlink_file_at(self, at: int, path: int, size: int, answer: int) -> None:
        self._done(answer, in_parent, os.unlink, self._file(at), self._text(path, size))

    def _read_directory(self, directory: int, answer: int) -> None:
        try:
            names = os.listdir(self._file(directory))  # noqa: PTH208
        except OSError as error:
            self._failed(answer, error, 4)
        else:
            self.memory.store(OK_NUMBER, answer, 0, self._keep(Entries(names)))

    def _read_entry(self, entries: int, answer: int) -> None:
        name = next(self._get(entries, Entries).names, None)
        if name is None:
            self.memory.store(NO_ENTRY, answer, 0, 0)
            return
        try:
            content = name.encode()
        except UnicodeEncodeError:
            self.memory.store(FAILED[4], answer, 1, ILLEGAL_BYTE_SEQUENCE)
            return
        at = self.memory.allocate(len(content), 1)
        self.memory.write(at, content)
        # What it is was not looked at.
        self.memory.store(ENTRY, answer, 0, 1, 0, at, len(content))

    def _error_code(self, failure: int, answer: int) -> None:
        self.memory.store(OPTION, answer, 1, code_of(self._get(failure, Failure).error))

    def _stream_failed(self, stream: Stream, answer: int, align: int) -> bool:
        """Answers an error of what was written before, if there is one."""
        if stream.error is None or not stream.is_ready():
            return False
        error, stream.error = stream.error, None
        self.memory.store(STREAM_FAILED[align], answer, 1, 0, self._keep(Failure(error)))
        return True

    def _check_write(self, number: int, answer: int) -> None:
        stream = self._get(number, Stream)
        if not self._stream_failed(stream, answer, 8):
            permitted = WRITE_BYTES_MAX if stream.is_ready() else 0
            self.memory.store(PERMIT, answer, 0, permitted)

    def _write(self, number: int, place: int, size: int, answer: int) -> None:
        stream = self._get(number, Stream)
        if size > WRITE_BYTES_MAX or not stream.is_ready():
            raise ValueError("the component wrote more than it was permitted to")
        stream.write(self.memory.read(place, size))
        self.memory.store(OK, answer, 0)

    def _flush(self, number: int, answer: int) -> None:
        if not self._stream_failed(self._get(number, Stream), answer, 4):
            self.memory.store(OK, answer, 0)

    def _subscribe(self, number: int) -> int:
        return self._keep(Pollable(None, self._get(number, Stream)))

    def _subscribe_instant(self, at_ns: int) -> int:
        return self._keep(Pollable(at_ns, None))

    def _ready(self, number: int) -> int:
        return int(self._get(number, Pollable).is_ready())

    def _poll(self, place: int, count: int, answer: int) -> None:
        numbers = struct.unpack(f"<{count}I", self.memory.read(place, 4 * count))
        pollables = [self._get(number, Pollable) for number in numbers]
        wait(pollables)
        ready = [number for number, it in enumerate(pollables) if it.is_ready()]
        at = self.memory.allocate(4 * len(ready), 4)
        self.memory.write(at, struct.pack(f"<{len(ready)}I", *ready))
        self.memory.store(PAIR, answer, at, len(ready))

    def _wall_clock(self, answer: int) -> None:
        self.memory.store(TIME, answer, *divmod(time.time_ns(), 10**9))

    def _random(self) -> int:
        return int.from_bytes(os.urandom(8))


@cache
def flags_of(follow: int, how: int, rights: int) -> int:
    """How the system is told what `open-at` is."""
    is_written = rights & WRITE or how & (CREATE | TRUNCATE)
    flags = (os.O_RDWR if rights & READ else os.O_WRONLY) if is_written else os.O_RDONLY
    # What is no file must not be waited for, such as a pipe.
    flags |= os.O_NONBLOCK | os.O_NOCTTY
    for asked, flag in (
        (how & CREATE, os.O_CREAT),
        (how & EXCLUSIVE, os.O_EXCL),
        (how & TRUNCATE, os.O_TRUNC),
        (how & DIRECTORY, os.O_DIRECTORY),
        (not follow & FOLLOW, os.O_NOFOLLOW),
    ):
        if asked:
            flags |= flag
    return flags


def in_parent(do: Callable[..., Result], directory: int, path: str) -> Result:
    """Calls a function of `os` with the last step of a path, and the directory in which that is."""
    if is_name(path):
        return do(path, dir_fd=directory)
    above, name = parent_beneath(directory, path)
    try:
        return do(name, dir_fd=above)
    finally:
        os.close(above)


def rename(modes: Modes, directory: int, path: str, to: int, new: str) -> None:
    """Puts something in another place, for whatever is there."""
    if is_name(path) and is_name(new):
        modes.rename(path, new, directory, to)
        return

    def inner(name: str, dir_fd: int) -> None:
        def outer(new_name: str, *, dir_fd: int) -> None:
            modes.rename(name, new_name, source, dir_fd)

        source = dir_fd
        in_parent(outer, to, new)

    in_parent(inner, directory, path)


def sync(number: int) -> None:
    """Has the disk keep a file or a directory."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(number, fcntl.F_FULLFSYNC)
    else:
        os.fsync(number)


def sync_data(number: int) -> None:
    """As `sync`, but for what only tells when the file was changed."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(number)
    else:
        sync(number)
