"""What the core computes on a machine: run in Pyodide and natively, it must be the same.

`write(folder, cases)` trains each case for 100 updates and stores the numbers; as a script in Pyodide it does so with
the kernel for matrix products. Data must have no index arrays of 64 bits there.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import offrl_core as orl

UPDATES = 100
NEEDS_FILES = ("icu-sepsis", "digits-bandit")
"""Datasets whose numbers come with packages that are no part of the program."""


def cases(how_many: str) -> list[tuple[str, str, str]]:
    """(dataset, algorithm, approximator).

    Args:
        how_many: `few`, in which each occurs; `pairs`, each algorithm with each approximator; or `all`.
    """
    names = [name for name in orl.datasets() if name not in NEEDS_FILES]
    kinds = ("table", "linear", "mlp")
    able = {kind: [name for name in names if kind != "table" or orl.load_dataset(name).tabular] for kind in kinds}
    algorithms = [name for name, kind in orl.algorithms().items() if not kind.file]  # none that another test brings
    if how_many == "all":
        return [(name, algorithm, kind) for algorithm in algorithms for kind in kinds for name in able[kind]]
    if how_many == "pairs":
        turns = [(place, algorithm, kind) for place, algorithm in enumerate(algorithms) for kind in kinds]
        return [(able[kind][place % len(able[kind])], algorithm, kind) for place, algorithm, kind in turns]
    few = []
    for place, name in enumerate(names):
        kind = kinds[place % 3] if name in able["table"] else kinds[1 + place % 2]
        few.append((name, algorithms[place % len(algorithms)], kind))
    return few


def write(folder: Path, wanted: Iterable[tuple[str, str, str]]) -> None:
    """`numbers.npz` and `data.json`, the fingerprints of the data."""
    numbers: dict[str, np.ndarray] = {}
    prints: dict[str, str] = {}
    for name, algorithm, approximator in wanted:
        data = orl.load_dataset(name)
        if name not in prints:
            prints[name] = data.fingerprint
            wide = [
                column
                for column in ("observations", "actions", "next_observations", "episode_starts", "behaviors")
                if np.asarray(getattr(data, column)).dtype == np.int64
            ]
            assert np.intp == np.int64 or not wide, f"{name}: {', '.join(wide)} are indices of 64 bits"
        settings = {"batch_size": 64} if approximator == "mlp" else {}
        final = orl.train(data, algorithm, steps=UPDATES, approximator=approximator, **settings).final
        for part in final.tables.keys() - {"reads", "reads_share"}:  # of two values as good as equal rounding chooses
            table = final.tables[part]
            numbers[f"{name} {algorithm} {approximator} {part}"] = np.asarray(table)
    np.savez(folder / "numbers.npz", **numbers)
    (folder / "data.json").write_text(json.dumps(prints))


if "given" in globals():  # set by tests/pyodide.mjs
    from offrl_web.products.in_tab import use_kernel

    use_kernel(link)  # noqa: F821
    began = time.time()
    out = Path(given[0])  # noqa: F821
    write(out, json.loads((out / "cases.json").read_text()))
    assert "scipy" not in sys.modules, "the core loaded scipy"
    print(f"{time.time() - began:.1f} s")
