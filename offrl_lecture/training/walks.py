"""The two roads as a picture: the recorded walks, and where policies that were trained on them lead from the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.interfaces import MDP
from offrl_core.worlds.layout import GridLayout
from offrl_lecture.base.pictures import Grid, Path
from offrl_lecture.training.datasets import roads


def grid_of(data: Dataset) -> tuple[MDP, GridLayout]:
    """The world of a grid's data, and how it is drawn."""
    assert data.mdp is not None
    assert isinstance(data.layout, GridLayout)
    return data.mdp, data.layout


def most_likely_walk(policy: Array, data: Dataset | None = None, limit: int = 60) -> list[int]:
    """States visited from the start by always taking the likeliest action, up to a terminal state or a repeat."""
    mdp, _ = grid_of(data or roads())
    state = int(np.argmax(mdp.initial))
    walk = [state]
    for _ in range(limit):
        if mdp.terminal[state]:
            break
        state = int(mdp.P[state, int(np.argmax(policy[state]))].argmax())
        if state in walk:
            break
        walk.append(state)
    return walk


def ends_at(walk: list[int]) -> str:
    """The letter of the cell where a walk over the roads ends: `G`, `D`, `T`, `S`, or a dot."""
    _, layout = grid_of(roads())
    return layout.cells[layout.state_of_cell.index(walk[-1])]


def cells_of(data: Dataset) -> dict[int, int]:
    """State → its cell in the drawn grid."""
    _, layout = grid_of(data)
    return {state: cell for cell, state in enumerate(layout.state_of_cell) if state >= 0}


def recorded_roads() -> Grid:
    """The recorded walks, as wide as often each was walked."""
    mdp, layout = grid_of(roads())
    return Grid(
        title="The recorded walks",
        caption="As wide as often. No walk goes from $S$ to the goal.",
        layout=layout,
        paths=list(_recorded()),
        action_names=mdp.action_names,
        state_names=mdp.state_names,
        height="tall",
    )


def walked_roads(policies: Mapping[str, Array], chosen: str, title: str) -> Grid:
    """Over the recorded walks, the likeliest walk of each policy from the start; the chosen policy as arrows.

    Args:
        policies: name on screen → `(S, A)`.
        chosen: the name whose walk is drawn large.
        title: heading.
    """
    data = roads()
    mdp, layout = grid_of(data)
    cell_of = cells_of(data)
    paths = [*_recorded()]
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, policy in policies.items():
        groups.setdefault(tuple(most_likely_walk(policy)), []).append(name)
    # The chosen one is drawn last, above the others.
    for states, members in sorted(groups.items(), key=lambda item: chosen in item[1]):
        mine = chosen in members
        paths.append(
            Path(
                f"likeliest walk of {chosen}" if mine else "of the others",
                "learned" if mine else "muted",
                cells=[cell_of[s] for s in states],
                weight=1.6 if mine else 0.8,
                label=", ".join(members),
            )
        )
    visited = data.counts.sum(axis=1, keepdims=True) > 0
    return Grid(
        title=title,
        caption="Black arrows: its policy, where the data have been. Walks: from $S$, always the likeliest action.",
        layout=layout,
        policy=np.where(visited, policies[chosen], np.nan).astype(float),
        paths=paths,
        action_names=mdp.action_names,
        state_names=mdp.state_names,
        height="tall",
    )


@lru_cache(maxsize=1)
def _ways() -> tuple[tuple[tuple[int, ...], int], ...]:
    """The states of each recorded way and how often it was walked, the most frequent first."""
    data = roads()
    ways: dict[tuple[int, ...], int] = {}
    for start, end in zip(data.episode_starts.tolist(), data.episode_ends.tolist(), strict=True):
        states = (*data.observations[start : end + 1].tolist(), int(data.next_observations[end]))
        ways[states] = ways.get(states, 0) + 1
    return tuple(sorted(ways.items(), key=lambda item: -item[1]))


def _recorded() -> Iterator[Path]:
    """One line per recorded way."""
    cell_of = cells_of(roads())
    for states, count in _ways():
        cells = [cell_of[s] for s in states]
        yield Path("recorded walks", "data", cells=cells, weight=0.5 + count / 25, label=f"{count} walks")
