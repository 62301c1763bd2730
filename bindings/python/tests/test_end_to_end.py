"""What a user does first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import RUN, SUMMARY

from tandem_persistence import Reached, Tandem, TandemError


def test_a_run_is_kept_recorded_and_recovered(tmp_path: Path) -> None:
    with Tandem(tmp_path) as tandem:
        with tandem.open_run(
            "task", "run", manifest_interval_ms=3_600_000, heartbeat_interval_ms=3_600_000
        ) as run:
            assert run.recovery.document is None
            run.set({"status": "in_progress"})
            done = run.schedule(manifest=True, heartbeat=True, force=True)
            assert done.receipt.manifest and done.receipt.manifest.reached is Reached.DURABLE
            assert done.receipt.heartbeat and done.receipt.heartbeat.reached is Reached.VISIBLE
            assert done.call_again_in_ms is None
            run.merge({"status": "succeeded"})
        recorded = tandem.record_run(SUMMARY)
        assert (recorded.runs, recorded.ahead) == (1, ())
        history = tandem.history("task", limit=5)
        assert (history.total, history.last_run_at) == (1, SUMMARY["timestamp"])
        assert json.loads(history.runs[0]) == SUMMARY
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        assert json.loads(run.recovery.document or "") == {"status": "succeeded"}
        assert run.recovery.heartbeat is not None and run.recovery.heartbeat_age_ms is not None


def test_files_have_the_formats_that_other_programs_read(tmp_path: Path) -> None:
    with Tandem(tmp_path) as tandem:
        with tandem.open_run("task", "run") as run:
            run.set({"name": "Zürich", "steps": [1]})
            run.schedule(manifest=True, heartbeat=True, force=True)
        tandem.record_run(SUMMARY)
    manifest = (tmp_path / RUN / "manifest.json").read_text()
    assert manifest == '{\n  "name": "Zürich",\n  "steps": [\n    1\n  ]\n}\n'
    heartbeat = (tmp_path / RUN / ".heartbeat").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n", heartbeat)
    summary = (tmp_path / ".runs/task/run/manifest.json").read_text()
    assert summary == json.dumps(SUMMARY, indent=2)
    history = (tmp_path / "out/task/runs.json").read_text()
    whole = {"taskId": "task", "lastRunAt": SUMMARY["timestamp"], "runs": [SUMMARY]}
    assert history == json.dumps(whole, indent=2)


def test_a_document_of_text_keeps_its_numbers_keys_and_escapes(tmp_path: Path) -> None:
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        run.set('{"b":1.0,"a":1e400,"b":12345678901234567890123,"\\u0061":"\\ud800"}')
    manifest = (tmp_path / RUN / "manifest.json").read_text()
    lines = [
        '  "b": 1.0',
        '  "a": 1e400',
        '  "b": 12345678901234567890123',
        '  "\\u0061": "\\ud800"',
    ]
    assert manifest == "{\n" + ",\n".join(lines) + "\n}\n"


def test_a_run_closes_at_the_end_of_its_block(tandem: Tandem) -> None:
    with tandem.open_run("task", "run") as run:
        run.set("{}")
    with pytest.raises(TandemError, match="closed") as caught:
        run.flush()
    assert caught.value.kind == "closed"
    assert run.close().manifest is None
    assert run.stats().manifest.writes == 1


def test_a_tandem_closes_its_runs_at_the_end_of_its_block(tmp_path: Path) -> None:
    with Tandem(tmp_path) as tandem:
        runs = [tandem.open_run("task", name) for name in ("a", "b")]
        for run in runs:
            run.set({})
    for name in ("a", "b"):
        assert (tmp_path / f".runs/task/cli/{name}/manifest.json").read_text() == "{}\n"
    with pytest.raises(TandemError) as caught:
        run.set("{}")
    assert caught.value.kind == "closed"
    with pytest.raises(TandemError) as caught:
        tandem.history("task")
    assert caught.value.kind == "closed"
    tandem.close()


def test_a_run_that_was_forgotten_is_written_and_told(tmp_path: Path) -> None:
    with Tandem(tmp_path) as tandem:
        run = tandem.open_run("task", "run")
        run.set({})
        with pytest.warns(ResourceWarning, match=re.escape(str(RUN))):
            del run
        with tandem.open_run("task", "run") as run:
            assert run.recovery.document == "{}\n"
