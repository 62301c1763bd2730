"""A directory of runs and histories."""

from __future__ import annotations

import os
import weakref
from types import TracebackType
from typing import Self

from . import _arguments as arguments
from . import _lift as lift
from ._bindings import Fields
from ._component import MEMORY_BYTES_MAX, Instance, directory_path
from .errors import Channel, TandemError
from .run import Document, Run
from .values import Durability, History, Recorded


class Tandem:
    """An instance of the component, which is granted one directory and nothing else.

    The directory must exist. Threads may share a `Tandem`; its calls run one after the other. As a
    context manager it closes its runs and itself at the end.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        memory_bytes_max: int | None = None,
        compile_cache: bool = True,
    ) -> None:
        """Start the component on a directory.

        It has at most `memory_bytes_max` of memory, 1 GiB if left out; the documents of open runs
        may have a quarter of it together. The first `Tandem` of a process compiles the component.
        wasmtime keeps the result in `tandem/compiled` of the user's cache directory and takes it
        from there, where nobody but the user and root can reach it; elsewhere, and if
        `compile_cache` is False, nothing is kept.
        """
        memory = arguments.integer("memory_bytes_max", memory_bytes_max, arguments.MEMORY_BYTES)
        is_cached = arguments.flag("compile_cache", compile_cache)
        path = directory_path(directory)
        memory = MEMORY_BYTES_MAX if memory is None else memory
        self._instance = Instance(path, memory, is_cached)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()

    def open(
        self,
        task_id: str,
        run_id: str,
        *,
        interval_ms: int | None = None,
        manifest_durability: Durability | str | None = None,
        heartbeat_durability: Durability | str | None = None,
        max_document_bytes: int | None = None,
        sweep_after_ms: int | None = None,
        runs_root: str | None = None,
        manifest_name: str | None = None,
        heartbeat_name: str | None = None,
    ) -> Run:
        """Open a run; `Run.recovery` tells what an earlier writer left.

        `interval_ms` is the least time between two writes that are not forced; 5000 if left out.
        The manifest is durable and the heartbeat visible unless told otherwise. The largest
        document has 16 MiB, temporary files above one hour are removed, and the run's files are
        `.runs/<task>/cli/<run>/manifest.json` and `.heartbeat`.
        """
        options = Fields(
            task_id=arguments.ident("task_id", task_id),
            run_id=arguments.ident("run_id", run_id),
            interval_ms=arguments.integer("interval_ms", interval_ms),
            manifest_durability=arguments.choice(
                "manifest_durability", manifest_durability, Durability
            ),
            heartbeat_durability=arguments.choice(
                "heartbeat_durability", heartbeat_durability, Durability
            ),
            max_document_bytes=arguments.integer("max_document_bytes", max_document_bytes),
            sweep_after_ms=arguments.integer("sweep_after_ms", sweep_after_ms),
            runs_root=arguments.optional_text("runs_root", runs_root),
            manifest_name=arguments.optional_text("manifest_name", manifest_name),
            heartbeat_name=arguments.optional_text("heartbeat_name", heartbeat_name),
        )
        # A document that is found is not known before. There is room for one.
        self._instance.documents.reserve("", 0)
        resource, recovery = lift.outcome(self._instance.call("open", options))
        run = Run(self._instance, resource, lift.recovery(recovery), max_document_bytes)
        self._runs.add(run)
        return run

    def record_run(
        self,
        summary: Document,
        task_id: str,
        *,
        summary_durability: Durability | str | None = None,
        history_durability: Durability | str | None = None,
        keep_last: int | None = None,
        max_summary_bytes: int | None = None,
        max_history_bytes: int | None = None,
        lease_ms: int | None = None,
        lock_wait_ms: int | None = None,
        sweep_after_ms: int | None = None,
        runs_root: str | None = None,
        history_root: str | None = None,
        summary_name: str | None = None,
        history_name: str | None = None,
    ) -> Recorded:
        """Record a completed run: write its summary and merge it into its task's history.

        The summary has the strings `taskId`, `runId` and `timestamp`
        (`YYYY-MM-DDTHH:MM:SS[.fraction]Z`). The call blocks while another process holds the lock
        of the history, up to `lock_wait_ms`, 30,000 if left out; other threads' calls of this
        `Tandem` wait as long. The files are `.runs/<task>/<run>/manifest.json` and
        `out/<task>/runs.json`.
        """
        bytes_max = arguments.integer("max_summary_bytes", max_summary_bytes)
        content = arguments.document("summary", summary, bytes_max, Channel.SUMMARY)
        options = Fields(
            task_id=arguments.ident("task_id", task_id),
            summary_durability=arguments.choice(
                "summary_durability", summary_durability, Durability
            ),
            history_durability=arguments.choice(
                "history_durability", history_durability, Durability
            ),
            keep_last=arguments.integer("keep_last", keep_last, arguments.U32_MAX),
            max_summary_bytes=bytes_max,
            max_history_bytes=arguments.integer("max_history_bytes", max_history_bytes),
            lease_ms=arguments.integer("lease_ms", lease_ms),
            lock_wait_ms=arguments.integer("lock_wait_ms", lock_wait_ms),
            sweep_after_ms=arguments.integer("sweep_after_ms", sweep_after_ms),
            runs_root=arguments.optional_text("runs_root", runs_root),
            history_root=arguments.optional_text("history_root", history_root),
            summary_name=arguments.optional_text("summary_name", summary_name),
            history_name=arguments.optional_text("history_name", history_name),
        )
        return lift.recorded(lift.outcome(self._instance.call("record-run", content, options)))

    def history(
        self,
        task_id: str,
        *,
        limit: int | None = None,
        max_history_bytes: int | None = None,
        history_root: str | None = None,
        history_name: str | None = None,
    ) -> History:
        """Read a task's history, the newest run first. A task without one has an empty one."""
        options = Fields(
            task_id=arguments.ident("task_id", task_id),
            limit=arguments.integer("limit", limit, arguments.U32_MAX),
            max_history_bytes=arguments.integer("max_history_bytes", max_history_bytes),
            history_root=arguments.optional_text("history_root", history_root),
            history_name=arguments.optional_text("history_name", history_name),
        )
        return lift.history(lift.outcome(self._instance.call("history", options)))

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
