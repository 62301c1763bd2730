"""Files that are written as streams, and what can be waited for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

WRITE_IN_PLACE_BYTES_MAX = 256 << 10
"""A larger piece is written by a thread of its own, so that the component can touch a lock
meanwhile."""

STREAMS_S = 0.001
"""How late the second of two streams may be seen to be written."""


class Descriptor:
    """An open file or directory."""

    def __init__(self, number: int) -> None:
        self.number = number

    def close(self) -> None:
        number, self.number = self.number, -1
        if number >= 0:
            # It is closed even after an error, and what was to be synced has been.
            with suppress(OSError):
                os.close(number)

    __del__ = close


class Stream:
    """Writes to a file, each piece behind the one before."""

    def __init__(self, file: Descriptor, place: int) -> None:
        self._file = file
        self._place = place
        self.error: OSError | None = None
        self._written: threading.Event | None = None
        """Set when the other thread is done, if there is one."""
        self._is_told = True

    def is_ready(self) -> bool:
        """Whether it takes more. It does not before it was waited for.

        So what else the component can begin is begun first: the write of the other file, for which
        one commit of a journal may then do.
        """
        return self._is_told and (self._written is None or self._written.is_set())

    def wait(self, rest_s: float | None = None) -> None:
        """Waits until what it was given is written."""
        self._is_told = True
        if self._written is not None:
            self._written.wait(rest_s)

    def write(self, content: bytes) -> None:
        self._is_told = False
        if len(content) <= WRITE_IN_PLACE_BYTES_MAX:
            self._write(content)
            return
        self._written = threading.Event()
        try:
            threading.Thread(target=self._write, args=(content,), daemon=True).start()
        except RuntimeError:
            # No more threads can be had, or the interpreter ends.
            self._write(content)

    def _write(self, content: bytes) -> None:
        done = 0
        try:
            while done < len(content):
                rest = memoryview(content)[done:] if done else content
                done += os.pwrite(self._file.number, rest, self._place + done)
        except OSError as error:
            self.error = error
        finally:
            self._place += done
            if self._written is not None:
                self._written.set()

    def close(self) -> None:
        # Its file must not be closed before.
        self.wait()


class Pollable:
    """A time, or a stream that can take more."""

    def __init__(self, at_ns: int | None, stream: Stream | None) -> None:
        self.at_ns = at_ns
        self.stream = stream

    def is_ready(self) -> bool:
        if self.stream is not None:
            return self.stream.is_ready()
        return self.at_ns is not None and time.monotonic_ns() >= self.at_ns

    def close(self) -> None:
        pass


def wait(pollables: Sequence[Pollable]) -> None:
    """Waits until one of them is ready."""
    times = [it.at_ns for it in pollables if it.at_ns is not None]
    until = min(times, default=None)
    streams = [it.stream for it in pollables if it.stream is not None]
    for stream in streams:
        stream.wait(0)
    while not any(it.is_ready() for it in pollables):
        rest_s = None if until is None else max(until - time.monotonic_ns(), 0) / 1e9
        if not streams:
            time.sleep(rest_s or 0)
        elif len(streams) == 1:
            streams[0].wait(rest_s)
        else:
            # The one that is written first is not known.
            streams[0].wait(STREAMS_S if rest_s is None else min(rest_s, STREAMS_S))
