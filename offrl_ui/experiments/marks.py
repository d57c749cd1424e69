"""What the pictures of experiments share: colours and symbols of what is compared, words below a title, hatching."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from offrl_core.algos import algorithms
from offrl_core.algos.shared_hyperparameters import APPROXIMATORS
from offrl_core.data.catalogue import datasets
from offrl_core.writing import number
from offrl_ui.shared import theme

Array = npt.NDArray[np.float64]
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon", "bowtie", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LINE = 66
"""Characters of a line below a title: as many as a phone shows."""
LEGEND, MARKER = 40, 7
"""Characters of a row of the legend on a phone, and what the sign before a name takes of them."""
MANY = 1500
"""Points from which on they are drawn by the graphics processor."""


def title_of(column: str, value: Any) -> str:
    """A value of a column as people call it: an algorithm, a dataset and an approximator by their titles."""
    if column == "algorithm" and value in algorithms():
        kind = algorithms()[value]
        return kind.short_title or kind.title
    if column == "dataset" and value in datasets():
        return datasets()[value].title
    if column == "approximator" and value in APPROXIMATORS:
        return {"table": "table", "linear": "linear", "mlp": "network"}.get(value, str(value))
    return number(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def word_of(column: str) -> str:
    """A column in words."""
    return column.replace("_", " ").removeprefix("x.")


class Palette:
    """A colour and a symbol for every value of the column that is compared, the same in every picture."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._place = {value: place for place, value in enumerate(values)}

    def colour(self, value: Any) -> str:
        """Of 10 colours; what has the same one has another symbol."""
        return theme.colour(self._place[value])

    def symbol(self, value: Any) -> str:
        """The symbol beside the colour: nobody has to tell colours apart."""
        place = self._place[value]
        return SYMBOLS[(place + place // 10) % len(SYMBOLS)]

    def dash(self, value: Any) -> str:
        """The dash of a line beside its colour."""
        place = self._place[value]
        return DASHES[(place + place // 10) % len(DASHES)]


def style(figure: go.Figure, title: str, note: str, *, height: int, legend: int = 0, left: int = 58) -> go.Figure:
    """The house style, with what a picture is made of below its title, so that a saved picture says it too."""
    lines = [line for sentence in note.split("\n") for line in textwrap.wrap(sentence, LINE)]
    look = theme.look()
    layout = {**figure.layout.to_plotly_json(), **look.layout(height + 17 * len(lines), legend), "template": "none"}
    subtitle = {"text": "<br>".join(lines), "font": {"size": 12.5, "color": look.ink}}
    layout["title"] |= {"text": title, "subtitle": subtitle}
    layout["margin"] = {"l": left, "r": 16, "t": 38 + 17 * len(lines), "b": 52 + 22 * legend}
    layout["clickmode"] = "event+select"
    layout["hoverlabel"] |= {"align": "left"}
    axes = {"xaxis", "yaxis"} | {name for name in layout if name.startswith(("xaxis", "yaxis"))}
    for name in axes:
        mine = layout.get(name, {})
        layout[name] = {**look.axis(), **mine, "title": {"standoff": 8, **mine.get("title", {})}}
    figure.layout = layout  # at once: updates of a part take ten times as long
    return figure


def reference_lines(figure: go.Figure, axis: str, **place: Any) -> None:
    """Behaviour at 0 and the best within the data at 1, always dashed."""
    of = figure.get_subplot(**place) if place else figure.layout
    x, y = (name.plotly_name.replace("axis", "") for name in (of.xaxis, of.yaxis))
    along, across = ("x", "y") if axis == "x" else ("y", "x")
    refs = {f"{along}ref": x if axis == "x" else y, f"{across}ref": f"{y if axis == 'x' else x} domain"}
    line = {"type": "line", "line": {"dash": "dash", "width": 1.2, "color": theme.ink()}, "opacity": 0.65, **refs}
    ends = {f"{across}0": 0, f"{across}1": 1}
    lines = [{**line, **ends, f"{along}0": value, f"{along}1": value} for value in (0.0, 1.0)]
    figure.layout.shapes = [*figure.layout.shapes, *lines]


def described(runs: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """A line of words for each run: what distinguishes it, and what it came to."""
    parts = [_labels(name, runs[name].tolist()) for name in columns]
    came_to = (runs[name].tolist() for name in ("seed", "return", "normalised", "diverged"))
    words = []
    for (seed, earned, normalised, diverged), *labels in zip(zip(*came_to, strict=True), *parts, strict=True):
        end = f"return {number(earned)}, normalised {number(normalised)}"
        if diverged >= 0:
            end += f"<br>diverged at step {diverged:,.0f}; that is its last finite policy"
        words.append(f"{', '.join(filter(None, labels))}, seed {seed}<br>{end}")
    return words


def _labels(column: str, values: list[Any]) -> list[str]:
    """What a column says of each run; nothing where it has no value."""
    named = column in ("algorithm", "dataset")
    words = {
        value: title_of(column, value) if named else f"{word_of(column)} {title_of(column, value)}"
        for value in set(values)
    }
    return ["" if isinstance(value, float) and np.isnan(value) else words[value] for value in values]


def shade(colour: str, share: float) -> str:
    """`#rrggbb` mixed with the page's background: 1 is the colour itself."""
    back = (16, 21, 27) if theme.dark() else (255, 255, 255)
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [round(share * part + (1 - share) * below) for part, below in zip(parts, back, strict=True)]
    return f"rgb({mixed[0]},{mixed[1]},{mixed[2]})"


def hatch(figure: go.Figure, cells: Sequence[tuple[float, float]]) -> None:
    """Hatch cells of side 1 around these places: what is not decided there is a pattern, never a colour."""
    if not cells:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    for column, row in cells:
        x += [column - 0.5, column + 0.5, column + 0.5, column - 0.5, column - 0.5, None]
        y += [row - 0.5, row - 0.5, row + 0.5, row + 0.5, row - 0.5, None]
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line_width=0,
        fill="toself",
        fillcolor="rgba(0,0,0,0)",
        fillpattern={"shape": "/", "size": 7, "solidity": 0.22, "fgcolor": theme.ink(), "fgopacity": 0.5},
        hoverinfo="skip",
        showlegend=False,
        zorder=2,
    )


def thin(colour: str) -> str:
    """A colour for the band behind a line."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.13)"


def band(
    figure: go.Figure,
    x: Iterable[Any],
    low: Iterable[float],
    high: Iterable[float],
    colour: str,
    name: str,
    **place: Any,
) -> None:
    """The band of an interval behind the line `name`, which it comes and goes with in the legend."""
    x, low = list(x), list(low)
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        mode="lines",
        fillcolor=thin(colour),
        line_width=0,
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
        **place,
    )


def interval(low: float, high: float) -> str:
    """An interval behind a number; nothing where there is none."""
    return f" [{number(low)}, {number(high)}]" if np.isfinite(low) and np.isfinite(high) else ""


def legend_below(figure: go.Figure) -> go.Figure:
    """A legend that wraps below the chart, with room for as many rows as it has on a phone."""
    rows, free = 0, 0
    for name in (trace.name for trace in figure.data if trace.name and trace.showlegend is not False):
        wide = len(name) + MARKER
        if wide > free:
            rows, free = rows + 1, LEGEND
        free -= wide
    room = 29 * max(1, rows)
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        margin_b=figure.layout.margin.b + room,
        height=figure.layout.height + room,
    )
    return figure


def cells(
    figure: go.Figure, x: Sequence[float], y: Sequence[float], opens: Sequence[str], words: Sequence[str]
) -> None:
    """Lay something over the cells of a plane that answers on hover and can be clicked, which their colours cannot."""
    figure.add_scatter(
        x=list(x),
        y=list(y),
        mode="markers",
        marker={"symbol": "square", "size": 22, "color": "rgba(0,0,0,0)", "line_width": 0},
        customdata=list(opens),
        hovertext=list(words),
        hoverinfo="text",
        showlegend=False,
        zorder=3,
    )


def left_of(names: Sequence[str]) -> int:
    """Room for names at the left of a chart."""
    return min(170, 26 + 8 * max(map(len, names), default=0))


def order_of(value: Any) -> tuple[bool, Any]:
    """Numbers in their order, then words."""
    return isinstance(value, str), value
