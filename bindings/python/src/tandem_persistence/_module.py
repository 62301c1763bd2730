"""The code of the component: the module that everything else in its file serves."""

from __future__ import annotations

COMPONENT = b"\0asm\x0d\0\1\0"
CORE_MODULE = 1


def core_module(wasm: bytes) -> bytes:
    """The first module in a component; what follows it joins it to what is imported."""
    if not wasm.startswith(COMPONENT):
        raise ValueError("it is no component")
    place = len(COMPONENT)
    while place < len(wasm):
        section = wasm[place]
        size, place = _number(wasm, place + 1)
        if section == CORE_MODULE:
            return wasm[place : place + size]
        place += size
    raise ValueError("it has no module")


def _number(wasm: bytes, place: int) -> tuple[int, int]:
    """An unsigned LEB128, and where it ends."""
    number = shift = 0
    while True:
        byte = wasm[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place
