"""What a loss of one's own in torch costs: docs/examples/my_cql.py against the built-in CQL, turn by turn on one core.

    python benchmarks/own_loss.py [--quick]

Prints a Markdown table. Both have the same numbers (tests/core/test_your_own_loss.py), so that only the way differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import offrl_core as orl  # noqa: E402

CASES = (
    ("table, all rows", "double-crossing", {"approximator": "table", "optimizer": "adam", "learning_rate": 0.01}),
    ("linear, batch 256", "cartpole", {"approximator": "linear"}),
    ("MLP 64-64, batch 256", "cartpole", {"approximator": "mlp", "hidden": "64-64"}),
    ("MLP 256-256, batch 256", "cartpole", {"approximator": "mlp", "hidden": "256-256"}),
)
MEMBERS = (1, 8)


def rates(learners: list[orl.Learner], turns: int, seconds: float) -> list[float]:
    """Updates per second of each, the median of its turns; they take turns so that what slows one slows all."""
    for learner in learners:
        learner.advance(10)
    found: list[list[float]] = [[] for _ in learners]
    for _ in range(turns):
        for place, learner in enumerate(learners):
            before, began = learner.step, time.perf_counter()
            while time.perf_counter() - began < seconds:
                learner.advance(5)
            found[place].append((learner.step - before) / (time.perf_counter() - began))
    return [float(np.median(one)) for one in found]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short turns, for a first impression")
    quick = parser.parse_args().quick
    turns, seconds = (3, 0.2) if quick else (9, 1.0)
    torch.set_num_threads(1)
    (own,) = orl.load_algorithms(ROOT / "docs" / "examples" / "my_cql.py")
    print("| case | members | built-in | own, in torch | slower by |")
    print("|---|---|---|---|---|")
    for title, name, given in CASES:
        data = orl.load_dataset(name)
        for members in MEMBERS:
            learners = [
                orl.Learner(data, "cql", form="paper", seeds=members, alpha=0.1, **given),
                orl.Learner(data, own, seeds=members, alpha=0.1, **given),
            ]
            ours, torchs = (rate * members for rate in rates(learners, turns, seconds))
            print(f"| {title} | {members} | {ours:.0f} | {torchs:.0f} | {ours / torchs:.1f}× |", flush=True)


if __name__ == "__main__":
    main()
