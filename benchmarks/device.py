"""Where networks train fastest: numpy, torch on the processor, and torch on a GPU where there is one.

    python benchmarks/device.py [--quick] [--seconds 6]

CQL, batches of transitions of four numbers, turn by turn. Prints Markdown tables of model updates per second: updates
of the learner times its members. The processor has one thread but in the last table.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import offrl_core as orl  # noqa: E402
from offrl_core.learning import learner as learner_module  # noqa: E402
from offrl_core.learning.devices import devices  # noqa: E402

TITLES = {"cpu": "numpy", "torch-cpu": "torch, processor", "cuda": "torch, GPU", "mps": "torch, GPU of a Mac"}
TURNS = 3
MOST_NUMBERS = 250_000_000
"""Weights and activations of all members of one update beyond which a case is left out on the processor."""


class Case(NamedTuple):
    """Members that train together."""

    members: int
    hidden: str
    batch: int

    @property
    def numbers(self) -> int:
        """About how many numbers an update touches."""
        widths = [int(width) for width in self.hidden.split("-")]
        weights = sum(a * b for a, b in zip((4, *widths), (*widths, 2), strict=True))
        return self.members * (5 * weights + 4 * sum(widths) * self.batch)


def cases(quick: bool) -> Iterator[Case]:
    """Widths and members, then batches, then what a GPU is for."""
    if quick:
        yield from (Case(1, "64-64", 256), Case(8, "64-64", 256), Case(1, "256-256", 256))
        return
    for members in (1, 8):
        for width in (64, 128, 256, 512, 1024):
            yield Case(members, f"{width}-{width}", 256)
    for members in (32, 128, 512):
        yield Case(members, "64-64", 256)
    for batch in (1024, 4096):
        yield Case(1, "64-64", batch)
        yield Case(1, "256-256", batch)
    yield Case(512, "256-256", 256)
    yield Case(64, "1024-1024", 1024)
    yield Case(1, "1024-1024-1024", 4096)


def data() -> orl.Dataset:
    """100,000 random transitions: their numbers do not matter here."""
    rng = np.random.default_rng(0)
    rows = 100_000
    return orl.Dataset.from_columns(
        rng.normal(size=(rows, 4)).astype(np.float32),
        rng.integers(0, 2, rows),
        rng.normal(size=rows),
        np.arange(rows) % 100 == 99,
        next_observations=rng.normal(size=(rows, 4)).astype(np.float32),
        gamma=0.99,
    )


def learner(log: orl.Dataset, case: Case, device: str) -> orl.Learner:
    """The learner of a case, warmed up."""
    made = orl.Learner(
        log, "cql", approximator="mlp", hidden=case.hidden, batch_size=case.batch, seeds=case.members, device=device
    )
    made.advance(1)
    return made


def rates(log: orl.Dataset, case: Case, places: Sequence[str], seconds: float) -> dict[str, float]:
    """Model updates per second of each device, in alternating turns of `seconds` together."""
    left_out = case.numbers > MOST_NUMBERS
    rivals = {place: learner(log, case, place) for place in places if not left_out or place not in ("cpu", "torch-cpu")}
    updates, spent = dict.fromkeys(rivals, 0), dict.fromkeys(rivals, 0.0)
    for _ in range(TURNS):
        for place, rival in rivals.items():
            start = time.perf_counter()
            portion = 1
            while (passed := time.perf_counter() - start) < seconds / TURNS / len(rivals):
                updates[place] += rival.advance(portion)
                portion = min(32, 2 * portion)
            spent[place] += max(passed, time.perf_counter() - start)
    return {place: case.members * updates[place] / spent[place] for place in rivals}


def compare(log: orl.Dataset, places: Sequence[str], quick: bool, seconds: float) -> None:
    """The table of all cases."""
    print("| members | hidden | batch |", " | ".join(TITLES[place] for place in places), "| to numpy |")
    print("|---" * (4 + len(places)) + "|")
    for case in cases(quick):
        found = rates(log, case, places, seconds)
        cells = [_short(found[place]) if place in found else "left out" for place in places]
        others = [f"{found[place] / found['cpu']:.2f}×" for place in places[1:] if place in found and "cpu" in found]
        row = (case.members, case.hidden, case.batch, *cells, ", ".join(others))
        print("|", " | ".join(map(str, row)), "|", flush=True)


def side_by_side(log: orl.Dataset, seconds: float) -> None:
    """Members of wide networks in numpy, one after the other and side by side, as where all cores are free."""
    cores, free = max(2, os.cpu_count() or 1), learner_module.free_cores()
    print(f"\nFour members of wide networks in numpy, batch 256, on {cores} cores; {free} of them were free:\n")
    print("| hidden | one after the other | side by side |")
    print("|---|---|---|")
    for hidden in ("256-256", "512-512", "1024-1024"):
        rival = learner(log, Case(4, hidden, 256), "cpu")
        updates, spent = {1: 0, cores: 0}, {1: 0.0, cores: 0.0}
        for _ in range(TURNS):
            for count in updates:
                learner_module.free_cores = lambda count=count: count
                start = time.perf_counter()
                while time.perf_counter() - start < seconds / TURNS / len(updates):
                    updates[count] += rival.advance(4)
                spent[count] += time.perf_counter() - start
        one, many = (_short(4 * updates[count] / spent[count]) for count in (1, cores))
        print(f"| {hidden} | {one} | {many} |", flush=True)


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three small cases")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each case, all devices together")
    given = parser.parse_args()
    here = devices()
    places = ("cpu", "torch-cpu", *here[1:])
    print("No GPU here." if len(here) == 1 else f"GPU here: {', '.join(here[1:])}.", "Model updates per second:\n")
    log = data()
    compare(log, places, given.quick, given.seconds)
    if not given.quick:
        side_by_side(log, given.seconds)
    print(f"\nPeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")


if __name__ == "__main__":
    main()
