"""What is refused: by the component, and by the package before the component sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import SUMMARY, is_usable, summary

from tandem_persistence import (
    ArgumentTypeError,
    ArgumentValueError,
    ErrorKind,
    Tandem,
    TandemError,
)
from tandem_persistence._limits import Limits

BAD_IDS = [
    "",
    ".",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    "../x",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "a<b",
    "a:b",
    'a"b',
    "a|b",
    "a?b",
    "a*b",
    "a.",
    "a ",
    " a",
    "\u2003a",
    "a\u202eb",
    "\ufeffa",
    "CON",
    "nul.txt",
    "com1",
    "LPT9.log",
    "cli",
    "MCP",
    "local-mcp",
    "a.lock",
    "a.LOCK",
    "x" * 129,
    "ü" * 65,
    "\ud800",
    "a\udfffb",
]

# None is no id and no document; a wrong type is one of Python's own errors too.
WRONG_TYPES: list[Any] = [None, 1, 1.5, b"bytes", True, [], object()]


def nothing_in(root: Path) -> bool:
    return not any(root.iterdir())


@pytest.mark.parametrize("bad", BAD_IDS, ids=ascii)
def test_an_id_that_breaks_a_rule_is_refused_and_nothing_is_written(
    tandem: Tandem, tmp_path: Path, bad: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: tandem.open_run(bad, "run"),
        lambda: tandem.open_run("task", bad),
        lambda: tandem.record_run(SUMMARY, task_id=bad),
        lambda: tandem.history(bad),
    ]
    for call in calls:
        with pytest.raises(ArgumentValueError) as caught:
            call()
        assert caught.value.kind is ErrorKind.INVALID_ID
    assert nothing_in(tmp_path)


@pytest.mark.parametrize("bad", WRONG_TYPES, ids=repr)
def test_an_id_of_another_type_is_refused(tandem: Tandem, tmp_path: Path, bad: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: tandem.open_run(bad, "run"),
        lambda: tandem.open_run("task", bad),
        lambda: tandem.history(bad),
    ]
    if bad is not None:
        calls.append(lambda: tandem.record_run(SUMMARY, task_id=bad))
    for call in calls:
        with pytest.raises(ArgumentTypeError, match="_id must be a str") as caught:
            call()
        assert caught.value.kind is ErrorKind.INVALID_INPUT
        assert isinstance(caught.value, TypeError) and isinstance(caught.value, TandemError)
    assert nothing_in(tmp_path)


def test_an_id_that_breaks_no_rule_is_kept_as_it_is(tandem: Tandem) -> None:
    for good in ("ü" * 64, "a b", "a'b", "😀", "-", "x.y", "0935-manifest"):
        with tandem.open_run("task", good) as run:
            assert run.recovery.directory == f".runs/task/cli/{good}"


class Circular(dict[str, Any]):
    """A document that holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self["self"] = self


def deep(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


BAD_VALUES: list[Any] = [
    {"n": float("nan")},
    {"n": [float("inf")]},
    {"text": "\ud800"},
    {"\udfff": 1},
    Circular(),
    deep(200),
    deep(100_000),
    {"n": 10**5000},
    "",
    "[]",
    "null",
    "{",
    '{"a":1}}',
    '{"a":NaN}',
    "{'a':1}",
    '{"a":"\n"}',
    '{"a":"\ud800"}',
    "\ufeff\ufeff{}",
]

BAD_TYPES: list[Any] = [
    None,
    1,
    1.5,
    True,
    b"{}",
    [],
    {1, 2},
    {"o": object()},
    {"b": b""},
    {(1, 2): 1},
]


@pytest.mark.parametrize("bad", BAD_VALUES, ids=lambda value: type(value).__name__)
def test_a_document_that_is_no_json_object_is_refused_and_changes_nothing(
    tandem: Tandem, tmp_path: Path, bad: Any
) -> None:
    with tandem.open_run("task", "run") as run:
        run.set({"kept": 1})
        for call in (run.set, run.merge):
            with pytest.raises(ArgumentValueError) as caught:
                call(bad)
            assert caught.value.kind is ErrorKind.INVALID_INPUT
            assert caught.value.channel == "manifest"
    with pytest.raises(ArgumentValueError) as caught:
        tandem.record_run(bad)
    assert caught.value.kind is ErrorKind.INVALID_INPUT
    assert caught.value.channel == "summary"
    manifest = tmp_path / ".runs/task/cli/run/manifest.json"
    assert json.loads(manifest.read_text()) == {"kept": 1}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", BAD_TYPES, ids=lambda value: type(value).__name__)
def test_a_document_of_another_type_is_refused_and_changes_nothing(
    tandem: Tandem, bad: Any
) -> None:
    with tandem.open_run("task", "run") as run:
        for call in (run.set, run.merge, lambda bad: tandem.record_run(bad)):
            with pytest.raises(ArgumentTypeError) as caught:
                call(bad)
            assert caught.value.kind is ErrorKind.INVALID_INPUT
        assert run.stats().manifest.dirty is False


OPEN_NUMBERS = [
    "manifest_interval_ms",
    "heartbeat_interval_ms",
    "max_document_bytes",
    "sweep_after_ms",
]
RECORD_NUMBERS = [
    "keep_last",
    "max_summary_bytes",
    "max_history_bytes",
    "lease_ms",
    "lock_wait_ms",
    "sweep_after_ms",
]
LIMITS = ["max_document_bytes", "max_total_document_bytes", "max_history_bytes"]


@pytest.mark.parametrize("bad", [-1, 2**64, 10**5000], ids=["negative", "65 bits", "huge"])
def test_a_number_that_does_not_fit_is_refused(tandem: Tandem, tmp_path: Path, bad: int) -> None:
    open_run, record_run = any_arguments(tandem)
    for name in OPEN_NUMBERS:
        refused(ArgumentValueError, name, open_run, bad)
    for name in RECORD_NUMBERS:
        refused(ArgumentValueError, name, record_run, bad)
    for wide in ("keep_last", "limit"):
        call = record_run if wide == "keep_last" else lambda **it: tandem.history("task", **it)
        refused(ArgumentValueError, wide, call, 2**32)
    for name in LIMITS:
        refused(ArgumentValueError, name, lambda **it: Tandem(tmp_path, **it), bad)
    assert nothing_in(tmp_path)


@pytest.mark.parametrize("bad", ["1", 1.0, True, b"", []], ids=repr)
def test_a_number_of_another_type_is_refused(tandem: Tandem, tmp_path: Path, bad: Any) -> None:
    open_run, record_run = any_arguments(tandem)
    for name in OPEN_NUMBERS:
        refused(ArgumentTypeError, name, open_run, bad)
    for name in RECORD_NUMBERS:
        refused(ArgumentTypeError, name, record_run, bad)
    for name in LIMITS:
        refused(ArgumentTypeError, name, lambda **it: Tandem(tmp_path, **it), bad)
    assert nothing_in(tmp_path)


def any_arguments(tandem: Tandem) -> tuple[Callable[..., object], Callable[..., object]]:
    """Two calls that take any option of any type."""
    return (
        lambda **it: tandem.open_run("task", "run", **it),
        lambda **it: tandem.record_run(SUMMARY, **it),
    )


def refused(error: type[TandemError], name: str, call: Callable[..., object], bad: object) -> None:
    with pytest.raises(error, match=name) as caught:
        call(**{name: bad})
    assert caught.value.kind is ErrorKind.INVALID_INPUT


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("runs_root", ""),
        ("runs_root", "../out"),
        ("runs_root", "/abs"),
        ("runs_root", "a\0"),
        ("runs_root", "\ud800"),
        ("manifest_name", "a/b"),
        ("manifest_name", ".."),
        ("heartbeat_name", "manifest.json"),
        ("manifest_durability", "eternal"),
        ("heartbeat_durability", ""),
    ],
)
def test_an_option_that_breaks_a_rule_is_refused(
    tandem: Tandem, tmp_path: Path, name: str, bad: Any
) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        any_arguments(tandem)[0](**{name: bad})
    assert caught.value.kind in (ErrorKind.INVALID_INPUT, ErrorKind.INVALID_ID)
    assert nothing_in(tmp_path)


@pytest.mark.parametrize("bad", [1, 0, None, "yes"], ids=repr)
def test_a_flag_that_is_no_bool_is_refused(tandem: Tandem, bad: Any) -> None:
    with tandem.open_run("task", "run") as run:
        for name in ("manifest", "heartbeat", "force"):
            refused(ArgumentTypeError, name, run.schedule, bad)


def test_a_manifest_cannot_be_scheduled_before_it_is_set(tandem: Tandem) -> None:
    with tandem.open_run("task", "run") as run:
        with pytest.raises(ArgumentValueError) as caught:
            run.schedule(manifest=True)
        assert (caught.value.kind, caught.value.channel) == (ErrorKind.INVALID_INPUT, "manifest")


def test_an_open_run_cannot_be_opened_again(tandem: Tandem) -> None:
    with tandem.open_run("task", "run"):
        with pytest.raises(TandemError) as caught:
            tandem.open_run("task", "run")
        assert caught.value.kind is ErrorKind.ALREADY_OPEN
    tandem.open_run("task", "run").close()


def test_a_document_above_the_limit_is_refused_and_changes_nothing(tandem: Tandem) -> None:
    with tandem.open_run("task", "run", max_document_bytes=30) as run:
        run.set({"kept": "x"})
        calls: list[Callable[[], object]] = [
            lambda: run.set({"text": "x" * 30}),
            lambda: run.set('{"text":"' + "ü" * 10 + '"}'),
            lambda: run.merge({"text": "x" * 10}),
        ]
        for call in calls:
            with pytest.raises(TandemError) as caught:
                call()
            assert (caught.value.kind, caught.value.channel) == (ErrorKind.TOO_LARGE, "manifest")
        assert run.flush().manifest is not None
    with pytest.raises(TandemError) as caught:
        tandem.record_run(SUMMARY, max_summary_bytes=10)
    assert (caught.value.kind, caught.value.channel) == (ErrorKind.TOO_LARGE, "summary")
    with tandem.open_run("task", "another") as run:
        with pytest.raises(TandemError) as caught:
            run.set('{"text":"' + "x" * (16 << 20) + '"}')
        assert caught.value.kind is ErrorKind.TOO_LARGE


def test_what_is_too_large_is_told_in_the_words_of_every_host(tandem: Tandem) -> None:
    text = '{"text":"ü"}'
    with tandem.open_run("task", "run", max_document_bytes=12) as run:
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: run.set(text), "document takes 13 bytes, above max_document_bytes: 12"),
            (lambda: run.merge(text), "patch takes 13 bytes, above max_document_bytes: 12"),
            (
                lambda: tandem.record_run(text, max_summary_bytes=10),
                "summary takes 13 bytes, above max_summary_bytes: 10",
            ),
        ]
        for call, message in calls:
            with pytest.raises(TandemError) as caught:
                call()
            assert (caught.value.kind, caught.value.message) == (ErrorKind.TOO_LARGE, message)


def test_what_is_above_the_limit_is_refused_before_the_component_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would fail for want of memory.
    monkeypatch.setattr(Limits, "memory_bytes", 4 << 20)
    with Tandem(tmp_path) as tandem:
        with pytest.raises(TandemError) as caught:
            tandem.record_run(SUMMARY | {"text": "x" * (16 << 20)})
        assert (caught.value.kind, caught.value.channel) == (ErrorKind.TOO_LARGE, "summary")
        assert tandem.record_run(SUMMARY).runs == 1


@pytest.mark.parametrize("option", ["mode", "keep-last", "taskId"])
def test_an_option_that_there_is_not_is_refused(tandem: Tandem, option: str) -> None:
    open_run, record_run = any_arguments(tandem)
    calls = [open_run, record_run, lambda **it: tandem.history("task", **it)]
    for call in calls:
        refused(ArgumentTypeError, option, call, True)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_document_bytes": 0}, "0"),
        ({"max_history_bytes": 0}, "0"),
        ({"max_total_document_bytes": 1 << 20}, "max_document_bytes"),
        ({"max_total_document_bytes": 1 << 30}, "may need more memory"),
        ({"max_document_bytes": 2**64 - 1}, "may need more memory"),
        ({"max_history_bytes": 1 << 30}, "may need more memory"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(
    tmp_path: Path, limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentValueError, match=message) as caught:
        Tandem(tmp_path, **limits)
    assert caught.value.kind is ErrorKind.INVALID_INPUT


def test_a_limit_of_a_call_is_at_most_that_of_the_component(tmp_path: Path) -> None:
    with Tandem(tmp_path, max_document_bytes=1000, max_history_bytes=5000) as tandem:
        calls: list[Callable[[], object]] = [
            lambda: tandem.open_run("task", "run", max_document_bytes=1001),
            lambda: tandem.record_run(SUMMARY, max_summary_bytes=1001),
            lambda: tandem.record_run(SUMMARY, max_history_bytes=5001),
            lambda: tandem.history("task", max_history_bytes=5001),
        ]
        for call in calls:
            with pytest.raises(ArgumentValueError) as caught:
                call()
            assert caught.value.kind is ErrorKind.INVALID_INPUT
        with pytest.raises(TandemError) as too_large:
            tandem.record_run(SUMMARY | {"text": "x" * 1000})
        assert too_large.value.kind is ErrorKind.TOO_LARGE


@pytest.mark.parametrize(
    "timestamp", ["", "2026-01-06", "2026-01-06T00:31:09", "2026-02-30T00:00:00Z", 1, None]
)
def test_a_summary_without_a_time_that_exists_is_refused(
    tandem: Tandem, tmp_path: Path, timestamp: Any
) -> None:
    with pytest.raises(ArgumentValueError) as caught:
        tandem.record_run({**SUMMARY, "timestamp": timestamp})
    assert caught.value.channel == "summary"
    assert nothing_in(tmp_path)


def test_a_summary_of_another_task_is_refused(tandem: Tandem, tmp_path: Path) -> None:
    with pytest.raises(ArgumentValueError):
        tandem.record_run(summary("run"), task_id="other")
    assert nothing_in(tmp_path)


def test_a_directory_that_cannot_be_used_is_told_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, code in (("missing", "no-entry"), ("file", "not-directory")):
        with pytest.raises(TandemError) as caught:
            Tandem(tmp_path / name)
        error = caught.value
        assert (error.kind, error.operation, error.code) == (ErrorKind.STORAGE, "open", code)
        assert error.path == str(tmp_path / name) and error.path in error.message
        assert isinstance(error.__cause__, OSError)
    values: list[Any] = ["a\0b", "\ud800"]
    for bad in values:
        with pytest.raises(ArgumentValueError):
            Tandem(bad)
    types: list[Any] = [None, 1, b"bytes"]
    for bad in types:
        with pytest.raises(ArgumentTypeError):
            Tandem(bad)


def test_refusals_leave_the_tandem_usable(tandem: Tandem, tmp_path: Path) -> None:
    with tandem.open_run("task", "run") as run:
        for bad in (*BAD_VALUES, *BAD_TYPES):
            with pytest.raises(TandemError):
                run.set(bad)
        run.set({"n": 1})
        assert run.flush().manifest is not None
    assert is_usable(tmp_path)
