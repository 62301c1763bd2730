"""Writes the types of the component's exports into the package, as the component tells them.

    python bindings/python/build_signatures.py

After a change of the interface, once `build_component.py` has put the new component there. A test
holds that the file is as this writes it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import wasmtime
from wasmtime import component

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "src" / "tandem_persistence"
TARGET = SOURCE / "_signatures.py"

HEADER = '''\
"""What the component's exports take and answer."""

# Generated from the component by `build_signatures.py`.

from __future__ import annotations

'''


def text(wasm: bytes) -> str:
    """What the file holds for a component."""
    engine = wasmtime.Engine()
    compiled = component.Component(engine, wasm)
    shared: dict[Any, str] = {}
    lines = []
    for interface, item in sorted(compiled.type.exports(engine).items()):
        for name, function in sorted(item.ty.exports(engine).items()):  # type: ignore[union-attr]
            if isinstance(function.ty, component.FuncType):
                taken = tuple(_type(it) for _, it in function.ty.params)
                answered = None if function.ty.result is None else _type(function.ty.result)
                lines.append(
                    f"{f'{interface}#{name}'!r}: "
                    f"(({''.join(f'{_shown(it, shared)}, ' for it in taken)}), "
                    f"{_shown(answered, shared)}),\n"
                )
    types = "".join(f"{name} = {literal}\n" for literal, name in shared.items())
    plain = f"{HEADER}{types}\nSIGNATURES = {{\n{''.join(lines)}}}\n"
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TARGET), "-"]
    done = subprocess.run(ruff, input=plain, capture_output=True, text=True, check=True, cwd=HERE)
    return done.stdout


def _shown(wanted: Any, shared: dict[Any, str]) -> str:
    """A type as a literal, in which records, variants and enums are named."""
    if not isinstance(wanted, tuple):
        return repr(wanted)
    kind, *inner = wanted
    if kind == "enum":
        literal = repr(wanted)
    elif kind == "record":
        fields = "".join(f"({name!r}, {_shown(it, shared)}), " for name, it in inner[0])
        literal = f"({kind!r}, ({fields}))"
    elif kind == "tuple":
        return f"({kind!r}, ({''.join(f'{_shown(it, shared)}, ' for it in inner[0])}))"
    else:
        return f"({kind!r}, {', '.join(_shown(it, shared) for it in inner)})"
    return shared.setdefault(literal, f"TYPE_{len(shared)}")


def _type(told: Any) -> Any:
    match told:
        case component.OptionType():
            return ("option", _type(told.payload))
        case component.ListType():
            return ("list", _type(told.element))
        case component.ResultType():
            ok, err = (None if it is None else _type(it) for it in (told.ok, told.err))
            return ("result", ok, err)
        case component.RecordType():
            return ("record", tuple((name, _type(it)) for name, it in told.fields))
        case component.TupleType():
            return ("tuple", tuple(_type(it) for it in told.elements))
        case component.EnumType():
            return ("enum", tuple(told.names))
        case component.OwnType() | component.BorrowType():
            return "resource"
        case component.Bool() | component.U32() | component.U64() | component.String():
            return type(told).__name__.lower()
    raise TypeError(f"the package has no values of this type: {told}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    TARGET.write_text(text((SOURCE / "tandem-blocking.wasm").read_bytes()))
