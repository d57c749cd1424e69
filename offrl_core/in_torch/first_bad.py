"""Finds the line of a loss at which the first number arises that is not finite."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from offrl_core.in_torch.rows import Rows, differentiate

MEANT = {"where", "masked_fill", "log"}
"""Operations that give an infinity on purpose: a mask, or the logarithm of a probability of 0."""


class _Watch(TorchFunctionMode):
    """Looks at what every operation of torch makes of finite numbers, and what it sends back.

    Attributes:
        line: where the first number arose that is not finite; 0 while there is none.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file, self.line = file, 0

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        found = function(*arguments, **(named or {}))
        if isinstance(found, Tensor) and found.is_floating_point() and not self.line:
            line = self._line()
            if _finite(arguments) and bool((found.isnan() if _name(function) in MEANT else ~found.isfinite()).any()):
                self.line = line
            if found.grad_fn is not None:
                found.grad_fn.register_hook(lambda down, up: self._came_back(down, up, line))
        return found

    def _came_back(self, down: Any, up: Any, line: int) -> None:
        if not self.line and _finite(up) and not _finite(down):
            self.line = line

    def _line(self) -> int:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename != self.file:
            frame = frame.f_back
        return frame.f_lineno if frame is not None else 0


def _finite(numbers: Any) -> bool:
    return all(bool(x.isfinite().all()) for x in numbers if isinstance(x, Tensor) and x.is_floating_point())


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", ""))


def first_bad_line(loss: Callable[[Rows, Any], Any], rows: Rows, hp: Any) -> str:
    """`my_cql.py, line 31` where the loss, or the gradient on its way back through it, first is not finite; empty where
    every number is."""
    file = inspect.unwrap(loss).__code__.co_filename
    with _Watch(file) as watch:
        found = loss(rows, hp)
    if not watch.line:
        differentiate(found)
    return f"{Path(file).name}, line {watch.line}" if watch.line else ""
