"""Pictures that compare: the interquartile mean and the optimality gap, performance profiles, pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from offrl_core.experiments import statistics
from offrl_core.writing import number
from offrl_ui.experiments.marks import (
    MANY,
    band,
    cells,
    hatch,
    interval,
    left_of,
    legend_below,
    reference_lines,
    style,
    title_of,
)
from offrl_ui.experiments.prepared import Prepared
from offrl_ui.shared import theme

Array = npt.NDArray[Any]
LOWEST, HIGHEST = -1.0, 2.0
"""Normalised returns beyond are drawn at the edge: one run that earned −500 times the best must not hide the rest."""
ROW = 34


def aggregates_figure(prepared: Prepared) -> go.Figure:
    """For each thing compared: every run as a dot, the interquartile mean and the optimality gap with intervals."""
    by, runs, palette = prepared.by, prepared.scored, prepared.palette
    table = prepared.aggregated.sort_values("iqm", na_position="first")
    names = [title_of(by, value) for value in table[by]]
    both = prepared.normalised
    figure = make_subplots(
        1, 1 + both, shared_yaxes=True, column_widths=[0.7, 0.3] if both else [1.0], horizontal_spacing=0.03
    )
    shown = _clipped(prepared)
    beyond = shown != runs["score"].to_numpy()
    draw = go.Scattergl if len(runs) > MANY else go.Scatter
    words = np.array([prepared.words[run] for run in runs["run"]], dtype=object)
    for row, value in enumerate(table[by]):
        mine = (runs[by] == value).to_numpy()
        edge = np.where(shown[mine] > 0, "triangle-right", "triangle-left")
        figure.add_trace(
            draw(
                x=shown[mine],
                y=row + _spread(int(mine.sum())),
                mode="markers",
                marker={
                    "size": 5,
                    "opacity": 0.45,
                    "color": palette.colour(value),
                    "symbol": np.where(beyond[mine], edge, "circle"),
                },
                customdata=runs["run"].to_numpy()[mine],
                hovertext=words[mine],
                hoverinfo="text",
                showlegend=False,
            ),
            1,
            1,
        )
    columns = [("iqm", "interquartile mean"), ("optimality_gap", "optimality gap")][: 1 + both]
    for column, (name, title) in enumerate(columns, start=1):
        middle, low, high = (table[f"{name}{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high"))
        at = middle.clip(LOWEST, HIGHEST) if prepared.normalised else middle
        figure.add_scatter(
            x=at,
            y=np.arange(len(table)),
            mode="markers",
            marker={
                "symbol": [palette.symbol(value) for value in table[by]],
                "size": 11,
                "color": [palette.colour(value) for value in table[by]],
                "line": {"width": 1.2, "color": theme.ink()},
            },
            error_x={
                "type": "data",
                "array": np.nan_to_num(high - middle),
                "arrayminus": np.nan_to_num(middle - low),
                "color": theme.ink(),
                "thickness": 1.8,
                "width": 5,
            },
            customdata=[prepared.median_run(by, value) for value in table[by]],
            hovertext=[
                f"{label}: {title} {number(mean)}{interval(a, b)}, {count:,} runs"
                for label, mean, a, b, count in zip(names, middle, low, high, table["runs"], strict=True)
            ],
            hoverinfo="text",
            showlegend=False,
            row=1,
            col=column,
        )
    note = prepared.note(intervals=True) + "\nSmall: each run. Large: the interquartile mean and its interval."
    style(figure, f"Which {prepared.word}?", note, height=96 + ROW * len(table), left=left_of(names))
    if both:
        reference_lines(figure, "x", row=1, col=1)
        figure.update_xaxes(range=_range(prepared, shown), row=1, col=1)
        figure.update_xaxes(title_text="optimality gap", rangemode="tozero", row=1, col=2)
    figure.update_xaxes(title_text=prepared.unit, row=1, col=1)
    figure.update_yaxes(tickvals=list(range(len(table))), ticktext=names, range=[-0.6, len(table) - 0.4])
    return figure


def profile_figure(prepared: Prepared) -> go.Figure:
    """The share of runs that score more than each score: the curves that lie higher are better at every level."""
    by, runs = prepared.by, prepared.scored
    figure = go.Figure()
    low, high = _range(prepared, _clipped(prepared))
    levels = np.linspace(low, high, 121)
    table = statistics.performance_profile(prepared.runs, by, prepared.metric, thresholds=levels)
    for value in prepared.order:
        part = table[table[by] == value]
        mine = runs[runs[by] == value].sort_values("score")
        colour, name = prepared.palette.colour(value), title_of(by, value)
        if part["low"].notna().any():
            band(figure, levels, part["low"], part["high"], colour, name)
        # The curve falls at each run: its corners are the runs, which answer on hover and open.
        scores = mine["score"].to_numpy(dtype=float)
        shares = (len(scores) - np.searchsorted(scores, scores, side="right")) / len(scores)
        figure.add_scatter(
            x=scores.clip(low, high),
            y=shares,
            mode="lines+markers",
            line={"color": colour, "dash": prepared.palette.dash(value), "width": 2, "shape": "hv"},
            marker={"size": 5, "symbol": prepared.palette.symbol(value), "opacity": 0.7},
            customdata=mine["run"],
            hovertext=[
                f"{share:.0%} of the runs of {name} score more than this one:<br>{prepared.words[run]}"
                for share, run in zip(shares, mine["run"], strict=True)
            ],
            hoverinfo="text",
            name=name,
            legendgroup=name,
        )
    style(figure, "Performance profile", prepared.note(intervals=True), height=400)
    if prepared.normalised:
        reference_lines(figure, "x")
    figure.update_xaxes(title_text=f"{prepared.unit} τ", range=[low, high])
    figure.update_yaxes(title_text="share of runs above τ", range=[-0.02, 1.02], tickformat=".0%")
    return legend_below(figure)


def pairs_figure(prepared: Prepared) -> go.Figure:
    """The probability that a run of the row scores more than one of the column; undecided pairs are hatched."""
    by = prepared.by
    order = list(prepared.aggregated.sort_values("iqm", na_position="first")[by])
    names = [title_of(by, value) for value in order]
    table = statistics.probability_of_improvement(prepared.runs, by, prepared.metric)
    place = {value: number for number, value in enumerate(order)}
    size = len(order)
    shares = np.full((size, size), np.nan)
    words, opens, undecided = [], [], []
    runs = {value: prepared.median_run(by, value) for value in order}
    table = table[table["probability"].notna()]
    x, y = [place[value] for value in table["y"]], [place[value] for value in table["x"]]
    for found, column, row in zip(table.to_dict("records"), x, y, strict=True):
        shares[row, column] = found["probability"]
        opens.append(runs[found["x"]])
        words.append(
            f"P({names[row]} > {names[column]}) = {number(found['probability'])}"
            f"{interval(found['low'], found['high'])}, {found['tasks']} datasets"
        )
        if not (found["low"] > 0.5 or found["high"] < 0.5):
            undecided.append((column, row))
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            texttemplate="%{z:.2f}" if size <= 16 else None,
            textfont={"size": 12},
            zmin=0,
            zmax=1,
            colorscale=theme.colorscale("diverging"),
            colorbar={"title": "P", "thickness": 12},
            hoverinfo="skip",
            hoverongaps=False,
            xgap=1,
            ygap=1,
            zorder=1,
        )
    )
    hatch(figure, undecided)
    cells(figure, x, y, opens, words)
    note = prepared.note(intervals=True) + "\nHatched: the interval contains ½, so the pair is not decided."
    style(figure, "Probability of improvement: row over column", note, height=150 + 27 * size, left=left_of(names))
    figure.update_xaxes(
        tickvals=list(range(size)),
        ticktext=names,
        tickangle=-45,
        showgrid=False,
        zeroline=False,
        range=[-0.5, size - 0.5],
    )
    figure.update_yaxes(
        tickvals=list(range(size)), ticktext=names, showgrid=False, zeroline=False, range=[-0.5, size - 0.5]
    )
    return figure.update_layout(margin_b=34 + 6 * max(map(len, names)))


def _spread(count: int) -> Array:
    """Heights for the dots of a row, so that equal ones do not hide each other: the golden ratio's even sequence."""
    return (np.arange(count) * 0.6180339887 % 1.0 - 0.5) * 0.52


def _clipped(prepared: Prepared) -> Array:
    scores = prepared.scored["score"].to_numpy(dtype=float)
    return np.asarray(scores.clip(LOWEST, HIGHEST) if prepared.normalised else scores)


def _range(prepared: Prepared, scores: Array) -> tuple[float, float]:
    low, high = (float(end) for end in (scores.min(), scores.max()))
    if prepared.normalised:
        low, high = min(low, 0.0), max(high, 1.0)
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room
