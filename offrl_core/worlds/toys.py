"""The smallest worlds: two actions, the deadly triad's one state, Baird's seven states."""

from __future__ import annotations

import numpy as np

from offrl_core.worlds.layout import MatrixLayout
from offrl_core.worlds.tabular import TabularMDP


def two_actions(reward_plus: float, reward_minus: float) -> TabularMDP:
    """One state `s0`, two actions `a+` and `a−`; either ends the episode with its reward."""
    P = np.zeros((2, 2, 2))
    P[:, :, 1] = 1.0
    R = np.array([[reward_plus, reward_minus], [0.0, 0.0]])
    return TabularMDP(
        P,
        R,
        [1.0, 0.0],
        [False, True],
        action_names=("a+", "a−"),
        state_names=("s0", "end"),
        layout=MatrixLayout(order=(0,), row_title="state", terminal=(1,)),
        name="two-actions",
    )


def deadly_triad() -> TabularMDP:
    """One state, actions `a₁` and `a₂`, reward 0, never ending; `Q(s,a₁) = θ`, `Q(s,a₂) = 2θ` by `φ(s,a) = 1, 2`."""
    return TabularMDP(
        np.ones((1, 2, 1)),
        np.zeros((1, 2)),
        [1.0],
        action_names=("a₁", "a₂"),
        state_names=("s",),
        layout=MatrixLayout(order=(0,), row_title="state"),
        action_features=np.array([[[1.0], [2.0]]], dtype=np.float32),
        name="deadly-triad",
    )


def baird() -> TabularMDP:
    """Baird's seven-state star: `solid` leads to state 7, `dashed` to one of the states 1 to 6; every reward is 0.

    `Q(s, solid)` is Baird's overparametrised `2w_s + w_8` (`w_7 + 2w_8` in state 7); `Q(s, dashed)` has one weight
    per state, 15 weights in all. Source: Baird (1995), "Residual algorithms", figures 3 and 4; the names of the actions
    are those of Sutton & Barto (2018), section 11.2.
    """
    P = np.zeros((7, 2, 7))
    P[:, 0, :6] = 1.0 / 6.0
    P[:, 1, 6] = 1.0
    values = np.zeros((7, 8), dtype=np.float32)
    values[np.arange(6), np.arange(6)] = 2.0
    values[:6, 7] = 1.0
    values[6, 6:] = 1.0, 2.0
    features = np.zeros((7, 2, 15), dtype=np.float32)
    features[:, 1, :8] = values
    features[np.arange(7), 0, 8 + np.arange(7)] = 1.0
    return TabularMDP(
        P,
        np.zeros((7, 2)),
        np.full(7, 1.0 / 7.0),
        action_names=("dashed", "solid"),
        state_names=tuple(str(s) for s in range(1, 8)),
        layout=MatrixLayout(order=tuple(range(7))),
        features={"values": values},
        action_features=features,
        name="baird",
    )
