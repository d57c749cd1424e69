"""How fast training is: ours, JAX, d3rlpy and a plain PyTorch loop, turn by turn on one core, on the same rows.

    python benchmarks/training.py [--quick] [--without-d3rlpy] [--without-jax] [--only-jax]

Prints Markdown tables. JAX and d3rlpy (it pins an old gymnasium) are each installed into an environment of its own
under a temporary directory, removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

SYSTEMS = ("cql", "bcq", "q-learning", "bc", "marwil")
LENS = 16


class Contestant:
    """A worker process that trains when it is its turn."""

    def __init__(self, python: str, script: str) -> None:
        command = [python, str(HERE / "_cases" / script)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.updates, self.seconds = 0, 0.0

    def ask(self, order: dict[str, object]) -> object:
        """Send an order, wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def turn(self, seconds: float, portion: int) -> None:
        """Train for a while."""
        updates, spent = self.ask({"turn": seconds, "portion": portion})  # type: ignore[misc]
        self.updates, self.seconds = self.updates + updates, self.seconds + spent

    @property
    def rate(self) -> float:
        """Updates per second over all turns."""
        return self.updates / self.seconds

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compete(
    entries: dict[str, tuple[str, str, dict[str, object]]], turns: int, seconds: float, portion: int = 10
) -> dict[str, float]:
    """Updates per second of each entry `(python, script, order)`, in alternating turns."""
    rivals = {}
    try:
        for name, (python, script, order) in entries.items():
            rivals[name] = Contestant(python, script)
            rivals[name].ask({"make": order})
        for _ in range(turns):
            for rival in rivals.values():
                rival.turn(seconds, portion)
        return {name: rival.rate for name, rival in rivals.items()}
    finally:
        for rival in rivals.values():
            rival.close()


def shared_rows(path: Path, rows: int = 100_000) -> None:
    """Random transitions like CartPole's: 4 numbers, 2 actions, episodes of 200."""
    rng = np.random.default_rng(0)
    last = np.arange(rows) % 200 == 199
    observations = rng.normal(size=(rows + 1, 4)).astype(np.float32)
    np.savez(
        path,
        observations=observations[:-1],
        next_observations=observations[1:],
        actions=rng.integers(0, 2, rows),
        rewards=rng.normal(size=rows),
        terminations=last,
        n_actions=2,
    )


def other_python(folder: Path, *packages: str) -> str:
    """An environment with other packages."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    # What is installed here, PyTorch above all, need not be fetched again; what is pinned differently comes first.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
    return python


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def against_others(data: Path, d3rlpy: str | None, turns: int, seconds: float) -> str:
    """Updates per second of each system and number of members."""
    rows: list[tuple[object, ...]] = []
    for system in SYSTEMS:
        order: dict[str, object] = {"system": system, "data": str(data)}
        entries = {f"{members}": (sys.executable, "ours.py", {**order, "members": members}) for members in (1, 8, 32)}
        entries["plain"] = (sys.executable, "plain_torch.py", order)
        if d3rlpy and system != "marwil":
            entries["d3rlpy"] = (d3rlpy, "d3rlpy_loop.py", order)
        rates = compete(entries, turns, seconds)
        plain, other = rates["plain"], rates.get("d3rlpy")
        rows.append(
            (
                system,
                f"{rates['1']:.0f}",
                f"{8 * rates['8']:.0f}",
                f"{32 * rates['32']:.0f}",
                f"{plain:.0f}",
                "—" if other is None else f"{other:.0f}",
                f"{rates['1'] / plain:.1f}×",
                f"{8 * rates['8'] / plain:.1f}×",
                f"{32 * rates['32'] / plain:.1f}×",
                "—" if other is None else f"{rates['1'] / other:.1f}×",
            )
        )
    head = (
        "system", "ours, 1 member", "8 members", "32 members", "plain torch", "d3rlpy",
        "1 against torch", "8", "32", "1 against d3rlpy",
    )  # fmt: skip
    return "Model updates per second, MLP 4-64-64-2, batch 256:\n\n" + table(head, rows)


def against_jax(data: Path, python: str, turns: int, seconds: float) -> str:
    """CQL's model updates per second by members and width, in portions of 100 updates: one compiled scan of JAX."""
    rows: list[tuple[object, ...]] = []
    for members, hidden in ((1, "64-64"), (8, "64-64"), (32, "64-64"), (1, "256-256")):
        order: dict[str, object] = {"system": "cql", "data": str(data), "members": members, "hidden": hidden}
        entries = {"ours": (sys.executable, "ours.py", order), "jax": (python, "jax_scan.py", order)}
        rates = compete(entries, turns, seconds, 100)
        ours, other = members * rates["ours"], members * rates["jax"]
        rows.append((members, hidden, f"{ours:.0f}", f"{other:.0f}", f"{ours / other:.2f}×"))
    head = ("members", "hidden", "ours", "JAX", "ratio")
    return "CQL against JAX (compiled before it is timed), model updates per second, batch 256:\n\n" + table(head, rows)


def lens(data: Path, folder: Path, turns: int, seconds: float) -> str:
    """Sixteen values of BCQ's threshold at once, against a plain loop that trains one model after another."""
    import offrl_core as orl

    grid = orl.load_dataset("double-crossing")
    numbered = folder / "grid.npz"
    columns = ("observations", "actions", "rewards", "next_observations", "terminations")
    np.savez(numbered, n_actions=grid.n_actions, n_states=grid.n_states, **{c: getattr(grid, c) for c in columns})
    rows: list[tuple[object, ...]] = []
    for name, path in (("MLP, batch 256", data), (f"table, all {len(grid):,} rows", numbered)):
        order: dict[str, object] = {"system": "bcq", "data": str(path)}
        entries = {
            "ours": (sys.executable, "ours.py", {**order, "lens": LENS}),
            "plain": (sys.executable, "plain_torch.py", order),
        }
        rates = compete(entries, turns, seconds)
        ours = LENS * rates["ours"]
        rows.append((name, f"{ours:.0f}", f"{rates['plain']:.0f}", f"{ours / rates['plain']:.1f}×"))
    head = ("BCQ", f"ours, {LENS} members", "plain torch", "ratio")
    return f"The lens: {LENS} values of one hyperparameter, model updates per second:\n\n" + table(head, rows)


def best_of(act: Callable[[], object], seconds: float) -> float:
    """The shortest processor time of one call: what else runs on the machine does not count."""
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < seconds:
        best = min(best, spent(act))
    return best


def train(learner: Any, looking: bool) -> None:
    """Two portions of 50 updates, each looked at first where that is wanted."""
    for _ in range(2):
        if looking:
            learner.snapshot()
        learner.advance(50)


def spent(act: Callable[..., object], *given: object) -> float:
    """The processor time of one call."""
    before = time.thread_time()
    act(*given)
    return time.thread_time() - before


def matrix_share(data: Path, seconds: float) -> str:
    """How much of the core's matrix-multiply speed CQL's updates reach."""
    from benchmarks._cases import ours

    a, b = (np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32) for _ in range(2))
    out = np.empty_like(a)
    peak = 2 * 1024**3 / best_of(lambda: np.matmul(a, b, out=out), seconds)
    layers = ((4, 64), (64, 64), (64, 2))
    forward = sum(2 * 256 * i * o for i, o in layers)
    # Forward at s and at s', the weights' gradients, and the gradients that go back through all layers but the first.
    flops = 3 * forward + sum(2 * 256 * i * o for i, o in layers[1:])
    rows: list[tuple[object, ...]] = []
    for members in (1, 8, 32):
        turn = ours.make({"system": "cql", "data": str(data), "members": members})
        spent = best_of(lambda: turn(32), seconds) / 32  # noqa: B023
        rows.append((members, f"{1e6 * spent / members:.0f} µs", f"{100 * members * flops / spent / peak:.0f} %"))
    return f"CQL against the core's matrix multiplication ({peak / 1e9:.0f} GFLOP/s at 1024³):\n\n" + table(
        ("members", "per model update", "share"), rows
    )


def tables(quick: bool, seconds: float) -> str:
    """Full-batch updates of a table on the ICU data."""
    import offrl_core as orl

    rows: list[tuple[object, ...]] = []
    for episodes in (1_100,) if quick else (1_100, 11_000, 100_000):
        data = orl.load_dataset("icu-sepsis", episodes=episodes)
        for system in ("q-learning", "constrained-q", "bcq", "cql", "bc", "marwil", "iql"):
            learner = orl.Learner(data, system)
            learner.advance(2)
            update = best_of(lambda: learner.advance(10), seconds) / 10  # noqa: B023
            learner.snapshot()
            snapshot = best_of(learner.snapshot, seconds)
            rows.append((f"{len(data):,}", system, f"{1e3 * update:.2f} ms", f"{1e3 * snapshot:.2f} ms"))
    return "Table, 716 × 25, full batch (equal rows merged), one member:\n\n" + table(
        ("rows", "system", "one update", "one snapshot"), rows
    )


def snapshots(data: Path, seconds: float) -> str:
    """What a snapshot every 50 updates costs, for every system."""
    import offrl_core as orl
    from benchmarks._cases import ours

    rows: list[tuple[object, ...]] = []
    for system in orl.algorithms():
        learner = ours.learner({"system": system, "data": str(data), "members": 1})
        # One learner, turn by turn, and the median of the differences: what disturbs a turn disturbs its neighbour too.
        # A turn is 100 updates, the period of the λ-returns and of the target copies.
        turns = [(spent(train, learner, False), spent(train, learner, True)) for _ in range(int(100 * seconds))]
        times = np.array(turns)
        cost, whole = np.median(times[:, 1] - times[:, 0]), np.median(times[:, 1])
        rows.append((system, f"{100 * cost / whole:.1f} %"))
    return "A snapshot of 256 states every 50 updates, MLP, one member, share of the time:\n\n" + table(
        ("system", "share"), rows
    )


MEMORY = """
import sys, os; sys.path.insert(0, {root!r})
from benchmarks._cases import ours
def now(): return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
data = ours.dataset({data!r}); before = now()
learner = ours.learner({{"system": "cql", "data": {data!r}, "members": 32}}); learner.advance(200); learner.snapshot()
print(now() - before)
"""


def memory(data: Path) -> str:
    """Peak memory above the data and the libraries, 32 members."""
    code = MEMORY.format(root=str(HERE.parent), data=str(data))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"Memory above the data and the libraries, CQL, MLP, 32 members: **{int(done.stdout) / 1024:.0f} MB**\n"


def growth(quick: bool, seconds: float) -> str:
    """How one update grows with rows, members and width."""
    import offrl_core as orl

    rng = np.random.default_rng(0)

    def vectors(n: int) -> orl.Dataset:
        last = np.arange(n) % 200 == 199
        x = rng.normal(size=(n + 1, 4)).astype(np.float32)
        return orl.Dataset.from_columns(
            x[:-1], rng.integers(0, 2, n), rng.normal(size=n), last, next_observations=x[1:], n_actions=2
        )

    def one(data: orl.Dataset, approximator: str = "mlp", **choices: object) -> float:
        learner = orl.Learner(data, "cql", approximator=approximator, form="paper", **choices)
        learner.advance(32)
        return best_of(lambda: learner.advance(32), seconds) / 32

    rows: list[tuple[object, ...]] = []
    for n in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000, 10_000_000):
        mlp = one(vectors(n))
        states = rng.integers(0, 716, n)
        tabular = orl.Dataset.from_columns(
            states,
            rng.integers(0, 25, n),
            np.zeros(n),
            np.ones(n, bool),
            next_observations=np.roll(states, 1),
            n_actions=25,
            n_states=716,
        )
        rows.append((f"{n:,}", f"{1e6 * mlp:.0f} µs", f"{1e3 * one(tabular, 'table'):.2f} ms"))
    small = vectors(10_000)
    by_members = [(m, f"{1e6 * one(small, seeds=m) / m:.0f} µs") for m in (1, 2, 4, 8, 16, 32)]
    widths = ("16-16", "32-32", "64-64", "128-128", "256-256")
    by_width = [(w, f"{1e6 * one(small, hidden=w):.0f} µs") for w in widths]
    return (
        "Growth of one CQL update with the rows (table: random transitions, hardly any two equal):\n\n"
        + table(("rows", "MLP, batch 256", "table, full batch"), rows)
        + "\nwith the members (MLP, per model update):\n\n"
        + table(("members", "time"), list(by_members))
        + "\nand with the width (MLP, one member):\n\n"
        + table(("hidden", "time"), list(by_width))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short turns and small sizes: to see that it runs")
    parser.add_argument("--without-d3rlpy", action="store_true", help="do not install and time d3rlpy")
    parser.add_argument("--without-jax", action="store_true", help="do not install and time JAX")
    parser.add_argument("--only-jax", action="store_true", help="the comparison with JAX alone")
    options = parser.parse_args()
    turns, seconds = (1, 0.2) if options.quick else (6, 2.0)
    folder = Path(tempfile.mkdtemp(prefix="offrl-training-"))
    try:
        data = folder / "rows.npz"
        shared_rows(data, 10_000 if options.quick else 100_000)
        if not options.without_jax:
            python = other_python(folder / "jax", "jax")
            print(against_jax(data, python, turns, seconds), flush=True)
        if options.only_jax:
            return
        other = None if options.without_d3rlpy else other_python(folder / "d3rlpy", "d3rlpy")
        print(against_others(data, other, turns, seconds), flush=True)
        print(lens(data, folder, turns, seconds), flush=True)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        for part in (
            lambda: matrix_share(data, seconds),
            lambda: tables(options.quick, seconds),
            lambda: snapshots(data, seconds),
            lambda: memory(data),
            lambda: growth(options.quick, seconds),
        ):
            print(part(), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
