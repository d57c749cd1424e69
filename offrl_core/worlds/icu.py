"""ICU-Sepsis: treatment of sepsis in intensive care, an MDP built from the MIMIC-III records.

Source: Choudhary, Gupta, Thomas (2024), "ICU-Sepsis: A Benchmark MDP Built from Real Medical Data"; the arrays come
with the package `icu-sepsis` (MIT). Only its data files are read: importing it would load an unmaintained library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from offrl_core import sparse
from offrl_core.columns import Array
from offrl_core.worlds.layout import MatrixLayout
from offrl_core.worlds.package_files import package_folder
from offrl_core.worlds.tabular import TabularMDP

DEATH, SURVIVAL, AFTER = 713, 714, 715
LEVELS = 5
ACTION_NAMES = tuple(f"fluids {i // LEVELS}, vasopressor {i % LEVELS}" for i in range(LEVELS**2))


@dataclass(frozen=True, eq=False)
class ICUData:
    """The package's arrays.

    Attributes:
        transitions: `(716·25, 716)` sparse; an inadmissible action has the mean of the state's admissible ones.
        initial: `(716,)`.
        clinician: `(716, 25)` as shipped: 15.6 % of its mass lies on inadmissible actions, terminal rows sum to 0.
        admissible: `(716, 25)` bool.
        centers: `(716, 47)` standardised clinical measurements at the centre of each state.
        severity: `(716,)` mean SOFA score of each state.
    """

    transitions: sparse.csr_matrix
    initial: Array
    clinician: Array
    admissible: Array
    centers: Array
    severity: Array


def data_folder() -> Path:
    """Where the installed package keeps its data files.

    Raises:
        FileNotFoundError: the package `icu-sepsis` is not installed.
    """
    return package_folder("icu_sepsis", "icu-sepsis", "icu-sepsis (pip install icu-sepsis==2.0.1)") / "envs" / "assets"


@lru_cache(maxsize=1)
def icu_data() -> ICUData:
    """Read the package's `dynamics.npz` and `admissible_actions.txt`.

    The reward array is not read: it is 1 on arriving in survival from a patient's state and 0 otherwise (checked in
    tests).
    """
    folder = data_folder()
    with np.load(folder / "dynamics.npz", allow_pickle=False) as arrays:
        dense = arrays["tx_mat"]
        initial, clinician = arrays["d_0"], arrays["expert_policy"]
        centers, severity = arrays["state_cluster_centers"], arrays["sofa_scores"]
    states, actions, _ = dense.shape
    admissible = np.zeros((states, actions), dtype=bool)
    lines = (folder / "admissible_actions.txt").read_text().splitlines()
    for state, line in enumerate(lines[1 : states + 1]):
        admissible[state, [int(number) for number in line.split()]] = True
    transitions = sparse.csr_matrix(dense.reshape(-1, states))
    return ICUData(transitions, initial, clinician, admissible, centers, severity)


@lru_cache(maxsize=2)
def icu_sepsis(inadmissible: Literal["terminate", "mean"] = "terminate") -> TabularMDP:
    """The ICU-Sepsis MDP: 716 states, 25 actions (5 doses of fluids × 5 of vasopressor), reward 1 on survival.

    Args:
        inadmissible: what an action does that clinicians hardly ever took in that state: `terminate` is death,
            `mean` (the paper's) moves like the average admissible action.
    """
    data = icu_data()
    transitions = data.transitions
    if inadmissible == "terminate":
        pairs = np.flatnonzero(~data.admissible)
        keep = sparse.diags_array(data.admissible.ravel().astype(np.float64))
        deadly = sparse.csr_matrix((np.ones(len(pairs)), (pairs, np.full(len(pairs), DEATH))), shape=transitions.shape)
        transitions = (keep @ transitions + deadly).tocsr()
    states = len(data.initial)
    arriving = transitions.copy()
    arriving.data = (arriving.indices == SURVIVAL).astype(np.float64)
    terminal = np.zeros(states, dtype=bool)
    terminal[[DEATH, SURVIVAL, AFTER]] = True
    order = np.append(np.argsort(data.severity[:DEATH], kind="stable"), [DEATH, SURVIVAL])
    names = (*(f"patient {s}" for s in range(DEATH)), "death", "survival", "after")
    return TabularMDP(
        transitions,
        arriving,
        data.initial,
        terminal,
        action_names=ACTION_NAMES,
        state_names=names,
        layout=MatrixLayout(
            order=tuple(order.tolist()),
            row_title="states, least to most severe",
            column_title="treatments: fluids × vasopressor",
            row_value=tuple(data.severity[order].round(3).tolist()),
            terminal=(DEATH, SURVIVAL, AFTER),
            action_grid=(LEVELS, LEVELS),
        ),
        features={"clinical": data.centers.astype(np.float32)},
        name="icu-sepsis",
    )


def clinician(*, restricted: bool = True) -> Array:
    """`(716, 25)`: the clinicians' policy; `restricted` to admissible actions and renormalised, or as shipped.

    As shipped, terminal rows sum to 0; both versions are uniform there (terminal actions have no effect).
    """
    data = icu_data()
    policy = np.where(data.admissible, data.clinician, 0.0) if restricted else data.clinician.copy()
    totals = policy.sum(axis=1, keepdims=True)
    return np.where(totals > 0, policy / np.where(totals > 0, totals, 1.0), 1.0 / policy.shape[1])
