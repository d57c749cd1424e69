"""Standing charts of a dataset: aggregated with numpy first, so that a million rows cost the browser nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.worlds.layout import MatrixLayout, PlaneLayout
from offrl_core.writing import number
from offrl_ui.datasets.facts import REWARDED, UNREWARDED, dimension_names, groups, recorded
from offrl_ui.setup.dataset_cards import placed
from offrl_ui.shared.chart_look import LIGHT, Figure, Look

Array = npt.NDArray[np.float64]
Part = dict[str, Any]
BINS = 40
MOST_STATES = 1000
MOST_ACTIONS = 40
FEW_STATES = 10


def returns_figure(dataset: Dataset, gamma: float, marks: Mapping[str, float], look: Look = LIGHT) -> Figure:
    """Histogram of the episodes' discounted returns by behaviour policy; `marks` are drawn as named dashed lines."""
    returns = dataset.as_logged.episode_returns(gamma)
    traces = _histogram(dataset, returns, list(marks.values()), look)
    top = max(float(np.max(trace["y"])) for trace in traces)
    for place, (name, value) in enumerate(marks.items()):
        traces.append(
            {
                "type": "scatter",
                "x": [value, value],
                "y": [0, top * (1.06 + 0.07 * place)],
                "mode": "lines+markers",
                "line": {"dash": "dash", "width": 1.8, "color": look.ink},
                "marker": {"symbol": ("circle", "square", "diamond")[place % 3], "size": [0, 8]},
                "name": f"{name} {number(value)}",
                "hovertemplate": f"{name}: {number(value)}<extra></extra>",
            }
        )
    x = {"title": "discounted return of an episode"}
    y = {"title": "episodes", **_whole_ticks(0, top)}
    title = f"Returns of the recorded episodes (γ = {gamma:g})"
    return look.figure(traces, title, x, y, legend=len(traces), barmode="stack")


def lengths_figure(dataset: Dataset, look: Look = LIGHT) -> Figure:
    """Histogram of the episodes' lengths by how they ended."""
    lengths = (dataset.episode_ends - dataset.episode_starts + 1).astype(float)
    ended = dataset.terminations[dataset.episode_ends]
    edges = _edges(lengths, whole=True)
    traces = []
    for name, mask, colour in (("terminated", ended, 0), ("truncated", ~ended, 1)):
        if mask.any():
            counts, _ = np.histogram(lengths[mask], edges)
            traces.append({**_bar(edges, counts), "name": name, "marker": {"color": look.colour(colour)}})
    # A single length stays a bar, not a wall.
    spare = max(0.0, 3 - (edges[-1] - edges[0]) / 2)
    shown = [max(0.0, edges[0] - spare), edges[-1] + spare]
    x = {"title": "steps", "range": shown, **_whole_ticks(float(lengths.min()), float(lengths.max()))}
    y = {"title": "episodes", **_whole_ticks(0, max(float(np.max(trace["y"])) for trace in traces))}
    return look.figure(traces, "Lengths of the episodes", x, y, legend=len(traces), barmode="stack")


def actions_figure(dataset: Dataset, look: Look = LIGHT) -> Figure:
    """How often each action was taken, by behaviour policy."""
    shown = shown_actions(dataset)
    names = [dataset.action_labels[a] for a in shown]
    row_kind = np.zeros(len(dataset), dtype=int)
    kinds = groups(dataset)
    for place, (_, _, mask) in enumerate(kinds):
        row_kind[mask[dataset.episode_of_row]] = place
    table = np.bincount(row_kind * dataset.n_actions + dataset.actions, minlength=len(kinds) * dataset.n_actions)
    traces = [
        {
            "type": "bar",
            "x": table.reshape(len(kinds), -1)[place][shown] / len(dataset),
            "y": np.arange(len(names)),
            "orientation": "h",
            "name": name,
            "marker": {"color": look.colour(kind)},
            "customdata": names,
            "hovertemplate": "%{customdata}: %{x:.2%}<extra></extra>",
        }
        for place, (kind, name, _) in enumerate(kinds)
    ]
    some = "" if len(shown) == dataset.n_actions else f" ({len(shown)} most frequent of {dataset.n_actions})"
    x = {"title": "share of all rows", "tickformat": ".0%"}
    height, legend = max(280, 80 + 17 * len(names)), len(kinds) if len(kinds) > 1 else 0
    title = f"Shares of the actions{some}"
    return _named_rows(look.figure(traces, title, x, {}, height=height, legend=legend, barmode="stack"), names)


def counts_figure(dataset: Dataset, layout: MatrixLayout | None, look: Look = LIGHT) -> Figure:
    """States × actions by how often the pair stands in the data, on a log scale; missing pairs are hatched."""
    visits = dataset.counts.sum(axis=1)
    order = np.array(layout.order) if layout else np.sort(np.argsort(-visits, kind="stable")[:MOST_STATES])
    shown = shown_actions(dataset)
    names = [dataset.action_labels[a] for a in shown]
    counts = dataset.counts[order][:, shown].T
    with np.errstate(divide="ignore"):
        shade = np.where(counts > 0, np.log10(counts), np.nan)
    top = max(1.0, float(np.nanmax(shade)))
    right, upper = len(order) - 0.5, len(names) - 0.5
    hatch = {
        "type": "scatter",
        "x": [-0.5, right, right, -0.5],
        "y": [-0.5, -0.5, upper, upper],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillpattern": {"shape": "/", "size": 6, "solidity": 0.25, "fgcolor": look.ink, "fgopacity": 0.5},
        "hoverinfo": "skip",
    }
    labels = np.array(dataset.state_labels, dtype=object)[order]
    heat = {
        "type": "heatmap",
        "z": shade,
        "zorder": 1,  # above the hatch
        "customdata": np.dstack([counts.astype(object), np.broadcast_to(labels, counts.shape)]),
        "text": np.broadcast_to(np.array(names)[:, None], counts.shape),
        "zmin": 0,
        "zmax": top,
        "colorscale": look.colorscale("amount"),
        "colorbar": _counts_bar("n(s,a)", top),
        "hovertemplate": "state %{customdata[1]}, %{text}: %{customdata[0]} times<extra></extra>",
        "hoverongaps": False,
    }
    missing = float((counts == 0).mean())
    states = "states" if layout or len(order) == dataset.n_states else f"the {MOST_STATES} most visited states"
    x = {"title": layout.row_title if layout else states, "range": [-0.5, right], "showgrid": False}
    y = {"range": [-0.5, upper], "showgrid": False}
    title = f"State–action counts; hatched: never in the data ({missing:.0%})"
    named = {**x, **_named_states(dataset, order.tolist())}
    return _named_rows(look.figure([hatch, heat], title, named, y, height=max(280, 80 + 17 * len(names))), names)


def shown_actions(dataset: Dataset) -> npt.NDArray[np.int64]:
    """The actions that a chart has room for: all, or the most frequent ones."""
    counts = np.bincount(dataset.actions, minlength=dataset.n_actions)
    return np.sort(np.argsort(-counts, kind="stable")[:MOST_ACTIONS])


def _counts_bar(title: str, top: float) -> Part:
    """The bar beside colours of `log10` counts up to `top`."""
    ticks = np.arange(0, np.ceil(top) + 1)
    texts = [f"{10**t:,.0f}" for t in ticks]
    return {"title": {"text": title}, "tickvals": ticks, "ticktext": texts, "thickness": 12}


def _whole_ticks(low: float, high: float) -> Part:
    """Ticks at whole numbers, where there are so few that halves would be marked as well."""
    return {"dtick": 1, "tickformat": ",d"} if high - low < 8 else {}


def _named_states(dataset: Dataset, order: Sequence[int]) -> Part:
    """States by their names, where there is room for them."""
    if len(order) > FEW_STATES:
        return {}
    names = dataset.state_labels
    return {"tickvals": list(range(len(order))), "ticktext": [names[state] for state in order]}


def _named_rows(figure: Figure, names: list[str]) -> Figure:
    """Actions on the vertical axis, with room for their names."""
    figure["layout"]["yaxis"] |= {"tickvals": list(range(len(names))), "ticktext": names}
    figure["layout"]["margin"] |= {"l": min(150, 24 + 7 * max(map(len, names)))}
    return figure


def walks_figure(dataset: Dataset, x: int, y: int, look: Look = LIGHT) -> Figure:
    """Recorded episodes as lines over two dimensions of a continuous world, coloured by behaviour policy."""
    kinds = groups(dataset)
    shown, title = recorded(dataset)
    traces = []
    for kind, name, mask in kinds:
        points: list[npt.NDArray[np.float64]] = [
            np.vstack([placed(dataset.layout, walk, (x, y)), [np.nan, np.nan]])
            for episode, walk in shown
            if mask[episode]
        ]
        if points:
            stacked = np.concatenate(points)
            line = {"width": 1.2, "color": look.colour(kind)}
            trace = {"type": "scatter", "x": stacked[:, 0], "y": stacked[:, 1], "mode": "lines"}
            traces.append({**trace, "name": name, "line": line})
    return _plane(dataset, x, y, traces, title, look, legend=len(kinds) if len(kinds) > 1 else 0)


def visits_figure(dataset: Dataset, x: int, y: int, look: Look = LIGHT) -> Figure:
    """Where the recorded observations lie in two dimensions of a continuous world."""
    points = placed(dataset.layout, dataset.observations, (x, y))
    ranges = [_range(dataset, dimension) for dimension in (x, y)]
    visits, x_edges, y_edges = fast_histogram(points, ranges, 60)
    with np.errstate(divide="ignore"):
        shade = np.where(visits > 0, np.log10(visits), np.nan).T
    top = max(1.0, float(np.nanmax(shade)))
    heat = {
        "type": "heatmap",
        "x": (x_edges[1:] + x_edges[:-1]) / 2,
        "y": (y_edges[1:] + y_edges[:-1]) / 2,
        "z": shade,
        "customdata": visits.T,
        "zmin": 0,
        "zmax": top,
        "colorscale": look.colorscale("amount"),
        "colorbar": _counts_bar("rows", top),
        "hovertemplate": "%{customdata:.0f} rows<extra></extra>",
        "hoverongaps": False,
    }
    return _plane(dataset, x, y, [heat], f"Where the {len(dataset):,} rows lie", look)


def episodes_figure(dataset: Dataset, layout: MatrixLayout, look: Look = LIGHT) -> Figure:
    """Recorded episodes of a world without geometry: the rank of the state in the layout's order, over time.

    Coloured by how they came out where they come out in two ways, else by behaviour policy.
    """
    rank = np.full(dataset.n_states or 0, np.nan)
    rank[list(layout.order)] = np.arange(len(layout.order))
    shown, title = recorded(dataset)
    numbers = [episode for episode, _ in shown]
    good = dataset.as_logged.rewards[dataset.episode_ends[numbers]] > 0
    if good.any() and not good.all():
        kinds = [("last reward positive", REWARDED, good), ("not", UNREWARDED, ~good)]
    else:
        kinds = [(name, kind, mask[numbers]) for kind, name, mask in groups(dataset)]
    traces = []
    for name, kind, mask in kinds:
        lines = [rank[walk] for (_, walk), of in zip(shown, mask, strict=True) if of]
        if lines:
            gap = [np.nan]
            traces.append(
                {
                    "type": "scatter",
                    "x": np.concatenate([np.append(np.arange(len(line), dtype=float), gap) for line in lines]),
                    "y": np.concatenate([np.append(line, gap) for line in lines]),
                    "mode": "lines",
                    "line": {"width": 1.1, "color": look.colour(kind)},
                    "opacity": 0.7,
                    "name": name,
                    "hoverinfo": "skip",
                }
            )
    x = {"title": "step", **_whole_ticks(1, max(len(walk) for _, walk in shown))}
    y = {"title": layout.row_title.partition(", by ")[0], **_named_states(dataset, layout.order)}
    return look.figure(traces, title, x, y, height=340, legend=len(traces))


def fast_histogram(points: Array, ranges: list[tuple[float, float]], bins: int) -> tuple[Array, Array, Array]:
    """Counts `(bins, bins)` of two columns over `ranges` and the edges of both: one pass, without sorting."""
    cells = np.zeros(len(points), dtype=np.int64)
    edges = []
    for column, (low, high) in enumerate(ranges):
        span = max(high - low, 1e-12)
        at = ((points[:, column].astype(np.float64) - low) * (bins / span)).astype(np.int64)
        cells = cells * bins + np.clip(at, 0, bins - 1)
        edges.append(np.linspace(low, low + span, bins + 1))
    return np.bincount(cells, minlength=bins * bins).reshape(bins, bins).astype(float), edges[0], edges[1]


def _histogram(dataset: Dataset, values: Array, inside: list[float], look: Look) -> list[Part]:
    edges = _edges(np.append(values, inside))
    traces = []
    for kind, name, mask in groups(dataset):
        counts, _ = np.histogram(values[mask], edges)
        traces.append({**_bar(edges, counts), "name": name, "marker": {"color": look.colour(kind)}})
    return traces


def _bar(edges: Array, counts: npt.NDArray[np.int64]) -> Part:
    return {
        "type": "bar",
        "x": (edges[1:] + edges[:-1]) / 2,
        "y": counts,
        "width": np.diff(edges),
        "customdata": np.stack([edges[:-1], edges[1:]], axis=1),
        "hovertemplate": "%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{y} episodes<extra></extra>",
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


def _plane(dataset: Dataset, x: int, y: int, traces: list[Part], title: str, look: Look, *, legend: int = 0) -> Figure:
    """A chart over two dimensions, with the walls and regions of the world."""
    layout = dataset.layout
    names = dimension_names(dataset)
    axes: list[Part] = [{"title": names[d], "range": list(_range(dataset, d)), "showgrid": False} for d in (x, y)]
    shapes: list[Part] = []
    if isinstance(layout, PlaneLayout) and (x, y) == (layout.x, layout.y):
        wall = "#3a4551" if look.dark else "#c3ccd5"
        # One shape for all walls: the browser takes seconds to draw hundreds.
        path = "".join(f"M{x0:g} {y0:g}H{x1:g}V{y1:g}H{x0:g}Z" for x0, y0, x1, y1 in layout.walls)
        if path:
            shapes.append({"type": "path", "path": path, "fillcolor": wall, "line": {"width": 0}, "layer": "below"})
        for label, x0, y0, x1, y1 in layout.regions:
            narrow = (x1 - x0) / (layout.high[x] - layout.low[x]) < 0.1
            shape = {"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1}
            line = {"dash": "dot", "color": look.ink, "width": 1.2}
            turned = -90 if narrow and not layout.walls else 0
            shapes.append({**shape, "line": line, "label": {"text": label, "textangle": turned}})
        if layout.walls:
            axes = [{**axes[0], "constrain": "domain"}, {**axes[1], "constrain": "domain", "scaleanchor": "x"}]
    return look.figure(traces, title, *axes, height=380, legend=legend, shapes=shapes)
