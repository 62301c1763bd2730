"""What the component is given, and how it is shared, fails and is released."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
import wasmtime
from support import HOUR_MS, SUMMARY, is_usable, python, summary, write_lock
from wasmtime import component

from tandem_persistence import ErrorKind, Limits, Tandem, TandemError
from tandem_persistence._component import component_bytes
from tandem_persistence._limits import Limits as ComponentLimits

IMPORTS = [
    "wasi:clocks/monotonic-clock@0.2.0",
    "wasi:clocks/wall-clock@0.2.0",
    "wasi:filesystem/preopens@0.2.0",
    "wasi:filesystem/types@0.2.0",
    "wasi:io/error@0.2.0",
    "wasi:io/poll@0.2.0",
    "wasi:io/streams@0.2.0",
    "wasi:random/random@0.2.0",
]


def test_the_component_imports_files_clocks_and_randomness_and_nothing_else() -> None:
    engine = wasmtime.Engine()
    compiled = component.Component(engine, component_bytes())
    assert sorted(compiled.type.imports(engine)) == IMPORTS


def test_two_instances_do_not_see_each_others_directory(tmp_path: Path) -> None:
    roots = [tmp_path / "a", tmp_path / "b"]
    for root in roots:
        root.mkdir()
    with Tandem(roots[0]) as a, Tandem(roots[1]) as b:
        for tandem, name in ((a, "a"), (b, "b")):
            with tandem.open_run("task", "run") as run:
                assert run.recovery.document is None
                run.set({"of": name})
            tandem.record_run(summary(name))
    for root in roots:
        manifest = root / ".runs/task/cli/run/manifest.json"
        assert json.loads(manifest.read_text()) == {"of": root.name}
        with Tandem(root) as tandem:
            assert [json.loads(it)["runId"] for it in tandem.history("task").runs] == [root.name]


def test_a_link_out_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "granted", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / ".runs").symlink_to("../outside")
    with Tandem(root) as tandem, pytest.raises(TandemError) as caught:
        tandem.open_run("task", "run")
    assert caught.value.kind is ErrorKind.STORAGE
    assert not any(outside.iterdir())


def open_files() -> set[Path]:
    """The file descriptors of this process."""
    return set(Path("/proc/self/fd").iterdir())


def test_nothing_is_left_open_after_a_close(tmp_path: Path) -> None:
    # What is not closed by a close would be by the end of its object.
    closed: list[Tandem] = []

    def once() -> None:
        with Tandem(tmp_path) as tandem:
            closed.append(tandem)
            for name in ("a", "b"):
                with tandem.open_run("task", name) as run:
                    run.set({})
                    run.schedule(manifest=True, heartbeat=True, force=True)
            tandem.record_run(SUMMARY)

    once()
    gc.collect()
    before = open_files()
    for _ in range(100):
        once()
    assert open_files() == before


def test_a_run_leaves_nothing_open_in_a_tandem_that_lives_on(tandem: Tandem) -> None:
    def once() -> None:
        with tandem.open_run("task", "run") as run:
            run.set({})
            run.schedule(manifest=True, heartbeat=True, force=True)
        tandem.record_run(SUMMARY)

    once()
    before = open_files()
    for _ in range(100):
        once()
    assert open_files() == before


def test_runs_that_are_gone_leave_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ComponentLimits, "memory_bytes", 4 << 20)
    with Tandem(tmp_path) as tandem:
        for number in range(300):
            with tandem.open_run("task", f"r{number}", manifest_durability="visible") as run:
                run.set({"text": "x" * 50_000})
                run.schedule(manifest=True, heartbeat=True, force=True)


def test_threads_share_a_tandem_and_lose_nothing(tandem: Tandem, tmp_path: Path) -> None:
    failures: list[BaseException] = []
    steps = 25

    def keep(name: str) -> None:
        try:
            with tandem.open_run(
                "task", name, manifest_interval_ms=0, heartbeat_interval_ms=0
            ) as run:
                for step in range(steps):
                    run.merge({f"step-{step}": step})
                    run.schedule(manifest=True, heartbeat=True)
                tandem.record_run(summary(name))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=keep, args=(f"r{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for number in range(8):
        manifest = tmp_path / f".runs/task/cli/r{number}/manifest.json"
        assert len(json.loads(manifest.read_text())) == steps
    assert tandem.history("task").total == 8


def test_threads_with_a_tandem_each_do_not_disturb_each_other(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def keep(tandem: Tandem) -> None:
        try:
            for number in range(20):
                tandem.history(f"task-{number}", limit=3, history_root="out")
        except BaseException as failure:
            failures.append(failure)

    with Tandem(tmp_path) as a, Tandem(tmp_path) as b:
        threads = [threading.Thread(target=keep, args=(tandem,)) for tandem in (a, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_component_that_failed_says_so_and_a_new_tandem_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tandem = Tandem(tmp_path)
    kept = tandem.open_run("task", "kept")
    kept.set({"n": 1})
    kept.flush()
    run = tandem.open_run("task", "run")
    # A component that computes for ever is stopped like this one.
    with monkeypatch.context() as patch, pytest.raises(TandemError) as caught:
        patch.setattr("tandem_persistence._component.FUEL_PER_CALL", 1000)
        run.set({"text": "x" * 10_000})
    assert caught.value.kind is ErrorKind.COMPONENT_FAILED and "fuel" in caught.value.message
    assert caught.value.retryable is False and caught.value.__cause__ is not None
    for call in (run.flush, run.close, kept.flush, kept.stats, lambda: tandem.history("task")):
        with pytest.raises(TandemError) as caught:
            call()
        assert caught.value.kind is ErrorKind.COMPONENT_FAILED
    # The calls that failed have told it.
    tandem.close()
    assert is_usable(tmp_path)
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "kept") as run:
        assert json.loads(run.recovery.document or "") == {"n": 1}


def test_a_component_whose_memory_ends_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [summary(f"r{number}") | {"fill": "x" * 1000} for number in range(5000)]
    history = tmp_path / "out/task/runs.json"
    history.parent.mkdir(parents=True)
    history.write_text(json.dumps({"taskId": "task", "lastRunAt": "", "runs": entries}))
    with monkeypatch.context() as patch:
        patch.setattr(ComponentLimits, "memory_bytes", 4 << 20)
        tandem = Tandem(tmp_path)
    with tandem:
        with pytest.raises(TandemError) as caught:
            tandem.history("task")
        assert caught.value.kind is ErrorKind.COMPONENT_FAILED
    assert is_usable(tmp_path)


LIMITS = Limits(max_document_bytes=1000, max_total_document_bytes=2000)


def document(size: int) -> dict[str, str]:
    """A document whose file has a number of bytes."""
    return {"text": "x" * (size - len('{\n  "text": ""\n}\n'))}


def too_large(call: Callable[[], object]) -> None:
    with pytest.raises(TandemError, match=r"above max_total_document_bytes: 2000$") as caught:
        call()
    assert (caught.value.kind, caught.value.channel) == (ErrorKind.TOO_LARGE, "manifest")


def test_documents_that_together_are_above_the_limit_are_refused(tmp_path: Path) -> None:
    with Tandem(tmp_path, **LIMITS) as tandem:
        runs = {name: tandem.open_run("task", name) for name in "abc"}
        runs["a"].set(document(1000))
        runs["b"].set(document(900))
        too_large(lambda: runs["c"].set(document(200)))
        runs["c"].set(document(100))
        too_large(lambda: runs["b"].merge({"more": "x" * 50}))
        # What a run had is free again once it is closed or forgotten.
        runs["a"].close()
        runs["c"].set(document(1000))
        with pytest.warns(ResourceWarning):
            del runs["b"]
            # The error of its merge knows it.
            gc.collect()
        with tandem.open_run("task", "d") as d:
            d.set(document(1000))
    for name, size in (("a", 1000), ("b", 900), ("c", 1000)):
        manifest = tmp_path / f".runs/task/cli/{name}/manifest.json"
        assert manifest.stat().st_size == size


def test_a_run_that_is_garbage_in_a_cycle_is_closed_with_the_next_call(tandem: Tandem) -> None:
    run = tandem.open_run("task", "run")
    run.set({})
    cycle: list[object] = [run]
    cycle.append(cycle)
    with pytest.warns(ResourceWarning):
        del run, cycle
        gc.collect()
    with tandem.open_run("task", "run") as again:
        assert again.recovery.document == "{}\n"


def test_a_document_that_was_found_counts(tmp_path: Path) -> None:
    with Tandem(tmp_path, **LIMITS) as tandem:
        with tandem.open_run("task", "found") as run:
            run.set(document(900))
        with tandem.open_run("task", "a") as a, tandem.open_run("task", "b") as b:
            a.set(document(1000))
            b.set(document(900))
            too_large(lambda: tandem.open_run("task", "found"))
        with tandem.open_run("task", "found") as run:
            assert run.recovery.document is not None


def test_many_small_patches_do_not_fill_the_limit(tmp_path: Path) -> None:
    with Tandem(tmp_path, **LIMITS) as tandem:
        a, b, c = (tandem.open_run("task", name) for name in "abc")
        b.set(document(1000))
        for number in range(200):
            a.merge({"n": number})
        c.set(document(900))


def test_a_component_that_cannot_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(TandemError) as caught:
        patch.setattr(ComponentLimits, "memory_bytes", 1)
        Tandem(tmp_path)
    assert caught.value.kind is ErrorKind.COMPONENT_FAILED
    assert is_usable(tmp_path)


def test_the_largest_document_and_patch_fit_in_the_memory(tmp_path: Path) -> None:
    fill = "x" * ((16 << 20) - 100)
    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        run.set({"text": fill})
        run.merge({"text": fill[:-1]})
        receipt = run.flush()
    assert receipt.manifest is not None and receipt.manifest.bytes > 16_000_000


ENTRIES = 58_000
"""What fits in 64 MiB."""


def test_the_largest_history_fits_in_the_memory_and_the_fuel(tmp_path: Path) -> None:
    entries = [summary(f"r{number}") | {"fill": "x" * 1000} for number in range(ENTRIES)]
    history = tmp_path / "out/task/runs.json"
    history.parent.mkdir(parents=True)
    whole = {"taskId": "task", "lastRunAt": "", "runs": entries}
    history.write_text(json.dumps(whole, indent=2))
    assert history.stat().st_size > 60 << 20
    with Tandem(tmp_path) as tandem:
        assert tandem.record_run(summary("new", 1)).runs == ENTRIES + 1
        assert len(tandem.history("task").runs) == ENTRIES + 1


def in_child(root: Path) -> None:
    with Tandem(root) as tandem, tandem.open_run("task", "child") as run:
        run.set({})


def in_forked_child(tandem: Tandem, root: Path) -> None:
    """Exits with the number of calls that did not refuse."""
    calls: list[Callable[[], object]] = [lambda: Tandem(root), lambda: tandem.history("task")]
    passed = 0
    for call in calls:
        try:
            call()
        except TandemError as error:
            passed += error.kind is not ErrorKind.COMPONENT_FAILED or "forked" not in str(error)
        else:
            passed += 1
    tandem.close()
    os._exit(passed)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_of_a_process_that_used_tandem_is_refused(
    tandem: Tandem, tmp_path: Path
) -> None:
    child = multiprocessing.get_context("fork").Process(
        target=in_forked_child, args=(tandem, tmp_path)
    )
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert tandem.history("task").total == 0


def test_a_spawned_child_is_not_refused(tandem: Tandem, tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=in_child, args=(tmp_path,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert (tmp_path / ".runs/task/cli/child/manifest.json").is_file()


FORK_FIRST = """
import os, sys
from tandem_persistence import Tandem
if os.fork() == 0:
    with Tandem(sys.argv[1]) as tandem, tandem.open_run("task", "run") as run:
        run.set({})
    sys.exit(7)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_child_that_was_forked_before_the_first_tandem_is_not_refused(tmp_path: Path) -> None:
    child = python(FORK_FIRST, tmp_path)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 7, stderr


def test_a_signal_handler_that_calls_while_a_call_waits_is_refused(
    tandem: Tandem, tmp_path: Path
) -> None:
    refused: list[TandemError] = []

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            tandem.history("task")
        except TandemError as error:
            refused.append(error)

    # The handler runs between the end of the call in the component and that of the call in Python
    # if it comes while the component runs.
    write_lock(tmp_path, lease_ms=HOUR_MS)
    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(TandemError) as caught:
            tandem.record_run(SUMMARY, lock_wait_ms=1000)
        assert caught.value.kind is ErrorKind.LOCKED
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [error.kind for error in refused] == [ErrorKind.INVALID_INPUT]
    assert "signals" in refused[0].message
