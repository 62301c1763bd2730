"""What the package holds."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

import build_component
from tandem_persistence import Run, Tandem, records

HERE = Path(build_component.__file__).parent


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"])
def test_the_licences_are_those_of_the_repository(name: str) -> None:
    # Copies, because a source distribution cannot hold links that leave it.
    original = build_component.REPOSITORY / name
    assert (HERE / name).read_bytes() == original.read_bytes()
    assert not (HERE / name).is_symlink()


def test_the_tests_run_on_the_version_of_wasmtime_that_the_package_asks_for() -> None:
    assert f'"wasmtime=={version("wasmtime")}"' in (HERE / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (Tandem.__init__, records.Limits),
        (Tandem.open_run, records.RunOptions),
        (Tandem.record_run, records.RecordOptions),
        (Tandem.record_runs, records.RecordOptions),
        (Tandem.remove_runs, records.RemoveOptions),
        (Tandem.history, records.HistoryOptions),
        (Run.mark, records.Request),
        (Run.schedule, records.Request),
    ],
)
def test_help_lists_every_option_of_a_method(method: Callable[..., object], options: type) -> None:
    for name in options.__annotations__:
        assert f"\n`{name}`: " in (method.__doc__ or ""), name
