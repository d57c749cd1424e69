"""What a dataset is, in numbers and drawn in its own grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.worlds.layout import GridLayout, PlaneLayout
from offrl_core.writing import number
from offrl_ui.setup.dataset_cards import behavior_of, example_episodes, walk_of
from offrl_ui.setup.notes import truth
from offrl_ui.shared import svg
from offrl_ui.shared.colours import ramp

WALKS = 36
MOST_STEPS = 20_000
MOST_GROUPS = 8
COUNTS = "State–action counts"
REWARDED, UNREWARDED = 2, 4
"""The colours of what went well and what did not."""


def groups(dataset: Dataset) -> list[tuple[int, str, npt.NDArray[np.bool_]]]:
    """Number, name and `(E,)` mask of the episodes of each behaviour policy; one group if unknown.

    Where there are many, those with the fewest episodes are one group of `others`.
    """
    if dataset.behaviors is None:
        return [(0, "all episodes", np.ones(dataset.n_episodes, dtype=bool))]
    names = dict(enumerate(dataset.behavior_names))
    kinds, often = np.unique(dataset.behaviors, return_counts=True)
    if len(kinds) > MOST_GROUPS:
        kinds = np.sort(kinds[np.argsort(-often, kind="stable")[: MOST_GROUPS - 1]])
    found = [(int(kind), names.get(int(kind), f"behaviour {kind}"), dataset.behaviors == kind) for kind in kinds]
    rest = ~np.isin(dataset.behaviors, kinds)
    return [*found, (MOST_GROUPS, "others", rest)] if rest.any() else found


def key_numbers(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Name, value and help of the numbers that stand above the pictures."""
    known = truth(dataset)
    rows = [
        ("Rows", f"{len(dataset):,}", "Transitions (s, a, r, s′) in the data."),
        ("Episodes", f"{dataset.n_episodes:,}", f"Mean length {len(dataset) / dataset.n_episodes:.1f} steps."),
    ]
    if dataset.tabular:
        acting = acted_in(dataset)
        seen = float((dataset.counts[acting] > 0).mean())
        help_ = f"Share of the {acting.sum()} × {dataset.n_actions} state–action pairs that occur in the data."
        rows.append(("Pairs covered", f"{seen:.1%}", help_))
    else:
        rows.append(("Dimensions", str(dataset.observations.shape[1]), "Numbers in an observation."))
    inside = (
        "Best return, in the true world, of a policy that takes only actions that the data holds in that state; "
        "in states that the data never visits it acts at random."
    )
    for name, value, interval, help_ in (
        ("Behaviour J(π_β)", known.behavior, known.behavior_interval, known.behavior_kind.capitalize() + "."),
        ("Best in the data", known.in_support, None, inside),
        ("Optimum J*" if known.exact else "Best known J", known.optimal, known.optimal_interval, known.optimal_kind),
    ):
        if value is not None:
            give = "" if interval is None else f" ± {number((interval[1] - interval[0]) / 2, 1)}"
            note = " ± is half a 95 % interval." if give else ""
            if not np.isfinite(value):
                note = " It never ends, and without a discount its rewards never stop adding up."
            rows.append((name, f"{number(value)}{give}", f"{help_[:1].upper()}{help_[1:].rstrip('.')}.{note}"))
    return rows


def acted_in(dataset: Dataset) -> npt.NDArray[np.bool_]:
    """`(S,)`: the states in which there is something to do; all of them where the world is not known."""
    return np.ones(dataset.n_states or 0, dtype=bool) if dataset.mdp is None else ~dataset.mdp.terminal


def return_marks(dataset: Dataset) -> dict[str, float]:
    """The reference returns that are known and finite, to be drawn as lines."""
    known = truth(dataset)
    best = "optimum" if known.exact else "best known"
    named = {"behaviour": known.behavior, "best in the data": known.in_support, best: known.optimal}
    return {name: value for name, value in named.items() if value is not None and np.isfinite(value)}


def dimension_names(dataset: Dataset) -> list[str]:
    """Names of the observation's dimensions."""
    if isinstance(dataset.layout, PlaneLayout):
        return list(dataset.layout.names)
    return list(dataset.component_labels)


def first_axes(dataset: Dataset) -> tuple[int, int]:
    """The two dimensions that are drawn at first."""
    layout = dataset.layout
    return (layout.x, layout.y) if isinstance(layout, PlaneLayout) else (0, min(1, len(dimension_names(dataset)) - 1))


def counts_grid(dataset: Dataset, layout: GridLayout) -> str:
    """The grid with four triangles a cell, coloured by `n(s,a)` on a log scale; missing pairs are hatched."""
    counts = dataset.counts
    colours = _shades(dataset, counts)
    centre = svg.cell_centre(layout)
    acting = acted_in(dataset)
    names = dataset.action_labels
    body = [
        '<defs><pattern id="missing" width=".22" height=".22" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)">'
        f'<rect width=".07" height=".22" style="fill:{svg.TEXT};fill-opacity:.45"/></pattern></defs>',
        *svg.cells(layout),
    ]
    for state in np.flatnonzero(acting):
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
            body.append(f'{shape} style="fill:{fill};stroke:{svg.PAGE};stroke-width:.03"><title>{title}</title>')
            body.append("</circle>" if (dr, dc) == (0, 0) else "</path>")
    body += svg.letters(layout)
    seen = int((counts[acting] > 0).sum())
    description = f"{seen} of {counts[acting].size} state-action pairs occur in the data; the others are hatched"
    return svg.drawing(layout.cols, layout.rows, body, description=description)


def _shades(dataset: Dataset, counts: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return ramp("amount", np.log1p(counts) / np.log1p(max(1, int(dataset.counts.max()))))


def counts_legend(dataset: Dataset) -> list[tuple[str, str]]:
    """What the colours of `counts_grid` stand for: the powers of ten up to the largest count, and the hatch."""
    most = int(dataset.counts.max())
    marks = sorted({10**power for power in range(len(str(most)))} | {most})
    colours = ["rgb({},{},{})".format(*colour) for colour in _shades(dataset, marks)]
    hatch = "repeating-linear-gradient(135deg, currentColor 0 1px, transparent 1px 4px)"
    return [(hatch, "never"), *zip(colours, (f"{mark:,}" for mark in marks), strict=True)]


def decisions(dataset: Dataset, layout: PlaneLayout) -> str:
    """Recorded decisions about images: each image with the action that was taken, framed by its reward's sign."""
    assert layout.image is not None
    shown = np.array(example_episodes(dataset, WALKS))
    names = dataset.action_labels
    columns, side = 9, 1.0
    body = []
    for place, episode in enumerate(shown):
        row = int(dataset.episode_starts[episode])
        down, across = divmod(place, columns)
        x, y = across * 1.25 + 0.125, down * 1.75 + 0.125
        good = dataset.as_logged.rewards[row] > 0
        image = dataset.observations[row].reshape(layout.image)
        body.append(svg.raster(image / max(float(image.max()), 1e-9), "amount", x, y, side, side))
        frame = svg.marked(REWARDED if good else UNREWARDED)
        body.append(
            f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" '
            f'style="fill:none;stroke:{frame};stroke-width:.08"/>'
        )
        body.append(svg.text(x + side / 2, y + side + 0.28, names[dataset.actions[row]], 0.42, colour=frame))
    rows = -(-len(shown) // columns)
    described = f"{len(shown)} recorded images with the action taken and whether it was rewarded"
    return svg.drawing(columns * 1.25, rows * 1.75, body, description=described)


def decisions_title(dataset: Dataset) -> str:
    """What `decisions` shows."""
    return f"{min(WALKS, dataset.n_episodes)} of {dataset.n_episodes:,} recorded decisions"


def recorded(dataset: Dataset) -> tuple[list[tuple[int, npt.NDArray[Any]]], str]:
    """Episodes to be drawn as lines, each by number with its observations, and what is to be said of them.

    Of long ones only the beginning: nobody can tell a hundred thousand lines apart, and no browser draws them.
    """
    shown = example_episodes(dataset, WALKS)
    most = max(200, MOST_STEPS // len(shown))
    lines = [(episode, walk_of(dataset, episode)[: most + 1]) for episode in shown]
    longest = max(int(dataset.episode_ends[e] - dataset.episode_starts[e]) + 1 for e in shown)
    cut = f", their first {most:,} steps" if longest > most else ""
    return lines, f"{len(shown)} of {dataset.n_episodes:,} recorded episodes{cut}"


def walks_grid(dataset: Dataset, layout: GridLayout) -> str:
    """Recorded episodes as lines in the grid, coloured by the behaviour policy that walked them."""
    centre = svg.cell_centre(layout)
    shown, _ = recorded(dataset)
    walks = [(centre[walk], behavior_of(dataset, episode)) for episode, walk in shown]
    body = svg.cells(layout) + svg.walks(walks, 0.05, spread=0.62, opacity=0.8) + svg.letters(layout)
    return svg.drawing(layout.cols, layout.rows, body, description=f"{len(shown)} recorded episodes, drawn in the grid")
