"""Calls of the component's functions through the bindings of wasmtime."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import wasmtime
from wasmtime import component

_LOWERING = threading.RLock()


class _Lowered(component.ValType):
    """A type whose values are lowered by one thread at a time.

    The bindings keep what they know of an option's cases in a variable of the whole process.
    """

    def __init__(self, value_type: component.ValType) -> None:
        self._type = value_type

    def add_classes(self, s: set[type]) -> None:
        self._type.add_classes(s)

    def convert_to_c(self, store: Any, val: Any, ptr: ctypes._Pointer[Any]) -> None:
        with _LOWERING:
            self._type.convert_to_c(store, val, ptr)

    def convert_from_c(self, c: Any) -> Any:
        return self._type.convert_from_c(c)


class _Signature(component.FuncType):
    """A function's type, read once."""

    def __init__(self, function_type: component.FuncType) -> None:
        self._params = [(name, _Lowered(item)) for name, item in function_type.params]
        self._result = function_type.result

    @property
    def params(self) -> list[tuple[str, component.ValType]]:
        return list(self._params)

    @property
    def result(self) -> component.ValType | None:
        return self._result


class Function(component.Func):
    """An export of an instance."""

    def __init__(
        self,
        instance: component.Instance,
        store: wasmtime.Store,
        compiled: component.Component,
        interface: str,
        name: str,
    ) -> None:
        outer = compiled.get_export_index(interface)
        index = outer and compiled.get_export_index(name, outer)
        function = index and instance.get_func(store, index)
        if not function:
            raise wasmtime.WasmtimeError(f"the component has no {name} in {interface}")
        self._func = function._func
        self._signature = _Signature(function.type(store))

    def type(self, store: Any) -> component.FuncType:
        return self._signature


class Fields(component.Record):
    """A record that is made of keyword arguments; `a_b` is the field `a-b`."""

    def __init__(self, **fields: object) -> None:
        self.__dict__.update((name.replace("_", "-"), value) for name, value in fields.items())
