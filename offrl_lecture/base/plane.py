"""A plane of the catalogue as a picture: its walls and places, and dots coloured by their value."""

from __future__ import annotations

import math
from typing import Literal

from offrl_core.dataset import Array
from offrl_core.worlds.layout import PlaneLayout
from offrl_core.worlds.lecture_grids import LABELS
from offrl_lecture.base.pictures import Axis, Plane

_LETTERS = {label: letter for letter, label in LABELS.items()}
"""Names of places that are short enough for a picture."""


def _every(low: float, high: float, step: int = 3) -> range:
    """Whole cells, as far apart on one axis as on the other."""
    return range(math.ceil(low / step) * step, math.floor(high) + 1, step)


def valued_plane(
    layout: PlaneLayout,
    at: Array,
    values: Array,
    *,
    title: str,
    label: str,
    caption: str = "",
    height: Literal["short", "normal", "tall"] = "normal",
) -> Plane:
    """Dots at `at (N, 2)` coloured by `values (N,)` on a scale from 0 to 1, named `label`."""
    return Plane(
        title=title,
        caption=caption,
        height=height,
        x=Axis("x", unit="cells", low=layout.low[0], high=layout.high[0], ticks=_every(layout.low[0], layout.high[0])),
        y=Axis("y", unit="cells", low=layout.low[1], high=layout.high[1], ticks=_every(layout.low[1], layout.high[1])),
        walls=layout.walls,
        regions=[(_LETTERS.get(name, name), x0, y0, x1, y1) for name, x0, y0, x1, y1 in layout.regions],
        dots=[(x, y, v) for (x, y), v in zip(at.round(3).tolist(), values.tolist(), strict=True)],
        dots_label=label,
        low=0.0,
        high=1.0,
    )
