"""Compares what became of cases with what is expected, and writes the results."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .fields import BadCase, Fields
from .player import Played

HOST = "python"


@dataclass(frozen=True)
class Known:
    """Why a case is known to fail, and what the detail of its failure contains."""

    reason: str
    detail: str


def expected_failures(path: Path, cases: Collection[str]) -> dict[str, Known]:
    """Reads the cases that are known to fail."""
    known: dict[str, Known] = {}
    for item in json.loads(path.read_text()):
        fields = Fields(item, f"an expected failure in {path}")
        name = fields.take("case", str)
        entry = Known(fields.take("reason", str), fields.take("detail", str))
        fields.take("link", (str, type(None)))
        fields.end()
        if name not in cases:
            raise BadCase(f"{path}: there is no case `{name}`")
        if name in known:
            raise BadCase(f"{path}: there are two entries for `{name}`")
        if not entry.reason or not entry.detail:
            raise BadCase(f"{path}: no reason or no detail is given for `{name}`")
        known[name] = entry
    return known


def judge(played: Played, known: Known | None) -> str | None:
    """Says why a case fails the run, or None."""
    if played.outcome == "pass":
        return None if known is None else f"it passes, and was expected to fail: {known.reason}"
    if known is None:
        return f"{played.outcome}: {played.detail}"
    if played.outcome == "fail" and known.detail in (played.detail or ""):
        return None
    return f"{played.outcome}, and not by `{known.detail}`: {played.detail}"


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
