"""Gathers the source code of a system's losses: its own file, and what it calls in other files."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from functools import cache
from textwrap import dedent
from types import CodeType, FunctionType


@cache
def loss_source(kind: type) -> str:
    """A system's own file, then whatever its losses call that stands in other files of this package, method by method
    and function by function."""
    module = inspect.getmodule(kind)
    assert module is not None
    texts = [inspect.getsource(module)]
    for function in _called(kind):
        if function.__module__ != module.__name__:
            place = function.__module__.rpartition(".")[2]
            texts.append(f"# {function.__qualname__}, in {place}.py\n\n{dedent(inspect.getsource(function))}")
    return "\n\n".join(texts)


def _called(kind: type) -> list[FunctionType]:
    """The system's losses, its parents' as far as they are called, and everything of this package that they call."""
    found: list[FunctionType] = []
    waiting = [_next_losses(kind, 0)]
    while waiting:
        function = waiting.pop(0)
        if function is None or function in found:
            continue
        found.append(function)
        for name, attribute in _names(function.__code__):
            if name == "super":
                place = next(i for i, c in enumerate(kind.__mro__) if function in map(_plain, vars(c).values()))
                waiting.append(_next_losses(kind, place + 1))
            else:
                waiting.append(_plain(getattr(kind, name, None) if attribute else function.__globals__.get(name)))
    return found


def _next_losses(kind: type, place: int) -> FunctionType | None:
    """The losses that a class, or the next one of its parents, defines."""
    return next((_plain(vars(c)["losses"]) for c in kind.__mro__[place:] if "losses" in vars(c)), None)


def _plain(value: object) -> FunctionType | None:
    """A function of this package, without its decorators; None for anything else."""
    function = inspect.unwrap(value) if callable(value) else None
    package = __name__.rpartition(".")[0]
    here = isinstance(function, FunctionType) and function.__module__.startswith(package)
    return function if here else None


def _names(code: CodeType) -> Iterator[tuple[str, bool]]:
    """Names that a function and those inside it look up, and whether as an attribute of something."""
    for instruction in dis.get_instructions(code):
        if instruction.opcode in dis.hasname and isinstance(instruction.argval, str):
            yield instruction.argval, instruction.opname != "LOAD_GLOBAL"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
