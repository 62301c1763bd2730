"""When a run is written, and what happens when a write fails."""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path

import pytest
from support import HOUR_MS, RUN

from tandem_persistence import Channel, ErrorKind, Operation, Revised, Tandem, TandemError


def block(path: Path) -> None:
    """Puts a directory in a file's place, which fails the channel."""
    path.unlink(missing_ok=True)
    (path / "kept").mkdir(parents=True)


def test_schedule_tells_when_to_call_again_and_writes_nothing_before(tandem: Tandem) -> None:
    with tandem.open_run("task", "run", manifest_interval_ms=HOUR_MS) as run:
        run.set({})
        assert run.schedule(manifest=True).call_again_in_ms is None
        run.set({"step": 1})
        again = run.schedule(manifest=True)
        assert again.receipt.manifest is None
        assert again.call_again_in_ms is not None and 0 < again.call_again_in_ms <= HOUR_MS
        # What was asked for is not forgotten.
        assert run.schedule(force=True).receipt.manifest is not None


def test_what_is_marked_is_written_by_a_later_call(tandem: Tandem, tmp_path: Path) -> None:
    with tandem.open_run("task", "run") as run:
        run.set({})
        run.mark(manifest=True, force=True)
        assert not (tmp_path / RUN / "manifest.json").exists()
        assert run.schedule().receipt.manifest is not None
        with pytest.raises(TandemError) as caught:
            run.mark(now=True)  # type: ignore[call-arg]
        assert isinstance(caught.value, TypeError)
        assert run.stats().requests == 2


def test_answers_tell_which_revision_is_meant(tandem: Tandem) -> None:
    with tandem.open_run("task", "run") as run:
        assert run.set({"n": 1}) == Revised(revision=1, bytes=len('{\n  "n": 1\n}\n'))
        assert run.merge({"n": None}) == Revised(revision=2, bytes=len("{}\n"))
        assert run.stats().written_revision is None
        assert run.flush().revision == 2
        run.set({})
        stats = run.stats()
        assert (stats.revision, stats.written_revision) == (3, 2)


def test_without_an_interval_schedule_writes_at_once(tandem: Tandem) -> None:
    with tandem.open_run("task", "run", manifest_interval_ms=0, heartbeat_interval_ms=0) as run:
        for step in range(3):
            run.set({"step": step})
            done = run.schedule(manifest=True, heartbeat=True)
            assert done.receipt.manifest is not None and done.receipt.heartbeat is not None
            assert done.call_again_in_ms is None


def test_schedule_writes_when_it_is_called_again_as_told(tandem: Tandem) -> None:
    with tandem.open_run("task", "run", manifest_interval_ms=1) as run:
        run.set({})
        written = 0
        while written < 3:
            done = run.schedule(manifest=True)
            assert (done.call_again_in_ms is None) == (done.receipt.manifest is not None)
            written += done.receipt.manifest is not None


def test_a_heartbeat_that_fails_leaves_the_manifest_written(tandem: Tandem, tmp_path: Path) -> None:
    with tandem.open_run("task", "run", manifest_interval_ms=HOUR_MS) as run:
        block(tmp_path / RUN / ".heartbeat")
        run.set({"step": 1})
        with pytest.raises(TandemError) as caught:
            run.schedule(manifest=True, heartbeat=True, force=True)
        error = caught.value
        assert (error.kind, error.channel) == (ErrorKind.STORAGE, Channel.HEARTBEAT)
        assert (error.operation, error.code) == (Operation.RENAME, "is-directory")
        assert (error.path, error.retryable) == (str(RUN / ".heartbeat"), False)
        assert error.beside is None and str(error) == error.message
        assert (tmp_path / RUN / "manifest.json").read_text() == '{\n  "step": 1\n}\n'

        # Only what failed is written again.
        shutil.rmtree(tmp_path / RUN / ".heartbeat")
        receipt = run.flush()
        assert receipt.manifest is None and receipt.heartbeat is not None
        stats = run.stats()
        assert (stats.manifest.writes, stats.manifest.failures) == (1, 0)
        assert (stats.heartbeat.writes, stats.heartbeat.retries) == (1, 1)
        assert [(cause.name, cause.count) for cause in stats.heartbeat.causes] == [
            ("rename: is-directory", 1)
        ]


def test_when_both_fail_the_error_has_the_heartbeat_beside_the_manifest(
    tandem: Tandem, tmp_path: Path
) -> None:
    run = tandem.open_run("task", "run")
    for name in ("manifest.json", ".heartbeat"):
        block(tmp_path / RUN / name)
    run.set({})
    with pytest.raises(TandemError) as caught:
        run.schedule(manifest=True, heartbeat=True, force=True)
    error = caught.value
    assert error.channel is Channel.MANIFEST
    assert error.beside is not None and error.beside.channel is Channel.HEARTBEAT
    assert error.beside.path == str(RUN / ".heartbeat")
    assert error.beside.message in "".join(error.__notes__)
    last = run.stats().last_error
    assert last is not None and last.beside == error.beside
    for name in ("manifest.json", ".heartbeat"):
        shutil.rmtree(tmp_path / RUN / name)


def test_a_failed_channel_that_is_not_forced_keeps_a_back_off(
    tandem: Tandem, tmp_path: Path
) -> None:
    with tandem.open_run("task", "run", manifest_interval_ms=0, heartbeat_interval_ms=0) as run:
        block(tmp_path / RUN / ".heartbeat")
        with pytest.raises(TandemError):
            run.schedule(heartbeat=True)
        shutil.rmtree(tmp_path / RUN / ".heartbeat")
        done = run.schedule(heartbeat=True)
        if done.receipt.heartbeat is None:
            assert done.call_again_in_ms is not None and done.call_again_in_ms <= 300
        assert run.schedule(heartbeat=True, force=True).call_again_in_ms is None


def test_a_close_that_fails_leaves_the_run_open(tandem: Tandem, tmp_path: Path) -> None:
    run = tandem.open_run("task", "run")
    run.set({})
    block(tmp_path / RUN / "manifest.json")
    with pytest.raises(TandemError):
        run.close()
    shutil.rmtree(tmp_path / RUN / "manifest.json")
    assert run.close().manifest is not None


def test_what_the_body_raises_wins_and_the_close_is_noted(tandem: Tandem, tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught, tandem.open_run("task", "run") as run:
        run.set({})
        block(tmp_path / RUN / "manifest.json")
        raise KeyError("of the body")
    assert "manifest.json" in "".join(caught.value.__notes__)
    shutil.rmtree(tmp_path / RUN / "manifest.json")


def test_a_tandem_that_closes_tells_what_its_runs_could_not_write(tmp_path: Path) -> None:
    with pytest.raises(TandemError) as caught, Tandem(tmp_path) as tandem:
        runs = [tandem.open_run("task", name) for name in ("a", "b", "c")]
        for run in runs:
            run.set({})
        for name in ("a", "b"):
            block(tmp_path / f".runs/task/cli/{name}/manifest.json")
    assert caught.value.channel is Channel.MANIFEST
    assert len(caught.value.__notes__) == 1
    assert (tmp_path / ".runs/task/cli/c/manifest.json").is_file()
    with pytest.raises(KeyError), Tandem(tmp_path) as tandem:
        raise KeyError("of the body")


def test_an_error_can_be_sent_to_another_process(tandem: Tandem, tmp_path: Path) -> None:
    run = tandem.open_run("task", "run")
    for name in ("manifest.json", ".heartbeat"):
        block(tmp_path / RUN / name)
    run.set({})
    with pytest.raises(TandemError) as caught:
        run.schedule(manifest=True, heartbeat=True, force=True)
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert type(again) is TandemError
        assert again.__dict__ == caught.value.__dict__
    for name in ("manifest.json", ".heartbeat"):
        shutil.rmtree(tmp_path / RUN / name)
