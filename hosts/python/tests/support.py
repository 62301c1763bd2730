"""What several tests use."""

from __future__ import annotations

from pathlib import Path

RUN = Path(".runs/task/cli/run")
"""The directory of the run `run` of the task `task`."""

SUMMARY = {"taskId": "task", "runId": "run", "timestamp": "2026-01-06T00:31:09.120Z"}
