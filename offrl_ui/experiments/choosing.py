"""Pictures about choosing a policy: how many may be tried in the world, and what estimates from the data are worth."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from offrl_core.experiments import statistics
from offrl_core.writing import number
from offrl_ui.experiments.marks import MANY, band, interval, legend_below, reference_lines, style, title_of
from offrl_ui.experiments.prepared import ESTIMATORS, Prepared
from offrl_ui.shared import theme

SHORT = {
    "last": "last step",
    "fqe": "highest FQE",
    "wis": "highest WIS",
    "dr": "highest DR",
    "value_start": "highest own value",
    "td_error": "smallest TD error",
}
"""The rules in the legend; the words are in the help of each point."""
NONE_TRIED = 0.4
"""Where zero stands on a logarithmic axis."""
LACKING = {
    "fqe": "fitted Q evaluation: by the data they are paid for ever, without a discount",
    "wis": "weighted importance sampling: no recorded episode does what they do",
    "dr": "doubly robust estimate: no recorded episode begins as they do, or they have no fitted values",
    "value_start": "value of their own: their algorithms learn none",
    "td_error": "TD error: their algorithms learn no values",
}
"""What a policy may lack, and why."""
RULES = {
    "last": "the last step of any run",
    "fqe": "highest fitted Q evaluation",
    "wis": "highest weighted importance sampling",
    "dr": "highest doubly robust estimate",
    "value_start": "highest own value",
    "td_error": "smallest TD error",
}


def budget_figure(prepared: Prepared) -> go.Figure:
    """The true return of the best of k tried policies; at zero, that of what offline rules choose."""
    by, runs = prepared.by, prepared.scored
    figure = go.Figure()
    whole = statistics.online_budget(prepared.runs, prepared.metric, checkpoints=False)
    _tried(figure, whole, "all together", theme.ink(), "solid", prepared.best_run(runs), main=True)
    if len(prepared.order) > 1:
        each = statistics.online_budget(prepared.runs, prepared.metric, by, checkpoints=False, resamples=0)
        for value in prepared.order:
            best = prepared.best_run(runs[runs[by] == value])
            colour, dash = prepared.palette.colour(value), prepared.palette.dash(value)
            _tried(figure, each[each[by] == value], title_of(by, value), colour, dash, best)
    rules = whole[whole["tried"] == 0]
    for place, found in enumerate(rules.to_dict("records")):
        rule, value = RULES[found["chosen_by"]], found["value"]
        chosen = prepared.chosen(found["chosen_by"])
        x = NONE_TRIED * 1.14 ** (place - len(rules) / 2)
        if chosen is not None:
            figure.add_scatter(
                x=np.full(len(chosen), x),
                y=chosen["score"],
                mode="markers",
                marker={"size": 7, "symbol": "circle-open", "color": theme.colour(place), "line_width": 1.4},
                customdata=chosen["run"],
                hovertext=[f"{rule} chooses {prepared.words[run]}" for run in chosen["run"]],
                hoverinfo="text",
                legendgroup=rule,
                showlegend=False,
            )
        figure.add_scatter(
            x=[x],
            y=[value],
            mode="markers",
            marker={
                "size": 13,
                "symbol": "diamond",
                "color": theme.colour(place),
                "line": {"width": 1.3, "color": theme.ink()},
            },
            error_y={
                "type": "data",
                "array": [np.nan_to_num(found["high"] - value)],
                "arrayminus": [np.nan_to_num(value - found["low"])],
                "color": theme.colour(place),
                "thickness": 1.4,
                "width": 4,
            },
            customdata=[chosen["run"].iloc[0] if chosen is not None else ""],
            hovertext=[f"{rule}: {number(value)}{interval(found['low'], found['high'])}"],
            hoverinfo="text",
            name=f"{SHORT[found['chosen_by']]} {number(value)}",
            legendgroup=rule,
        )
    most = int(whole["tried"].max())
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000) if tick <= most]
    note = (
        prepared.note(intervals=True)
        + (
            "\nAt 0: what each rule takes without trying anything (circles: on each dataset; diamond: their mean). "
            "FQE: fitted Q evaluation, WIS: weighted importance sampling, DR: doubly robust. "
            "Lines: the expected best of so many policies, drawn at random; trying them needs the world."
        )
        + _lacking(prepared, rules["chosen_by"])
    )
    style(figure, "How far can one get without an environment?", note, height=400)
    if prepared.normalised:
        reference_lines(figure, "y")
    figure.update_xaxes(
        title_text="policies tried in the world before one is chosen",
        type="log",
        tickvals=[NONE_TRIED, *ticks],
        ticktext=["0", *map(str, ticks)],
        range=[np.log10(NONE_TRIED * 0.55), np.log10(most * 1.15)],
    )
    figure.update_yaxes(title_text=prepared.unit)
    return legend_below(figure)


def _lacking(prepared: Prepared, names: Iterable[str]) -> str:
    """Which policies have no estimate of some kind, and why; nothing where all have them."""
    runs = prepared.scored
    said = ""
    for name in names:
        if name in LACKING and name in runs and (missing := int(runs[name].isna().sum())):
            said += f"\n{missing:,} of {len(runs):,} policies have no {LACKING[name]}."
    return said and f"{said} Rules that need it choose among the others."


def _tried(
    figure: go.Figure, table: pd.DataFrame, name: str, colour: str, dash: str, opens: str, *, main: bool = False
) -> None:
    """The line of what the best of so many tried policies has; the main one is broad and has an interval."""
    table = table[table["chosen_by"] == "trying"]
    if main and table["low"].notna().any():
        band(figure, table["tried"], table["low"], table["high"], colour, name)
    figure.add_scatter(
        x=table["tried"],
        y=table["value"],
        mode="lines+markers",
        line={"color": colour, "width": 3 if main else 1.6, "dash": dash},
        marker={"size": 4},
        name=name,
        legendgroup=name,
        customdata=[opens] * len(table),
        hovertext=[
            f"{name}: the best of {tried} tried has {number(value)}{interval(low, high) if main else ''} on average"
            for tried, value, low, high in zip(table["tried"], table["value"], table["low"], table["high"], strict=True)
        ],
        hoverinfo="text",
    )


def estimates_figure(prepared: Prepared) -> go.Figure:
    """Each estimate of a policy's return from the data against its true return: one point a policy."""
    by, runs = prepared.by, prepared.scored
    there = [name for name in ESTIMATORS if name in runs and runs[name].notna().any()]
    columns = min(2, len(there))
    rows = -(-len(there) // columns)
    judged = statistics.estimate_quality(prepared.runs, prepared.metric, there, checkpoints=False)
    means = judged.groupby("estimate")[["spearman", "regret_1", "regret_5"]].mean()
    titles = [
        f"{ESTIMATORS[name]}<br><span style='font-size:12px'>ρ {number(means.loc[name, 'spearman'], 2)}, "
        f"regret@1 {number(means.loc[name, 'regret_1'], 2)}, @5 {number(means.loc[name, 'regret_5'], 2)}</span>"
        for name in there
    ]
    figure = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=0.3 / rows, horizontal_spacing=0.1)
    draw = go.Scattergl if len(runs) > MANY else go.Scatter
    beyond = 0
    for index, name in enumerate(there):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        fine = runs[[name, "judged"]].to_numpy(dtype=float)
        fine = fine[np.isfinite(fine).all(axis=1)]
        low, high = np.quantile(fine, [0.01, 0.99]) if len(fine) else (0.0, 1.0)
        for value in prepared.order:
            part, label = runs[runs[by] == value], title_of(by, value)
            figure.add_trace(
                draw(
                    x=part[name],
                    y=part["judged"],
                    mode="markers",
                    marker={
                        "size": 6,
                        "opacity": 0.65,
                        "color": prepared.palette.colour(value),
                        "symbol": prepared.palette.symbol(value),
                    },
                    customdata=part["run"],
                    hovertext=[
                        f"{prepared.words[run]}<br>estimate {number(said)}"
                        for run, said in zip(part["run"], part[name], strict=True)
                    ],
                    hoverinfo="text",
                    name=label,
                    legendgroup=label,
                    showlegend=index == 0,
                ),
                **place,
            )
        figure.add_scatter(
            x=[low, high],
            y=[low, high],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"dash": "dash", "width": 1.2, "color": theme.ink()},
            **place,
        )
        room = 0.1 * max(high - low, 1e-9)
        beyond += int(((fine[:, 0] < low - room) | (fine[:, 0] > high + room)).sum())
        figure.update_xaxes(title_text="estimate", range=[low - room, high + room], **place)
        figure.update_yaxes(title_text="true return" if index % columns == 0 else "", **place)
    note = (
        prepared.note()
        + (
            "\nDashed: estimate = truth. ρ: Spearman's rank correlation, its mean over datasets. "
            f"regret@k: how far the best of the k with the highest estimates falls short of the best of all, as "
            f"{prepared.unit}."
        )
        + (f"\nBeyond the axes: {beyond:,} of all estimates." if beyond else "")
        + _lacking(prepared, there)
    )
    style(figure, "What is an estimate worth?", note, height=80 + 300 * rows)
    figure.update_annotations(font_size=13)
    figure.update_layout(margin_t=figure.layout.margin.t + 34, height=figure.layout.height + 34)
    return legend_below(figure)
