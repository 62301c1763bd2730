"""What holds for every test.

The component is put into the package before any test, so that it is never an older one, and what
tests and their children compile is kept in a directory of this run's own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import build_component
from tandem_persistence import Tandem


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.collectonly:
        build_component.put()
        # wasmtime's thread may still write there when the tests are over.
        caches = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        config.add_cleanup(caches.cleanup)
        os.environ["XDG_CACHE_HOME"] = caches.name


@pytest.fixture
def tandem(tmp_path: Path) -> Iterator[Tandem]:
    with Tandem(tmp_path) as tandem:
        yield tandem
