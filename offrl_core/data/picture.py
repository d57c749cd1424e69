"""How the states of a dataset are drawn: as its world says, else from its rows alone."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from offrl_core.dataset import Array, Dataset, dataset_probes
from offrl_core.interfaces import Layout
from offrl_core.worlds.layout import PlaneLayout, TableLayout

MOST_ROWS = 10_000
"""States that a table has rows for."""

MOST_OBSERVATIONS, MOST_NUMBERS = 10_000, 500_000
"""Rows, and numbers in them, that principal components are taken over."""

_made: WeakKeyDictionary[Dataset, Layout] = WeakKeyDictionary()


def layout_of(dataset: Dataset) -> Layout:
    """The layout of the dataset or its MDP; where there is none, a table of states or a plane of vectors, made once."""
    own: Layout | None = dataset.layout or (dataset.mdp.layout if dataset.mdp is not None else None)
    if own is not None:
        return own
    made = _made.get(dataset)
    if made is None:
        made = _made[dataset] = table_layout(dataset) if dataset.tabular else plane_layout(dataset)
    return made


def table_layout(dataset: Dataset) -> TableLayout:
    """The states of tabular data by `n(s)`, equal ones by number; at most `MOST_ROWS`.

    The value of a state is the mean of the returns `G_t`, in the log's own unit at the dataset's discount, of the rows
    that start in it. A state that no row starts in ends the episode where every row that is known to arrive in it
    terminated.
    """
    states = dataset.n_states or 0
    visits = np.bincount(dataset.observations, minlength=states)
    returns = np.bincount(dataset.observations, dataset.as_logged.returns_to_go(dataset.gamma), minlength=states)
    value = np.where(visits > 0, returns / np.maximum(visits, 1), np.nan)
    order = np.argsort(-visits, kind="stable")[:MOST_ROWS]
    arrived, known = dataset.next_observations, dataset.next_known
    ended = np.bincount(arrived[known & dataset.terminations], minlength=states) > 0
    went_on = np.bincount(arrived[known & ~dataset.terminations], minlength=states) > 0
    ends = ended & ~went_on & (visits == 0)
    named = bool(dataset.observation_names) or dataset.mdp is not None
    return TableLayout(
        order=tuple(order.tolist()),
        by_value=tuple(order[np.argsort(-value[order], kind="stable")].tolist()),
        value=tuple(None if np.isnan(v) else v for v in value[order].tolist()),
        labels=tuple(dataset.state_labels[s] for s in order) if named else (),
        terminal=tuple(order[ends[order]].tolist()),
    )


def plane_layout(dataset: Dataset) -> PlaneLayout:
    """The plane of vectors: any two of their numbers or, of more than two, of the first two principal components.

    The components are drawn first. A vector of one number is drawn on a line.
    """
    names, probes = dataset.component_labels, dataset_probes(dataset).astype(np.float64)
    axes: Array = np.zeros((0, len(names)))
    if len(names) == 1:
        axes, titles = np.zeros((1, 1)), [""]
    elif len(names) == 2:
        titles = []
    else:
        axes, shares = principal_axes(dataset.observations)
        titles = [_title(i, axis, share, names) for i, (axis, share) in enumerate(zip(axes, shares, strict=True))]
        axes = axes / _scale(dataset.observations)
    origin = axes @ _some(dataset.observations).mean(axis=0)
    placed = np.hstack([probes, probes @ axes.T - origin])
    low, high = placed.min(axis=0), placed.max(axis=0)
    edge = np.where(high > low, 0.04 * (high - low), 0.5)
    first = len(names) if len(names) > 2 else 0
    return PlaneLayout(
        names=(*names, *titles),
        low=tuple((low - edge).tolist()),
        high=tuple((high + edge).tolist()),
        x=first,
        y=first + 1,
        projection=tuple(map(tuple, axes.tolist())) if len(axes) else None,
        origin=tuple(origin.tolist()),
    )


def principal_axes(observations: Array) -> tuple[Array, Array]:
    """The first two principal components of columns that are scaled to unit variance (Pearson, 1901).

    They are the leading right singular vectors of the centred and scaled rows `Z`, each with its largest weight
    positive, found as eigenvectors of `ZᵀZ` or `ZZᵀ`, whichever is smaller. Constant columns have weight 0, and so has
    every column in a component without variance. Of more than `MOST_OBSERVATIONS` rows, or `MOST_NUMBERS` numbers, as
    many rows are drawn without replacement, always the same.

    Args:
        observations: `(N, D)`, `D ≥ 2`.

    Returns:
        The weights of the scaled columns `(2, D)`, and the shares `(2,)` of their variance that the components explain.
    """
    rows = _some(observations)
    scaled = (rows - rows.mean(axis=0)) / _scale(observations)
    wide = scaled.shape[1] > len(scaled)
    products = scaled @ scaled.T if wide else scaled.T @ scaled
    squares, vectors = np.linalg.eigh(products)
    total = np.trace(products)
    found, shares = np.zeros((2, observations.shape[1])), np.zeros(2)
    for i, (square, vector) in enumerate(zip(squares[:-3:-1], vectors.T[:-3:-1], strict=True)):
        if square > 1e-12 * max(total, 1.0):  # a component along which nothing moves has no direction
            axis = vector @ scaled / np.sqrt(square) if wide else vector
            found[i] = axis * np.sign(axis[np.abs(axis).argmax()])
            shares[i] = square / total
    return found, shares


def _some(observations: Array) -> Array:
    """`(n, D)` float64: the rows that principal components are taken over."""
    rows, columns = observations.shape
    most = min(rows, MOST_OBSERVATIONS, max(256, MOST_NUMBERS // columns))
    drawn = np.random.default_rng(0).choice(rows, most, replace=False) if most < rows else slice(None)
    return observations[drawn].astype(np.float64)


def _scale(observations: Array) -> Array:
    """`(D,)` standard deviations, 1 for columns that are constant up to rounding."""
    rows = _some(observations)
    spread = rows.std(axis=0)
    return np.where(spread > 1e-9 * np.abs(rows).max(axis=0), spread, 1.0)


_NAMED = 3


def _title(number: int, axis: Array, share: float, names: tuple[str, ...]) -> str:
    """`PC 1 (62 %): 0.71·x − 0.70·v …` with the largest weights of the scaled columns."""
    largest = [d for d in np.argsort(-np.abs(axis), kind="stable") if round(abs(axis[d]), 2) > 0]
    terms = ""
    for d in largest[:_NAMED]:
        sign = " − " if axis[d] < 0 else " + "
        terms += f"{sign if terms else sign.strip().replace('+', '')}{abs(axis[d]):.2f}·{names[d]}"
    more = " …" if len(largest) > _NAMED else ""
    return f"PC {number + 1} ({100 * share:.0f} %){': ' if terms else ''}{terms}{more}"
