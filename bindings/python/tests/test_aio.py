"""The calls for `asyncio`."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import HOUR_MS, RUN, SUMMARY, python, summary, write_lock

import tandem_persistence
from tandem_persistence import Channel, ErrorKind, Operation, Receipt, RunOptions, TandemError
from tandem_persistence.aio import Run, Tandem
from tandem_persistence.aio._worker import Worker

RARELY = RunOptions(manifest_interval_ms=HOUR_MS, heartbeat_interval_ms=HOUR_MS)
SOON_MS = 50

Test = Callable[[Path], Coroutine[Any, Any, None]]


def run_it(test: Test) -> Callable[[Path], None]:
    """Runs a test in an event loop that reports what it is given wrong."""

    def run(tmp_path: Path) -> None:
        wrong: list[dict[str, Any]] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, told: wrong.append(told))
            await test(tmp_path)

        asyncio.run(main())
        assert wrong == []

    run.__name__ = test.__name__
    return run


def manifest(root: Path) -> Any:
    return json.loads((root / RUN / "manifest.json").read_text())


def block(path: Path) -> None:
    """Puts a directory in a file's place, which fails the channel."""
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)


async def begun(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A call that has been handed over and is not answered yet."""
    task = asyncio.ensure_future(coroutine)
    for _ in range(2):
        await asyncio.sleep(0)
    assert not task.done()
    return task


@contextmanager
def held_write() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Every write tells that it has come, and waits until it is let go."""
    has_come, is_let_go = threading.Event(), threading.Event()
    write = os.pwrite

    def held(file: int, content: bytes, place: int) -> int:
        has_come.set()
        assert is_let_go.wait(60)
        return write(file, content, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", held)
        try:
            yield has_come, is_let_go
        finally:
            is_let_go.set()


async def comes(event: threading.Event) -> None:
    """Waits for another thread, while the event loop goes on."""
    assert await asyncio.to_thread(event.wait, 60)


@run_it
async def test_a_run_is_kept_recorded_and_recovered(root: Path) -> None:
    async with Tandem(root) as tandem:
        async with tandem.open_run("task", "run") as run:
            assert run.recovery.document is None
            assert (await run.set({"n": 1})).revision == 1
            receipt = await run.schedule(manifest=True, heartbeat=True)
            assert receipt.manifest and receipt.heartbeat and receipt.revision == 1
            assert (await run.merge({"m": None, "n": 2})).revision == 2
        assert manifest(root) == {"n": 2}
        assert (await tandem.record_run(SUMMARY)).runs == 1
        answers = await tandem.record_runs([summary("a"), {}, summary("b")])
        assert [isinstance(it, TandemError) for it in answers] == [False, True, False]
        assert (await tandem.history("task", limit=1)).total == 3
        assert (await tandem.remove_runs("task", ["a"], from_history=True)).entries == 1
        run = await tandem.open_run("task", "run")
        assert json.loads(run.recovery.document or "") == {"n": 2}
        await run.close()


@pytest.mark.parametrize(
    ("blocking", "concurrent"),
    [(tandem_persistence.Tandem, Tandem), (tandem_persistence.Run, Run)],
)
def test_the_calls_have_the_names_of_those_that_block(blocking: type, concurrent: type) -> None:
    def names(of: type) -> set[str]:
        return {name for name in vars(of) if not name.startswith("_")} - {"aclose", "close"}

    assert names(concurrent) == names(blocking)


@run_it
async def test_the_event_loop_goes_on_while_a_file_is_written(root: Path) -> None:
    with held_write() as (has_come, is_let_go):
        async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
            await run.set({})
            flushed = await begun(run.flush())
            await comes(has_come)
            # A call that blocked the loop would never get here.
            assert not flushed.done()
            is_let_go.set()
            assert (await flushed).manifest is not None


@run_it
async def test_throttled_calls_join_and_force_releases_them(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run", **RARELY) as run:
        await run.set({"n": 0})
        await run.schedule(manifest=True, heartbeat=True)
        waiting = [await begun(run.schedule(manifest=True)) for _ in range(3)]
        both = await begun(run.schedule(manifest=True, heartbeat=True))
        await run.set({"n": 1})
        assert not any(it.done() for it in (*waiting, both))
        forced = await run.schedule(force=True)
        assert forced.revision == 2 and forced.heartbeat is not None
        assert [await it for it in (*waiting, both)] == [forced] * 4
        assert (await run.stats()).flushes == 2
    assert manifest(root) == {"n": 1}


@run_it
async def test_a_throttled_call_is_made_again_when_the_component_says(root: Path) -> None:
    async with (
        Tandem(root) as tandem,
        tandem.open_run("task", "run", manifest_interval_ms=SOON_MS) as run,
    ):
        for step in range(3):
            await run.set({"n": step})
            receipt = await run.schedule(manifest=True)
            assert receipt.manifest is not None and receipt.revision == step + 1
            assert manifest(root) == {"n": step}


@contextmanager
def eager_worker() -> Iterator[None]:
    """What is handed over is begun at once, as by a thread that is very fast."""
    begin = Worker.begin

    def begin_at_once(self: Worker, work: Callable[[], Any]) -> asyncio.Future[Any]:
        is_begun = threading.Event()

        def begun() -> Any:
            is_begun.set()
            return work()

        handed_over = begin(self, begun)
        assert is_begun.wait(60)
        return handed_over

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "begin", begin_at_once)
        yield


@run_it
async def test_what_is_asked_for_in_one_tick_shares_one_call(root: Path) -> None:
    with eager_worker():
        await in_one_tick(root)


async def in_one_tick(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run", **RARELY) as run:
        await run.set({})
        await run.flush()
        first, second = await asyncio.gather(
            run.schedule(manifest=True, force=True), run.schedule(manifest=True)
        )
        assert first == second and first.manifest is not None
        # A throttled call before it is released.
        first, second = await asyncio.gather(
            run.schedule(manifest=True), run.schedule(heartbeat=True, force=True)
        )
        assert first == second and first.manifest and first.heartbeat
        stats = await run.stats()
        assert (stats.flushes, stats.requests, stats.coalesced) == (3, 5, 2)


@run_it
async def test_calls_keep_their_order(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        calls: list[Coroutine[Any, Any, Any]] = []
        for step in range(10):
            calls += [run.set({"n": step}), run.schedule(manifest=True, force=True)]
        answers = await asyncio.gather(*calls)
        revisions = [it.revision for it in answers]
        assert revisions == [number for step in range(1, 11) for number in (step, step)]


@run_it
async def test_a_dict_is_read_when_the_call_begins(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        document = {"n": 1}
        call = await begun(run.set(document))
        document["n"] = 2
        await call
        await run.flush()
        assert manifest(root) == {"n": 1}


@run_it
async def test_who_is_cancelled_gives_up_nothing_but_its_wait(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run", **RARELY) as run:
        await run.set({"n": 0})
        await run.flush()
        await run.set({"n": 1})
        gone, stays = [await begun(run.schedule(manifest=True)) for _ in range(2)]
        gone.cancel()
        await run.schedule(force=True)
        assert (await stays).revision == 2
        assert gone.cancelled()
        with held_write() as (has_come, is_let_go):
            flush, change = await begun(run.schedule(manifest=True, force=True)), run.set({"n": 2})
            await comes(has_come)
            change_begun = await begun(change)
            for task in (flush, change_begun):
                task.cancel()
            await asyncio.wait([flush, change_begun])
            assert flush.cancelled() and change_begun.cancelled()
            is_let_go.set()
        stats = await run.stats()
        assert (stats.manifest.writes, stats.revision) == (3, 3)


@run_it
async def test_an_error_is_that_of_all_who_asked_and_the_file_is_tried_again(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        await run.set({})
        block(root / RUN / "manifest.json")
        outcomes = await asyncio.gather(
            *(run.schedule(manifest=True) for _ in range(2)),
            run.schedule(heartbeat=True),
            return_exceptions=True,
        )
        for it in outcomes:
            assert isinstance(it, TandemError) and it.operation is Operation.RENAME
            assert it.channel is Channel.MANIFEST
        assert len({id(it) for it in outcomes}) == 3
        (root / RUN / "manifest.json").rmdir()
        # Nobody asks for it anew.
        assert (await run.schedule()).manifest is not None
        assert (await run.stats()).manifest.retries == 1


@run_it
async def test_what_failed_is_written_by_itself(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        await run.set({})
        block(root / RUN / "manifest.json")
        with pytest.raises(TandemError):
            await run.schedule(manifest=True)
        (root / RUN / "manifest.json").rmdir()
        while (await run.stats()).manifest.writes == 0:
            await asyncio.sleep(0.01)


@run_it
async def test_who_waits_for_another_file_goes_on_waiting(root: Path) -> None:
    options = RunOptions(manifest_interval_ms=HOUR_MS, heartbeat_interval_ms=0)
    async with Tandem(root) as tandem, tandem.open_run("task", "run", **options) as run:
        await run.set({})
        await run.schedule(manifest=True)
        waiting = await begun(run.schedule(manifest=True))
        block(root / RUN / ".heartbeat")
        with pytest.raises(TandemError) as caught:
            await run.schedule(heartbeat=True)
        assert caught.value.channel is Channel.HEARTBEAT
        assert not waiting.done()
        (root / RUN / ".heartbeat").rmdir()
        await run.flush()
        assert (await waiting).manifest is not None


@run_it
async def test_what_is_marked_is_written_by_itself(root: Path) -> None:
    async with (
        Tandem(root) as tandem,
        tandem.open_run("task", "run", manifest_interval_ms=SOON_MS) as run,
    ):
        await run.set({"n": 0})
        await run.flush()
        await run.set({"n": 1})
        await run.mark(manifest=True)
        while (await run.stats()).written_revision != 2:
            await asyncio.sleep(0.01)
        await run.set({"n": 2})
        await run.mark(manifest=True)
        # It waits for what was asked for, and asks for nothing.
        assert (await run.schedule()).revision == 3
        with pytest.raises(TandemError) as caught:
            await run.mark(manifest=1)  # type: ignore[arg-type]
        assert caught.value.kind is ErrorKind.INVALID_INPUT


@run_it
async def test_a_request_that_is_refused_fails_no_other(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        refused, heartbeat = await asyncio.gather(
            run.schedule(manifest=True), run.schedule(heartbeat=True), return_exceptions=True
        )
        assert isinstance(refused, TandemError) and refused.kind is ErrorKind.INVALID_INPUT
        assert isinstance(heartbeat, Receipt) and heartbeat.heartbeat is not None


@run_it
async def test_a_close_has_the_outcome_of_all_who_wait(root: Path) -> None:
    async with Tandem(root) as tandem:
        run = await tandem.open_run("task", "run", **RARELY)
        await run.set({})
        await run.schedule(manifest=True, heartbeat=True)
        waiting = await begun(run.schedule(manifest=True))
        kept = (root / RUN / "manifest.json").read_text()
        block(root / RUN / "manifest.json")
        with pytest.raises(TandemError):
            await run.close()
        with pytest.raises(TandemError) as caught:
            await waiting
        assert caught.value.channel is Channel.MANIFEST
        waiting = await begun(run.schedule(heartbeat=True))
        (root / RUN / "manifest.json").rmdir()
        receipt = await run.close()
        assert receipt.manifest and receipt.heartbeat
        assert await waiting == receipt
        assert (root / RUN / "manifest.json").read_text() == kept
        assert await run.close() == Receipt()
        with pytest.raises(TandemError) as caught:
            await run.schedule(heartbeat=True)
        assert caught.value.kind is ErrorKind.CLOSED


@run_it
async def test_a_tandem_closes_its_runs_and_its_threads(root: Path) -> None:
    tandem = Tandem(root)
    run = await tandem.open_run("task", "run", **RARELY)
    await run.set({})
    await run.flush()
    await tandem.history("task")
    waiting = await begun(run.schedule(manifest=True))
    threads = [it for it in threading.enumerate() if it.name.startswith("tandem-aio")]
    assert len(threads) == 2
    await tandem.aclose()
    await tandem.aclose()
    assert (await waiting).manifest is not None
    for thread in threads:
        thread.join(60)
    assert not any(it.is_alive() for it in threads)
    for call in (run.set({}), run.schedule(heartbeat=True), tandem.history("task")):
        with pytest.raises(TandemError) as caught:
            await call
        assert caught.value.kind is ErrorKind.CLOSED


@run_it
async def test_a_close_that_is_cancelled_is_done_all_the_same(root: Path) -> None:
    tandem = Tandem(root)
    run = await tandem.open_run("task", "run")
    await run.set({"n": 1})
    threads = [it for it in threading.enumerate() if it.name.startswith("tandem-aio")]
    with held_write() as (has_come, is_let_go):
        closing = await begun(tandem.aclose())
        await comes(has_come)
        closing.cancel()
        await asyncio.wait([closing])
        is_let_go.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 60)
    assert manifest(root) == {"n": 1}
    blocking = tandem._of_runs._tandem
    assert blocking is not None and not blocking._instance.is_open


@run_it
async def test_what_a_close_cannot_write_is_told(root: Path) -> None:
    with pytest.raises(TandemError) as caught:
        async with Tandem(root) as tandem:
            run = await tandem.open_run("task", "run")
            await run.set({})
            block(root / RUN / "manifest.json")
    assert caught.value.channel is Channel.MANIFEST
    with pytest.raises(KeyError) as other:
        async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
            await run.set({})
            raise KeyError
    assert any("could not be closed" in note for note in other.value.__notes__)


@run_it
async def test_a_lock_that_is_waited_for_delays_no_other_call(root: Path) -> None:
    write_lock(root, lease_ms=HOUR_MS)
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        waiting = [
            await begun(tandem.record_run(SUMMARY)),
            await begun(tandem.record_runs([summary("a"), summary("b")])),
            await begun(tandem.remove_runs("task", ["another"])),
        ]
        await run.set({})
        await run.flush()
        assert (await tandem.record_run({**SUMMARY, "taskId": "another"})).runs == 1
        for call in (
            tandem.record_run(SUMMARY, lock_wait_ms=0),
            tandem.remove_runs("task", ["another"], lock_wait_ms=SOON_MS),
        ):
            with pytest.raises(TandemError) as caught:
                await call
            assert caught.value.kind is ErrorKind.LOCKED
        (answer,) = await tandem.record_runs([SUMMARY], lock_wait_ms=0)
        assert isinstance(answer, TandemError) and answer.kind is ErrorKind.LOCKED
        assert not any(it.done() for it in waiting)
        (root / ".runs/task.lock").unlink()
        await asyncio.gather(*waiting)
        assert (await tandem.history("task")).total == 3


@run_it
async def test_runs_that_are_recorded_at_the_same_time_are_all_kept(root: Path) -> None:
    async with Tandem(root) as a, Tandem(root) as b:
        await asyncio.gather(
            *(tandem.record_run(summary(f"{name}{number}"), lease_ms=HOUR_MS)
              for name, tandem in (("a", a), ("b", b)) for number in range(16))
        )  # fmt: skip
        assert (await a.history("task")).total == 32


@run_it
async def test_a_run_that_is_open_is_not_removed(root: Path) -> None:
    async with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        await run.set({})
        await run.flush()
        removed = await tandem.remove_runs("task", ["run"], alive_for_ms=0)
        assert [it.reason for it in removed.left] == ["open"]


@run_it
async def test_bad_arguments_are_refused_before_anything_is_begun(root: Path) -> None:
    tandem = Tandem(root)
    calls: list[Callable[[], Any]] = [
        lambda: Tandem(root, compile_cache=1),  # type: ignore[arg-type]
        lambda: Tandem(root, max_document_bytes=-1),
        lambda: tandem.open_run("task", None),  # type: ignore[arg-type]
        lambda: tandem.open_run("task", "run", interval=1),  # type: ignore[call-arg]
    ]
    for call in calls:
        with pytest.raises(TandemError):
            call()
    for coroutine in (
        tandem.record_run(SUMMARY, lease=1),  # type: ignore[call-arg]
        tandem.record_run("x" * (17 << 20)),
        tandem.remove_runs("task", "run"),
        tandem.history("task", limit=-1),
    ):
        with pytest.raises(TandemError):
            await coroutine
    assert not any(it.name.startswith("tandem-aio") for it in threading.enumerate())
    await tandem.aclose()


@run_it
async def test_a_directory_that_is_missing_is_told_by_the_first_call(root: Path) -> None:
    with pytest.raises(TandemError) as caught:
        async with Tandem(root / "missing"):
            pass
    assert caught.value.code == "no-entry"


def test_another_event_loop_is_refused(tmp_path: Path) -> None:
    tandem = Tandem(tmp_path)
    asyncio.run(tandem.__aenter__())
    with pytest.raises(TandemError, match="event loop"):
        asyncio.run(tandem.__aenter__())


BEGUN = """
import asyncio, sys
from tandem_persistence.aio import Tandem
async def main():
    tandem = Tandem(sys.argv[1])
    run = await tandem.open_run("task", "run", manifest_interval_ms=3_600_000)
    await run.set({"n": 0})
    await run.flush()
    # Nobody waits for these, and one is not due for an hour.
    await run.mark(manifest=True)
    calls = [asyncio.ensure_future(it) for it in (
        run.schedule(manifest=True), run.set({"n": 1}), run.flush(),
        tandem.record_run({"taskId": "task", "runId": "run", "timestamp": "2026-01-06T00:31:09Z"}),
    )]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if sys.argv[2] == "raises":
        raise SystemExit(3)
asyncio.run(main())
"""


@pytest.mark.parametrize(("end", "code"), [("returns", 0), ("raises", 3)])
def test_a_program_that_ends_without_a_close_ends_when_what_it_began_is_done(
    tmp_path: Path, end: str, code: int
) -> None:
    child = python(BEGUN, tmp_path, end)
    assert child.communicate(timeout=60) == ("", "")
    assert child.returncode == code
    assert manifest(tmp_path) == {"n": 1}
    assert (tmp_path / "out/task/runs.json").exists()
