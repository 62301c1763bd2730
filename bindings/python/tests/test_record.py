"""Runs that are recorded: histories, locks and several writers."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest
from support import RUN, SUMMARY, python, summary, write_lock

from tandem_persistence import Channel, ErrorKind, Operation, Tandem, TandemError


def run_ids(tandem: Tandem) -> list[str]:
    return [json.loads(entry)["runId"] for entry in tandem.history("task").runs]


def test_a_history_is_told_newest_first_and_up_to_a_limit(tandem: Tandem) -> None:
    for second in (2, 0, 1):
        tandem.record_run(summary(f"r{second}", second), "task")
    assert run_ids(tandem) == ["r2", "r1", "r0"]
    two = tandem.history("task", limit=2)
    assert (two.total, len(two.runs)) == (3, 2)
    assert two.last_run_at == "2026-01-06T00:00:02Z"


def test_a_task_without_a_history_has_an_empty_one(tandem: Tandem, tmp_path: Path) -> None:
    history = tandem.history("task")
    assert (history.last_run_at, history.total, history.runs) == ("", 0, ())
    assert not any(tmp_path.iterdir())


def test_the_last_runs_are_kept_and_one_that_is_dropped_is_told(tandem: Tandem) -> None:
    for second in range(3):
        recorded = tandem.record_run(summary(f"r{second}", second), "task", keep_last=2)
    assert (recorded.runs, recorded.is_dropped) == (2, False)
    assert tandem.record_run(summary("old", 0), "task", keep_last=2).is_dropped
    assert run_ids(tandem) == ["r2", "r1"]


def test_the_roots_and_names_are_options(tandem: Tandem, tmp_path: Path) -> None:
    tandem.record_run(
        SUMMARY,
        "task",
        runs_root="r",
        summary_name="s.json",
        history_root="h",
        history_name="all.json",
    )
    assert (tmp_path / "r/task/run/s.json").is_file()
    assert (tmp_path / "h/task/all.json").is_file()
    assert tandem.history("task", history_root="h", history_name="all.json").total == 1
    with tandem.open(
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
    with tandem.open("task", "run") as run:
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
    (aside,) = tandem.record_run(SUMMARY, "task").set_aside
    assert (tmp_path / aside).read_text() == "torn"
    assert run_ids(tandem) == ["run"]


def test_a_lock_that_is_held_is_told_and_the_summary_is_written(
    tandem: Tandem, tmp_path: Path
) -> None:
    write_lock(tmp_path, lease_ms=3_600_000)
    with pytest.raises(TandemError) as caught:
        tandem.record_run(SUMMARY, "task", lock_wait_ms=0)
    error = caught.value
    assert (error.kind, error.channel) == (ErrorKind.LOCKED, Channel.HISTORY)
    assert (error.operation, error.code) == (Operation.LOCK, "locked")
    assert (error.path, error.retryable) == (".runs/task.lock", True)
    assert json.loads((tmp_path / ".runs/task/run/manifest.json").read_text()) == SUMMARY
    (tmp_path / ".runs/task.lock").unlink()
    tandem.record_run(SUMMARY, "task", lock_wait_ms=0)
    assert run_ids(tandem) == ["run"]


def test_a_dead_holders_lock_is_taken_over(tandem: Tandem, tmp_path: Path) -> None:
    write_lock(tmp_path, lease_ms=20)
    assert tandem.record_run(SUMMARY, "task").runs == 1
    assert not (tmp_path / ".runs/task.lock").exists()


RECORD = """
import sys
from support import summary
from tandem_persistence import Tandem

root, name, count = sys.argv[1:]
with Tandem(root) as tandem:
    print("ready", flush=True)
    for number in range(int(count)):
        tandem.record_run(summary(f"{name}-{number}"), "task")
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
                    tandem.record_run(summary(f"{name}-{number}"), "task")
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
with Tandem(root) as tandem, tandem.open("task", "run", interval_ms=0) as run:
    step = int(first)
    while True:
        run.set({"step": step, "fill": "x" * (step % 7) * 20_000})
        run.schedule(manifest=True, heartbeat=True, force=True)
        print(step, flush=True)
        tandem.record_run(summary("run") | {"step": step}, "task", lease_ms=50)
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
        told = [int(line) for line in rest.splitlines() if line]
        acknowledged = max([step, *told])

        manifest = json.loads((tmp_path / RUN / "manifest.json").read_text())
        assert manifest["step"] in (acknowledged, acknowledged + 1)
        assert len((tmp_path / RUN / ".heartbeat").read_bytes()) == 25
        for path in (".runs/task/run/manifest.json", "out/task/runs.json"):
            if (tmp_path / path).exists():
                json.loads((tmp_path / path).read_text())
        step = acknowledged + 1
    with Tandem(tmp_path) as tandem, tandem.open("task", "run", sweep_after_ms=0) as run:
        assert run.recovery.set_aside == ()
        assert json.loads(run.recovery.document or "")["step"] >= step - 1
        recorded = tandem.record_run(SUMMARY, "task", sweep_after_ms=0)
        assert (recorded.runs, recorded.set_aside) == (1, ())
