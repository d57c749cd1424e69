"""How a world's states are drawn: plain records that the screen turns into pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class _Layout:
    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Plain data for the screen."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class GridLayout(_Layout):
    """A grid of cells, row 0 at the top.

    Attributes:
        rows, cols: size.
        cells: one character per cell, row by row (`#` wall, `.` floor, letters as the world documents them).
        state_of_cell: `rows·cols` state numbers, −1 where a cell is no state.
        directions: per action the `(row, column)` step it intends; `(0, 0)` for staying or for none.
        labels: cell character → what it means, for the legend.
    """

    kind: ClassVar[str] = "grid"
    rows: int
    cols: int
    cells: str
    state_of_cell: tuple[int, ...]
    directions: tuple[tuple[int, int], ...]
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MatrixLayout(_Layout):
    """States × actions as a matrix of cells: for worlds without geometry.

    Attributes:
        order: states from first to last row of the picture.
        row_title, column_title: what rows and columns are, with direction ("states, by severity").
        row_value: one number per state in `order` (such as severity), or empty.
        terminal: states that end the episode.
        action_grid: `(rows, cols)` when actions themselves form a grid (doses × doses), else None.
    """

    kind: ClassVar[str] = "matrix"
    order: tuple[int, ...]
    row_title: str = "states"
    column_title: str = "actions"
    row_value: tuple[float, ...] = ()
    terminal: tuple[int, ...] = ()
    action_grid: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TableLayout(_Layout):
    """States × actions as a table with a row for each state: for logs whose world nobody described.

    Attributes:
        order: the states, the most visited one first.
        by_value: the same states, those with the largest `value` first, those without one last.
        value: for each state in `order` the mean return that was recorded from there on, None where no row has it.
        labels: for each state in `order` its name in the log; empty where states are mere numbers.
        terminal: those that end the episode.
    """

    kind: ClassVar[str] = "table"
    order: tuple[int, ...]
    by_value: tuple[int, ...]
    value: tuple[float | None, ...]
    labels: tuple[str, ...] = ()
    terminal: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaneLayout(_Layout):
    """Continuous states, drawn as points (the probe states) in a plane of two chosen axes.

    Attributes:
        names: one name per axis, with its unit. The axes are the numbers of an observation, or its projections, or
            first the one and then the other.
        low, high: drawn range of each axis.
        x, y: the axes drawn first.
        walls: rectangles `(x0, y0, x1, y1)` in the drawn plane, for mazes.
        directions: per action the `(dx, dy)` it intends in the drawn plane, or empty.
        regions: labelled rectangles `(label, x0, y0, x1, y1)`, for goals.
        projection: `(P, D)`: the last `P` axes, if an observation `o` is projected: `projection @ o - origin`. With
            `P` names there are no others; with `D + P`, the numbers of the observation come before them.
        origin: `(P,)`; empty for zeros.
        image: `(rows, columns)` where an observation is an image that can be shown at its place.
    """

    kind: ClassVar[str] = "plane"
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    x: int = 0
    y: int = 1
    walls: tuple[tuple[float, float, float, float], ...] = ()
    directions: tuple[tuple[float, float], ...] = ()
    regions: tuple[tuple[str, float, float, float, float], ...] = ()
    projection: tuple[tuple[float, ...], ...] | None = None
    origin: tuple[float, ...] = ()
    image: tuple[int, int] | None = None
