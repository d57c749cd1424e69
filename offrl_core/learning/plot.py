"""The curves of a run as a Plotly figure, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from offrl_core.learning.metric import Metric
from offrl_core.learning.metric_catalogue import find_metric

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

USUAL = (
    "return",
    "value_start",
    "q_data",
    "q_missing",
    "loss_td",
    "loss_value",
    "loss_policy",
    "loss_behavior",
    "loss_penalty",
    "weight_median",
    "weight_max",
    "effective_sample_size",
    "entropy",
)
"""What is drawn where nothing is asked for, as far as a run has it."""

DASHES = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "dash-dotted", "longdash": "long dashes"}
"""Plotly's lines, and what they are called."""

EXPLODES = 1e4
"""An axis is logarithmic where positive numbers span more than this."""


def figure(table: pd.DataFrame, axes: Sequence[str], names: Sequence[str], title: str) -> go.Figure:
    """One panel for each kind of number, a colour for each point of the opened axes, a dash for each metric.

    Of several seeds a line is the median, and its band goes from the lowest to the highest.

    Args:
        table: `History.metrics`.
        axes: the opened hyperparameters.
        names: columns of the table to draw; those of `USUAL` where none are given.
        title: stands above.
    """
    from plotly.subplots import make_subplots

    panels: dict[tuple[str, str], list[Metric]] = {}
    for metric in map(find_metric, names or [name for name in USUAL if name in table]):
        panels.setdefault((metric.panel, metric.unit), []).append(metric)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    titles = [_title(metrics) for metrics in panels.values()]
    drawn = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=0.3 / rows, horizontal_spacing=0.12)
    groups = _groups(table, axes)
    several = len(table["seed"].unique()) > 1
    for number, ((_, unit), metrics) in enumerate(panels.items()):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        shown = table[[metric.name for metric in metrics]].to_numpy(dtype=np.float64)
        shown = shown[np.isfinite(shown)]
        explodes = len(shown) > 0 and shown.min() > 0 and shown.max() > EXPLODES * shown.min()
        scale = "log" if explodes else "linear"
        drawn.update_yaxes(title_text=unit, type=scale, exponentformat="power", **place)
        for (label, colour), part in groups.items():
            for metric, dash in zip(metrics, cycle(DASHES), strict=False):
                *band, line = _traces(part, metric, colour, dash, several)
                # One entry of the legend stands for all lines of a point, and hides them.
                line.showlegend = bool(axes) and number == 0 and metric is metrics[0]
                for trace in (*band, line):
                    drawn.add_trace(trace.update(name=label or metric.title, legendgroup=label), **place)
    drawn.update_xaxes(title_text="updates")
    drawn.update_layout(title_text=title, height=140 + 280 * rows, template="plotly_white", hovermode="x")
    return drawn


def _title(metrics: Sequence[Metric]) -> str:
    if len(metrics) == 1:
        return metrics[0].title
    return ", ".join(f"{metric.title} ({line})" for metric, line in zip(metrics, cycle(DASHES.values()), strict=False))


def _groups(table: pd.DataFrame, axes: Sequence[str]) -> Mapping[tuple[str, str], pd.DataFrame]:
    """The rows of each point of the opened axes, by its label and colour."""
    from plotly.colors import sample_colorscale

    parts = dict(iter(table.groupby(list(axes), sort=False))) if axes else {(): table}
    labels = [", ".join(f"{name} = {value}" for name, value in zip(axes, point, strict=True)) for point in parts]
    # The end of the scale is too light for lines on white.
    colours = sample_colorscale("Viridis", np.linspace(0.0, 0.85, len(parts)).tolist())
    return dict(zip(zip(labels, colours, strict=True), parts.values(), strict=True))


def _traces(part: pd.DataFrame, metric: Metric, colour: str, dash: str, several: bool) -> Iterator[Any]:
    """The band of the seeds, where there are several, and the line of their median."""
    from plotly.graph_objects import Scatter

    seeds = part.pivot(index="step", columns="member", values=metric.name).replace([np.inf, -np.inf], np.nan)
    if several:
        edge = {"x": seeds.index, "mode": "lines", "line_width": 0, "showlegend": False, "hoverinfo": "skip"}
        yield Scatter(y=seeds.min(axis=1), **edge)
        yield Scatter(
            y=seeds.max(axis=1), fill="tonexty", fillcolor=colour.replace("rgb", "rgba").replace(")", ", 0.15)"), **edge
        )
    yield Scatter(x=seeds.index, y=seeds.median(axis=1), mode="lines", line={"color": colour, "dash": dash})
