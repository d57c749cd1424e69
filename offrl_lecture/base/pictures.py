"""The kinds of picture a scene can draw: plain records of numbers, drawn in place by `offrl_ui/assets/lecture`.

A picture holds data and words, never markup or drawing code. Text fields named `title`, `caption`, `alarm`
and `alt` are *rich text* where noted: `**strong**`, `*emphasis*`, `` `code` `` and `$LaTeX$`.

**Colours are roles**, so that a colour means one thing on every page:
`a1 a2 a3 a4 a5` the actions in order · `learned` what training produced · `truth` the exact value (always drawn
dashed) · `behavior` the policy that collected the data · `data` pairs in the data · `missing` pairs that are not ·
`good` `bad` `muted` · `c1 … c8` members of a family without a meaning of their own.

**Infinite and missing numbers** are allowed in every sequence: `nan` leaves a gap, `±inf` is drawn as an arrow
leaving the picture, and is read out as "infinite".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from offrl_core.dataset import Array
from offrl_core.worlds.layout import GridLayout

Numbers = Sequence[float] | Array
Rows = Sequence[Numbers] | Array
Flags = Sequence[Sequence[bool]] | Array
Scale = Literal["linear", "log", "symlog"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what is measured, in which unit, on which scale.

    Args:
        label: what the axis shows ("probability of action $a$" is rich text).
        unit: its unit, also shown behind hover numbers; empty for a pure number.
        scale: `log` where values explode, `symlog` where they also change sign.
        low, high: fixed limits; None takes them from the data. Fix them whenever a control moves the data, so
            that the eye sees the data move and not the axis.
        threshold: `symlog` only: linear within ±threshold.
        ticks, tick_labels: own ticks; with `tick_labels` the axis is categorical (heat maps: one tick a row or column).
    """

    label: str
    unit: str = ""
    scale: Scale = "linear"
    low: float | None = None
    high: float | None = None
    threshold: float = 1.0
    ticks: Numbers = ()
    tick_labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A curve `y(x)`. `label` is written at its end; `name` stands in the legend and the hover.

    `dash=True` is reserved for exact truth. `band` is `(lower, upper)` and `band_name` says what it is
    ("quartiles of 8 seeds"). `mode` is `line`, `points`, `both` or `steps` (constant until the next x).
    `faint=True` for a raw curve under its smoothed one, or a ghost of an earlier setting.
    """

    name: str
    x: Numbers
    y: Numbers
    color: str = "learned"
    dash: bool = False
    mode: Literal["line", "points", "both", "steps"] = "line"
    label: str = ""
    band: tuple[Numbers, Numbers] | None = None
    band_name: str = ""
    faint: bool = False
    width: float = 2.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled straight line across the picture at `at` on one axis: a threshold or a border."""

    at: float
    label: str
    axis: Literal["x", "y"] = "x"
    color: str = "muted"
    dash: bool = True


@dataclass(frozen=True, slots=True)
class Zone:
    """A shaded interval on one axis, `nan`-free, `±inf` allowed (to the edge of the picture)."""

    low: float
    high: float
    label: str
    color: str = "bad"
    axis: Literal["x", "y"] = "x"


@dataclass(frozen=True, slots=True)
class Point:
    """A dot. With `control_x` and/or `control_y` it can be dragged, and moved with the arrow keys, which sets
    those controls to its coordinates (rounded to the control's step and kept within its limits). An `optional` label
    is left out where it would cover something."""

    x: float
    y: float
    label: str
    color: str = "learned"
    control_x: str = ""
    control_y: str = ""
    shape: Literal["circle", "square", "diamond", "cross"] = "circle"
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What every picture has.

    Args:
        title: heading (rich text).
        caption: one sentence below it (rich text): what to look at.
        alarm: a warning shown with a sign above the drawing (rich text), empty for none.
        alt: text alternative read out on change; made from the data when empty.
        height: `short`, `normal` or `tall`.
    """

    kind: ClassVar[str] = ""
    title: str
    caption: str = ""
    alarm: str = ""
    alt: str = ""
    height: Literal["short", "normal", "tall"] = "normal"


@dataclass(frozen=True, kw_only=True)
class Lines(Picture):
    """Curves over a common x axis, with marks, zones and draggable points (a draw-your-own curve is a line plus
    one point per knot, each with `control_y`)."""

    kind: ClassVar[str] = "lines"
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    zones: Sequence[Zone] = ()
    points: Sequence[Point] = ()
    legend: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """One series of bars: a value per category, an optional dashed `targets` line per category (the exact answer),
    an optional `controls` name per category ("" for none) that makes the bar's top draggable, an optional colour per
    category in `colors`."""

    name: str
    values: Numbers
    color: str = "learned"
    colors: Sequence[str] = ()
    targets: Numbers = ()
    target_name: str = ""
    controls: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Bars(Picture):
    """Bars grouped by category; several `bars` stand side by side in each category."""

    kind: ClassVar[str] = "bars"
    categories: Sequence[str]
    y: Axis
    bars: Sequence[Bar]
    marks: Sequence[Mark] = ()
    legend: bool = True


@dataclass(frozen=True, kw_only=True)
class NumberLine(Picture):
    """One axis with zones, marks and points (their `y` is ignored; `control_x` makes them draggable)."""

    kind: ClassVar[str] = "number-line"
    axis: Axis
    points: Sequence[Point] = ()
    marks: Sequence[Mark] = ()
    zones: Sequence[Zone] = ()
    height: Literal["short", "normal", "tall"] = "short"


@dataclass(frozen=True, kw_only=True)
class Heat(Picture):
    """A map `z[y][x]` in colour.

    `palette` is `sequential` (values, counts) or `diverging` around `middle` (differences, growth factors; drawn on
    a log scale around `middle` when `log=True`). `missing[y][x]` true draws a hatch instead of a colour. `contours`
    are curves on top, such as an exact border. `points` with both controls set let the viewer click or drag anywhere
    on the map. Categorical axes (`tick_labels`) make it a matrix; `show_values` writes the number into each cell.
    """

    kind: ClassVar[str] = "heat"
    x: Axis
    y: Axis
    z: Rows
    z_label: str
    z_unit: str = ""
    palette: Literal["sequential", "diverging"] = "sequential"
    middle: float = 0.0
    log: bool = False
    low: float | None = None
    high: float | None = None
    missing: Flags = ()
    contours: Sequence[Line] = ()
    points: Sequence[Point] = ()
    show_values: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A walk through a grid (`cells` as row·cols + col) or a plane (`xy` pairs), drawn with an arrow head.

    `weight` scales the width (for example how many episodes walked it). `label` is written at its end; `name` says
    what lines of this look are, once in the legend.
    """

    name: str
    color: str = "data"
    cells: Sequence[int] = ()
    xy: Sequence[tuple[float, float]] = ()
    dash: bool = False
    weight: float = 1.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A marked state–action pair of a grid: `color` outlines its triangle. `sources` are the states whose targets read
    it: pointing at one of them (or choosing it) shows the way from there to the pair, and `label` in the hover."""

    state: int
    action: int
    label: str
    color: str = "truth"
    sources: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Grid(Picture):
    """A grid world: four triangles a cell coloured by `action_values (S, A)`, or whole cells by `state_values (S,)`,
    arrows sized by `policy (S, A)`.

    `seen (S, A)` false is drawn as a hatch, never as a colour. `control` names an integer control that a click or
    the arrow keys set to the chosen state, outlined as `selected`. `palette`, `middle`, `low`, `high` as in `Heat`;
    pictures that are compared share one scale. `state_names` stand in the hover.
    """

    kind: ClassVar[str] = "grid"
    layout: GridLayout
    value_label: str = ""
    action_values: Rows | None = None
    state_values: Numbers | None = None
    policy: Rows | None = None
    seen: Flags | None = None
    paths: Sequence[Path] = ()
    targets: Sequence[Target] = ()
    selected: int | None = None
    control: str = ""
    palette: Literal["sequential", "diverging"] = "sequential"
    middle: float = 0.0
    low: float | None = None
    high: float | None = None
    action_names: Sequence[str] = ()
    state_names: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Plane(Picture):
    """A continuous plane: walls `(x0, y0, x1, y1)`, labelled regions `(label, x0, y0, x1, y1)`, coloured `dots
    (x, y, value)`, `arrows (x, y, dx, dy)`, paths and points. `bare` is a diagram, drawn without its axes."""

    kind: ClassVar[str] = "plane"
    x: Axis
    y: Axis
    walls: Sequence[tuple[float, float, float, float]] = ()
    regions: Sequence[tuple[str, float, float, float, float]] = ()
    dots: Sequence[tuple[float, float, float]] = ()
    dots_label: str = ""
    palette: Literal["sequential", "diverging"] = "sequential"
    middle: float = 0.0
    low: float | None = None
    high: float | None = None
    arrows: Sequence[tuple[float, float, float, float]] = ()
    paths: Sequence[Path] = ()
    points: Sequence[Point] = ()
    bare: bool = False


@dataclass(frozen=True, kw_only=True)
class Code(Picture):
    """Two programs side by side; the lines that differ are marked. `active_left/right` highlight line numbers
    (from 0) that are running now."""

    kind: ClassVar[str] = "code"
    left_title: str
    left: str
    right_title: str
    right: str
    active_left: Sequence[int] = ()
    active_right: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One of several small pictures: `lines` without its own title, `value` is what the control becomes on a click,
    `verdict` one or two words under it with the `tone` `good`, `bad` or `muted`. A panel that stands for several
    controls at once names them in `sets`, as `(control, value)` pairs, instead of `value`."""

    label: str
    lines: Lines
    value: float | int | str | bool
    verdict: str = ""
    tone: str = "muted"
    sets: Sequence[tuple[str, float | int | str | bool]] = ()


@dataclass(frozen=True, kw_only=True)
class Panels(Picture):
    """Small multiples with the same lines and fixed axes, said once above them; a click on one sets `control` to that
    panel's value; `selected` is its index."""

    kind: ClassVar[str] = "panels"
    panels: Sequence[Panel]
    control: str = ""
    selected: int | None = None
    columns: int = 4


@dataclass(frozen=True, kw_only=True)
class Equation(Picture):
    """Equations in LaTeX with the current numbers in them, one row each: `(LaTeX, note)`. Numbers with a role's colour
    are written `\\color{role}{…}` (for example `\\color{learned}{0.9}`)."""

    kind: ClassVar[str] = "equation"
    rows: Sequence[tuple[str, str]]
    height: Literal["short", "normal", "tall"] = "short"


@dataclass(frozen=True, slots=True)
class Number:
    """One large number: `value` (a number or text), what it is, its unit, and the exact value it should have."""

    label: str
    value: float | str
    unit: str = ""
    target: float | str | None = None
    target_name: str = "exact"
    tone: Literal["", "good", "bad", "muted"] = ""
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class NumberTiles(Picture):
    """A row of large numbers."""

    kind: ClassVar[str] = "numbers"
    numbers: Sequence[Number]
    height: Literal["short", "normal", "tall"] = "short"


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that holds (`True`), fails (`False`) or does not apply (`None`), and why (rich text)."""

    ok: bool | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Checks(Picture):
    """A list of conditions, each with its verdict."""

    kind: ClassVar[str] = "checks"
    checks: Sequence[Check]
    height: Literal["short", "normal", "tall"] = "short"


@dataclass(frozen=True, kw_only=True)
class Table(Picture):
    """A table: `columns` are headings (rich text), `rows` hold numbers or rich text; `tones` per row as in `Number`;
    `selected` marks one row."""

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[float | str]]
    tones: Sequence[str] = ()
    selected: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """An entry of a board: in which row and column it stands, its name, one line, and the control value it sets."""

    row: int
    column: int
    label: str
    value: str
    text: str = ""
    color: str = "c1"


@dataclass(frozen=True, kw_only=True)
class Board(Picture):
    """Things placed by two properties, such as algorithms by their advantage and their weight function. A click
    sets `control` to the card's value; `selected` is that value."""

    kind: ClassVar[str] = "board"
    row_title: str
    column_title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cards: Sequence[Card]
    control: str = ""
    selected: str = ""


@dataclass(frozen=True, kw_only=True)
class Words(Picture):
    """A sentence or two of rich text that change with the numbers; blank lines separate paragraphs."""

    kind: ClassVar[str] = "words"
    text: str
    height: Literal["short", "normal", "tall"] = "short"
