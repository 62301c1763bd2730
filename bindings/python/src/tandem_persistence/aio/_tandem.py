"""A directory of runs and histories, for `asyncio`."""

from __future__ import annotations

import asyncio
import functools
import os
import weakref
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, Self, TypeVar, Unpack

from .. import _arguments as arguments
from .. import _options as options
from .._limits import Limits as ComponentLimits
from ..errors import TandemError
from ..records import (
    HISTORY_OPTIONS,
    LIMITS,
    RECORD_OPTIONS,
    REMOVE_OPTIONS,
    RUN_OPTIONS,
    Channel,
    ErrorKind,
    HistoryOptions,
    Limits,
    Receipt,
    Recorded,
    RecordOptions,
    Removed,
    RemoveOptions,
    RunOptions,
    TaskHistory,
)
from ..run import Document
from ..tandem import Tandem as BlockingTandem
from ._closing import Closing
from ._locked import Patience, once_unlocked
from ._run import Run
from ._worker import Worker

Answer = TypeVar("Answer")


class Tandem(Closing):
    """A directory of runs and histories, as `tandem_persistence.Tandem`, without blocking.

    It starts with `async with`, or with its first call. Its runs have a thread, and its histories
    another one, so that a history that is long or locked delays no run. It belongs to the event
    loop of its first call. `aclose`, or the end of `async with`, closes its runs and itself; calls
    that were begun are done all the same, before the interpreter ends.
    """

    _closed = "a run"

    @options.takes(Limits)
    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        compile_cache: bool = True,
        **limits: Unpack[Limits],
    ) -> None:
        """Take a directory, which must exist; `compile_cache` is as in the blocking `Tandem`."""
        options.record(LIMITS, limits)
        self._limits = ComponentLimits(limits)
        start = functools.partial(
            BlockingTandem,
            directory,
            compile_cache=arguments.flag("compile_cache", compile_cache),
            **limits,
        )
        self._of_runs = _Served(start)
        self._of_histories = _Served(start)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._is_closed = False

    @options.takes(RunOptions)
    def open_run(self, task_id: str, run_id: str, **given: Unpack[RunOptions]) -> Opening:
        """Open a run: `await` it, or enter it with `async with`, which closes it too."""
        arguments.ident("task_id", task_id)
        arguments.ident("run_id", run_id)
        options.record(RUN_OPTIONS, {"task_id": task_id, "run_id": run_id, **given})

        async def opened() -> Run:
            run = await self._of_runs.do(lambda it: it.open_run(task_id, run_id, **given))
            opened = Run(self._of_runs.worker, run)
            self._runs.add(opened)
            return opened

        return Opening(opened)

    @options.takes(RecordOptions)
    async def record_run(self, summary: Document, **given: Unpack[RecordOptions]) -> Recorded:
        """Record a completed run, as the blocking `record_run` does.

        The lock of the history is waited for here, and no other call waits for that.
        """
        options.record(RECORD_OPTIONS, given)
        content = self._summary(summary, given.get("max_summary_bytes"))
        once: RecordOptions = {**given, "lock_wait_ms": 0}
        return await once_unlocked(
            lambda: self._of_histories.do(lambda it: it.record_run(content, **once)),
            given.get("lock_wait_ms"),
        )

    @options.takes(RecordOptions)
    async def record_runs(
        self, summaries: Iterable[Document], **given: Unpack[RecordOptions]
    ) -> list[Recorded | TandemError]:
        """Record several completed runs, as the blocking `record_runs` does."""
        options.record(RECORD_OPTIONS, given)
        answers: dict[int, Recorded | TandemError] = {}
        contents: dict[int, str] = {}
        for place, summary in enumerate(summaries):
            try:
                contents[place] = self._summary(summary, given.get("max_summary_bytes"))
            except TandemError as error:
                answers[place] = error
        once: RecordOptions = {**given, "lock_wait_ms": 0}
        patience = Patience(given.get("lock_wait_ms"))
        wait_s: float | None = 0
        while contents and wait_s is not None:
            await asyncio.sleep(wait_s)
            texts = list(contents.values())
            made = await self._of_histories.do(
                lambda it, texts=texts: it.record_runs(texts, **once)  # type: ignore[misc]
            )
            answers.update(zip(contents, made, strict=True))
            contents = {
                place: content
                for place, content in contents.items()
                if isinstance(it := answers[place], TandemError) and it.kind is ErrorKind.LOCKED
            }
            wait_s = patience.next_s()
        return [answers[place] for place in sorted(answers)]

    @options.takes(RemoveOptions)
    async def remove_runs(
        self, task_id: str, runs: Iterable[str], **given: Unpack[RemoveOptions]
    ) -> Removed:
        """Remove the directories of runs of a task, as the blocking `remove_runs` does."""
        if isinstance(runs, str):
            arguments.wrong_type("runs", "an iterable of str", runs)
        named = list(runs)
        options.record(REMOVE_OPTIONS, {"task_id": task_id, **given})
        once: RemoveOptions = {**given, "lock_wait_ms": 0}
        # Those that are open are left, and only their own component knows them.
        return await once_unlocked(
            lambda: self._of_runs.do(lambda it: it.remove_runs(task_id, named, **once)),
            given.get("lock_wait_ms"),
        )

    @options.takes(HistoryOptions)
    async def history(self, task_id: str, **given: Unpack[HistoryOptions]) -> TaskHistory:
        """Read a task's history, the newest run first. A task without one has an empty one."""
        options.record(HISTORY_OPTIONS, {"task_id": task_id, **given})
        return await self._of_histories.do(lambda it: it.history(task_id, **given))

    async def aclose(self) -> None:
        """Close the runs that are open, then release everything.

        What a run cannot write is given up, and told as an error. All of it is begun before the
        first wait, and is done even if the caller is cancelled. It can be called again.
        """
        if self._is_closed:
            return
        self._is_closed = True
        for run in list(self._runs):
            # What it fails with is told by the close of all of them.
            run._requests.close()
        closed = [served.close() for served in (self._of_runs, self._of_histories)]
        for outcome in await asyncio.gather(*map(asyncio.shield, closed), return_exceptions=True):
            if outcome is not None:
                raise outcome

    def _summary(self, summary: Document, bytes_max: int | None) -> str:
        bytes_max = self._limits.text_bytes(bytes_max)
        return arguments.document("summary", summary, bytes_max, Channel.SUMMARY)

    async def __aenter__(self) -> Self:
        await self._of_runs.do(lambda it: None)
        return self

    async def _close(self) -> None:
        await self.aclose()


class Opening(Closing, Awaitable[Run]):
    """A run that is being opened."""

    def __init__(self, opened: Callable[[], Awaitable[Run]]) -> None:
        self._opened = opened
        self._run: Run | None = None

    def __await__(self) -> Generator[Any, None, Run]:
        return self._opened().__await__()

    async def __aenter__(self) -> Run:
        self._run = await self
        return await self._run.__aenter__()

    async def _close(self) -> Receipt:
        assert self._run is not None
        return await self._run.close()


class _Served:
    """A component and its thread, in which it is started by its first call."""

    def __init__(self, start: Callable[[], BlockingTandem]) -> None:
        self.worker = Worker()
        self._start = start
        self._tandem: BlockingTandem | None = None

    async def do(self, call: Callable[[BlockingTandem], Answer]) -> Answer:
        return await self.worker.do(lambda: call(self._started()))

    def close(self) -> asyncio.Future[None]:
        """Closes it behind all that was begun."""
        closed = self.worker.begin(self._close)
        self.worker.end()
        return closed

    def _started(self) -> BlockingTandem:
        if self._tandem is None:
            self._tandem = self._start()
        return self._tandem

    def _close(self) -> None:
        if self._tandem is not None:
            self._tandem.close()
