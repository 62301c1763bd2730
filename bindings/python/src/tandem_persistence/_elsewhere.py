"""Makes calls of the main thread in another one.

Python runs handlers of signals in the main thread, between any two steps, and what they raise would
end what serves the component in the middle: a file would be open that nobody knows of. In any other
thread nothing is interrupted.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

Answer = TypeVar("Answer")

SIGNALS_S = 0.1
"""How late a handler may be: a signal that comes just before the wait begins does not end it."""


def run(work: Callable[[], Answer]) -> Answer:
    """Does it, where no handler of a signal interrupts it, and waits for it to end.

    What a handler raises meanwhile is raised in the end, in place of an answer.
    """
    helper = _helper() if threading.current_thread() is threading.main_thread() else None
    if helper is None:
        return work()
    job = _Job(work)
    helper.take(job)
    interrupted: BaseException | None = None
    while not job.is_done:
        try:
            job.done.acquire(timeout=SIGNALS_S)
        except BaseException as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
    return job.taken()


class _Job(Generic[Answer]):
    def __init__(self, work: Callable[[], Answer]) -> None:
        self._work: Callable[[], Answer] | None = work
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self.is_done = False
        self.done = threading.Lock()
        self.done.acquire()

    def do(self) -> None:
        work, self._work = self._work, None
        assert work is not None
        try:
            self._answer = work()
        except BaseException as error:
            self._error = error
        finally:
            # It is known until the next one, and what it had is not kept so long.
            del work
            self.is_done = True
            self.done.release()

    def taken(self) -> Answer:
        """The answer, or its error raised, once."""
        answer, error, self._answer, self._error = self._answer, self._error, None, None
        if error is not None:
            raise error
        return cast(Answer, answer)


class _Helper:
    """A thread that does one job after the other."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job[Any]] = SimpleQueue()
        self._last: _Job[Any] | None = None
        threading.Thread(target=self._work, name="tandem", daemon=True).start()

    @property
    def is_busy(self) -> bool:
        # Only the main thread, whose handlers of signals ask, hands jobs over.
        return self._last is not None and not self._last.is_done

    def take(self, job: _Job[Any]) -> None:
        self._last = job
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            self._jobs.get().do()


_helpers: list[_Helper] = []


def _helper() -> _Helper | None:
    """One that has nothing to do, or None if there can be none.

    There is a second one only for what a handler of a signal calls while the main thread waits.
    """
    # At the end of the interpreter other threads stand still.
    if sys.is_finalizing():
        return None
    for helper in _helpers:
        if not helper.is_busy:
            return helper
    try:
        helper = _Helper()
    except RuntimeError:
        return None
    _helpers.append(helper)
    return helper
