"""Every built-in loss again, in torch, written from its equation: to read, and to hold the numpy one against.

One file per system, named as in `offrl_core/algos`. What is a constant in a gradient step is `.detach()`ed where it is
made. `if hp.choice == …` stands as a statement of its own, so that a reader can be shown the branches that apply.
"""

from __future__ import annotations

from importlib import import_module

from offrl_core.algos import algorithm
from offrl_core.in_torch.restated.base import Restated

__all__ = ["Restated", "restated"]


def restated(name: str) -> type[Restated]:
    """The restatement of the built-in system called `name`."""
    kind = algorithm(name)
    found: type[Restated] = getattr(import_module(f"{__name__}.{kind.__module__.rpartition('.')[2]}"), kind.__name__)
    return found
