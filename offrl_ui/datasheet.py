"""Standing pictures of a dataset: aggregated with numpy first, so that a million rows cost the browser nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from offrl_core.data.dataset import Dataset
from offrl_core.evaluation.truth import Truth
from offrl_core.worlds.layout import GridLayout, MatrixLayout, PlaneLayout
from offrl_ui import pictures, theme
from offrl_ui.cards import behavior_of, example_episodes, placed, walk_of

Array = npt.NDArray[np.float64]
BINS = 40
WALKS = 36
HATCH = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300"><defs><pattern id="h" width="7" height="7" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2.2" height="7" fill="{colour}"/>'
    '</pattern></defs><rect width="600" height="300" fill="url(#h)"/></svg>'
)


def groups(dataset: Dataset) -> list[tuple[int, str, npt.NDArray[np.bool_]]]:
    """Number, name and `(E,)` mask of the episodes of each behaviour policy; one group if unknown."""
    if dataset.behaviors is None:
        return [(0, "all episodes", np.ones(dataset.n_episodes, dtype=bool))]
    names = dict(enumerate(dataset.behavior_names))
    kinds = [int(kind) for kind in np.unique(dataset.behaviors)]
    return [(kind, names.get(kind, f"behaviour {kind}"), dataset.behaviors == kind) for kind in kinds]


@lru_cache(8)
def truth(dataset: Dataset) -> Truth:
    """The exact reference values of a dataset's world; kept, because large worlds take a moment to solve."""
    return Truth(dataset)


def facts(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Name, value and help of the numbers that stand above the pictures."""
    known = truth(dataset)
    rows = [
        ("Rows", f"{len(dataset):,}", "Transitions (s, a, r, s′) in the data."),
        ("Episodes", f"{dataset.n_episodes:,}", f"Mean length {len(dataset) / dataset.n_episodes:.1f} steps."),
    ]
    if dataset.tabular:
        seen = float((dataset.counts > 0).mean())
        help_ = f"Share of the {dataset.n_states} × {dataset.n_actions} state–action pairs that stand in the data."
        rows.append(("Pairs covered", f"{seen:.1%}", help_))
    else:
        rows.append(("Dimensions", str(dataset.observations.shape[1]), "Numbers in an observation."))
    for name, value, help_ in (
        ("Behaviour J(π_β)", known.behavior, known.behavior_kind.capitalize() + "."),
        (
            "Best in the data",
            known.in_support,
            "Best return of a policy that takes only recorded actions, in the true world.",
        ),
        ("Optimum J*", known.optimal, known.optimal_kind.capitalize() + "."),
    ):
        rows.append((name, "unknown" if value is None else f"{value:.4g}", help_))
    return rows


def return_marks(dataset: Dataset) -> dict[str, float]:
    """The reference returns that are known, to be drawn as lines."""
    known = truth(dataset)
    named = {"behaviour": known.behavior, "best in the data": known.in_support, "optimum": known.optimal}
    return {name: value for name, value in named.items() if value is not None}


def walks_caption(dataset: Dataset) -> str:
    """Which behaviour policy has which colour, and how many of the episodes are drawn."""
    names = " · ".join(
        f":{('blue', 'orange', 'green', 'violet', 'red', 'blue', 'yellow', 'gray')[kind % 8]}[{name}]"
        for kind, name, _ in groups(dataset)
    )
    return f"{len(example_episodes(dataset, WALKS))} of {dataset.n_episodes:,}: {names}"


def returns_figure(dataset: Dataset, gamma: float, marks: Mapping[str, float]) -> go.Figure:
    """Histogram of the episodes' discounted returns by behaviour policy; `marks` are drawn as named dashed lines."""
    returns = dataset.episode_returns(gamma)
    figure = _histogram(dataset, returns, list(marks.values()))
    top = max(float(np.max(trace.y)) for trace in figure.data)
    for number, (name, value) in enumerate(marks.items()):
        figure.add_scatter(
            x=[value, value],
            y=[0, top * (1.06 + 0.07 * number)],
            mode="lines+markers",
            line={"dash": "dash", "width": 1.8, "color": theme.ink()},
            marker={"symbol": ("circle", "square", "diamond")[number % 3], "size": [0, 8]},
            name=f"{name} {value:.4g}",
            hovertemplate=f"{name}: {value:.4g}<extra></extra>",
        )
    figure.update_layout(title_text=f"Returns of the recorded episodes (γ = {gamma:g})")
    figure.update_xaxes(title_text="discounted return of an episode")
    figure.update_yaxes(title_text="episodes")
    return theme.style(figure, legend=True)


def lengths_figure(dataset: Dataset) -> go.Figure:
    """Histogram of the episodes' lengths by how they ended."""
    lengths = (dataset.episode_ends - dataset.episode_starts + 1).astype(float)
    ended = dataset.terminations[dataset.episode_ends]
    figure = go.Figure()
    edges = _edges(lengths, whole=True)
    for name, mask, colour in (("terminated", ended, 0), ("truncated", ~ended, 1)):
        if mask.any():
            counts, _ = np.histogram(lengths[mask], edges)
            figure.add_bar(**_bar(edges, counts), name=name, marker_color=theme.actions(theme.dark())[colour])
    figure.update_layout(title_text="Lengths of the episodes", barmode="stack")
    figure.update_xaxes(title_text="steps")
    figure.update_yaxes(title_text="episodes")
    return theme.style(figure, legend=True)


def actions_figure(dataset: Dataset) -> go.Figure:
    """How often each action was taken, by behaviour policy."""
    names = action_names(dataset)
    row_kind = np.zeros(len(dataset), dtype=int)
    kinds = groups(dataset)
    for number, (_, _, mask) in enumerate(kinds):
        row_kind[mask[dataset.episode_of_row]] = number
    table = np.bincount(row_kind * dataset.n_actions + dataset.actions, minlength=len(kinds) * dataset.n_actions)
    figure = go.Figure()
    for number, (kind, name, _) in enumerate(kinds):
        shares = table.reshape(len(kinds), -1)[number] / len(dataset)
        colour = theme.actions(theme.dark())[kind % 8]
        figure.add_bar(x=names, y=shares, name=name, marker_color=colour, hovertemplate="%{x}: %{y:.2%}<extra></extra>")
    figure.update_layout(title_text="Shares of the actions", barmode="stack")
    figure.update_yaxes(title_text="share of all rows", tickformat=".0%")
    figure.update_xaxes(type="category", title_text="action", tickangle=0 if len(names) <= 10 else -90)
    return theme.style(figure, legend=len(kinds) > 1)


def counts_figure(dataset: Dataset, layout: MatrixLayout | None) -> go.Figure:
    """States × actions by how often the pair stands in the data, on a log scale; missing pairs are hatched."""
    order = np.array(layout.order if layout else np.arange(dataset.n_states or 0))
    counts = dataset.counts[order].T
    with np.errstate(divide="ignore"):
        shade = np.where(counts > 0, np.log10(counts), np.nan)
    top = max(1.0, float(np.nanmax(shade)))
    ticks = np.arange(0, np.ceil(top) + 1)
    colour = "rgba(230,235,240,.34)" if theme.dark() else "rgba(28,37,48,.28)"
    hatch = base64.b64encode(HATCH.format(colour=colour).encode()).decode()
    figure = go.Figure(
        go.Heatmap(
            z=shade,
            customdata=np.dstack([counts, np.broadcast_to(order, counts.shape)]),
            y=action_names(dataset),
            zmin=0,
            zmax=top,
            colorscale=theme.colorscale("amount"),
            colorbar={
                "title": "n(s,a)",
                "tickvals": ticks,
                "ticktext": [f"{10**t:,.0f}" for t in ticks],
                "thickness": 12,
            },
            hovertemplate="state %{customdata[1]}, %{y}: %{customdata[0]} times<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.add_layout_image(
        source=f"data:image/svg+xml;base64,{hatch}",
        xref="x domain",
        yref="y domain",
        x=0,
        y=1,
        sizex=1,
        sizey=1,
        sizing="stretch",
        layer="below",
    )
    missing = float((counts == 0).mean())
    figure.update_layout(title_text=f"State–action counts; hatched: never in the data ({missing:.0%} of the pairs)")
    figure.update_xaxes(title_text=layout.row_title if layout else "states", showgrid=False)
    figure.update_yaxes(title_text=layout.column_title if layout else "actions", type="category", showgrid=False)
    return theme.style(figure, height=max(280, 60 + 17 * dataset.n_actions))


def counts_grid(dataset: Dataset, layout: GridLayout) -> str:
    """The grid with four triangles a cell, coloured by `n(s,a)` on a log scale; missing pairs are hatched."""
    counts = dataset.counts
    top = np.log1p(counts.max())
    colours = theme.ramp("amount", np.log1p(counts) / max(top, 1e-9))
    centre = pictures.cell_centre(layout)
    terminal = dataset.mdp.terminal if dataset.mdp is not None else np.zeros(len(counts), dtype=bool)
    names = action_names(dataset)
    body = [
        '<defs><pattern id="missing" width=".22" height=".22" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        f'<rect width=".07" height=".22" style="fill:{pictures.TEXT};fill-opacity:.45"/></pattern></defs>',
        *pictures.cells(layout),
    ]
    for state in np.flatnonzero(~terminal):
        x, y = centre[state]
        for action, (dr, dc) in enumerate(layout.directions):
            n = int(counts[state, action])
            fill = "rgb({},{},{})".format(*colours[state, action]) if n else "url(#missing)"
            if (dr, dc) == (0, 0):
                shape = f'<circle cx="{x:g}" cy="{y:g}" r=".16"'
            else:
                across = np.array([dr, dc]) * 0.46
                tip = np.array([dc, dr]) * 0.46
                (ax, ay), (bx, by) = tip + across, tip - across
                shape = f'<path d="M{x:g} {y:g}L{x + ax:g} {y + ay:g}L{x + bx:g} {y + by:g}z"'
            often = f"{n} times" if n else "never"
            title = f"row {int(y)}, column {int(x)}, {names[action]}: {often}"
            body.append(f'{shape} style="fill:{fill};stroke:{pictures.PAGE};stroke-width:.03"><title>{title}</title>')
            body.append("</circle>" if (dr, dc) == (0, 0) else "</path>")
    body += pictures.letters(layout)
    seen = int((counts > 0).sum())
    description = f"{seen} of {counts.size} state-action pairs stand in the data; the others are hatched"
    return pictures.svg(layout.cols, layout.rows, body, description=description)


def walks_grid(dataset: Dataset, layout: GridLayout) -> str:
    """Recorded episodes as lines in the grid, coloured by the behaviour policy that walked them."""
    centre = pictures.cell_centre(layout)
    shown = example_episodes(dataset, WALKS)
    walks = [(centre[walk_of(dataset, episode)], behavior_of(dataset, episode)) for episode in shown]
    body = pictures.cells(layout) + pictures.walks(walks, 0.05, spread=0.62, opacity=0.8) + pictures.letters(layout)
    return pictures.svg(
        layout.cols, layout.rows, body, description=f"{len(shown)} recorded episodes, drawn in the grid"
    )


def walks_figure(dataset: Dataset, x: int, y: int) -> go.Figure:
    """Recorded episodes as lines over two dimensions of a continuous world, coloured by behaviour policy."""
    kinds = groups(dataset)
    figure = go.Figure()
    for kind, name, _ in kinds:
        points = [
            np.vstack([placed(dataset, walk_of(dataset, e))[:, [x, y]], [np.nan, np.nan]])
            for e in example_episodes(dataset, WALKS)
            if behavior_of(dataset, e) == kind
        ]
        if points:
            stacked = np.concatenate(points)
            colour = theme.actions(theme.dark())[kind % 8]
            figure.add_scatter(
                x=stacked[:, 0], y=stacked[:, 1], mode="lines", name=name, line={"width": 1.2, "color": colour}
            )
    figure.update_layout(
        title_text=f"Recorded episodes ({len(example_episodes(dataset, WALKS))} of {dataset.n_episodes:,})"
    )
    return theme.style(_plane(figure, dataset, x, y), height=380, legend=len(kinds) > 1)


def visits_figure(dataset: Dataset, x: int, y: int) -> go.Figure:
    """Where the recorded observations lie in two dimensions of a continuous world."""
    points = placed(dataset, dataset.observations)[:, [x, y]]
    ranges = [_range(dataset, dimension) for dimension in (x, y)]
    visits, x_edges, y_edges = fast_histogram(points, ranges, 60)
    with np.errstate(divide="ignore"):
        shade = np.where(visits > 0, np.log10(visits), np.nan).T
    figure = go.Figure(
        go.Heatmap(
            x=(x_edges[1:] + x_edges[:-1]) / 2,
            y=(y_edges[1:] + y_edges[:-1]) / 2,
            z=shade,
            customdata=visits.T,
            colorscale=theme.colorscale("amount"),
            showscale=False,
            hovertemplate="%{customdata:.0f} rows<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_layout(title_text=f"Where the {len(dataset):,} rows lie (colour: how many, log scale)")
    return theme.style(_plane(figure, dataset, x, y), height=380)


def severity_figure(dataset: Dataset, layout: MatrixLayout) -> go.Figure:
    """Recorded episodes of a world without geometry: the rank of the state in the layout's order, over time."""
    rank = np.empty(dataset.n_states or 0)
    rank[list(layout.order)] = np.arange(len(layout.order))
    figure = go.Figure()
    for episode in example_episodes(dataset, WALKS):
        good = dataset.rewards[dataset.episode_ends[episode]] > 0
        colour = theme.actions(theme.dark())[2 if good else 4]
        figure.add_scatter(
            y=rank[walk_of(dataset, episode)],
            mode="lines",
            line={"width": 1.1, "color": colour},
            opacity=0.7,
            hoverinfo="skip",
        )
    figure.update_layout(title_text="Recorded episodes (green: last reward positive, orange: not)")
    figure.update_xaxes(title_text="step")
    figure.update_yaxes(title_text=layout.row_title)
    return theme.style(figure, height=340)


def fast_histogram(points: Array, ranges: list[tuple[float, float]], bins: int) -> tuple[Array, Array, Array]:
    """Counts `(bins, bins)` of two columns over `ranges` and the edges of both: one pass, without sorting."""
    cells = np.zeros(len(points), dtype=np.int64)
    edges = []
    for column, (low, high) in enumerate(ranges):
        span = max(high - low, 1e-12)
        at = ((points[:, column] - low) * (bins / span)).astype(np.int64)
        cells = cells * bins + np.clip(at, 0, bins - 1)
        edges.append(np.linspace(low, low + span, bins + 1))
    return np.bincount(cells, minlength=bins * bins).reshape(bins, bins).astype(float), edges[0], edges[1]


def action_names(dataset: Dataset) -> list[str]:
    """Labels of the actions; their numbers where the data has no labels."""
    return list(dataset.action_names or map(str, range(dataset.n_actions)))


def _histogram(dataset: Dataset, values: Array, inside: list[float]) -> go.Figure:
    edges = _edges(np.append(values, inside))
    figure = go.Figure()
    for kind, name, mask in groups(dataset):
        counts, _ = np.histogram(values[mask], edges)
        figure.add_bar(**_bar(edges, counts), name=name, marker_color=theme.actions(theme.dark())[kind % 8])
    return figure.update_layout(barmode="stack")


def _bar(edges: Array, counts: npt.NDArray[np.int64]) -> dict[str, object]:
    return {
        "x": (edges[1:] + edges[:-1]) / 2,
        "y": counts,
        "width": np.diff(edges),
        "customdata": np.stack([edges[:-1], edges[1:]], axis=1),
        "hovertemplate": "%{customdata[0]:.4g} to %{customdata[1]:.4g}: %{y} episodes<extra></extra>",
    }


def _edges(values: Array, *, whole: bool = False) -> Array:
    low, high = float(values.min()), float(values.max())
    if whole:
        step = max(1, int(np.ceil((high - low + 1) / BINS)))
        return np.arange(low - 0.5, high + step + 0.5, step)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _range(dataset: Dataset, dimension: int) -> tuple[float, float]:
    if isinstance(dataset.layout, PlaneLayout):
        return dataset.layout.low[dimension], dataset.layout.high[dimension]
    column = dataset.observations[:, dimension]
    return float(column.min()), float(column.max())


def _plane(figure: go.Figure, dataset: Dataset, x: int, y: int) -> go.Figure:
    layout = dataset.layout
    names = dimension_names(dataset)
    figure.update_xaxes(title_text=names[x], range=_range(dataset, x), showgrid=False)
    figure.update_yaxes(title_text=names[y], range=_range(dataset, y), showgrid=False)
    if isinstance(layout, PlaneLayout) and (x, y) == (layout.x, layout.y):
        wall = "#3a4551" if theme.dark() else "#c3ccd5"
        for x0, y0, x1, y1 in layout.walls:
            figure.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1, fillcolor=wall, line_width=0, layer="below")
        for label, x0, y0, x1, y1 in layout.regions:
            figure.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1, line={"dash": "dot"}, label={"text": label})
        if layout.walls:
            figure.update_yaxes(scaleanchor="x")
    return figure


def dimension_names(dataset: Dataset) -> list[str]:
    """Names of the observation's dimensions."""
    if isinstance(dataset.layout, PlaneLayout):
        return list(dataset.layout.names)
    width = dataset.observations.shape[1]
    return list(dataset.observation_names or (f"dimension {i}" for i in range(width)))
