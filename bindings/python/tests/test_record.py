"""Runs that are recorded: histories, locks and several writers."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from support import RUN, SUMMARY, python, summary, write_lock

from tandem_persistence import (
    ArgumentTypeError,
    Channel,
    ErrorKind,
    LockHolder,
    Operation,
    Tandem,
    TandemError,
)


def run_ids(tandem: Tandem) -> list[str]:
    return [json.loads(entry)["runId"] for entry in tandem.history("task").runs]


def test_a_history_is_told_newest_first_and_up_to_a_limit(tandem: Tandem) -> None:
    for second in (2, 0, 1):
        tandem.record_run(summary(f"r{second}", second))
    assert run_ids(tandem) == ["r2", "r1", "r0"]
    two = tandem.history("task", limit=2)
    assert (two.total, len(two.runs)) == (3, 2)
    assert two.last_run_at == "2026-01-06T00:00:02Z"


def test_a_task_without_a_history_has_an_empty_one(tandem: Tandem, tmp_path: Path) -> None:
    history = tandem.history("task")
    assert (history.last_run_at, history.total, history.runs) == ("", 0, ())
    assert not any(tmp_path.iterdir())


def test_the_last_runs_are_kept_and_those_ahead_of_the_new_one_are_told(tandem: Tandem) -> None:
    for second in range(3):
        recorded = tandem.record_run(summary(f"r{second}", second), keep_last=2)
    assert (recorded.runs, recorded.ahead) == (2, ())
    assert tandem.record_run(summary("old", 0), keep_last=2).ahead == ("r2",)
    assert run_ids(tandem) == ["r2", "old"]


def test_a_task_that_is_given_is_that_of_the_summary(tandem: Tandem, tmp_path: Path) -> None:
    with pytest.raises(TandemError) as caught:
        tandem.record_run(SUMMARY, task_id="other")
    assert caught.value.kind is ErrorKind.INVALID_INPUT
    assert not any(tmp_path.iterdir())
    assert tandem.record_run(SUMMARY, task_id="task").runs == 1


def test_runs_that_are_recorded_together_have_each_an_answer(
    tandem: Tandem, tmp_path: Path
) -> None:
    other = summary("r1") | {"taskId": "other"}
    no_documents: list[Any] = [None, {"n": float("nan")}]
    given = [summary("r2", 2), *no_documents, summary("r0", 0), other, summary(".")]
    answers = tandem.record_runs(iter(given))
    outcomes = [it.kind if isinstance(it, TandemError) else it.runs for it in answers]
    assert outcomes == [2, "invalid-input", "invalid-input", 2, 1, "invalid-id"]
    assert run_ids(tandem) == ["r2", "r0"]
    assert tandem.history("other").total == 1
    assert tandem.record_runs([]) == []


def test_runs_that_are_recorded_together_share_options(tandem: Tandem) -> None:
    answers = tandem.record_runs([summary("a"), {"taskId": "other"}], task_id="task", keep_last=1)
    assert [isinstance(answer, TandemError) for answer in answers] == [False, True]
    with pytest.raises(ArgumentTypeError, match="keep_last"):
        tandem.record_runs([SUMMARY], keep_last="1")  # type: ignore[arg-type]


def batch_sizes(tandem: Tandem, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call has, as they are made."""
    sizes = []
    call = tandem._instance.call

    def counted(name: str, *arguments: Any) -> Any:
        sizes.append(len(arguments[0]))
        return call(name, *arguments)

    monkeypatch.setattr(tandem._instance, "call", counted)
    return sizes


def test_many_large_summaries_fit_in_the_memory(
    tandem: Tandem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = batch_sizes(tandem, monkeypatch)
    fill = {"fill": "x" * (15 << 20)}
    many = [summary(f"r{number}") | fill for number in range(9)]
    answers = tandem.record_runs(many, summary_durability="visible", keep_last=1)
    assert not any(isinstance(answer, TandemError) for answer in answers)
    assert sizes == [4, 4, 1]


def record_many(tandem: Tandem, count: int) -> list[Any]:
    many = (summary(f"r{number}") for number in range(count))
    options = {"summary_durability": "visible", "history_durability": "visible"}
    return tandem.record_runs(many, keep_last=1, **options)  # type: ignore[arg-type]


def test_many_summaries_are_handed_over_in_batches(
    tandem: Tandem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = batch_sizes(tandem, monkeypatch)
    answers = record_many(tandem, 1001)
    assert [isinstance(answer, TandemError) for answer in answers] == [False] * 1001
    assert sizes == [1000, 1]


def test_summaries_are_recorded_whatever_the_total_limit_is(tmp_path: Path) -> None:
    fill = {"fill": "x" * 800}
    with Tandem(tmp_path, max_document_bytes=1000, max_total_document_bytes=2000) as tandem:
        runs = [tandem.open_run("open", name) for name in "ab"]
        for run in runs:
            run.set(fill)
        answers = tandem.record_runs([summary(f"r{number}") | fill for number in range(9)])
        assert [it for it in answers if isinstance(it, TandemError)] == []


def test_a_component_that_fails_loses_no_answer_of_an_earlier_batch(
    tandem: Tandem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tandem_persistence.tandem.TEXTS_MAX", 2)
    run = tandem._instance._run
    calls: list[int] = []

    def failing(function: Any, *arguments: Any) -> Any:
        calls.append(len(arguments[0]))
        if len(calls) == 2:
            monkeypatch.setattr("tandem_persistence._component.FUEL_PER_CALL", 1000)
        return run(function, *arguments)

    monkeypatch.setattr(tandem._instance, "_run", failing)
    answers = tandem.record_runs([summary("a"), summary("b"), {}, summary("c"), summary("d")])
    kinds = [it.kind if isinstance(it, TandemError) else it.runs for it in answers]
    failed = ErrorKind.COMPONENT_FAILED
    assert kinds == [2, 2, failed, failed, failed]
    assert calls == [2, 2]
    # It was not asked anew, and neither does another call begin.
    with pytest.raises(TandemError) as caught:
        tandem.record_runs([SUMMARY])
    assert caught.value.kind is failed


def test_a_batch_that_is_refused_is_no_hindrance_to_the_next(
    tandem: Tandem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tandem_persistence.tandem.TEXTS_MAX", 1)
    call = tandem._instance.call
    refusals = [TandemError(ErrorKind.INVALID_INPUT, "not now")]

    def refusing_once(name: str, *arguments: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return call(name, *arguments)

    monkeypatch.setattr(tandem._instance, "call", refusing_once)
    first, second = tandem.record_runs([summary("a"), summary("b")])
    assert isinstance(first, TandemError) and first.message == "not now"
    assert not isinstance(second, TandemError)
    assert run_ids(tandem) == ["b"]


def test_the_roots_and_names_are_options(tandem: Tandem, tmp_path: Path) -> None:
    tandem.record_run(
        SUMMARY,
        runs_root="r",
        summary_name="s.json",
        history_root="h",
        history_name="all.json",
    )
    assert (tmp_path / "r/task/run/s.json").is_file()
    assert (tmp_path / "h/task/all.json").is_file()
    assert tandem.history("task", history_root="h", history_name="all.json").total == 1
    with tandem.open_run(
        "task", "run", runs_root="r", manifest_name="m.json", heartbeat_name="beat"
    ) as run:
        run.set({})
        run.schedule(manifest=True, heartbeat=True, force=True)
    assert (tmp_path / "r/task/cli/run/m.json").is_file()
    assert (tmp_path / "r/task/cli/run/beat").is_file()


def test_a_corrupt_manifest_is_set_aside_and_work_goes_on(tandem: Tandem, tmp_path: Path) -> None:
    manifest = tmp_path / RUN / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"torn')
    with tandem.open_run("task", "run") as run:
        assert run.recovery.document is None
        (aside,) = run.recovery.set_aside
        assert (tmp_path / aside).read_text() == '{"torn'
        run.set({})
    assert manifest.read_text() == "{}\n"


def test_a_corrupt_history_is_set_aside_and_work_goes_on(tandem: Tandem, tmp_path: Path) -> None:
    history = tmp_path / "out/task/runs.json"
    history.parent.mkdir(parents=True)
    history.write_text("torn")
    with pytest.raises(TandemError) as caught:
        tandem.history("task")
    assert caught.value.kind is ErrorKind.HISTORY
    (aside,) = tandem.record_run(SUMMARY).set_aside
    assert (tmp_path / aside).read_text() == "torn"
    assert run_ids(tandem) == ["run"]


def test_a_lock_that_is_held_is_told_and_the_summary_is_written(
    tandem: Tandem, tmp_path: Path
) -> None:
    write_lock(tmp_path, lease_ms=3_600_000)
    with pytest.raises(TandemError) as caught:
        tandem.record_run(SUMMARY, lock_wait_ms=0)
    error = caught.value
    assert (error.kind, error.channel) == (ErrorKind.LOCKED, Channel.HISTORY)
    assert (error.operation, error.code) == (Operation.LOCK, "locked")
    assert (error.path, error.retryable) == (".runs/task.lock", True)
    assert error.holder == LockHolder(lease_ms=3_600_000)
    assert json.loads((tmp_path / ".runs/task/run/manifest.json").read_text()) == SUMMARY
    (tmp_path / ".runs/task.lock").unlink()
    tandem.record_run(SUMMARY, lock_wait_ms=0)
    assert run_ids(tandem) == ["run"]


def test_a_dead_holders_lock_is_taken_over(tandem: Tandem, tmp_path: Path) -> None:
    write_lock(tmp_path, lease_ms=20)
    assert tandem.record_run(SUMMARY).runs == 1
    assert not (tmp_path / ".runs/task.lock").exists()


RECORD = """
import sys
from support import summary
from tandem_persistence import Tandem

root, name, count = sys.argv[1:]
with Tandem(root) as tandem:
    print("ready", flush=True)
    for number in range(int(count)):
        tandem.record_run(summary(f"{name}-{number}"))
"""


def test_two_processes_that_record_one_task_at_once_keep_all(
    tandem: Tandem, tmp_path: Path
) -> None:
    writers = [python(RECORD, tmp_path, name, 10) for name in ("a", "b")]
    for writer in writers:
        _, stderr = writer.communicate()
        assert writer.returncode == 0, stderr
    expected = {f"{name}-{number}" for name in ("a", "b") for number in range(10)}
    assert set(run_ids(tandem)) == expected
    assert tandem.history("task").total == 20


def test_threads_with_a_tandem_each_record_one_task_and_keep_all(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def record(name: str) -> None:
        try:
            with Tandem(tmp_path) as tandem:
                for number in range(5):
                    tandem.record_run(summary(f"{name}-{number}"))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=record, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Tandem(tmp_path) as tandem:
        assert tandem.history("task").total == 20


WRITE = """
import sys
from support import summary
from tandem_persistence import Tandem

root, first = sys.argv[1:]
with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
    step = int(first)
    while True:
        run.set({"step": step, "fill": "x" * (step % 7) * 20_000})
        run.schedule(manifest=True, heartbeat=True, force=True)
        print(step, flush=True)
        tandem.record_run(summary("run") | {"step": step}, lease_ms=50)
        step += 1
"""

KILLS = 15


def test_a_process_that_is_killed_leaves_whole_files(tmp_path: Path) -> None:
    step = 0
    for _ in range(KILLS):
        writer = python(WRITE, tmp_path, step)
        assert writer.stdout is not None
        # It is in the middle of whatever comes after some line, another each time.
        for line in writer.stdout:
            step = int(line)
            if step % 5 == 4:
                break
        else:
            pytest.fail(f"it ended by itself: {writer.communicate()[1]}")
        writer.send_signal(signal.SIGKILL)
        # What was read ahead of the last line is known to the file alone, and not to `communicate`.
        rest = writer.stdout.read()
        writer.communicate()
        steps = [int(line) for line in rest.splitlines() if line]
        acknowledged = max([step, *steps])

        manifest = json.loads((tmp_path / RUN / "manifest.json").read_text())
        assert manifest["step"] in (acknowledged, acknowledged + 1)
        assert len((tmp_path / RUN / ".heartbeat").read_bytes()) == 25
        for path in (".runs/task/run/manifest.json", "out/task/runs.json"):
            if (tmp_path / path).exists():
                json.loads((tmp_path / path).read_text())
        step = acknowledged + 1
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run", sweep_after_ms=0) as run:
        assert run.recovery.set_aside == ()
        assert json.loads(run.recovery.document or "")["step"] >= step - 1
        recorded = tandem.record_run(SUMMARY, sweep_after_ms=0)
        assert (recorded.runs, recorded.set_aside) == (1, ())
