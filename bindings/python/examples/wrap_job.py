"""Runs a command and keeps its state on disk.

    python examples/wrap_job.py --root state --task nightly -- make check

While the command runs, its manifest and its heartbeat are kept; in the end its summary is recorded
in the history of the task. The exit code is the command's own.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tandem_persistence import Run, Tandem, TandemError

HEARTBEAT_MS = 5000


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a command and keep its state on disk.")
    parser.add_argument("--root", type=Path, default=Path("state"))
    parser.add_argument("--task", required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    arguments.root.mkdir(parents=True, exist_ok=True)
    try:
        with Tandem(arguments.root) as tandem:
            return wrap(tandem, arguments.task, arguments.command)
    except TandemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 125


def wrap(tandem: Tandem, task_id: str, command: list[str]) -> int:
    """Runs the command as a run of its own."""
    run_id = f"{now().replace(':', '-').replace('.', '-')}-{secrets.token_hex(4)}"
    with tandem.open_run(task_id, run_id, heartbeat_interval_ms=HEARTBEAT_MS) as run:
        run.set(
            {
                "version": 1,
                "task_id": task_id,
                "run_id": run_id,
                "status": "in_progress",
                "started_at": now(),
                "heartbeat_interval_seconds": HEARTBEAT_MS // 1000,
                "heartbeat_stale_after_seconds": 30,
                "commands": [{"index": 1, "command": command, "status": "running"}],
            }
        )
        # On the disk before the command starts.
        run.schedule(manifest=True, heartbeat=True, force=True)
        code = wait(subprocess.Popen(command), run)
        run.merge({"status": "succeeded" if code == 0 else "failed", "completed_at": now()})
    summary = {"taskId": task_id, "runId": run_id, "timestamp": now(), "exitCode": code}
    try:
        tandem.record_run(summary, keep_last=1000)
    except TandemError as error:
        # The run is over, whatever became of its history.
        print(f"warning: {error}", file=sys.stderr)
    return code if code >= 0 else 128 - code


def wait(process: subprocess.Popen[bytes], run: Run) -> int:
    """Waits for the command and keeps its heartbeat."""
    with process:
        while True:
            wait_ms: int | None = HEARTBEAT_MS
            try:
                wait_ms = run.schedule(heartbeat=True).call_again_in_ms
            except TandemError as error:
                print(f"warning: {error}", file=sys.stderr)
            try:
                # Without a time to call again, the heartbeat was written just now.
                return process.wait((wait_ms or HEARTBEAT_MS) / 1000)
            except subprocess.TimeoutExpired:
                continue


def now() -> str:
    """The time, as files of Tandem tell it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
