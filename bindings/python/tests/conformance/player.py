"""Plays cases in workers, and stops waiting for one that hangs."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent
CASE_S_MAX = 60.0
"""A case takes far less."""


@dataclass(frozen=True)
class Played:
    """What became of a case: `pass`, `fail` or `hang`, and why."""

    outcome: str
    detail: str | None = None


class Player:
    """A worker that is replaced when it hangs or dies."""

    def __init__(self, module: str = "conformance.worker") -> None:
        self._module = module
        self._worker: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()

    def play(self, case: Path, case_s_max: float = CASE_S_MAX) -> Played:
        """Plays the case of a directory."""
        worker = self._worker or self._start()
        assert worker.stdin is not None
        worker.stdin.write(f"{case}\n")
        worker.stdin.flush()
        ends_at, step = time.monotonic() + case_s_max, 0
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                self._stop()
                return Played("hang", f"step {step} has not ended")
            if answer is None:
                code = worker.wait()
                self._stop()
                return Played("fail", f"step {step} ended the process with code {code}")
            message: dict[str, Any] = json.loads(answer)
            if "step" in message:
                step = message["step"]
            else:
                detail = message["detail"]
                return Played("pass" if detail is None else "fail", detail)

    def _start(self) -> subprocess.Popen[str]:
        tests = HERE.parent
        path = os.pathsep.join([str(tests), str(tests.parent / "src")])
        worker = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        answers: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            assert worker.stdout is not None
            for line in worker.stdout:
                answers.put(line)
            answers.put(None)

        threading.Thread(target=read, daemon=True).start()
        self._worker, self._answers = worker, answers
        return worker

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            # Closes its input and output.
            with self._worker:
                pass
            self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
