"""A directory of runs and histories."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, Unpack

from . import _arguments as arguments
from . import _lift as lift
from . import _options as options
from ._component import Instance
from ._limits import TEXTS_MAX
from .errors import TandemError
from .records import (
    HISTORY_OPTIONS,
    RECORD_OPTIONS,
    REMOVE_OPTIONS,
    RUN_OPTIONS,
    Channel,
    HistoryOptions,
    Limits,
    Recorded,
    RecordOptions,
    Recovery,
    Removed,
    RemoveOptions,
    RunOptions,
    TaskHistory,
)
from .run import Document, Run


class Tandem:
    """An instance of the component, which is granted one directory and nothing else.

    The directory must exist. Threads may share a `Tandem`; its calls run one after the other. As a
    context manager it closes its runs and itself at the end.
    """

    @options.takes(Limits)
    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        compile_cache: bool = True,
        **limits: Unpack[Limits],
    ) -> None:
        """Start the component on a directory.

        The first `Tandem` of a process compiles the component. wasmtime keeps the result in
        `tandem/compiled` of the user's cache directory and takes it from there, where nobody but
        the user and root can reach it; elsewhere, and if `compile_cache` is False, nothing is kept.
        """
        is_cached = arguments.flag("compile_cache", compile_cache)
        self._instance = Instance(directory, limits, is_cached)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()

    @options.takes(RunOptions)
    def open_run(self, task_id: str, run_id: str, **given: Unpack[RunOptions]) -> Run:
        """Open a run; `Run.recovery` tells what an earlier writer left.

        The run's files are `.runs/<task>/cli/<run>/manifest.json` and `.heartbeat` unless told
        otherwise.
        """
        ids = {
            "task_id": arguments.ident("task_id", task_id),
            "run_id": arguments.ident("run_id", run_id),
        }
        record = options.record(RUN_OPTIONS, {**ids, **given})
        handle, recovery = lift.outcome(self._instance.call("open", record))
        run = Run(
            self._instance,
            self._instance.keep(handle),
            lift.record(Recovery, recovery),
            given.get("max_document_bytes"),
        )
        self._runs.add(run)
        return run

    @options.takes(RecordOptions)
    def record_run(self, summary: Document, **given: Unpack[RecordOptions]) -> Recorded:
        """Record a completed run: write its summary and merge it into its task's history.

        The summary has the strings `taskId`, `runId` and `timestamp`
        (`YYYY-MM-DDTHH:MM:SS[.fraction]Z`). The call blocks while another process holds the lock
        of the history, up to `lock_wait_ms`; other threads' calls of this `Tandem` wait as long.
        The files are `.runs/<task>/<run>/manifest.json` and `out/<task>/runs.json` unless told
        otherwise.
        """
        record = options.record(RECORD_OPTIONS, given)
        content = self._summary(summary, given.get("max_summary_bytes"))
        outcome = self._instance.call("record-run", content, record)
        return lift.record(Recorded, lift.outcome(outcome))

    @options.takes(RecordOptions)
    def record_runs(
        self, summaries: Iterable[Document], **given: Unpack[RecordOptions]
    ) -> list[Recorded | TandemError]:
        """Record several completed runs, as `record_run` does each.

        Up to 64 of one task share one merge of its history, which costs far less than one for each.
        The answers are in the order of the summaries. One that could not be recorded has its error
        in its place, and is no hindrance to the others. If the component fails, those that were
        recorded before keep their answers; the others have `component-failed`, and may be recorded
        or not.
        """
        record = options.record(RECORD_OPTIONS, given)
        self._instance.check()
        answers: dict[int, Recorded | TandemError] = {}
        contents: dict[int, str] = {}
        for place, summary in enumerate(summaries):
            try:
                contents[place] = self._summary(summary, given.get("max_summary_bytes"))
            except TandemError as error:
                answers[place] = error
        for batch in self._batches(contents):
            answers.update(zip(batch, self._recorded(batch, record), strict=True))
        return [answers[place] for place in sorted(answers)]

    @options.takes(RemoveOptions)
    def remove_runs(
        self, task_id: str, runs: Iterable[str], **given: Unpack[RemoveOptions]
    ) -> Removed:
        """Remove the directories of runs of a task, with all that is in them.

        The entries in the history stay unless `from_history` is set. A run that is open, or has
        shown a sign of life lately, is left; `Removed.left` tells. The call blocks while another
        process holds the lock of the history, as `record_run` does. A process that is killed leaves
        each directory as it was, or renamed; the next call for the task removes what it renamed.
        """
        if isinstance(runs, str):
            arguments.wrong_type("runs", "an iterable of str", runs)
        run_ids = [arguments.ident("run_id", run) for run in runs]
        ids = {"task_id": arguments.ident("task_id", task_id)}
        record = options.record(REMOVE_OPTIONS, {**ids, **given})
        outcome = self._instance.call("remove-runs", run_ids, record)
        return lift.record(Removed, lift.outcome(outcome))

    @options.takes(HistoryOptions)
    def history(self, task_id: str, **given: Unpack[HistoryOptions]) -> TaskHistory:
        """Read a task's history, the newest run first. A task without one has an empty one."""
        ids = {"task_id": arguments.ident("task_id", task_id)}
        record = options.record(HISTORY_OPTIONS, {**ids, **given})
        return lift.record(TaskHistory, lift.outcome(self._instance.call("history", record)))

    def close(self) -> None:
        """Close the runs that are open, then release everything.

        What a run cannot write is given up; the first such error is raised at the end, and the
        others are its notes. A `Tandem` that is closed can be closed again.
        """
        failures = []
        try:
            for run in list(self._runs) if self._instance.is_open else []:
                try:
                    run.close()
                except TandemError as failure:
                    failures.append(failure)
        finally:
            self._instance.close()
        if failures:
            for other in failures[1:]:
                failures[0].add_note(f"and another run could not be closed: {other}")
            raise failures[0]

    def _summary(self, summary: Document, bytes_max: int | None) -> str:
        bytes_max = self._instance.limits.text_bytes(bytes_max)
        return arguments.document("summary", summary, bytes_max, Channel.SUMMARY)

    def _batches(self, contents: dict[int, str]) -> Iterator[dict[int, str]]:
        """The texts, no more at once than one call may have."""
        batch: dict[int, str] = {}
        batch_bytes = 0
        for place, content in contents.items():
            size = arguments.text_bytes(content)
            is_full = batch_bytes + size > self._instance.limits.texts_bytes
            if batch and (is_full or len(batch) == TEXTS_MAX):
                yield batch
                batch, batch_bytes = {}, 0
            batch[place] = content
            batch_bytes += size
        if batch:
            yield batch

    def _recorded(
        self, batch: dict[int, str], record: dict[str, Any]
    ) -> list[Recorded | TandemError]:
        """The answers to the texts of one call. If it fails, each has the error."""
        try:
            outcomes = self._instance.call("record-runs", list(batch.values()), record)
        except TandemError as error:
            return [error] * len(batch)
        settled = [lift.settled(outcome) for outcome in outcomes]
        return [it if isinstance(it, TandemError) else lift.record(Recorded, it) for it in settled]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except TandemError as failure:
            if error is None:
                raise
            error.add_note(f"and a run could not be closed: {failure}")
