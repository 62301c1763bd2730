"""Puts the component into the package: builds it, or copies a ready one.

    python bindings/python/build_component.py [FILE]

Without FILE, TANDEM_BLOCKING_COMPONENT names a ready component; if that is not set either, it is
built from this repository. Building a wheel does the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TARGET = HERE / "src" / "tandem_persistence" / "tandem-blocking.wasm"


def put(ready: str | None = None) -> None:
    """Puts the component where the package loads it."""
    ready = ready or os.environ.get("TANDEM_BLOCKING_COMPONENT")
    if ready is not None:
        shutil.copyfile(ready, TARGET)
    elif (REPOSITORY / "wit" / "blocking").is_dir():
        command = ["cargo", "xtask", "component", "--blocking", "--out", str(TARGET)]
        subprocess.run(command, cwd=REPOSITORY, check=True)
    elif not TARGET.is_file():
        sys.exit(f"error: this is no checkout of Tandem and there is no component: {TARGET}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:
    # Only the build of a wheel has it.
    pass
else:

    class ComponentHook(BuildHookInterface[Any]):
        """Runs before files are collected."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            put()


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    put(*sys.argv[1:])
