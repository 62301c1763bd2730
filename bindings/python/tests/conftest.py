"""Puts the component into the package before any test, so that it is never an older one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import build_component
from tandem_persistence import Tandem


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.collectonly:
        build_component.put()


@pytest.fixture
def tandem(tmp_path: Path) -> Iterator[Tandem]:
    with Tandem(tmp_path) as tandem:
        yield tandem
