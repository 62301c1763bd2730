"""Where compiled code is kept between starts, and whether it is trusted."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime
from support import python

from tandem_persistence import _cache as cache
from tandem_persistence._component import make_engine

ROOT, USER, ANOTHER = 0, 1000, 1001


@pytest.fixture(autouse=True)
def undecided() -> Iterator[None]:
    """What another test decided for this process counts in none of these, and the reverse."""
    cache.configuration.cache_clear()
    yield
    cache.configuration.cache_clear()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory that is the user's."""
    path = tmp_path.resolve() / "home"
    path.mkdir()
    path.chmod(0o755)
    return path


def private(directory: Path) -> Path | None:
    return cache.private(directory, os.geteuid())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("home_mode", "cache_mode", "is_trusted"),
    [
        (0o755, 0o700, True),
        (0o700, 0o700, True),
        (0o1777, 0o700, True),
        (0o775, 0o700, False),
        (0o777, 0o700, False),
        # What wasmtime makes below it may be open to the group.
        (0o755, 0o755, False),
        (0o755, 0o770, False),
        (0o755, 0o1777, False),
    ],
)
def test_a_cache_is_trusted_where_only_its_user_can_write(
    home: Path, home_mode: int, cache_mode: int, is_trusted: bool
) -> None:
    directory = home / "cache"
    directory.mkdir()
    directory.chmod(cache_mode)
    home.chmod(home_mode)
    assert private(directory) == (directory if is_trusted else None)


def test_a_cache_that_is_missing_is_made_for_its_user_alone(home: Path) -> None:
    directory = home / ".cache/tandem/compiled"
    umask = os.umask(0)
    try:
        assert private(directory) == directory
    finally:
        os.umask(umask)
    made = (directory, *directory.parents[:2])
    assert [mode(path) for path in made] == [0o700] * 3


@pytest.mark.parametrize("home_mode", [0o775, 0o777])
def test_nothing_is_made_where_it_would_not_be_trusted(home: Path, home_mode: int) -> None:
    home.chmod(home_mode)
    assert private(home / "tandem/compiled") is None
    assert not list(home.iterdir())


def test_a_link_counts_as_what_it_leads_to(home: Path) -> None:
    opened, link = home / "opened", home / "link"
    inner = opened / "inner"
    (inner / "cache").mkdir(parents=True)
    (inner / "cache").chmod(0o700)
    link.symlink_to(inner)
    assert private(link / "cache") == inner / "cache"
    opened.chmod(0o777)
    assert private(link / "cache") is None
    assert private(link / "another") is None
    assert [path.name for path in inner.iterdir()] == ["cache"]


def test_what_another_put_there_meanwhile_is_not_trusted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = home / "opened/cache"
    theirs.mkdir(parents=True)
    theirs.chmod(0o700)
    theirs.parent.chmod(0o777)

    def be_late(self: Path, mode: int, exist_ok: bool) -> None:
        self.symlink_to(theirs)

    monkeypatch.setattr(Path, "mkdir", be_late)
    assert private(home / "cache") is None


@pytest.mark.parametrize("to", ["nowhere", "link"])
def test_a_link_that_leads_nowhere_is_no_cache(
    home: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    (home / "link").symlink_to(home / to)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "link"))
    assert cache.configuration() is None
    assert [path.name for path in home.iterdir()] == ["link"]


@pytest.mark.parametrize(
    ("owner", "directory_mode", "user", "is_trusted"),
    [
        (USER, 0o755, USER, True),
        (ROOT, 0o755, USER, True),
        (ROOT, 0o1777, USER, True),
        (USER, 0o1777, USER, True),
        (ROOT, 0o777, USER, False),
        (USER, 0o775, USER, False),
        (USER, 0o757, USER, False),
        (ANOTHER, 0o755, USER, False),
        (ANOTHER, 0o1777, USER, False),
        # A program that `sudo` or a set-uid bit made root.
        (USER, 0o700, ROOT, False),
    ],
)
def test_a_directory_of_another_user_is_not_out_of_reach(
    owner: int, directory_mode: int, user: int, is_trusted: bool
) -> None:
    found = os.stat_result((stat.S_IFDIR | directory_mode, 1, 1, 1, owner, 0, 0, 0, 0, 0))
    assert cache.is_out_of_reach(found, user) == is_trusted


@pytest.mark.parametrize(
    ("caches", "kept"),
    [
        ("{home}/caches", "caches/tandem/compiled"),
        ("caches", ".cache/tandem/compiled"),
        ("", ".cache/tandem/compiled"),
        (None, ".cache/tandem/compiled"),
    ],
)
def test_the_directory_is_tandems_own_in_the_users_caches(
    home: Path, monkeypatch: pytest.MonkeyPatch, caches: str | None, kept: str
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME")
    if caches is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", caches.format(home=home))
    assert cache.configuration() == str(home / kept / cache.CONFIGURATION_NAME)


@pytest.mark.parametrize("value", [None, "", "relative"])
def test_without_a_home_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert cache.configuration() is None
    assert not list(tmp_path.iterdir())


def test_it_is_decided_once_in_a_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    before = cache.configuration()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "another"))
    assert before is not None and cache.configuration() == before
    assert not (home / "another").exists()


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "li\nne\t\x01\x1f\x7f", "ü€😀", "#'=[]"])
def test_the_configuration_names_the_directory_whatever_its_path(home: Path, name: str) -> None:
    directory = home / name
    directory.mkdir()
    file = Path(cache.write_configuration(directory))
    assert tomllib.loads(file.read_bytes().decode()) == {"cache": {"directory": str(directory)}}
    assert list(directory.iterdir()) == [file]


def test_a_path_that_is_not_utf_8_is_no_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "\udcff"))
    assert cache.configuration() is None


def test_a_configuration_is_replaced_only_if_it_says_something_else(home: Path) -> None:
    file = Path(cache.write_configuration(home))
    content, before = file.read_bytes(), file.stat()
    cache.write_configuration(home)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    file.write_text('[cache]\ndirectory = "/another"\n')
    with file.open("rb") as opened:
        cache.write_configuration(home)
        # Who reads meanwhile has a whole file.
        assert opened.read() == b'[cache]\ndirectory = "/another"\n'
    assert file.read_bytes() == content
    assert list(home.iterdir()) == [file]


def test_a_configuration_that_cannot_be_written_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert cache.configuration() is None
    assert not list((home / "tandem/compiled").iterdir())


START = """
import sys
from tandem_persistence import Tandem
with Tandem(sys.argv[1], **({"compile_cache": False} if sys.argv[2] == "off" else {})) as tandem:
    tandem.history("task")
"""


def start(root: Path, home: Path, use: str = "default") -> None:
    """A process that makes a `Tandem`, which works and says nothing."""
    homes = {"HOME": home, "XDG_CACHE_HOME": home / ".cache", "XDG_CONFIG_HOME": home / ".config"}
    child = python(START, root, use, environment={name: str(it) for name, it in homes.items()})
    assert child.communicate(timeout=60) == ("", "")
    assert child.returncode == 0


def entries(directory: Path) -> dict[Path, int]:
    """What wasmtime compiled, with what changes when it does so again."""
    modules = (directory / "modules").glob("*/*")
    return {path: path.stat().st_ino for path in modules if not path.suffix}


def test_the_next_start_takes_what_one_compiled(tmp_path: Path, home: Path) -> None:
    start(tmp_path, home)
    first = entries(home / ".cache/tandem/compiled")
    assert first
    start(tmp_path, home)
    assert entries(home / ".cache/tandem/compiled") == first


def test_the_users_configuration_of_wasmtime_has_no_say(tmp_path: Path, home: Path) -> None:
    # Linux and macOS have it in different places.
    for place in (".config/wasmtime", "Library/Preferences/BytecodeAlliance.wasmtime"):
        (home / place).mkdir(parents=True)
        (home / place / "config.toml").write_text(f'[cache]\ndirectory = "{home}/another"\n')
    start(tmp_path, home)
    assert entries(home / ".cache/tandem/compiled")
    assert not (home / "another").exists()


def test_nothing_is_kept_if_the_cache_is_off(tmp_path: Path, home: Path) -> None:
    start(tmp_path, home, "off")
    assert not list(home.iterdir())


def test_where_the_cache_is_not_trusted_each_start_compiles(tmp_path: Path, home: Path) -> None:
    home.chmod(0o777)
    start(tmp_path, home)
    assert not list(home.iterdir())


def test_where_no_cache_can_be_made_each_start_compiles(tmp_path: Path, home: Path) -> None:
    (home / ".cache").write_text("in the way")
    start(tmp_path, home)
    assert (home / ".cache").read_text() == "in the way"


def test_where_wasmtime_refuses_the_cache_it_compiles(home: Path) -> None:
    # Its cleanup can remove the file after it was found.
    assert wasmtime.Module(make_engine(str(home / "missing.toml")), b"(module)")


def test_what_is_kept_is_told_apart_by_the_code_and_by_what_it_is_compiled_for(home: Path) -> None:
    # wasmtime has its own version in the name of the directory, too.
    configuration = cache.write_configuration(home)
    one, other = (f'(module (func (export "{name}")))' for name in "ab")
    kept = []
    for engine, code in (
        (make_engine(configuration), one),
        (make_engine(configuration), one),
        (make_engine(configuration), other),
        (_another_engine(configuration), one),
    ):
        wasmtime.Module(engine, code)
        kept.append(len(entries(home)))
    assert kept == [1, 1, 2, 3]


def _another_engine(configuration: str) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cache = configuration
    # As a processor that needs other machine code.
    config.cranelift_opt_level = "none"
    return wasmtime.Engine(config)


def test_the_loader_follows_no_link_that_comes_after_the_check(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to("real")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "link"))
    configuration = cache.configuration()
    assert configuration == str(home / "real/tandem/compiled" / cache.CONFIGURATION_NAME)
    # Whoever leads the link elsewhere now leads nobody there.
    content = tomllib.loads(Path(configuration).read_text())
    assert content == {"cache": {"directory": str(home / "real/tandem/compiled")}}
