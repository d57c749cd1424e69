"""Learning curves of an experiment: the interquartile mean of all runs, with the best and the last step marked."""

from __future__ import annotations

import plotly.graph_objects as go

from offrl_core.experiments import statistics
from offrl_core.writing import number
from offrl_ui.experiments.marks import band, interval, legend_below, reference_lines, style, title_of
from offrl_ui.experiments.prepared import Prepared
from offrl_ui.shared import theme


def curves_figure(prepared: Prepared) -> go.Figure:
    """The return over the updates; what the last step gives, and what the best would have given."""
    by = prepared.by
    figure = go.Figure()
    table = statistics.learning_curves(prepared.frame, by, prepared.metric)
    for value in prepared.order:
        part = table[table[by] == value]
        if not len(part):
            continue
        name, colour, run = title_of(by, value), prepared.palette.colour(value), prepared.median_run(by, value)
        if part["low"].notna().any():
            band(figure, part["step"], part["low"], part["high"], colour, name)
        figure.add_scatter(
            x=part["step"],
            y=part["iqm"],
            mode="lines",
            name=name,
            legendgroup=name,
            line={"color": colour, "dash": prepared.palette.dash(value), "width": 2},
            customdata=[run] * len(part),
            hovertext=[
                f"{name} after {row['step']:,} updates: {number(row['iqm'])}{interval(row['low'], row['high'])}"
                + (f", {row['diverged']:,} of {row['runs']:,} diverged" if row["diverged"] else "")
                for row in part.to_dict("records")
            ],
            hoverinfo="text",
        )
        for word, symbol, size in (("best", "star", 13), ("last", prepared.palette.symbol(value), 9)):
            (found,) = part[part[word]].to_dict("records")
            figure.add_scatter(
                x=[found["step"]],
                y=[found["iqm"]],
                mode="markers",
                legendgroup=name,
                showlegend=False,
                marker={"size": size, "symbol": symbol, "color": colour, "line": {"width": 1.2, "color": theme.ink()}},
                customdata=[run],
                hovertext=[f"{name}: the {word} step, {found['step']:,}, has {number(found['iqm'])}"],
                hoverinfo="text",
            )
    note = prepared.note(intervals=True) + (
        "\nLines: interquartile mean of all runs. Stars: the best step, which only trying every step in the world "
        "finds; the other signs: the last step."
    )
    style(figure, "The best step or the last?", note, height=400)
    if prepared.normalised:
        reference_lines(figure, "y")
    figure.update_xaxes(title_text="updates")
    figure.update_yaxes(title_text=prepared.unit)
    return legend_below(figure)
