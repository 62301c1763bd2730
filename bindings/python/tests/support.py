"""What several tests use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tandem_persistence import Tandem, TandemError

HERE = Path(__file__).resolve().parent

RUN = Path(".runs/task/cli/run")
"""The directory of the run `run` of the task `task`."""

SUMMARY = {"taskId": "task", "runId": "run", "timestamp": "2026-01-06T00:31:09.120Z"}

HOUR_MS = 3_600_000


def summary(run_id: str, second: int = 0) -> dict[str, str]:
    """The summary of a run of the task `task`."""
    return {"taskId": "task", "runId": run_id, "timestamp": f"2026-01-06T00:00:{second:02}Z"}


def write_lock(root: Path, lease_ms: int) -> None:
    """Another holder's lock of the history of the task `task`."""
    lock = {"version": 1, "token": "0f" * 16, "lease_ms": lease_ms}
    (root / ".runs").mkdir(exist_ok=True)
    (root / ".runs/task.lock").write_text(json.dumps(lock) + "\n")


def python(
    program: str, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A Python process that has the package."""
    package = {"PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), str(HERE)])}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **package, **(environment or {})},
    )


def is_usable(root: Path) -> bool:
    """Whether a new `Tandem` works in a directory."""
    try:
        with Tandem(root) as tandem, tandem.open_run("task", "another") as run:
            run.set({})
    except TandemError:
        return False
    return True
