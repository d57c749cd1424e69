"""As much of an assembler for WebAssembly as one function over somebody else's memory needs.

Expressions and statements are bytes: an expression's leave one value on the stack. Source: WebAssembly Core
Specification 2.0, sections 5.3 to 5.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

I32, V128 = b"\x7f", b"\x7b"
_VOID = b"\x40"


def unsigned(number: int) -> bytes:
    """LEB128 of a number of 0 or above."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def signed(number: int) -> bytes:
    """LEB128 of any number."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        done = (number == 0 and not low & 0x40) or (number == -1 and bool(low & 0x40))
        out.append(low | (0 if done else 0x80))
        if done:
            return bytes(out)


def vector(items: Sequence[bytes]) -> bytes:
    """A count and the items."""
    return unsigned(len(items)) + b"".join(items)


def _name(text: str) -> bytes:
    return unsigned(len(text)) + text.encode()


# -- values


def const(number: int) -> bytes:
    return b"\x41" + signed(number)


def add(*terms: bytes) -> bytes:
    return terms[0] + b"".join(term + b"\x6a" for term in terms[1:])


def sub(x: bytes, y: bytes) -> bytes:
    return x + y + b"\x6b"


def mul(x: bytes, y: bytes) -> bytes:
    return x + y + b"\x6c"


def both(x: bytes, y: bytes) -> bytes:
    """Bitwise and."""
    return x + y + b"\x71"


def less(x: bytes, y: bytes) -> bytes:
    return x + y + b"\x48"


def equal(x: bytes, y: bytes) -> bytes:
    return x + y + b"\x46"


def smaller(x: bytes, y: bytes) -> bytes:
    """The minimum; both are evaluated twice."""
    return x + y + less(x, y) + b"\x1b"


def load(address: bytes, offset: int = 0) -> bytes:
    """Four bytes."""
    return address + b"\x28\x02" + unsigned(offset)


def store(address: bytes, value: bytes, offset: int = 0) -> bytes:
    return address + value + b"\x36\x02" + unsigned(offset)


# -- vectors of four float32


def _vectors(code: int) -> bytes:
    return b"\xfd" + unsigned(code)


ZEROS = _vectors(12) + bytes(16)


def load4(address: bytes, offset: int = 0) -> bytes:
    return address + _vectors(0) + b"\x02" + unsigned(offset)


def splat(address: bytes, offset: int = 0) -> bytes:
    """The number at the address, four times."""
    return address + _vectors(9) + b"\x02" + unsigned(offset)


def store4(address: bytes, value: bytes, offset: int = 0) -> bytes:
    return address + value + _vectors(11) + b"\x02" + unsigned(offset)


def multiply_add(x: bytes, y: bytes, z: bytes) -> bytes:
    """`x·y + z`."""
    return z + x + y + _vectors(230) + _vectors(228)


# -- statements


def when(condition: bytes, then: Iterable[bytes], otherwise: Iterable[bytes] = ()) -> bytes:
    other = b"".join(otherwise)
    return condition + b"\x04" + _VOID + b"".join(then) + (b"\x05" + other if other else b"") + b"\x0b"


class Function:
    """A function of integers that returns nothing.

    Args:
        parameters: their names.
    """

    def __init__(self, parameters: Sequence[str]) -> None:
        self.parameters = len(parameters)
        self._places = {name: place for place, name in enumerate(parameters)}
        self._types: list[bytes] = []

    def local(self, name: str, kind: bytes = I32) -> str:
        """A variable of its own."""
        self._places[name] = len(self._places)
        self._types.append(kind)
        return name

    def get(self, name: str) -> bytes:
        return b"\x20" + unsigned(self._places[name])

    def set(self, name: str, value: bytes) -> bytes:
        return value + b"\x21" + unsigned(self._places[name])

    def grow(self, name: str, by: bytes) -> bytes:
        return self.set(name, add(self.get(name), by))

    def count(self, name: str, end: bytes, step: int, body: Iterable[bytes]) -> bytes:
        """Do `body` with `name` = 0, `step`, 2·`step` … below `end`."""
        return b"".join(
            [
                self.set(name, const(0)),
                b"\x02" + _VOID + b"\x03" + _VOID,
                less(self.get(name), end) + b"\x45\x0d\x01",  # not below: out of the block
                *body,
                self.grow(name, const(step)),
                b"\x0c\x00\x0b\x0b",
            ]
        )

    def code(self, body: Iterable[bytes]) -> bytes:
        """The function as a module holds it."""
        kept = [unsigned(len(list(same))) + kind for kind, same in groupby(self._types)]
        inside = vector(kept) + b"".join(body) + b"\x0b"
        return unsigned(len(inside)) + inside


def module(function: Function, body: Iterable[bytes], name: str) -> bytes:
    """A module that exports the function as `name` and works on the memory that it imports as `env.memory`.

    It says that it is a dynamic library that needs no memory of its own, so that Emscripten links it to a program's.
    """

    def section(number: int, content: bytes) -> bytes:
        return bytes([number]) + unsigned(len(content)) + content

    return b"".join(
        [
            b"\0asm\x01\0\0\0",
            section(0, _name("dylink.0") + b"\x01" + vector([b"\0"] * 4)),
            section(1, vector([b"\x60" + vector([I32] * function.parameters) + vector([])])),
            section(2, vector([_name("env") + _name("memory") + b"\x02\x00\x00"])),
            section(3, vector([b"\x00"])),
            section(7, vector([_name(name) + b"\x00\x00"])),
            section(10, vector([function.code(body)])),
        ]
    )
