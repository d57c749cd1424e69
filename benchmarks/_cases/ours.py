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
}


def dataset(path: str) -> orl.Dataset:
    """The rows that all contestants share."""
    with np.load(path) as rows:
        return orl.Dataset.from_columns(
            rows["observations"],
            rows["actions"],
            rows["rewards"],
            rows["terminations"],
            next_observations=rows["next_observations"],
            n_actions=int(rows["n_actions"]),
        )


def make(order: dict[str, object]) -> Turn:
    """Hidden layers, batch and learning rate as asked."""
    data = dataset(str(order["data"]))
    learner = orl.Learner(
        data,
        str(order["system"]),
        approximator="mlp",
        seeds=int(str(order["members"])),
        hidden="64-64",
        batch_size=256,
        learning_rate=1e-3,
        **SYSTEMS[str(order["system"])],  # type: ignore[arg-type]
    )

    def turn(updates: int) -> None:
        assert learner.advance(updates) == updates
        if order.get("snapshots"):
            learner.snapshot()

    return turn


if __name__ == "__main__":
    serve(make)
