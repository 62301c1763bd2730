"""The example that wraps a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tandem_persistence import Tandem

HERE = Path(__file__).resolve().parent.parent


def wrap(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    example = [sys.executable, str(HERE / "examples/wrap_job.py"), "--root", str(root)]
    return subprocess.run(
        [*example, "--task", "task", "--", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE / "src")},
        timeout=60,
        check=False,
    )


def test_a_job_has_its_state_on_disk_while_it_runs_and_in_the_end(tmp_path: Path) -> None:
    root = tmp_path / "state"
    done = wrap(root, "sh", "-c", f"cat {root}/.runs/task/cli/*/manifest.json; exit 3")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["status"] == "in_progress"
    (run,) = (root / ".runs/task/cli").iterdir()
    assert json.loads((run / "manifest.json").read_text())["status"] == "failed"
    assert len((run / ".heartbeat").read_text()) == 25
    with Tandem(root) as tandem:
        (entry,) = tandem.history("task").runs
    assert json.loads(entry)["runId"] == run.name
    assert json.loads(entry)["exitCode"] == 3


def test_a_job_whose_state_cannot_be_kept_is_not_started(tmp_path: Path) -> None:
    (tmp_path / ".runs").write_text("in the way")
    done = wrap(tmp_path, "touch", str(tmp_path / "started"))
    assert done.returncode == 125
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "started").exists()
