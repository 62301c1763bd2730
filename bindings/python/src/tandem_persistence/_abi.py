"""Values on their way into the component's memory and out of it, by the canonical ABI.

A type is what `_signatures` tells: a name, or a tuple of a name and what it is made of. Records are
dicts whose keys have underscores, enums are strings, a result is a pair of whether it is the value,
and the value or the error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

FLAT_MAX = 16
"""More than so many numbers are passed in memory."""

U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")
PAIR = struct.Struct("<II")


class Memory(Protocol):
    """The memory of an instance."""

    def byte(self, place: int) -> int: ...
    def read(self, place: int, size: int) -> bytes: ...
    def write(self, place: int, content: bytes) -> None: ...
    def load(self, form: struct.Struct, place: int) -> tuple[int, ...]: ...
    def store(self, form: struct.Struct, place: int, *values: int) -> None: ...
    def allocate(self, size: int, align: int) -> int: ...


class Type:
    """How a value is passed: in memory, or as numbers."""

    size: int
    align: int
    flat: int
    """How many numbers it is."""

    def load(self, memory: Memory, place: int) -> Any:
        raise NotImplementedError

    def store(self, memory: Memory, place: int, value: Any) -> None:
        raise NotImplementedError

    def lower(self, memory: Memory, value: Any) -> Sequence[int]:
        raise NotImplementedError


class Number(Type):
    """An unsigned integer, which is checked to fit, or the number of a resource."""

    flat = 1

    def __init__(self, form: struct.Struct) -> None:
        self._form = form
        self.size = self.align = form.size

    def load(self, memory: Memory, place: int) -> int:
        return memory.load(self._form, place)[0]

    def store(self, memory: Memory, place: int, value: int) -> None:
        memory.store(self._form, place, value)

    def lower(self, memory: Memory, value: int) -> Sequence[int]:
        return (value,)


class Bool(Type):
    size = align = flat = 1

    def load(self, memory: Memory, place: int) -> bool:
        return memory.byte(place) != 0

    def store(self, memory: Memory, place: int, value: bool) -> None:
        memory.write(place, b"\1" if value else b"\0")

    def lower(self, memory: Memory, value: bool) -> Sequence[int]:
        return (int(value),)


class Enum(Type):
    size = align = flat = 1

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._numbers = {name: number for number, name in enumerate(names)}

    def load(self, memory: Memory, place: int) -> str:
        return self._names[memory.byte(place)]

    def store(self, memory: Memory, place: int, value: str) -> None:
        memory.write(place, bytes([self._numbers[value]]))

    def lower(self, memory: Memory, value: str) -> Sequence[int]:
        return (self._numbers[value],)


class String(Type):
    size, align, flat = 8, 4, 2

    def load(self, memory: Memory, place: int) -> str:
        return memory.read(*memory.load(PAIR, place)).decode()

    def store(self, memory: Memory, place: int, value: str) -> None:
        memory.store(PAIR, place, *self.lower(memory, value))

    def lower(self, memory: Memory, value: str) -> Sequence[int]:
        content = value.encode()
        place = memory.allocate(len(content), 1)
        memory.write(place, content)
        return place, len(content)


class List(Type):
    size, align, flat = 8, 4, 2

    def __init__(self, item: Type) -> None:
        self._item = item
        self._step = _aligned(item.size, item.align)

    def load(self, memory: Memory, place: int) -> tuple[Any, ...]:
        first, count = memory.load(PAIR, place)
        load, step = self._item.load, self._step
        return tuple(load(memory, first + number * step) for number in range(count))

    def store(self, memory: Memory, place: int, value: Sequence[Any]) -> None:
        memory.store(PAIR, place, *self.lower(memory, value))

    def lower(self, memory: Memory, value: Sequence[Any]) -> Sequence[int]:
        first = memory.allocate(len(value) * self._step, self._item.align)
        for number, item in enumerate(value):
            self._item.store(memory, first + number * self._step, item)
        return first, len(value)


class Option(Type):
    def __init__(self, item: Type) -> None:
        self._item = item
        self.align = item.align
        self._at = item.align
        self.size = _aligned(self._at + item.size, self.align)
        self.flat = 1 + item.flat
        self._none = (0,) * self.flat

    def load(self, memory: Memory, place: int) -> Any:
        if memory.byte(place) == 0:
            return None
        return self._item.load(memory, place + self._at)

    def store(self, memory: Memory, place: int, value: Any) -> None:
        memory.write(place, b"\0" if value is None else b"\1")
        if value is not None:
            self._item.store(memory, place + self._at, value)

    def lower(self, memory: Memory, value: Any) -> Sequence[int]:
        return self._none if value is None else (1, *self._item.lower(memory, value))


class Result(Type):
    """It is answered only."""

    def __init__(self, ok: Type | None, error: Type | None) -> None:
        self._cases = ok, error
        self.align = max(it.align if it else 1 for it in self._cases)
        size = max(it.size if it else 0 for it in self._cases)
        self.size = _aligned(self.align + size, self.align)
        self.flat = FLAT_MAX + 1

    def load(self, memory: Memory, place: int) -> tuple[bool, Any]:
        is_error = memory.byte(place) != 0
        case = self._cases[is_error]
        return not is_error, case and case.load(memory, place + self.align)


class Tuple(Type):
    def __init__(self, items: Sequence[Type]) -> None:
        self._items = items
        self.align = max(item.align for item in items)
        self.flat = sum(item.flat for item in items)
        self._places: list[int] = []
        place = 0
        for item in items:
            place = _aligned(place, item.align)
            self._places.append(place)
            place += item.size
        self.size = _aligned(place, self.align)

    def load(self, memory: Memory, place: int) -> Any:
        items = zip(self._places, self._items, strict=True)
        return tuple(item.load(memory, place + at) for at, item in items)

    def store(self, memory: Memory, place: int, value: Sequence[Any]) -> None:
        for at, item, part in zip(self._places, self._items, value, strict=True):
            item.store(memory, place + at, part)

    def lower(self, memory: Memory, value: Sequence[Any]) -> Sequence[int]:
        pairs = zip(self._items, value, strict=True)
        return [number for item, part in pairs for number in item.lower(memory, part)]


class Record(Type):
    def __init__(self, fields: Sequence[tuple[str, Type]]) -> None:
        self._names = [name.replace("-", "_") for name, _ in fields]
        self._values = Tuple([item for _, item in fields])
        self.size, self.align = self._values.size, self._values.align
        self.flat = self._values.flat

    def load(self, memory: Memory, place: int) -> dict[str, Any]:
        return dict(zip(self._names, self._values.load(memory, place), strict=True))

    def store(self, memory: Memory, place: int, value: dict[str, Any]) -> None:
        self._values.store(memory, place, [value[name] for name in self._names])

    def lower(self, memory: Memory, value: dict[str, Any]) -> Sequence[int]:
        return self._values.lower(memory, [value[name] for name in self._names])


def _aligned(place: int, align: int) -> int:
    return (place + align - 1) // align * align


SIMPLE = {
    "bool": Bool(),
    "u32": Number(U32),
    "u64": Number(U64),
    "string": String(),
    "resource": Number(U32),
}


@cache
def type_of(told: Any) -> Type:
    """The type that a signature tells."""
    if isinstance(told, str):
        return SIMPLE[told]
    kind, *inner = told
    match kind:
        case "option":
            return Option(type_of(inner[0]))
        case "list":
            return List(type_of(inner[0]))
        case "enum":
            return Enum(inner[0])
        case "result":
            return Result(*(it and type_of(it) for it in inner))
        case "tuple":
            return Tuple([type_of(it) for it in inner[0]])
        case _:
            return Record([(name, type_of(it)) for name, it in inner[0]])


class Signature:
    """How a function is called."""

    def __init__(self, taken: Sequence[Any], answered: Any) -> None:
        self._taken = Tuple([type_of(it) for it in taken]) if taken else None
        self._answered = None if answered is None else type_of(answered)

    def lower(self, memory: Memory, values: Sequence[Any]) -> Sequence[int]:
        """The numbers to call it with."""
        if self._taken is None:
            return ()
        if self._taken.flat <= FLAT_MAX:
            return self._taken.lower(memory, values)
        place = memory.allocate(self._taken.size, self._taken.align)
        self._taken.store(memory, place, values)
        return (place,)

    def lift(self, memory: Memory, place: int) -> Any:
        """The answer, which it left in memory."""
        return None if self._answered is None else self._answered.load(memory, place)
