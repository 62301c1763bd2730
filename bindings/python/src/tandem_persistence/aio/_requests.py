"""Who waits for which file of a run, and when to ask the component again.

The component does not wait: it tells when a file is due. So those whose file is not due are kept
here, and the component is asked again then.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import TandemError
from ..records import Channel, ErrorKind, Receipt, Scheduled
from ..run import Run
from ._counts import Counts
from ._worker import Worker

Answer = TypeVar("Answer")

CHANNELS = frozenset({Channel.MANIFEST, Channel.HEARTBEAT})

OF_WRITES = (ErrorKind.STORAGE, ErrorKind.CONFLICT)
"""Errors of the files, not of the request."""
OF_ALL = (ErrorKind.CLOSED, ErrorKind.COMPONENT_FAILED)
"""Errors after which nothing will be written."""


class Waiter:
    """One caller."""

    def __init__(self, asked: Iterable[Channel], is_forced: bool) -> None:
        self.future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.is_forced = is_forced
        # Without a name it is all that others have asked for.
        self.left = set(asked) or set(CHANNELS)
        self.is_barrier = not asked
        self._receipt = Receipt()

    def covered(self, receipt: Receipt) -> None:
        """Some of what it asked for may be written."""
        written = channels_of(receipt)
        if written & self.left:
            self.left -= written
            self._receipt = Receipt(
                manifest=receipt.manifest or self._receipt.manifest,
                heartbeat=receipt.heartbeat or self._receipt.heartbeat,
                revision=receipt.revision if receipt.manifest else self._receipt.revision,
            )

    def succeed(self) -> None:
        if not self.future.done():
            self.future.set_result(self._receipt)

    def fail(self, error: TandemError) -> None:
        if not self.future.done():
            self.future.set_exception(_own(error))


@dataclass
class Batch:
    """Requests that are one call of the component."""

    channels: set[Channel] = field(default_factory=set)
    is_forced: bool = False
    waiters: list[Waiter] = field(default_factory=list)
    is_handed_over: bool = False
    is_begun: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, channels: Iterable[Channel], waiter: Waiter | None, is_forced: bool) -> bool:
        """Adds a request, unless the call was begun."""
        with self.lock:
            if not self.is_begun:
                self.channels |= set(channels)
                self.is_forced |= is_forced
                if waiter is not None:
                    self.waiters.append(waiter)
            return not self.is_begun

    def make(self, run: Run) -> Scheduled:
        with self.lock:
            self.is_begun = True
        return run.schedule(
            manifest=Channel.MANIFEST in self.channels,
            heartbeat=Channel.HEARTBEAT in self.channels,
            force=self.is_forced,
        )


@dataclass
class Failed:
    """A call that failed, and how often each file has been written since `open`."""

    error: TandemError
    writes: dict[Channel, int]


class Requests:
    """Those of one run."""

    def __init__(self, worker: Worker, run: Run) -> None:
        self.counts = Counts()
        self._worker = worker
        self._run = run
        self._last: Batch | None = None
        self._waiting: list[Waiter] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closes: list[asyncio.Future[Receipt]] = []
        self._writes = dict.fromkeys(CHANNELS, 0)

    def between(self) -> None:
        """A call comes between: what is asked for later is not joined to what was before it."""
        last, self._last = self._last, None
        if last is not None:
            self._hand_over(last)

    def ask(
        self, channels: Iterable[Channel], waiter: Waiter | None, *, is_forced: bool = False
    ) -> None:
        """Asks for files, together with the requests before it if they are still to be made."""
        loop = self._worker.loop()
        if self._last is not None and self._last.takes(channels, waiter, is_forced):
            return
        batch = Batch()
        batch.takes(channels, waiter, is_forced)
        self._last = batch
        # What is asked for in the same tick shares the call.
        loop.call_soon(self._hand_over, batch)

    def _hand_over(self, batch: Batch) -> None:
        if batch.is_handed_over:
            return
        batch.is_handed_over = True
        try:
            made = self._worker.begin(lambda: self._make(batch))
        except TandemError as error:
            self._end([*batch.waiters, *self._waiting], error)
        else:
            made.add_done_callback(lambda done: self._made(batch, done))

    def close(self) -> asyncio.Future[Receipt]:
        """Closes the run, which has the outcome for all who wait, and for all who close it now."""
        answered: asyncio.Future[Receipt] = self._worker.loop().create_future()
        if not self._closes:
            self.between()
            self._stop()
            self._worker.begin(self._close).add_done_callback(self._closed)
        self._closes.append(answered)
        return answered

    def _make(self, batch: Batch) -> Scheduled | Failed:
        try:
            return batch.make(self._run)
        except TandemError as error:
            return self._failed(error)

    def _close(self) -> Receipt | Failed:
        try:
            return self._run.close()
        except TandemError as error:
            return self._failed(error)

    def _failed(self, error: TandemError) -> Failed:
        if error.kind not in OF_WRITES:
            return Failed(error, {})
        stats = self._run.stats()
        writes = {
            Channel.MANIFEST: stats.manifest.writes,
            Channel.HEARTBEAT: stats.heartbeat.writes,
        }
        return Failed(error, writes)

    def _made(self, batch: Batch, done: asyncio.Future[Scheduled | Failed]) -> None:
        outcome = _outcome(done)
        if isinstance(outcome, Failed):
            self._settle_failed(batch, outcome)
            return
        waiters = [*batch.waiters, *self._waiting]
        self._count(outcome.receipt)
        self.counts.accept(len(batch.waiters))
        written = channels_of(outcome.receipt)
        is_met = any(it.left & written for it in waiters)
        again = outcome.call_again_in_ms
        for waiter in waiters:
            waiter.covered(outcome.receipt)
        forced = [it for it in batch.waiters if batch.is_forced]
        ended = [it for it in waiters if again is None or not it.left or it in forced]
        self._waiting = [it for it in waiters if it not in ended]
        self.counts.flushed(written, len(ended), is_met=is_met)
        for waiter in ended:
            waiter.succeed()
        self._stop()
        if again is not None:
            loop = self._worker.loop()
            self._timer = loop.call_later(again / 1000, self._call_again)

    def _settle_failed(self, batch: Batch, failed: Failed) -> None:
        error = failed.error
        if error.kind in OF_ALL:
            self._stop()
            self._end([*batch.waiters, *self._waiting], error)
        elif error.kind not in OF_WRITES:
            if len(batch.waiters) == 1:
                self._end(batch.waiters, error)
                return
            # The request of one is refused, and the others' are not.
            for waiter in batch.waiters:
                self.between()
                asked = () if waiter.is_barrier else waiter.left
                self.ask(asked, waiter, is_forced=waiter.is_forced)
            self.between()
        else:
            covered = self._covered(failed)
            waiters = [*batch.waiters, *self._waiting]
            ended = [it for it in waiters if it.left & covered or it.is_forced]
            self.counts.accept(len(batch.waiters))
            self.counts.flushed(covered, len(ended), is_met=bool(ended))
            self._waiting = [it for it in waiters if it not in ended]
            self._end(ended, error)
            # It tells when to try again what failed.
            self.ask((), None)

    def _covered(self, failed: Failed) -> set[Channel]:
        """The files that the flush took, written or not."""
        error = failed.error
        covered = {it.channel for it in (error, error.beside) if it and it.channel is not None}
        covered |= {it for it in CHANNELS if failed.writes[it] > self._writes[it]}
        self._writes = failed.writes
        return covered

    def _closed(self, done: asyncio.Future[Receipt | Failed]) -> None:
        outcome = _outcome(done)
        waiting, self._waiting = self._waiting, []
        closes, self._closes = self._closes, []
        unanswered = [answered for answered in closes if not answered.done()]
        if isinstance(outcome, Failed):
            if outcome.error.kind in OF_WRITES:
                covered = self._covered(outcome)
                self.counts.flushed(covered, len(waiting), is_met=bool(waiting))
            self._end(waiting, outcome.error)
            for answered in unanswered:
                answered.set_exception(_own(outcome.error))
                # Who does not wait any more is not told.
                answered.exception()
            if outcome.error.kind in OF_WRITES:
                self.ask((), None)
            return
        self._count(outcome)
        written = channels_of(outcome)
        is_met = any(it.left & written for it in waiting)
        self.counts.flushed(written, len(waiting), is_met=is_met)
        for waiter in waiting:
            waiter.covered(outcome)
            waiter.succeed()
        for answered in unanswered:
            answered.set_result(outcome)

    def _end(self, waiters: Iterable[Waiter], error: TandemError) -> None:
        ended = list(waiters)
        self._waiting = [it for it in self._waiting if it not in ended]
        for waiter in ended:
            waiter.fail(error)

    def _count(self, receipt: Receipt) -> None:
        for channel in channels_of(receipt):
            self._writes[channel] += 1

    def _call_again(self) -> None:
        self._timer = None
        self.ask((), None)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def channels_of(receipt: Receipt) -> set[Channel]:
    """The files that were written."""
    written = {Channel.MANIFEST: receipt.manifest, Channel.HEARTBEAT: receipt.heartbeat}
    return {channel for channel, it in written.items() if it is not None}


def _outcome(done: asyncio.Future[Answer]) -> Answer | Failed:
    try:
        return done.result()
    except Exception as error:
        # Nobody must wait for ever because of what this package does wrong.
        return Failed(TandemError(ErrorKind.COMPONENT_FAILED, f"a call failed: {error!r}"), {})


def _own(error: TandemError) -> TandemError:
    """One for each who waits: who raises it adds to it."""
    return copy.copy(error).with_traceback(None)
