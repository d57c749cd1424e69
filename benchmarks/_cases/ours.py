"""Our learner, one or many members."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import offrl_core as orl
from benchmarks._cases.protocol import Turn, serve

HARD = {"target_update": "hard", "target_period": 100}
SYSTEMS = {
    "cql": {"form": "paper", "alpha": 1.0, **HARD},
    "bcq": {"rule": "relative", "rho": 0.3, **HARD},
    "q-learning": HARD,
    "bc": {},
    "marwil": {"beta": 1.0},
    "rwr": {"temperature": 10.0},
}


def dataset(path: str) -> orl.Dataset:
    """The rows that all contestants share; numbered states where the observations are numbers."""
    with np.load(path) as rows:
        return orl.Dataset.from_columns(
            rows["observations"],
            rows["actions"],
            rows["rewards"],
            rows["terminations"],
            next_observations=rows["next_observations"],
            n_actions=int(rows["n_actions"]),
            n_states=int(rows["n_states"]) if "n_states" in rows else None,
        )


def learner(order: dict[str, object]) -> orl.Learner:
    """The system on the shared rows: networks on minibatches, or a table on all rows where states are numbered.

    `members` is the number of seeds, `lens` that of values of BCQ's threshold, as an axis.
    """
    data = dataset(str(order["data"]))
    choices: dict[str, object] = dict(SYSTEMS.get(str(order["system"]), {}))
    if data.tabular:
        choices |= {"batch_size": 0, "learning_rate": 0.5}
    else:
        choices |= {"hidden": order.get("hidden", "64-64"), "batch_size": 256, "learning_rate": 1e-3}
    if "lens" in order:
        choices["rho"] = np.linspace(0, 0.75, int(str(order["lens"]))).tolist()
    approximator = "table" if data.tabular else "mlp"
    seeds = int(str(order.get("members", 1)))
    return orl.Learner(data, str(order["system"]), approximator=approximator, seeds=seeds, **choices)


def make(order: dict[str, object]) -> Turn:
    """Updates of `learner(order)`."""
    made = learner(order)

    def turn(updates: int) -> None:
        assert made.advance(updates) == updates

    return turn


if __name__ == "__main__":
    serve(make)
