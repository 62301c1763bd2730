"""The cases that every host plays, and what the adapter must refuse and find out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conformance.case import Case, read, read_all
from conformance.fields import BadCase
from conformance.pattern import pattern
from conformance.player import Played, Player
from conformance.results import HOST, Known, expected_failures, judge, write
from conformance.sandbox import Failed

import build_component

CONFORMANCE = build_component.REPOSITORY / "tests" / "conformance"
RESULTS = build_component.REPOSITORY / "target" / "conformance" / f"{HOST}.json"
NAMES = sorted(path.name for path in (CONFORMANCE / "cases").iterdir())

# All cases are played before the first of them is judged, each within its own limit.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def played() -> dict[str, Played]:
    read_all(CONFORMANCE / "cases")
    with Player() as player:
        results = {name: player.play(CONFORMANCE / "cases" / name) for name in NAMES}
    write(RESULTS, results)
    return results


@pytest.fixture(scope="module")
def known() -> dict[str, Known]:
    return expected_failures(CONFORMANCE / "expected" / f"{HOST}.json", NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, played: dict[str, Played], known: dict[str, Known]) -> None:
    wrong = judge(played[name], known.get(name))
    assert wrong is None, wrong


GOOD: dict[str, Any] = {"about": "a", "rule": "runs", "area": "a", "steps": [], "after": []}


def case_of(tmp_path: Path, **fields: Any) -> Path:
    """A case that is read from a file, as all are."""
    directory = tmp_path / "a-case"
    directory.mkdir(exist_ok=True)
    (directory / "case.json").write_text(json.dumps(GOOD | fields))
    return directory


def play(tmp_path: Path, case: Case) -> str | None:
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    try:
        case.play(sandbox, lambda _: None)
    except Failed as failed:
        return str(failed)
    return None


FLUSH = {"do": "flush", "run": "a"}


def open_with(options: dict[str, Any]) -> dict[str, Any]:
    return {"do": "open", "run": "a", "options": options}


OPEN = open_with({"task-id": "task", "run-id": "run"})


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"more": 1}, "more"),
        ({"about": ""}, "about"),
        ({"before": [FLUSH]}, "flush"),
        ({"steps": [{"do": "flsh", "run": "a"}]}, "flsh"),
        ({"steps": [{"do": "flush"}]}, "run"),
        ({"steps": [FLUSH | {"force": True}]}, "force"),
        (
            {"steps": [OPEN | {"options": {"task-id": "a", "run-id": "b", "interval": 1}}]},
            "interval",
        ),
        ({"steps": [OPEN | {"options": {"task_id": "a", "run-id": "b"}}]}, "task_id"),
        ({"steps": [OPEN | {"options": {"task-id": "a"}}]}, "run-id"),
        ({"steps": [FLUSH | {"expect": {"okay": {}}}]}, "okay"),
        ({"steps": [FLUSH | {"expect": {"ok": {}, "error": {}}}]}, "error"),
        ({"steps": [FLUSH | {"expect": {"ok": {"n": {"$regex": "a"}}}}]}, "$regex"),
        ({"steps": [FLUSH | {"expect": {"ok": {"$any": True, "n": 1}}}]}, "n"),
        ({"steps": [FLUSH | {"expect": {"ok": {"$one-of": [1]}}}]}, "why"),
        ({"steps": [FLUSH | {"expect": {"ok": {"$matches": "("}}}]}, "("),
        ({"steps": [FLUSH | {"expect": {"ok": {"$matches": "\\d"}}}]}, "engine"),
        ({"steps": [{"do": "start", "as": "x", "call": FLUSH | {"expect": {}}}]}, "expect"),
        ({"steps": [{"do": "start", "as": "x", "call": {"do": "remove", "path": "a"}}]}, "remove"),
        ({"steps": [{"do": "await", "call": "x", "expect": {"okay": 1}}]}, "okay"),
        ({"steps": [{"do": "remove", "path": "a", "expect": {"ok": {}}}]}, "expect"),
        ({"steps": [{"do": "write-file", "path": "a", "content": {"hex": "f"}}]}, "'f'"),
        ({"steps": [{"do": "write-file", "path": "a", "content": {"file": "f"}}]}, "concat"),
        ({"after": [{"path": "a", "size": 1}]}, "size"),
        ({"after": [{"path": "a", "is": "absent", "content": ""}]}, "content"),
        ({"after": [{"path": "a", "path-matches": "b"}]}, "path"),
        ({"after": [{"path": "a", "is": "socket"}]}, "socket"),
    ],
)
def test_what_a_case_does_not_know_is_refused_and_the_file_is_named(
    tmp_path: Path, fields: dict[str, Any], part: str
) -> None:
    with pytest.raises(BadCase) as caught:
        read(case_of(tmp_path, **fields))
    assert str(tmp_path / "a-case" / "case.json") in str(caught.value)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (
            {"steps": [OPEN | {"expect": {"ok": {"swept": 1}}}]},
            "step 1: swept: expected 1",
        ),
        ({"steps": [OPEN | {"expect": {"error": {}}}]}, "step 1: expected error, it is ok"),
        ({"steps": [OPEN, OPEN]}, "step 2: expected ok, it is error"),
        ({"steps": [{"do": "remove", "path": "a"}]}, "step 1: "),
        ({"steps": [{"do": "check", "files": [{"path": "a"}]}]}, "step 1: a: nothing stands there"),
        ({"steps": [{"do": "together", "calls": []}]}, "step 1: a call blocks here"),
        ({"steps": [FLUSH]}, "step 1: expected ok, it is broken"),
        ({"steps": [OPEN, {"do": "check", "files": []}], "after": [{"path": "a"}]}, "after: a: "),
        ({"steps": [{"do": "write-file", "path": "a", "content": ""}]}, "after: a: nothing should"),
        ({"steps": [{"do": "symlink", "path": "../a", "to": "b"}]}, "after: ../a: nothing should"),
    ],
)
def test_what_does_not_hold_is_found_and_its_place_is_told(
    tmp_path: Path, fields: dict[str, Any], wrong: str
) -> None:
    found = play(tmp_path, read(case_of(tmp_path, **fields)))
    assert found is not None and found.startswith(wrong)


@pytest.mark.parametrize(
    ("wanted", "same", "other"),
    [
        (1, 1.0, "1"),
        (1, 1, True),
        (None, None, False),
        ({"a": None}, {"b": 1}, {"a": 0}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 2}}),
        ({}, {"a": 1}, []),
        ([1, {"$any": True}], [1, 2], [1, None]),
        ([1], [1], [1, 1]),
        ({"$text": {"repeat": "ab", "times": 2}}, "abab", "ab"),
        ({"$text": {"concat": ["a", {"repeat": "b", "times": 2}]}}, "abb", "ab"),
        ({"$contains": "b"}, "abc", "ac"),
        ({"$contains": ["a", "c"]}, "abc", "ab"),
        ({"$matches": "a.c"}, "a\nc", "abcd"),
        ({"$matches": "a|b"}, "b", "ab"),
        ({"$matches": "a"}, "a", "a\n"),
        ({"$json": {"a": 1, "b": [1]}}, '{"b":[1.0],"a":1}', '{"a":1,"b":[1],"c":2}'),
        ({"$json": {}}, "{}", {}),
        ({"$at-least": 1, "$at-most": 2}, 2, 3),
        ({"$at-least": 1}, 1, 0),
        ({"$at-most": 1}, 0, "0"),
        ({"$one-of": ["a", None], "why": "for a test"}, None, "b"),
    ],
)
def test_patterns_match_what_the_format_says_and_nothing_else(
    wanted: Any, same: Any, other: Any
) -> None:
    check = pattern(wanted)
    assert check(same) is None
    assert check(other) is not None


def test_a_hang_is_told_as_a_hang_and_the_next_case_is_played(tmp_path: Path) -> None:
    # Another holder's lock is waited for, for longer than this player waits.
    lock = {"version": 1, "token": "0" * 32, "task_id": "task", "acquired_at": ""}
    content = json.dumps(lock | {"lease_ms": 60_000})
    summary = '{"taskId":"task","runId":"run","timestamp":"2026-01-06T00:31:09Z"}'
    options = {"task-id": "task", "lock-wait-ms": 60_000}
    steps = [
        {"do": "write-file", "path": ".runs/task.lock", "content": content},
        {"do": "record-run", "summary": summary, "options": options},
    ]
    with Player() as player:
        assert player.play(case_of(tmp_path)) == Played("pass")
        played = player.play(case_of(tmp_path, steps=steps), case_s_max=1)
        assert played == Played("hang", "step 2 has not ended")
        assert player.play(case_of(tmp_path)) == Played("pass")


def test_a_process_that_dies_fails_its_case(tmp_path: Path) -> None:
    with Player(module="conformance.no_such_worker") as player:
        played = player.play(case_of(tmp_path))
    assert played.outcome == "fail" and "with code 1" in (played.detail or "")


KNOWN = Known("a reason", "calls block")


def test_an_unexpected_failure_and_an_unexpected_pass_fail_the_run() -> None:
    assert judge(Played("pass"), None) is None
    assert judge(Played("fail", "step 4: calls block here"), KNOWN) is None
    assert judge(Played("pass"), KNOWN) == "it passes, and was expected to fail: a reason"
    assert judge(Played("fail", "why"), None) == "fail: why"
    assert judge(Played("hang", "why"), None) == "hang: why"


@pytest.mark.parametrize(
    "played",
    [
        Played("fail", "step 2: expected 1, found 2"),
        Played("fail"),
        Played("hang", "step 4: calls block here"),
    ],
)
def test_a_listed_case_that_hangs_or_fails_in_another_way_fails_the_run(played: Played) -> None:
    wrong = judge(played, KNOWN)
    assert wrong == f"{played.outcome}, and not by `calls block`: {played.detail}"


ENTRY = {"case": "a-case", "reason": "it is not done", "detail": "calls block", "link": None}


@pytest.mark.parametrize(
    "entries",
    [
        [ENTRY, ENTRY],
        [ENTRY | {"reason": ""}],
        [ENTRY | {"detail": ""}],
        [ENTRY | {"detail": None}],
        [ENTRY | {"more": 1}],
    ],
)
def test_an_expected_failure_says_why_and_what_it_looks_like(
    tmp_path: Path, entries: list[dict[str, Any]]
) -> None:
    path = tmp_path / "python.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(BadCase):
        expected_failures(path, ["a-case"])


def test_expected_failures_name_cases_that_exist(tmp_path: Path) -> None:
    path = tmp_path / "python.json"
    path.write_text(json.dumps([ENTRY]))
    assert expected_failures(path, ["a-case"]) == {"a-case": Known("it is not done", "calls block")}
    with pytest.raises(BadCase, match="a-case"):
        expected_failures(path, ["b-case"])
