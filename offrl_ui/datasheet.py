"""What a dataset is, in numbers and drawn in its own grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from offrl_core.data.dataset import Dataset
from offrl_core.evaluation.truth import Truth
from offrl_core.worlds.layout import GridLayout, PlaneLayout
from offrl_ui import pictures, theme
from offrl_ui.cards import behavior_of, example_episodes, walk_of

WALKS = 36


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
        if value is not None:
            rows.append((name, f"{value:.4g}", help_))
    return rows


def return_marks(dataset: Dataset) -> dict[str, float]:
    """The reference returns that are known, to be drawn as lines."""
    known = truth(dataset)
    named = {"behaviour": known.behavior, "best in the data": known.in_support, "optimum": known.optimal}
    return {name: value for name, value in named.items() if value is not None}


def action_names(dataset: Dataset) -> list[str]:
    """Labels of the actions; their numbers where the data has no labels."""
    return list(dataset.action_names or map(str, range(dataset.n_actions)))


def dimension_names(dataset: Dataset) -> list[str]:
    """Names of the observation's dimensions."""
    if isinstance(dataset.layout, PlaneLayout):
        return list(dataset.layout.names)
    width = dataset.observations.shape[1]
    return list(dataset.observation_names or (f"dimension {i}" for i in range(width)))


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
