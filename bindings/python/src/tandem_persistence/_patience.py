"""Where an operation waits for the disk.

Who waits gives its processor away. On a machine that is busy it gets it back late, and the later
the more it has computed before: with Linux 6.18 and more programs than processors, a thread that
computes waits four milliseconds after each sync, one that does nothing else a tenth of that. Where
operations are fast, another thread would cost more than it saves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SLOW_NS = 1_000_000
"""What took longer did not wait for a fast disk alone."""

HANDED_OVER = 64
"""How many operations after a slow one are waited for in another thread."""

THREADS_MAX = 4


class Patience:
    """Whether one instance waits in the thread of its call."""

    def __init__(self) -> None:
        self._left = 0

    def do(self, do: Callable[..., object], *arguments: object) -> None:
        """Does it, and waits for it here or elsewhere."""
        begin_ns = time.monotonic_ns()
        if self._left == 0 or not _done_elsewhere(do, arguments):
            do(*arguments)
        if time.monotonic_ns() - begin_ns > SLOW_NS:
            self._left = HANDED_OVER
        elif self._left > 0:
            self._left -= 1


def _done_elsewhere(do: Callable[..., object], arguments: tuple[object, ...]) -> bool:
    try:
        waiting = _threads().submit(do, *arguments)
    except RuntimeError:
        # No more threads can be had, or the interpreter ends.
        return False
    waiting.result()
    return True


@cache
def _threads() -> ThreadPoolExecutor:
    # Most processes never need it, and it takes longer to import than they do to start.
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="tandem-disk")
