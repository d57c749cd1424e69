"""Pictures about settings: how much each one matters, and which algorithm is best where two of them vary."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from offrl_core.experiments import statistics
from offrl_core.writing import number
from offrl_ui.experiments.marks import (
    band,
    cells,
    hatch,
    interval,
    left_of,
    legend_below,
    order_of,
    reference_lines,
    shade,
    style,
    title_of,
    word_of,
)
from offrl_ui.experiments.prepared import Prepared
from offrl_ui.shared import theme

CLEAR = 0.25
"""A margin from which on a cell has its algorithm's full colour, of normalised returns; of others, of their range."""


def sensitivity_figure(prepared: Prepared) -> go.Figure:
    """The return against each setting (median and quartiles over all the others), how much each one matters, and what
    tuning buys."""
    by = prepared.by
    settings = prepared.settings
    columns = 2
    rows = -(-len(settings) // columns)
    spare = [""] * (rows * columns - len(settings))
    titles = [*map(word_of, settings), *spare, "how much each matters", "what tuning buys"]
    figure = make_subplots(
        rows + 1, columns, vertical_spacing=0.3 / (rows + 1), horizontal_spacing=0.14, subplot_titles=titles
    )
    named: set[str] = set()
    for index, setting in enumerate(settings):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        table = statistics.sensitivity(prepared.runs, setting, by, prepared.metric)
        numeric = table["value"].dtype.kind in "fiu"
        positive = table["value"][table["value"] > 0] if numeric else table["value"][:0]
        wide = len(positive) > 1 and table["value"].max() >= 20 * positive.min()
        if wide and table["value"].min() <= 0:  # a logarithm has no place for 0: the values side by side
            numeric = wide = False
            order = [title_of(setting, each) for each in sorted(table["value"].unique())]
            figure.update_xaxes(type="category", categoryorder="array", categoryarray=order, **place)
        for value in prepared.order:
            part = table[table[by] == value]
            if len(part) < 2:
                continue
            x = list(part["value"]) if numeric else [title_of(setting, each) for each in part["value"]]
            name, colour = title_of(by, value), prepared.palette.colour(value)
            band(figure, x, part["low"], part["high"], colour, name, **place)
            mine = prepared.scored[prepared.scored[by] == value]
            figure.add_scatter(
                x=x,
                y=part["median"],
                mode="lines+markers",
                name=name,
                legendgroup=name,
                showlegend=name not in named,
                line={"color": colour, "dash": prepared.palette.dash(value), "width": 2},
                marker={"size": 7, "symbol": prepared.palette.symbol(value)},
                customdata=[prepared.median_run(setting, each, mine) for each in part["value"]],
                hovertext=[
                    f"{name}, {word_of(setting)} {title_of(setting, row['value'])}: median {number(row['median'])}, "
                    f"quartiles {number(row['low'])} and {number(row['high'])}, {row['runs']:,} runs"
                    for row in part.to_dict("records")
                ],
                hoverinfo="text",
                **place,
            )
            named.add(name)
        if prepared.normalised:
            reference_lines(figure, "y", **place)
        if wide:
            figure.update_xaxes(type="log", dtick=1, **place)
        figure.update_yaxes(title_text=prepared.unit if index % columns == 0 else "", **place)
    _importance(figure, prepared, rows + 1)
    _plane(figure, prepared, rows + 1)
    note = prepared.note() + (
        "\nLines: median over everything else, bands: quartiles. How much each matters: by how much a forest's R² on "
        "unseen runs falls when the setting is shuffled. What tuning buys: the best setting of each dataset, and what "
        "of that is lost when one setting serves all."
    )
    names = [word_of(setting) for setting in settings]
    style(figure, "Which settings matter?", note, height=60 + 270 * (rows + 1), left=max(58, left_of(names)))
    figure.update_annotations(font_size=13)
    figure.update_layout(margin_t=figure.layout.margin.t + 18, height=figure.layout.height + 18)
    return legend_below(figure)


def _importance(figure: go.Figure, prepared: Prepared, row: int) -> None:
    table = statistics.importance(prepared.runs, prepared.by, prepared.metric)
    table = table[table["permutation"].notna()]
    for value in prepared.order:
        part = table[table[prepared.by] == value]
        name = title_of(prepared.by, value)
        if len(part):
            figure.add_scatter(
                x=part["permutation"],
                y=[word_of(setting) for setting in part["hyperparameter"]],
                mode="markers",
                name=name,
                marker={"size": 11, "color": prepared.palette.colour(value), "symbol": prepared.palette.symbol(value)},
                cliponaxis=False,
                error_x={"type": "data", "array": part["permutation_std"], "thickness": 1.2, "color": theme.ink()},
                showlegend=False,
                legendgroup=name,
                hovertemplate=f"{name}: %{{y}} %{{x:.2f}}<extra></extra>",
                row=row,
                col=1,
            )
    figure.update_xaxes(title_text="fall of R²", rangemode="tozero", row=row, col=1)


def _plane(figure: go.Figure, prepared: Prepared, row: int) -> None:
    table = statistics.sensitivity_plane(prepared.runs, prepared.by, prepared.metric)
    for found in table[table["performance"].notna()].to_dict("records"):
        value = found[prepared.by]
        name = title_of(prepared.by, value)
        figure.add_scatter(
            x=[found["sensitivity"]],
            y=[found["performance"]],
            mode="markers",
            marker={"size": 11, "color": prepared.palette.colour(value), "symbol": prepared.palette.symbol(value)},
            error_x=_error(found, "sensitivity"),
            error_y=_error(found, "performance"),
            customdata=[prepared.best_run(prepared.scored[prepared.scored[prepared.by] == value])],
            hovertext=[
                f"{name}: tuned for each dataset {number(found['performance'])}"
                f"{interval(found['performance_low'], found['performance_high'])}, of which one setting for all loses "
                f"{number(found['sensitivity'])}{interval(found['sensitivity_low'], found['sensitivity_high'])}"
            ],
            hoverinfo="text",
            cliponaxis=False,  # at 0 it would be half a sign
            name=name,
            legendgroup=name,
            showlegend=False,
            row=row,
            col=2,
        )
    figure.update_xaxes(title_text="sensitivity", rangemode="tozero", row=row, col=2)
    figure.update_yaxes(title_text="tuned", row=row, col=2)


def _error(found: dict[str, float], name: str) -> dict[str, object]:
    low, high = found[name] - found[f"{name}_low"], found[f"{name}_high"] - found[name]
    return {
        "type": "data",
        "array": [np.nan_to_num(high)],
        "arrayminus": [np.nan_to_num(low)],
        "thickness": 1.2,
        "color": theme.ink(),
    }


def phase_figure(prepared: Prepared, x: str, y: str) -> go.Figure:
    """The best of what is compared at every pair of settings: its colour, paler where it leads by less."""
    by = prepared.by
    table = statistics.phase_diagram(prepared.runs, x, y, by, prepared.metric)
    across, up = (sorted(table[name].unique(), key=order_of) for name in (x, y))
    scores = prepared.scored["score"]
    clear = CLEAR if prepared.normalised else CLEAR * max(float(scores.max() - scores.min()), 1e-9)
    table = table.assign(column=[across.index(v) for v in table[x]], row=[up.index(v) for v in table[y]])
    figure = go.Figure()
    for value in prepared.order:
        won = table[table["winner"] == value]
        if not len(won):
            continue
        colours = np.full((len(up), len(across)), np.nan)
        colours[won["row"], won["column"]] = (won["margin"].fillna(clear) / clear).clip(0, 1)
        colour = prepared.palette.colour(value)
        figure.add_heatmap(
            z=colours,
            zmin=0,
            zmax=1,
            colorscale=[[0, shade(colour, 0.28)], [1, shade(colour, 1.0)]],
            showscale=False,
            hoverinfo="skip",
            hoverongaps=False,
            xgap=1,
            ygap=1,
            zorder=1,
        )
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=title_of(by, value),
            marker={"size": 13, "symbol": "square", "color": colour},
        )
    hatch(figure, list(zip(*(table.loc[~table["sure"], name] for name in ("column", "row")), strict=True)))
    records = table.to_dict("records")
    name = {
        "showarrow": False,
        "font": {"size": 11, "color": theme.ink()},
        "bgcolor": "rgba(16,21,27,0.75)" if theme.dark() else "rgba(255,255,255,0.78)",
        "borderpad": 1,
    }
    figure.update_layout(  # all together: one after another takes the square of their number
        annotations=[
            {"x": found["column"], "y": found["row"], "text": title_of(by, found["winner"]), **name}
            for found in records
        ]
    )
    words = [
        f"{word_of(x)} {title_of(x, found[x])}, {word_of(y)} {title_of(y, found[y])}<br>"
        f"{title_of(by, found['winner'])} {number(found['score'])}"
        + (
            f", ahead of {title_of(by, found['second'])} by {number(found['margin'])}"
            f"{interval(found['low'], found['high'])}"
            if found["second"] is not None
            else ""
        )
        + (f"<br>{found['why']}" if found["why"] else "")
        for found in records
    ]
    opens = [prepared.cell_run(found["winner"], {x: found[x], y: found[y]}) for found in records]
    cells(figure, table["column"], table["row"], opens, words)
    note = prepared.note(intervals=True) + (
        f"\nFull colour: it leads the next by {number(clear)} or more. Hatched: the interval of the lead contains 0, "
        "or there is none, so it is not decided."
    )
    names = [title_of(y, value) for value in up]
    style(figure, f"Which {prepared.word} is best where?", note, height=150 + 46 * len(up), left=left_of(names) + 22)
    figure.update_xaxes(
        title_text=word_of(x),
        tickvals=list(range(len(across))),
        ticktext=[title_of(x, value) for value in across],
        range=[-0.5, len(across) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title_text=word_of(y),
        tickvals=list(range(len(up))),
        ticktext=names,
        range=[-0.5, len(up) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    return legend_below(figure)
