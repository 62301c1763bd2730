"""The modes of files: private until they are whole, then that of the file that was there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import RUN, SUMMARY, summary

from tandem_persistence import Tandem, TandemError, _modes
from tandem_persistence._modes import Modes, open_up

FILES = [
    RUN / "manifest.json",
    RUN / ".heartbeat",
    Path(".runs/task/run/manifest.json"),
    Path("out/task/runs.json"),
]
TEMPORARY = f".file.0f{_modes.TEMPORARY}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """One that takes something else away than the usual one."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_RDONLY)
    yield number
    os.close(number)


def write_all(root: Path, n: int) -> None:
    """Writes every file that a run has."""
    with Tandem(root) as tandem, tandem.open_run("task", "run") as run:
        run.set({"n": n})
        run.schedule(manifest=True, heartbeat=True, force=True)
        tandem.record_run(SUMMARY | {"n": n})


def test_a_new_file_has_0666_less_the_umask(tmp_path: Path) -> None:
    write_all(tmp_path, 1)
    assert [mode(tmp_path / file) for file in FILES] == [0o640] * 4


@pytest.mark.parametrize("kept", [0o600, 0o644, 0o666])
def test_every_file_keeps_its_mode_when_it_is_replaced(tmp_path: Path, kept: int) -> None:
    write_all(tmp_path, 1)
    before = [(tmp_path / file).stat().st_ino for file in FILES]
    for file in FILES:
        (tmp_path / file).chmod(kept)
    write_all(tmp_path, 2)
    after = [(tmp_path / file).stat().st_ino for file in FILES]
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert [mode(tmp_path / file) for file in FILES] == [kept] * 4


def test_a_file_that_is_not_whole_yet_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, 1)
    modes: list[int] = []
    write = os.pwrite

    def noted(file: int, content: bytes, at: int) -> int:
        modes.append(stat.S_IMODE(os.fstat(file).st_mode))
        return write(file, content, at)

    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        run.set({})
        monkeypatch.setattr(os, "pwrite", noted)
        run.schedule(manifest=True, heartbeat=True, force=True)
    assert modes and set(modes) == {0o600}


def test_a_file_is_never_run_as_somebody_else(tmp_path: Path) -> None:
    write_all(tmp_path, 1)
    (tmp_path / FILES[0]).chmod(0o4755)
    write_all(tmp_path, 2)
    assert mode(tmp_path / FILES[0]) == 0o755


def test_what_takes_the_place_of_a_private_file_that_was_set_aside_is_private(
    tmp_path: Path,
) -> None:
    manifest = tmp_path / FILES[0]
    manifest.parent.mkdir(parents=True)
    manifest.write_text("damaged")
    manifest.chmod(0o600)
    write_all(tmp_path, 1)
    assert mode(manifest) == 0o600
    assert [mode(it) for it in manifest.parent.glob("*.corrupt-*")] == [0o600]
    # One of another name, and one of another directory, are not.
    assert mode(tmp_path / FILES[1]) == 0o640
    assert mode(tmp_path / FILES[2]) == 0o640


def test_the_copy_of_a_history_that_is_set_aside_is_as_private_as_the_history(
    tandem: Tandem, tmp_path: Path
) -> None:
    history = tmp_path / FILES[3]
    tandem.record_run(SUMMARY)
    history.write_text("damaged")
    history.chmod(0o600)
    tandem.record_run(summary("another", 1))
    assert mode(history) == 0o600
    assert [mode(it) for it in history.parent.glob("*.corrupt-*")] == [0o600]


def test_what_is_no_file_has_no_mode_to_keep(tmp_path: Path, directory: int) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    (tmp_path / "file").symlink_to("secret")
    (tmp_path / TEMPORARY).touch(0o600)
    Modes().rename(TEMPORARY, "file", directory, directory)
    assert (mode(tmp_path / "file"), mode(secret)) == (0o640, 0o600)


def test_where_it_cannot_be_told_what_was_there_the_new_file_stays_private(
    tmp_path: Path, directory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **at: int) -> None:
        raise PermissionError(errno.EACCES, "no")

    (tmp_path / TEMPORARY).touch(0o600)
    monkeypatch.setattr(os, "lstat", refuse)
    Modes().rename(TEMPORARY, "file", directory, directory)
    monkeypatch.undo()
    assert mode(tmp_path / "file") == 0o600


def test_neither_a_link_nor_a_second_name_of_another_file_is_opened_up(
    tmp_path: Path, directory: int
) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    (tmp_path / "link").symlink_to("secret")
    (tmp_path / "second").hardlink_to(secret)
    for name in ("link", "second", "missing"):
        open_up(name, directory, 0o666)
    assert mode(secret) == 0o600


def test_where_no_descriptor_is_left_nothing_is_renamed_so_that_no_mode_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, 1)
    manifest = tmp_path / FILES[0]
    manifest.chmod(0o644)
    before = manifest.read_text()
    open_file = os.open

    def none_left(path: str, flags: int, mode: int = 0o777, **at: int) -> int:
        if path.endswith(_modes.TEMPORARY) and not flags & os.O_CREAT:
            raise OSError(errno.EMFILE, "too many open files")
        return open_file(path, flags, mode, **at)

    with Tandem(tmp_path) as tandem, tandem.open_run("task", "run") as run:
        run.set({"n": 2})
        monkeypatch.setattr(os, "open", none_left)
        with pytest.raises(TandemError):
            run.flush()
        assert (manifest.read_text(), mode(manifest)) == (before, 0o644)
        monkeypatch.undo()
        run.flush()
    assert mode(manifest) == 0o644


def test_the_umask_is_told_by_the_system_or_asked_for() -> None:
    assert _modes.umask() == 0o027
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", lambda self: "Name: python\n")
        assert _modes.umask() == 0o027
    assert os.umask(0o027) == 0o027
