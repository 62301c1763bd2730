"""An instance of the component's code in wasmtime, called without conversions of values.

wasmtime's Python package converts each value of a component one by one, which takes longer than
what is done with it. Here numbers cross the boundary, and texts are copied once, into the memory
of the instance or out of it. No place that the code tells is used unchecked.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping
from ctypes import POINTER, addressof, byref, c_char, c_size_t, c_void_p
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from ._abi import FLAT_MAX, Signature
from ._signatures import SIGNATURES

HostFunction = Callable[..., int | None]
"""A function that is imported. It takes unsigned numbers."""

Imports = Mapping[tuple[str, str], HostFunction]

SLOT_BYTES = 16
SLOTS = {
    "i32": f"I{SLOT_BYTES - 4}x",
    "i64": f"Q{SLOT_BYTES - 8}x",
}
"""How a number lies among the arguments and results of a call."""

_CALLBACK = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_void_p, c_void_p, c_size_t)


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of wasmtime's library, which takes addresses as numbers."""
    return ctypes.CFUNCTYPE(result, *arguments)((name, ffi.dll))


_new = _function("wasmtime_func_new_unchecked", None, *[c_void_p] * 6)
_call = _function("wasmtime_func_call_unchecked", c_void_p, *[c_void_p] * 3, c_size_t, c_void_p)
_data = _function("wasmtime_memory_data", c_void_p, *[c_void_p] * 2)
_data_size = _function("wasmtime_memory_data_size", c_size_t, *[c_void_p] * 2)
_set_fuel = _function("wasmtime_context_set_fuel", c_void_p, c_void_p, ctypes.c_uint64)
_new_trap = _function("wasmtime_trap_new", c_void_p, ctypes.c_char_p, c_size_t)
_may_move = _function("wasmtime_config_memory_may_move_set", None, c_void_p, ctypes.c_bool)


def keep_memory_in_place(config: wasmtime.Config) -> None:
    """Memory that grows keeps its address, so that no view of it is ever of something else."""
    _may_move(config.ptr(), False)


class Machine:
    """An instance of the code. One thread at a time may call it."""

    def __init__(
        self, store: wasmtime.Store, module: wasmtime.Module, imports: Imports, fuel: int
    ) -> None:
        self._context = ctypes.cast(store._context(), c_void_p).value
        self._failure: BaseException | None = None
        # wasmtime calls them, and does not keep them.
        self._served: list[Any] = []
        functions = [self._import(module, it, imports) for it in module.imports]
        self.refuel(fuel)
        exports = wasmtime.Instance(store, module, functions).exports(store)
        self._exports = {
            name: it for name, it in exports._extern_map.items() if isinstance(it, wasmtime.Func)
        }
        self._addresses = {name: addressof(it._func) for name, it in self._exports.items()}
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._memory, self._memory_address = memory, addressof(memory._memory)
        self._slots = (c_char * (SLOT_BYTES * FLAT_MAX))()
        self._slots_address = addressof(self._slots)
        self._trap = c_void_p()
        self._trap_address = addressof(self._trap)
        self._realloc = self._addresses["cabi_realloc"]
        self._signatures = {name: Signature(*told) for name, told in SIGNATURES.items()}
        self._view = memoryview(b"")
        self._look()

    def refuel(self, fuel: int) -> None:
        """Sets what is left to compute."""
        _raise(_set_fuel(self._context, fuel))

    def call(self, name: str, *values: Any) -> Any:
        """Calls an export with values of its types, and answers one."""
        signature = self._signatures[name]
        answer = self._enter(self._addresses[name], *signature.lower(self, values))
        self._look()
        lifted = signature.lift(self, answer)
        after = self._addresses.get(f"cabi_post_{name}")
        if after is not None:
            self._enter(after, answer)
        return lifted

    def drop(self, resource: str, number: int) -> None:
        """Ends a resource that an export answered."""
        self._enter(self._addresses[resource], number)

    def close(self) -> None:
        """Lets go of the memory, before the store does. Nothing may be called after."""
        self._view = memoryview(b"")

    def _enter(self, address: int, *numbers: int) -> int:
        slots = self._slots
        PASSED[len(numbers)].pack_into(slots, 0, *numbers)
        error = _call(
            self._context,
            address,
            self._slots_address,
            max(len(numbers), 1),
            self._trap_address,
        )
        if error or self._trap.value:
            self._fail(error)
        answer: int
        (answer,) = RESULT.unpack_from(slots)
        return answer

    def _fail(self, error: int | None) -> None:
        trap, self._trap.value = self._trap.value, None
        failure, self._failure = self._failure, None
        if error:
            told: Exception = _error(error)
        else:
            told = wasmtime.Trap._from_ptr(ctypes.cast(trap, POINTER(ffi.wasm_trap_t)))  # type: ignore[arg-type]
        raise told from failure

    def _import(
        self, module: wasmtime.Module, wanted: wasmtime.ImportType, imports: Imports
    ) -> wasmtime.Func:
        name = wanted.module, wanted.name or ""
        function_type = wanted.type
        if name not in imports or not isinstance(function_type, wasmtime.FuncType):
            raise wasmtime.WasmtimeError(f"nothing serves the import {name[1]} of {name[0]}")
        callback = self._served_by(imports[name], function_type)
        self._served.append(callback)
        made = ffi.wasmtime_func_t()
        code = ctypes.cast(callback, c_void_p)
        _new(self._context, function_type.ptr(), code, None, None, byref(made))
        return wasmtime.Func._from_raw(made)

    def _served_by(self, function: HostFunction, function_type: wasmtime.FuncType) -> Any:
        taken = struct.Struct("<" + "".join(SLOTS[str(it)] for it in function_type.params))
        answered = [struct.Struct(f"<{SLOTS[str(it)]}") for it in function_type.results]
        slots = c_char * max(taken.size, SLOT_BYTES)

        def serve(_: int, caller: int, address: int, count: int) -> int | None:
            try:
                passed = slots.from_address(address)
                answer = function(*taken.unpack_from(passed))
                if answered:
                    answered[0].pack_into(passed, 0, answer)
            except BaseException as error:
                self._failure = error
                told = f"the host failed: {error!r}".encode(errors="replace")
                trap: int = _new_trap(told, len(told))
                return trap
            return None

        return _CALLBACK(serve)

    def _look(self) -> None:
        """Looks at the memory as large as it is now. It only grows."""
        size = _data_size(self._context, self._memory_address)
        if size != len(self._view):
            place = _data(self._context, self._memory_address)
            self._view = memoryview((c_char * size).from_address(place)).cast("B")

    def byte(self, place: int) -> int:
        try:
            return self._view[place]
        except IndexError:
            self._look()
            return self._view[place]

    def read(self, place: int, size: int) -> bytes:
        content = self._view[place : place + size]
        if len(content) != size:
            self._look()
            content = self._view[place : place + size]
            if len(content) != size:
                raise IndexError("a place is not in the memory")
        return bytes(content)

    def write(self, place: int, content: bytes) -> None:
        end = place + len(content)
        if end > len(self._view):
            self._look()
        # A part that is not in the memory would be left out, which is an error then.
        self._view[place:end] = content

    def load(self, form: struct.Struct, place: int) -> tuple[int, ...]:
        try:
            return form.unpack_from(self._view, place)
        except struct.error:
            self._look()
            return form.unpack_from(self._view, place)

    def store(self, form: struct.Struct, place: int, *values: int) -> None:
        try:
            form.pack_into(self._view, place, *values)
        except struct.error:
            self._look()
            form.pack_into(self._view, place, *values)

    def allocate(self, size: int, align: int) -> int:
        """Room for what the code is handed. Host functions may ask for it too."""
        # They come in the middle of a call, whose numbers were taken already.
        return self._enter(self._realloc, 0, 0, align, size)


PASSED = [struct.Struct(f"<{SLOTS['i64'] * count}") for count in range(FLAT_MAX + 1)]
RESULT = struct.Struct("<I")


def _raise(error: int | None) -> None:
    if error:
        raise _error(error)


def _error(error: int) -> wasmtime.WasmtimeError:
    pointer = ctypes.cast(error, POINTER(ffi.wasmtime_error_t))
    return wasmtime.WasmtimeError._from_ptr(pointer)
