"""Compares what became of cases with what is expected, and writes the results."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from .fields import BadCase, Fields
from .player import Played

HOST = "python"


def expected_failures(path: Path, cases: Collection[str]) -> dict[str, str]:
    """Reads the cases that are known to fail, each with its reason."""
    reasons = {}
    for item in json.loads(path.read_text()):
        fields = Fields(item, f"an expected failure in {path}")
        name, reason = fields.take("case", str), fields.take("reason", str)
        fields.take("link", (str, type(None)))
        fields.end()
        if name not in cases:
            raise BadCase(f"{path}: there is no case `{name}`")
        reasons[name] = reason
    return reasons


def judge(played: Played, reason: str | None) -> str | None:
    """Says why a case fails the run, or None."""
    if played.outcome == "pass":
        return None if reason is None else f"it passes, and was expected to fail: {reason}"
    return None if reason is not None else f"{played.outcome}: {played.detail}"


def write(path: Path, results: dict[str, Played]) -> None:
    """Writes the file from which the support table is made."""
    target = path.parent.parent
    if not target.exists():
        # Cargo marks the directory only if it makes it, and `cargo xtask` looks for the mark.
        target.mkdir()
        (target / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"case": name, "outcome": played.outcome, "detail": played.detail}
        for name, played in sorted(results.items())
    ]
    versions = {"python": platform.python_version(), "wasmtime": version("wasmtime")}
    table = {"host": HOST, "versions": versions, "results": rows}
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n")
