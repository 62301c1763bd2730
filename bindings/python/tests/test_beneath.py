"""What can be opened below a directory, by the system's own call and step by step."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tandem_persistence import _beneath as beneath


@pytest.fixture(params=["openat2", "steps"])
def granted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """A directory that has a secret beside it, opened."""
    if request.param == "steps":
        request.getfixturevalue("monkeypatch").setattr(beneath, "has_openat2", lambda: False)
    elif not beneath.has_openat2():
        pytest.skip("this system cannot open beneath a directory by itself")
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "granted"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_text("inside")
    for name, target in {
        "inner": "a/b",
        "a/up": "../a/b/file",
        "out": "../secret",
        "absolute": str(root / "a"),
        "loop": "loop",
        "a/b/far": "../../../secret",
    }.items():
        (root / name).symlink_to(target)
    directory = os.open(root, os.O_RDONLY)
    yield directory
    os.close(directory)


def read(directory: int, path: str, flags: int = os.O_RDONLY) -> str:
    opened = beneath.open_beneath(directory, path, flags)
    with os.fdopen(opened) as file:
        return file.read()


@pytest.mark.parametrize(
    "path",
    ["a/b/file", "./a//b/file", "a/../a/b/file", "inner/file", "a/up", "a/b/../../inner/file"],
)
def test_what_lies_below_is_opened_also_through_links(granted: int, path: str) -> None:
    assert read(granted, path) == "inside"


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../../secret",
        "out",
        "out/",
        "a/b/far",
        "inner/far",
        "absolute/b/file",
        "absolute",
        "/etc/hostname",
        "..",
        "a/../..",
    ],
)
def test_no_path_and_no_link_leads_out(granted: int, path: str) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(PermissionError) as caught:
        beneath.open_beneath(granted, path, os.O_RDONLY)
    assert caught.value.errno == errno.EPERM
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(
    ("path", "flags", "number"),
    [
        ("loop", os.O_RDONLY, errno.ELOOP),
        ("loop/file", os.O_RDONLY, errno.ELOOP),
        ("inner", os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
        ("out", os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
        ("a/up", os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
        ("out", os.O_WRONLY | os.O_CREAT | os.O_EXCL, errno.EEXIST),
        ("missing", os.O_RDONLY, errno.ENOENT),
        ("missing/file", os.O_RDONLY, errno.ENOENT),
        ("", os.O_RDONLY, errno.ENOENT),
        ("a/b/file/more", os.O_RDONLY, errno.ENOTDIR),
        ("a/b/file", os.O_RDONLY | os.O_DIRECTORY, errno.ENOTDIR),
        ("x" * 300, os.O_RDONLY, errno.ENAMETOOLONG),
    ],
)
def test_errors_are_those_of_the_system(granted: int, path: str, flags: int, number: int) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        beneath.open_beneath(granted, path, flags)
    assert caught.value.errno == number
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_nothing_is_made_outside(granted: int, tmp_path: Path) -> None:
    (tmp_path / "granted/to-new").symlink_to("../new")
    for path in ("../new", "to-new"):
        with pytest.raises(PermissionError):
            beneath.open_beneath(granted, path, os.O_WRONLY | os.O_CREAT)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["a/..", "a/.", "..", "."])
def test_what_is_changed_has_a_name(granted: int, path: str) -> None:
    with pytest.raises(OSError, match="no name") as caught:
        beneath.parent_beneath(granted, path)
    assert caught.value.errno == errno.EINVAL


def test_what_is_changed_lies_below(granted: int) -> None:
    for path in ("../secret", "a/../../secret", "/secret", "/tmp/secret"):
        with pytest.raises(PermissionError):
            beneath.parent_beneath(granted, path)
    above, name = beneath.parent_beneath(granted, "inner/file")
    assert read(above, name, os.O_RDONLY | os.O_NOFOLLOW) == "inside"
    os.close(above)


def test_where_the_system_refuses_its_own_call_each_step_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(directory: int, path: str, flags: int, mode: int) -> int:
        raise OSError(errno.EPERM, "a sandbox")

    beneath.has_openat2.cache_clear()
    monkeypatch.setattr(beneath, "_in_one_call", refuse)
    assert not beneath.has_openat2()
    beneath.has_openat2.cache_clear()
