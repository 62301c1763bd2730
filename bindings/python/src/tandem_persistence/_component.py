"""The component in wasmtime: one engine for the process, one instance for each `Tandem`."""

from __future__ import annotations

import errno
import itertools
import os
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any

import wasmtime
from wasmtime import component

from . import _arguments as arguments
from . import _cache as cache
from . import _lift as lift
from . import _options as options
from . import records
from ._bindings import Function
from ._limits import Limits
from .errors import TandemError
from .records import ErrorKind, Operation

FUEL_PER_CALL = 3 * 10**11
"""Bounds what one call computes, waiting apart. The merge of a history of 64 MiB needs a twentieth,
and what else fits in the memory needs less than all of it."""

RUNS = "tandem:persistence-blocking/runs@0.1.0"
HISTORIES = "tandem:persistence-blocking/histories@0.1.0"
EXPORTS = {
    "set-limits": (RUNS, "set-limits"),
    "open": (RUNS, "[static]run.open"),
    "set": (RUNS, "[method]run.set"),
    "merge": (RUNS, "[method]run.merge"),
    "mark": (RUNS, "[method]run.mark"),
    "schedule": (RUNS, "[method]run.schedule"),
    "flush": (RUNS, "[method]run.flush"),
    "close": (RUNS, "[method]run.close"),
    "stats": (RUNS, "[method]run.stats"),
    "record-run": (HISTORIES, "record-run"),
    "record-runs": (HISTORIES, "record-runs"),
    "remove-runs": (HISTORIES, "remove-runs"),
    "history": (HISTORIES, "history"),
}


class _Process:
    """What this process has of wasmtime, made when the first `Tandem` needs it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_used = False
        self._compiled: dict[str | None, tuple[wasmtime.Engine, component.Component]] = {}
        self.is_forked = False
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        # wasmtime's threads do not live on in a child, so that every call would wait for ever.
        self.is_forked = self._is_used

    def check(self) -> None:
        """Refuses calls that could not end."""
        if self.is_forked:
            raise component_failed(
                "this process was forked from one that used Tandem; start it with `spawn` or make "
                "the first Tandem after the fork"
            )

    def load(self, is_cached: bool) -> tuple[wasmtime.Engine, component.Component]:
        """The compiled component, from the user's cache if it may be used and is trusted."""
        self.check()
        self._is_used = True
        with self._lock:
            configuration = cache.configuration() if is_cached else None
            if configuration not in self._compiled:
                engine = make_engine(configuration)
                compiled = component.Component(engine, component_bytes())
                self._compiled[configuration] = engine, compiled
            return self._compiled[configuration]


def make_engine(cache_configuration: str | None) -> wasmtime.Engine:
    """An engine, with the cache that a file configures."""
    config = wasmtime.Config()
    config.consume_fuel = True
    if cache_configuration is not None:
        # Where wasmtime cannot have the cache, only time is lost.
        with suppress(wasmtime.WasmtimeError):
            config.cache = cache_configuration
    return wasmtime.Engine(config)


PROCESS = _Process()


def component_bytes() -> bytes:
    """The component as WebAssembly."""
    wasm = files(__package__) / "tandem-blocking.wasm"
    try:
        return wasm.read_bytes()
    except FileNotFoundError as error:
        message = (
            f"the component is missing, run `python bindings/python/build_component.py`: {wasm}"
        )
        raise TandemError(ErrorKind.COMPONENT_FAILED, message) from error


def component_failed(message: str) -> TandemError:
    return TandemError(ErrorKind.COMPONENT_FAILED, message)


class Instance:
    """An instance of the component that is granted one directory and nothing else."""

    def __init__(self, directory: str, given: records.Limits, is_cached: bool) -> None:
        limits = options.record(records.LIMITS, given)
        self.limits = Limits(given)
        self._lock = threading.RLock()
        self._is_busy = False
        self._ended: TandemError | None = None
        # A run in a cycle of garbage may go after what it has, so its handle is here.
        self._numbers = itertools.count()
        self._handles: dict[int, component.ResourceAny] = {}
        self._unused: deque[int] = deque()
        try:
            engine, compiled = PROCESS.load(is_cached)
            self._store = wasmtime.Store(engine)
            self._functions = self._start(engine, compiled, directory)
        except wasmtime.WasmtimeError as error:
            raise component_failed(f"the component cannot start: {_reason(error)}") from error
        try:
            lift.outcome(self.call("set-limits", limits))
        except TandemError:
            self._store.close()
            raise

    def _start(
        self,
        engine: wasmtime.Engine,
        compiled: component.Component,
        directory: str,
    ) -> dict[str, Function]:
        self._store.set_limits(memory_size=self.limits.memory_bytes)
        self._store.set_fuel(FUEL_PER_CALL)
        self._store.set_wasi(_grant(directory))
        with component.Linker(engine) as linker:
            linker.add_wasip2()
            instance = linker.instantiate(self._store, compiled)
        return {
            name: Function(instance, self._store, compiled, *path) for name, path in EXPORTS.items()
        }

    @property
    def is_open(self) -> bool:
        """Whether calls can succeed."""
        return self._ended is None and not PROCESS.is_forked

    def check(self) -> None:
        """Raises what every call would be refused with."""
        with self._entered():
            pass

    def call(self, name: str, *arguments: object) -> Any:
        """Calls an export, while no other thread does."""
        with self._entered():
            return self._run(self._functions[name], *arguments)

    def keep(self, handle: component.ResourceAny) -> int:
        """Takes the handle of a run, and answers its number."""
        number = next(self._numbers)
        self._handles[number] = handle
        return number

    def call_run(self, name: str, number: int, *arguments: object) -> Any:
        """Calls a method of a run."""
        return self.call(name, self._handles[number], *arguments)

    def give_up(self, number: int) -> None:
        """Closes a run with the next call.

        It may be garbage that is collected anywhere, in the middle of a call too.
        """
        self._unused.append(number)

    def close(self) -> None:
        """Releases everything that the instance has."""
        if PROCESS.is_forked:
            # There are no threads that could end what the store may still do, and nobody who
            # could release the lock.
            return
        if self.is_open:
            self.check()
        with self._lock:
            if self._ended is None or self._ended.kind is not ErrorKind.CLOSED:
                self._ended = TandemError(ErrorKind.CLOSED, "the Tandem is closed")
                self._store.close()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        PROCESS.check()
        with self._lock:
            if self._is_busy:
                raise TandemError(
                    ErrorKind.INVALID_INPUT,
                    "a Tandem cannot be called by what interrupts its own call, such as a handler "
                    "of signals",
                )
            if self._ended is not None:
                raise TandemError(self._ended.kind, self._ended.message)
            self._is_busy = True
            try:
                while self._unused:
                    self._release(self._unused.popleft())
                yield
            finally:
                self._is_busy = False

    def _release(self, number: int) -> None:
        """Closes a run that nobody can close any more."""
        handle = self._handles.pop(number)
        try:
            lift.outcome(self._run(self._functions["close"], handle))
        except TandemError as error:
            # There is no caller whose call failed.
            message = f"a run was not closed, and what it had not written is lost: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        if self._ended is None:
            self._run(handle.drop)

    def _run(self, function: Any, *arguments: object) -> Any:
        self._store.set_fuel(FUEL_PER_CALL)
        try:
            return function(self._store, *arguments)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            message = f"the component failed, make a new Tandem: {_reason(error)}"
            self._ended = component_failed(message)
            raise component_failed(message) from error


def _grant(directory: str) -> wasmtime.WasiConfig:
    wasi = wasmtime.WasiConfig()
    try:
        wasi.preopen_dir(directory, ".")
    except wasmtime.WasmtimeError as error:
        raise _unusable(directory, "it cannot be opened", "io") from error
    return wasi


def directory_path(directory: str | os.PathLike[str]) -> str:
    """The path of a directory that exists and can be opened."""
    path = os.fspath(directory) if isinstance(directory, os.PathLike) else directory
    if not isinstance(path, str):
        arguments.wrong_type("the directory", "a str or a path of one", directory)
    # wasmtime takes UTF-8 up to the first NUL.
    if "\0" in path:
        arguments.invalid(f"the directory's path has a NUL: {path!a}")
    arguments.text("the directory's path", path)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise _unusable(path, reason, ERROR_CODES.get(error.errno or 0, "io")) from error
    return path


ERROR_CODES = {
    errno.EACCES: "access",
    errno.ELOOP: "loop",
    errno.ENAMETOOLONG: "name-too-long",
    errno.ENOENT: "no-entry",
    errno.ENOTDIR: "not-directory",
    errno.EPERM: "not-permitted",
}


def _unusable(path: str, reason: str, code: str) -> TandemError:
    return TandemError(
        ErrorKind.STORAGE,
        f"cannot use the directory, {reason}: {path}",
        operation=Operation.OPEN,
        path=path,
        code=code,
    )


def _reason(error: Exception) -> str:
    """The innermost cause, which wasmtime tells last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason is told"
