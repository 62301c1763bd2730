"""The component in wasmtime: one engine for the process, one instance for each `Tandem`."""

from __future__ import annotations

import errno
import itertools
import os
import pkgutil
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import wasmtime

from . import _arguments as arguments
from . import _cache as cache
from . import _elsewhere as elsewhere
from . import _lift as lift
from . import _options as options
from . import records
from ._limits import Limits
from ._machine import Imports, Machine, keep_memory_in_place
from ._module import core_module
from ._wasi import Wasi
from .errors import TandemError
from .records import ErrorKind, Operation

COMPONENT_NAME = "tandem-blocking.wasm"

FUEL_PER_CALL = 3 * 10**11
"""Bounds what one call computes, waiting apart. The merge of a history of 64 MiB needs a twentieth,
and what else fits in the memory needs less than all of it."""

RUNS = "tandem:persistence-blocking/runs@0.1.0"
HISTORIES = "tandem:persistence-blocking/histories@0.1.0"
EXPORTS = {
    "set-limits": f"{RUNS}#set-limits",
    "open": f"{RUNS}#[static]run.open",
    "set": f"{RUNS}#[method]run.set",
    "merge": f"{RUNS}#[method]run.merge",
    "mark": f"{RUNS}#[method]run.mark",
    "schedule": f"{RUNS}#[method]run.schedule",
    "flush": f"{RUNS}#[method]run.flush",
    "close": f"{RUNS}#[method]run.close",
    "stats": f"{RUNS}#[method]run.stats",
    "record-run": f"{HISTORIES}#record-run",
    "record-runs": f"{HISTORIES}#record-runs",
    "remove-runs": f"{HISTORIES}#remove-runs",
    "history": f"{HISTORIES}#history",
}
DROP_RUN = f"{RUNS}#[dtor]run"

AT_ONCE = {"set-limits", "set", "merge", "mark", "stats"}
"""What uses nothing that is imported, so that nothing is left half done by an interruption."""


class _Process:
    """What this process has of wasmtime, made when the first `Tandem` needs it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_used = False
        self._compiled: dict[str | None, tuple[wasmtime.Engine, wasmtime.Module]] = {}
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

    def load(self, is_cached: bool) -> tuple[wasmtime.Engine, wasmtime.Module]:
        """The compiled code, from the user's cache if it may be used and is trusted."""
        self.check()
        self._is_used = True
        with self._lock:
            configuration = cache.configuration() if is_cached else None
            if configuration not in self._compiled:
                engine = make_engine(configuration)
                compiled = wasmtime.Module(engine, core_module(component_bytes()))
                self._compiled[configuration] = engine, compiled
            return self._compiled[configuration]


def make_engine(cache_configuration: str | None) -> wasmtime.Engine:
    """An engine, with the cache that a file configures."""
    config = wasmtime.Config()
    config.consume_fuel = True
    keep_memory_in_place(config)
    if cache_configuration is not None:
        # Where wasmtime cannot have the cache, only time is lost.
        with suppress(wasmtime.WasmtimeError):
            config.cache = cache_configuration
    return wasmtime.Engine(config)


PROCESS = _Process()


def component_bytes() -> bytes:
    """The component as WebAssembly."""
    try:
        wasm = pkgutil.get_data(__name__, COMPONENT_NAME)
    except OSError as error:
        message = "the component is missing, run `python bindings/python/build_component.py`"
        raise TandemError(ErrorKind.COMPONENT_FAILED, message) from error
    assert wasm is not None
    return wasm


def component_failed(message: str) -> TandemError:
    return TandemError(ErrorKind.COMPONENT_FAILED, message)


class Instance:
    """An instance of the component that is granted one directory and nothing else."""

    def __init__(
        self, directory: str | os.PathLike[str], given: records.Limits, is_cached: bool
    ) -> None:
        limits = options.record(records.LIMITS, given)
        self.limits = Limits(given)
        self._lock = threading.RLock()
        self._is_busy = False
        # Held while the component runs, also for a call whose caller was interrupted.
        self._is_running = threading.Lock()
        self._ended: TandemError | None = None
        # A run in a cycle of garbage may go after what it has, so its handle is here.
        self._numbers = itertools.count()
        self._handles: dict[int, int] = {}
        self._unused: deque[int] = deque()
        PROCESS.check()
        self._wasi = Wasi(open_directory(directory))
        try:
            engine, compiled = PROCESS.load(is_cached)
            self._store = wasmtime.Store(engine)
            self._store.set_limits(memory_size=self.limits.memory_bytes)
            self._machine = Machine(self._store, compiled, self._imports(), FUEL_PER_CALL)
            self._wasi.memory = self._machine
        except wasmtime.WasmtimeError as error:
            self._wasi.close()
            raise component_failed(f"the component cannot start: {_reason(error)}") from error
        except BaseException:
            self._wasi.close()
            raise
        try:
            lift.outcome(self.call("set-limits", limits))
        except TandemError:
            self._end()
            raise

    def _imports(self) -> Imports:
        """What the directory and the clocks serve, and the numbers of the component's own runs."""
        own = f"[export]{RUNS}"
        return {
            **self._wasi.imports,
            # A run has the number that the component has for it.
            (own, "[resource-new]run"): lambda run: run,
            (own, "[resource-drop]run"): lambda run: self._machine.drop(DROP_RUN, run),
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
            return self._run(name, *arguments)

    def keep(self, handle: int) -> int:
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
                self._end()

    def _end(self) -> None:
        with self._is_running:
            self._machine.close()
            self._store.close()
            self._wasi.close()

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
            lift.outcome(self._run("close", handle))
        except TandemError as error:
            # There is no caller whose call failed.
            message = f"a run was not closed, and what it had not written is lost: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        if self._ended is None:
            self._run("drop", handle)

    def _run(self, name: str, *arguments: object) -> Any:
        if name in AT_ONCE:
            return self._enter(name, *arguments)
        return elsewhere.run(lambda: self._enter(name, *arguments))

    def _enter(self, name: str, *arguments: Any) -> Any:
        with self._is_running:
            if self._ended is not None:
                # Its caller was interrupted, and has closed everything meanwhile.
                raise TandemError(self._ended.kind, self._ended.message)
            try:
                self._machine.refuel(FUEL_PER_CALL)
                if name == "drop":
                    return self._machine.drop(DROP_RUN, *arguments)
                return self._machine.call(EXPORTS[name], *arguments)
            except Exception as error:
                message = f"the component failed, make a new Tandem: {_reason(error)}"
                self._ended = component_failed(message)
                raise component_failed(message) from error


def open_directory(path: str | os.PathLike[str]) -> int:
    """Opens a directory that exists."""
    path = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(path, str):
        arguments.wrong_type("the directory", "a str or a path of one", path)
    if "\0" in path:
        arguments.invalid(f"the directory's path has a NUL: {path!a}")
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except UnicodeEncodeError:
        arguments.invalid(f"the directory's path has a lone surrogate: {path!a}")
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise _unusable(path, reason, ERROR_CODES.get(error.errno or 0, "io")) from error


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
