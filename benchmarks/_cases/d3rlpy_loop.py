"""d3rlpy's own trainer on the same rows; it has no MARWIL."""

from __future__ import annotations

import sys
from pathlib import Path

import d3rlpy
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks._cases.protocol import Turn, serve


def make(order: dict[str, object]) -> Turn:
    """The same network, batch, learning rate and target period, through `algo.update` on its buffer's batches."""
    torch.set_num_threads(1)
    with np.load(str(order["data"])) as rows:
        data = d3rlpy.dataset.MDPDataset(
            rows["observations"],
            rows["actions"][:, None],
            rows["rewards"][:, None],
            rows["terminations"].astype(np.float32),
            action_space=d3rlpy.ActionSpace.DISCRETE,
            action_size=int(rows["n_actions"]),
        )
    encoder = d3rlpy.models.VectorEncoderFactory(hidden_units=[64, 64])
    shared = {"batch_size": 256, "learning_rate": 1e-3, "encoder_factory": encoder}
    q = {**shared, "target_update_interval": 100}
    algo = {
        "cql": lambda: d3rlpy.algos.DiscreteCQLConfig(alpha=1.0, **q),
        "bcq": lambda: d3rlpy.algos.DiscreteBCQConfig(action_flexibility=0.3, **q),
        "q-learning": lambda: d3rlpy.algos.DQNConfig(**q),
        "bc": lambda: d3rlpy.algos.DiscreteBCConfig(beta=0.0, **shared),
    }[str(order["system"])]().create(device="cpu:0")
    algo.build_with_dataset(data)

    def turn(updates: int) -> None:
        for _ in range(updates):
            algo.update(data.sample_transition_batch(256))

    return turn


if __name__ == "__main__":
    serve(make)
