"""Plays cases in a process of its own, which can be killed when one hangs.

It reads the directory of a case from each line of its input, and answers with lines of JSON: the
number of each step that begins, and in the end the detail of a failure or null.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .case import Case, read
from .sandbox import Failed


def main() -> None:
    for line in sys.stdin:
        tell({"detail": play(read(Path(line.rstrip("\n"))))})


def play(case: Case) -> str | None:
    """Plays a case in a new directory, and says what is wrong, or None."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            case.play(Path(directory), lambda number: tell({"step": number}))
        except Failed as failed:
            return str(failed)
    return None


def tell(answer: Any) -> None:
    """Answers who started this process."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
