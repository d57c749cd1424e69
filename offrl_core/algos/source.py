"""Gathers the source code of a system's losses: its own file, and what it calls in other files."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from textwrap import dedent
from types import FunctionType, ModuleType


@cache
def loss_source(kind: type) -> str:
    """A system's own file, then whatever its losses call that stands in other files of this package, method by method
    and function by function. A class that was defined outside a file has no text to show."""
    texts = [_text(inspect.getmodule(kind)) or _text(kind) or f"# {kind.__name__} was defined outside a file"]
    for function in _called(kind):
        if function.__module__ != kind.__module__:
            place = function.__module__.rpartition(".")[2]
            texts.append(f"# {function.__qualname__}, in {place}.py\n\n{_text(function)}")
    return "\n\n".join(texts)


def _text(thing: ModuleType | type | FunctionType | None) -> str:
    """The source of a module, class or function; empty where it was not read from a file."""
    try:
        return dedent(inspect.getsource(thing)) if thing is not None else ""
    except (OSError, TypeError):
        return ""


def _called(kind: type) -> list[FunctionType]:
    """The system's losses, its parents' as far as they are called, and everything of this package that they call."""
    found: list[FunctionType] = []
    waiting = [_next_losses(kind, 0)]
    while waiting:
        function = waiting.pop(0)
        if function is None or function in found:
            continue
        found.append(function)
        for node in _read(ast.parse(_text(function))):
            if isinstance(node, ast.Attribute):
                waiting.append(_function(getattr(kind, node.attr, None), kind))
            elif node.id == "super":
                place = next(i for i, c in enumerate(kind.__mro__) if function in _functions(c, kind))
                waiting.append(_next_losses(kind, place + 1))
            else:
                waiting.append(_function(function.__globals__.get(node.id), kind))
    return found


def _read(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """The names and attributes that the bodies of functions read, in order."""
    for child in node.body if isinstance(node, ast.FunctionDef) else ast.iter_child_nodes(node):
        yield from _read(child)
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node


def _next_losses(kind: type, place: int) -> FunctionType | None:
    """The losses that a class, or the next one of its parents, defines."""
    return next((_function(vars(c)["losses"], kind) for c in kind.__mro__[place:] if "losses" in vars(c)), None)


def _functions(part: type, kind: type) -> list[FunctionType | None]:
    """What a class among the parents of a system defines itself."""
    return [_function(value, kind) for value in vars(part).values()]


def _function(value: object, kind: type) -> FunctionType | None:
    """A function of this package or of the system's own module, without its decorators; None for anything else."""
    function = inspect.unwrap(value) if callable(value) else None
    if not isinstance(function, FunctionType):
        return None
    package = __name__.rpartition(".")[0]
    return function if function.__module__.startswith(package) or function.__module__ == kind.__module__ else None
