"""The code that users read first does what it says, and has the types that it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import python

import build_component
from tandem_persistence import Tandem

HERE = Path(build_component.__file__).parent


def blocks(readme: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", readme.read_text(), re.DOTALL | re.MULTILINE)


BLOCKS = [*blocks(HERE / "README.md"), *blocks(build_component.REPOSITORY / "README.md")]


def test_every_block_is_here() -> None:
    assert [re.findall(r"\b(?:def \w+|record_run|schedule)", it)[0] for it in BLOCKS] == [
        "schedule",
        "def is_saved",
        "def main",
        "schedule",
    ]


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_block_is_a_program_that_works(tmp_path: Path, number: int) -> None:
    (tmp_path / "state").mkdir()
    program = f"import os, sys; os.chdir(sys.argv[1])\n{BLOCKS[number]}"
    child = python(program, tmp_path, environment={"PYTHONWARNINGS": "error"})
    stdout, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (0, "")
    if number == 0:
        assert json.loads(stdout)["runId"] == "r1"


def test_what_the_blocks_keep_is_there(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for block in BLOCKS[0], BLOCKS[2]:
        child = python(f"import os, sys; os.chdir(sys.argv[1])\n{block}", tmp_path)
        assert child.communicate(timeout=60)[1] == ""
    with Tandem(tmp_path / "state") as tandem:
        history = tandem.history("nightly").runs
        assert [json.loads(it)["runId"] for it in history] == ["r2", "r1"]
        for run_id in ("r1", "r2"):
            with tandem.open_run("nightly", run_id) as run:
                kept = json.loads(run.recovery.document or "")
                assert kept == {"status": "succeeded", "step": 2}


def test_a_document_is_saved_when_the_block_says_so(tandem: Tandem) -> None:
    names: dict[str, Any] = {}
    exec(BLOCKS[1], names)
    is_saved = names["is_saved"]
    with tandem.open_run("task", "run") as run:
        assert is_saved(run)
        run.set({})
        assert not is_saved(run)
        run.flush()
        assert is_saved(run)


def test_the_blocks_have_their_types_in_strict_mypy(tmp_path: Path) -> None:
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"block_{number}.py").write_text(block)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*mypy, str(tmp_path)],
        env={**os.environ, "MYPYPATH": str(HERE / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
