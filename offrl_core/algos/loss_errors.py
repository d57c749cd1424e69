"""Mistakes in the text of an algorithm: what is wrong, and in which file and line."""

from __future__ import annotations

import ast
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any


class OwnCodeError(ValueError):
    """Something is wrong with a file of somebody's own; as text `my_cql.py, line 31: …`.

    Attributes:
        said: what is wrong, and what is allowed.
        file: the whole path, as Python knows it (`<stdin>` where there is no file).
        line: the number of the line, from 1; 0 where no single line is wrong.
    """

    def __init__(self, said: str, file: str, line: int = 0) -> None:
        super().__init__(f"{Path(file).name}{f', line {line}' if line else ''}: {said}")
        self.said, self.file, self.line = said, file, line


class LossError(OwnCodeError):
    """An algorithm's own text is wrong, as it shows when its loss is asked for."""


def mistake_in(method: Callable[..., Any], said: str, mark: str = "") -> LossError:
    """A mistake in what a method returned.

    Args:
        method: the method.
        said: what is wrong.
        mark: a text that stands in the line to name, as `"td"` in `return {"td": …}`; without it, or where no line has
            it, the method's last line that returns something is named.
    """
    code = inspect.unwrap(method).__code__
    line = code.co_firstlineno
    try:
        text = dedent(inspect.getsource(method))
    except (OSError, TypeError):
        return LossError(said, code.co_filename, line)
    nodes = list(ast.walk(ast.parse(text)))
    marked = [n.lineno for n in nodes if mark and isinstance(n, ast.Constant) and n.value == mark]
    returned = [n.lineno for n in nodes if isinstance(n, ast.Return)]
    return LossError(said, code.co_filename, line + max(marked or returned or [1]) - 1)


@contextmanager
def told_by_line(method: Callable[..., Any]) -> Iterator[None]:
    """An exception while a method runs becomes a `LossError`: the innermost line in the method's own file.

    Raises:
        LossError: something was raised inside.
    """
    try:
        yield
    except LossError:
        raise
    except (Exception, SystemExit) as error:
        code = inspect.unwrap(method).__code__
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
        line = (frames[-1].lineno if frames else None) or code.co_firstlineno
        # An attribute that is not there is told in a sentence that names those that are.
        kind = "" if isinstance(error, AttributeError) else f"{type(error).__name__}: "
        raise LossError(f"{kind}{str(error) or 'no reason is given'}", code.co_filename, line) from error
