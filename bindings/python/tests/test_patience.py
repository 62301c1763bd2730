"""Where an operation waits for the disk."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from support import RUN

from tandem_persistence import Operation, Tandem, TandemError, _patience
from tandem_persistence._patience import HANDED_OVER, Patience

FAST, SLOW = 1 << 62, -1
"""What every operation, and none, takes at most."""


def where(patience: Patience, count: int) -> list[bool]:
    """For each of some operations, whether it was done in this thread."""
    threads: list[threading.Thread] = []
    for _ in range(count):
        patience.do(lambda: threads.append(threading.current_thread()))
    return [it is threading.current_thread() for it in threads]


def test_what_is_fast_is_done_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patience, "SLOW_NS", FAST)
    assert where(Patience(), 3) == [True] * 3


def test_after_a_slow_one_some_are_done_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience()
    with monkeypatch.context() as patch:
        patch.setattr(_patience, "SLOW_NS", SLOW)
        assert where(patience, 3) == [True, False, False]
    monkeypatch.setattr(_patience, "SLOW_NS", FAST)
    assert where(patience, HANDED_OVER + 2) == [False] * HANDED_OVER + [True] * 2


def test_without_another_thread_it_is_done_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_patience, "SLOW_NS", SLOW)
    monkeypatch.setattr(_patience, "_threads", none_left)
    assert where(Patience(), 3) == [True] * 3


def test_an_error_of_another_thread_is_that_of_the_call(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: int) -> None:
        assert threading.current_thread().name.startswith("tandem-disk")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(_patience, "SLOW_NS", SLOW)
    with tandem.open_run("task", "run") as run:
        run.set({})
        run.flush()
        with monkeypatch.context() as patch, pytest.raises(TandemError) as caught:
            patch.setattr(os, "fdatasync", fail)
            run.set({"n": 1})
            run.flush()
        assert caught.value.operation is Operation.SYNC
        assert caught.value.code == "insufficient-space"
        assert (tmp_path / RUN / "manifest.json").read_text() == "{}\n"
