"""How what the component imports is served."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from support import RUN, SUMMARY, is_usable, summary

import build_component
import build_signatures
from tandem_persistence import ErrorKind, Operation, Tandem, TandemError, _elsewhere, _wasi
from tandem_persistence._beneath import open_beneath
from tandem_persistence._codes import ERROR_CODES
from tandem_persistence._component import AT_ONCE, component_bytes
from tandem_persistence._machine import Machine
from tandem_persistence._module import core_module
from tandem_persistence._streams import WRITE_IN_PLACE_BYTES_MAX

FILES = build_component.REPOSITORY / "wit/blocking/deps/wasi-filesystem"
LARGE = "x" * (3 * WRITE_IN_PLACE_BYTES_MAX)


def test_error_codes_are_numbered_as_the_interface_numbers_them() -> None:
    wit = "".join(path.read_text() for path in FILES.glob("*.wit"))
    body = re.search(r"enum error-code \{(.*?)\n    \}", wit, re.DOTALL)
    assert body is not None
    assert re.findall(r"^\s+([a-z-]+),", body[1], re.MULTILINE) == ERROR_CODES


def test_the_types_of_the_exports_are_those_that_the_component_tells() -> None:
    assert build_signatures.text(component_bytes()) == build_signatures.TARGET.read_text()


@pytest.mark.parametrize(
    "wasm", [b"", b"\0asm\1\0\0\0", b"\0asm\x0d\0\1\0", b"\0asm\x0d\0\1\0\2\0"]
)
def test_what_is_no_component_with_a_module_is_refused(wasm: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it (is|has) no "):
        core_module(wasm)


def test_no_place_outside_the_memory_is_read_or_written(tandem: Tandem) -> None:
    machine = tandem._instance._machine
    top = 2**32 - 1
    for place in (top, len(machine._view) - 3):
        for use in (
            lambda at=place: machine.read(at, 4),
            lambda at=place: machine.write(at, b"four"),
            lambda at=place: machine.load(_wasi.READY, at),
            lambda at=place: machine.store(_wasi.READY, at, 0),
            lambda at=place: machine.byte(at + 3),
        ):
            with pytest.raises((IndexError, ValueError, struct.error)):
                use()
    assert len(machine.read(len(machine._view) - 4, 4)) == 4


def test_memory_that_has_grown_is_looked_at_anew(tandem: Tandem) -> None:
    machine = tandem._instance._machine
    before = machine._view
    last = machine.allocate(8 << 20, 1) + (8 << 20) - 4
    assert last > len(before)
    uses: list[Callable[[], object]] = [
        lambda: machine.write(last, b"here"),
        lambda: machine.store(_wasi.READY, last, int.from_bytes(b"here", "little")),
        lambda: machine.load(_wasi.READY, last),
        lambda: machine.read(last, 4),
        lambda: machine.byte(last),
    ]
    for use in uses:
        machine._view = before
        use()
        assert machine.read(last, 4) == b"here"


def test_a_number_that_means_something_else_is_refused(tmp_path: Path) -> None:
    wasi = _wasi.Wasi(os.open(tmp_path, os.O_RDONLY))
    number = wasi._keep(_wasi.Entries([]))
    with pytest.raises(TypeError, match="took a Entries for a Descriptor"):
        wasi._file(number)
    wasi._drop(number)
    with pytest.raises(KeyError):
        wasi._get(number, _wasi.Entries)
    wasi.close()


def test_a_host_that_fails_stops_the_component_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no time")

    with monkeypatch.context() as patch:
        patch.setattr(_wasi.Wasi, "_wall_clock", fail)
        tandem = Tandem(tmp_path)
        run = tandem.open_run("task", "run")
        with pytest.raises(TandemError, match="no time") as caught:
            run.schedule(heartbeat=True, force=True)
        assert caught.value.kind is ErrorKind.COMPONENT_FAILED
        with pytest.raises(TandemError):
            run.close()
    tandem.close()
    assert is_usable(tmp_path)


def test_a_pipe_in_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    directory = os.open(tmp_path, os.O_RDONLY)
    flags = _wasi.flags_of(follow=0, how=0, rights=_wasi.READ)
    os.close(open_beneath(directory, "pipe", flags))
    os.close(directory)


@pytest.mark.parametrize("text", ["short", LARGE], ids=["in place", "by a thread"])
def test_a_write_that_takes_a_part_goes_on(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write = os.pwrite

    def write_a_part(file: int, content: bytes, place: int) -> int:
        return write(file, content[: max(len(content) // 2, 1)], place)

    monkeypatch.setattr(os, "pwrite", write_a_part)
    with tandem.open_run("task", "run") as run:
        run.set({"text": text})
    assert json.loads((tmp_path / RUN / "manifest.json").read_text()) == {"text": text}


@pytest.mark.parametrize("text", ["short", LARGE], ids=["in place", "by a thread"])
def test_a_write_that_fails_is_told_and_tried_again_by_the_next_call(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def full(file: int, content: bytes, place: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    with tandem.open_run("task", "run") as run:
        run.set({"text": text})
        with monkeypatch.context() as patch, pytest.raises(TandemError) as caught:
            patch.setattr(os, "pwrite", full)
            run.flush()
        assert caught.value.code == "insufficient-space"
        assert caught.value.operation is Operation.WRITE
        assert [path.name for path in (tmp_path / RUN).iterdir()] == []
        run.flush()
    assert json.loads((tmp_path / RUN / "manifest.json").read_text()) == {"text": text}


def test_both_files_are_written_before_either_is_synced(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def note(name: str) -> None:
        do = getattr(os, name)

        def noted(*given: Any, **at: int) -> Any:
            calls.append(name)
            return do(*given, **at)

        monkeypatch.setattr(os, name, noted)

    for name in ("pwrite", "fdatasync", "rename", "fsync"):
        note(name)
    with tandem.open_run("task", "run", heartbeat_durability="durable") as run:
        run.set({})
        for _ in range(2):
            # The first flush syncs directories that are new.
            calls.clear()
            run.schedule(manifest=True, heartbeat=True, force=True)
    one = ["pwrite", "pwrite", "fdatasync", "fdatasync", "rename", "rename", "fsync"]
    assert calls == one


def test_a_lock_is_touched_while_a_large_history_is_written(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".runs/task.lock"
    write = os.pwrite
    touched: list[bool] = []

    def wait_for_the_lock(file: int, content: bytes, place: int) -> int:
        if len(content) > WRITE_IN_PLACE_BYTES_MAX and not touched:
            before = lock.stat().st_mtime_ns
            until_s = time.monotonic() + 20
            while lock.stat().st_mtime_ns == before:
                assert time.monotonic() < until_s
            touched.append(True)
        return write(file, content, place)

    # The summary has no lock, and takes the same way.
    tandem.record_run(SUMMARY)
    runs = [summary(f"r{number}") | {"text": "x" * 1000} for number in range(400)]
    tandem.record_runs(runs)
    monkeypatch.setattr(os, "pwrite", wait_for_the_lock)
    assert tandem.record_run(summary("last", 1), lease_ms=60).runs == 402
    assert touched == [True]


def host_calls(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """In which thread each function was called that a new `Tandem` imports."""
    threads: list[threading.Thread] = []
    serve = Machine._served_by

    def watched(self: Machine, function: Callable[..., int | None], told: Any) -> Any:
        def noted(*numbers: int) -> int | None:
            threads.append(threading.current_thread())
            return function(*numbers)

        return serve(self, noted, told)

    monkeypatch.setattr(Machine, "_served_by", watched)
    return threads


def test_what_handlers_of_signals_could_interrupt_is_not_done_in_the_main_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = host_calls(monkeypatch)
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        threads.clear()
        run.set({})
        run.merge({"n": 1})
        run.mark(manifest=True)
        run.stats()
        assert {"set-limits", "set", "merge", "mark", "stats"} == AT_ONCE
        assert threads == []
        run.schedule(manifest=True, heartbeat=True, force=True)
        tandem.record_run(SUMMARY)
    assert threads and threading.main_thread() not in threads


def test_another_thread_makes_its_calls_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = host_calls(monkeypatch)

    def use() -> None:
        with Tandem(tmp_path) as tandem:
            tandem.record_run(SUMMARY)

    user = threading.Thread(target=use)
    user.start()
    user.join()
    assert set(threads) == {user}


def test_what_a_handler_of_a_signal_raises_comes_after_the_call_which_is_done(
    tandem: Tandem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes in the middle of a write, and the write waits for its handler to run."""
    handled, left = threading.Event(), threading.Event()
    left_early: list[bool] = []
    write = os.pwrite

    def handle(number: int, frame: FrameType | None) -> None:
        handled.set()
        raise KeyboardInterrupt

    def interrupted(file: int, content: bytes, place: int) -> int:
        if not handled.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            assert handled.wait(60)
            # If the call could be left, it would be now.
            left_early.append(left.wait(0.2))
        return write(file, content, place)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with tandem.open_run("task", "run") as run:
            run.set({"n": 1})
            monkeypatch.setattr(os, "pwrite", interrupted)
            with pytest.raises(KeyboardInterrupt):
                try:
                    run.flush()
                finally:
                    left.set()
            assert left_early == [False]
            assert run.stats().manifest.writes == 1
            run.set({"n": 2})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert json.loads((tmp_path / RUN / "manifest.json").read_text()) == {"n": 2}


def test_a_handler_can_use_another_tandem_than_the_one_whose_call_it_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / "a", tmp_path / "b"]
    for root in roots:
        root.mkdir()
    recorded = threading.Event()
    write = os.pwrite

    def handle(number: int, frame: FrameType | None) -> None:
        b.record_run(SUMMARY)
        recorded.set()

    def interrupted(file: int, content: bytes, place: int) -> int:
        if content.startswith(b'{\n  "of"'):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            assert recorded.wait(60)
        return write(file, content, place)

    before = signal.signal(signal.SIGUSR1, handle)
    monkeypatch.setattr(os, "pwrite", interrupted)
    try:
        with Tandem(roots[0]) as a, Tandem(roots[1]) as b, a.open_run("task", "run") as run:
            run.set({"of": "a"})
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (roots[1] / "out/task/runs.json").exists()
    assert (roots[0] / RUN / "manifest.json").exists()


def test_a_call_that_comes_after_the_close_does_not_reach_the_component(tmp_path: Path) -> None:
    """That of a caller who was interrupted just when he had handed it over."""
    tandem = Tandem(tmp_path)
    tandem.close()
    with pytest.raises(TandemError) as caught:
        tandem._instance._enter("stats", 0)
    assert caught.value.kind is ErrorKind.CLOSED
    with pytest.raises(IndexError):
        tandem._instance._machine._view[0]


def test_at_the_end_of_the_interpreter_calls_are_made_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.is_finalizing", lambda: True)
    assert _elsewhere.run(threading.current_thread) is threading.main_thread()
