"""The pictures on the cards of algorithms: each shows where its trained policy goes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import offrl_core as orl
from offrl_core.algos.base import GROUPS, Algorithm
from offrl_core.dataset import Dataset
from offrl_core.own_files import file_of
from offrl_core.worlds.layout import GridLayout
from offrl_core.writing import number
from offrl_live.serving.hub import get_hub
from offrl_ui.setup.drawn_once import drawn_once
from offrl_ui.shared import svg

STAGE = "double-crossing"
UPDATES = 1500


def algorithm_cards() -> list[dict[str, Any]]:
    """A card for every algorithm, in the two families of the lecture."""
    groups: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for name, kind in orl.algorithms().items():
        drawn, value = own_card(kind) if file_of(name, kind.version) else algorithm_card(name)
        text = f"{kind.title}. {kind.summary}"
        if value is not None:
            text += f" The picture: where its policy goes on {STAGE}; J(π) = {number(value)}."
        groups[kind.group].append({"id": name, "title": kind.short_title or kind.title, "text": text, "picture": drawn})
    return [{"title": title, "cards": groups[group]} for group, title in GROUPS.items()]


@drawn_once
def algorithm_card(name: str) -> tuple[str, float]:
    """Where the policy of algorithm `name` goes from the start of double-crossing, and its exact return there.

    It is trained on that dataset with a table and its default hyperparameters; the colour is the share of discounted
    time that the trained policy spends in each state.
    """
    learner = orl.Learner(_stage(), name)
    learner.advance(UPDATES)
    return _walked(name, learner.snapshot().policy[0])


def own_card(kind: type[Algorithm]) -> tuple[str, float | None]:
    """As `algorithm_card`, of an algorithm from somebody's own file: that is trained in a process of its own, and until
    it is, and where it cannot be, the card shows the bare world."""
    files = get_hub().files
    policy = None if files is None else files.policy(kind, STAGE, UPDATES)
    if policy is not None:
        return _walked(kind.name, np.array(policy))
    layout = _stage().layout
    assert isinstance(layout, GridLayout)
    body = svg.cells(layout) + svg.letters(layout)
    return svg.drawing(layout.cols, layout.rows, body, description=f"{kind.name}: not trained here yet"), None


def _walked(name: str, policy: npt.NDArray[Any]) -> tuple[str, float]:
    dataset = _stage()
    policy = policy.astype(float)
    policy = policy / policy.sum(axis=1, keepdims=True)
    mdp = dataset.mdp
    assert mdp is not None
    assert isinstance(mdp.layout, GridLayout)
    visits = visitation(mdp.P, policy, mdp.initial, dataset.gamma)
    shares = np.where(visits > 1e-4, np.clip(0.2 + 0.8 * np.sqrt(visits / visits.max()), 0, 1), np.nan)
    body = svg.cells(mdp.layout, shares) + svg.letters(mdp.layout)
    value = mdp.evaluate(policy, dataset.gamma)
    return svg.drawing(mdp.layout.cols, mdp.layout.rows, body, description=f"{name}: return {number(value)}"), value


@cache
def _stage() -> Dataset:
    return orl.load_dataset(STAGE)


def visitation(
    transitions: npt.NDArray[np.float64],
    policy: npt.NDArray[np.float64],
    initial: npt.NDArray[np.float64],
    gamma: float,
) -> npt.NDArray[np.float64]:
    """`(S,)` discounted visits `d = Σ_t γ^t P(s_t = s)`, from `d = d₀ + γ P_πᵀ d`."""
    moves = np.einsum("sap,sa->sp", transitions, policy)
    return np.linalg.solve(np.eye(len(initial)) - gamma * moves.T, initial)
