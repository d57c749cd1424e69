"""The pictures on the cards of datasets: each shows its own rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

import offrl_core as orl
from offrl_core.data.picture import layout_of
from offrl_core.dataset import Dataset, kept
from offrl_core.interfaces import Layout
from offrl_core.worlds.layout import GridLayout, MatrixLayout, PlaneLayout
from offrl_ui.setup.drawn_once import drawn_once
from offrl_ui.shared import svg

WIDTH, HEIGHT = 15.0, 10.0


@drawn_once
def dataset_card(name: str) -> str:
    """The catalogue's dataset `name` with its default options as a small SVG."""
    return dataset_picture(orl.load_dataset(name))


def dataset_cards(brought: Mapping[str, Any] = MappingProxyType({})) -> list[dict[str, Any]]:
    """A card for every dataset of the catalogue, after those that the session brought itself (`uploads`)."""
    own = [
        {"id": name, "title": entry.title, "text": "Your own log.", "picture": _brought_card(entry.dataset)}
        for name, entry in brought.items()
    ]
    return own + [
        {"id": name, "title": spec.title, "text": spec.lesson, "picture": dataset_card(name)}
        for name, spec in orl.datasets().items()
    ]


@kept
def _brought_card(dataset: Dataset) -> str:
    return dataset_picture(dataset)


def dataset_picture(dataset: Dataset) -> str:
    """A dataset as a small SVG: walks in a grid, counts in a matrix, visits in a plane, else shares of actions."""
    layout = dataset.layout
    if isinstance(layout, GridLayout) and dataset.tabular:
        return _grid(dataset, layout)
    if isinstance(layout, MatrixLayout) and dataset.tabular and len(layout.order) > 8:
        return _matrix(dataset, layout)
    if isinstance(layout, PlaneLayout) and layout.image is not None:
        return _images(dataset, layout.image)
    if not dataset.tabular:
        return _plane(dataset)
    return _bars(dataset)


def example_episodes(dataset: Dataset, most: int) -> list[int]:
    """Up to `most` episodes that show every behaviour policy, those of one policy spread over the recording."""
    kinds = dataset.behaviors if dataset.behaviors is not None else np.zeros(dataset.n_episodes, dtype=int)
    groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    each = max(1, most // len(groups))
    chosen = [group[np.linspace(0, len(group) - 1, min(each, len(group))).astype(int)] for group in groups]
    return [int(episode) for episode in np.concatenate(chosen)[:most]]


def walk_of(dataset: Dataset, episode: int) -> npt.NDArray[np.int64] | npt.NDArray[np.float32]:
    """The observations of one episode in order, the last next observation included where it is known."""
    rows = slice(int(dataset.episode_starts[episode]), int(dataset.episode_ends[episode]) + 1)
    last = dataset.next_observations[rows][-1:][dataset.next_known[rows][-1:]]
    return np.concatenate([dataset.observations[rows], last])


def behavior_of(dataset: Dataset, episode: int) -> int:
    """The number of the behaviour policy that recorded `episode`; 0 where there is one only."""
    return 0 if dataset.behaviors is None else int(dataset.behaviors[episode])


def _grid(dataset: Dataset, layout: GridLayout) -> str:
    states = dataset.n_states or 0
    shown = example_episodes(dataset, 9)
    described = f"{dataset.name}: where the recorded episodes went"
    if len({behavior_of(dataset, episode) for episode in shown}) > 1:
        centre = svg.cell_centre(layout)
        walks = [(centre[walk_of(dataset, episode)], behavior_of(dataset, episode)) for episode in shown]
        body = svg.cells(layout) + svg.walks(walks, 0.16)
    else:
        visits = np.bincount(dataset.next_observations[dataset.next_known], minlength=states) * 1.0
        visits += np.bincount(dataset.initial_observations, minlength=states)
        body = svg.cells(layout, np.where(visits > 0, 0.25 + 0.75 * np.sqrt(visits / visits.max()), np.nan))
    return svg.drawing(layout.cols, layout.rows, body + svg.letters(layout), description=described)


def _matrix(dataset: Dataset, layout: MatrixLayout) -> str:
    counts = dataset.counts[list(layout.order)]
    rows = min(36, len(counts))
    pooled = np.stack([part.sum(axis=0) for part in np.array_split(counts, rows)]).astype(float)
    shares = np.where(pooled > 0, 0.15 + 0.85 * np.log1p(pooled) / np.log1p(pooled.max()), np.nan)
    body = [
        svg.rectangles([(0, 0, WIDTH, HEIGHT)], svg.FLOOR),
        svg.raster(shares.T, "amount", 0, 0, WIDTH, HEIGHT),
    ]
    return svg.drawing(
        WIDTH, HEIGHT, body, description=f"{dataset.name}: how often each action was taken in each state"
    )


def _plane(dataset: Dataset) -> str:
    layout = layout_of(dataset)
    assert isinstance(layout, PlaneLayout)
    body, (scale, shift) = svg.plane_frame(layout, WIDTH, HEIGHT)
    points = placed(layout, dataset.observations, (layout.x, layout.y)) * scale + shift
    visits, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=(40, 60), range=[[0, HEIGHT], [0, WIDTH]])
    shares = np.where(visits > 0, 0.2 + 0.8 * np.log1p(visits) / np.log1p(max(1.0, visits.max())), np.nan)
    body.insert(2, svg.raster(shares, "amount", 0, 0, WIDTH, HEIGHT))
    return svg.drawing(WIDTH, HEIGHT, body, description=f"{dataset.name}: where the recorded episodes went")


def placed(
    layout: Layout | None, observations: npt.NDArray[np.float32], axes: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """`(N, 2)`: where observations lie on two axes of a plane; without one, two of their own numbers."""
    projection = (layout.projection or ()) if isinstance(layout, PlaneLayout) else ()
    own = len(layout.names) - len(projection) if isinstance(layout, PlaneLayout) else max(axes) + 1
    columns = []
    for axis in axes:
        if axis < own:
            columns.append(observations[:, axis].astype(np.float64))
        else:
            assert isinstance(layout, PlaneLayout)
            origin = layout.origin[axis - own] if layout.origin else 0.0
            columns.append(observations @ np.array(projection[axis - own]) - origin)
    return np.stack(columns, axis=1)


def _images(dataset: Dataset, size: tuple[int, int]) -> str:
    rows, columns = 4, 6
    pages = np.zeros((rows, columns, *size), dtype=np.float32)
    shown = dataset.observations[: rows * columns]
    pages.reshape(rows * columns, -1)[: len(shown)] = shown
    mosaic = pages.transpose(0, 2, 1, 3).reshape(rows * size[0], columns * size[1])
    body = [svg.raster(mosaic / max(float(mosaic.max()), 1e-9), "amount", 0, 0, WIDTH, HEIGHT)]
    return svg.drawing(WIDTH, HEIGHT, body, description=f"{dataset.name}: the first {rows * columns} images")


def _bars(dataset: Dataset) -> str:
    shares = np.bincount(dataset.actions, minlength=dataset.n_actions) / len(dataset)
    width = WIDTH / dataset.n_actions
    body = [svg.rectangles([(0, 0, WIDTH, HEIGHT)], svg.FLOOR)]
    for action, share in enumerate(shares):
        box = (action * width + width * 0.12, HEIGHT * (1 - 0.92 * share / shares.max()), width * 0.76, HEIGHT)
        body.append(svg.rectangles([box], svg.marked(action)))
    return svg.drawing(WIDTH, HEIGHT, body, description=f"{dataset.name}: how often each action was taken")
