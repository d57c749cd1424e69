"""What a metric declares: its words, its formula, the panel that draws it, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.learning.snapshot import Snapshot

Measure = Callable[[Snapshot, Dataset], npt.NDArray[Any] | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number per member of a snapshot.

    Attributes:
        name, title: identifier and name on screen.
        unit: what it counts in; empty for a pure number.
        formula: LaTeX.
        help: one sentence: if this grows, then …
        bad: what a bad curve looks like.
        panel: the panel of curves that it is drawn in: `return`, `q`, `loss`, `weights` or `policy`. (The two ends of
            an interval have `interval` and are drawn as its band, `gap` stands beside the return.)
        measure: computes it, `(M,)`, from a snapshot and the data that its learner trains on; None where there is no
            such number. Metrics without one are computed where their numbers arise: in the update, in an algorithm's
            `reports`, or from the truth about the world.
        probed: whether it is taken over the states and rows that a snapshot shows: of tabular data all of them, of
            continuous data the probe rows.
    """

    name: str
    title: str
    unit: str
    formula: str
    help: str
    bad: str
    panel: str
    measure: Measure | None = None
    probed: bool = False

    def to_json(self) -> dict[str, str]:
        """Plain data for the screen."""
        fields = ("name", "title", "unit", "formula", "help", "bad", "panel")
        return {field: getattr(self, field) for field in fields}
