"""Reading logs from files: seconds and memory for a million rows, against the targets of this project.

    python benchmarks/data_files.py [--rows 1000000] [--repeat 3]

Each file is read in a fresh process, so that its memory is its own. Memory is the highest resident size while reading,
above what the process had before, in multiples of the dataset's own arrays. For isolated reading, as of uploads, it is
that of the process that asks; "not isolated" shows what parsing takes, which the other process has to itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from offrl_core.data.report import validate  # noqa: E402
from offrl_core.dataset import Dataset  # noqa: E402
from offrl_core.formats import read_file  # noqa: E402
from offrl_core.processes.file_reader import read_isolated  # noqa: E402

TARGETS = {"foreign.parquet": 2.0, "foreign.csv": 6.0}
MEMORY = 4.0
ARRAYS = ("observations", "actions", "rewards", "next_observations", "terminations", "truncations")


def make(rows: int, folder: Path) -> None:
    """A log of a continuous task, as this project writes it and as anybody else would."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    last = np.zeros(rows, dtype=bool)
    last[np.cumsum(rng.integers(10, 60, rows))[:-1].clip(max=rows - 1)] = True
    last[-1] = True
    data = Dataset.from_columns(
        rng.normal(size=(rows, 4)).astype(np.float32),
        rng.integers(0, 3, rows),
        rng.normal(size=rows),
        last & (rng.random(rows) < 0.5),
        episode_ids=np.cumsum(np.append(0, last[:-1])),
    )
    for ending in (".csv", ".parquet", ".npz"):
        data.to_file(folder / f"own{ending}")
    episodes = data.episode_of_row
    words = np.array(["left", "right", "stay"])
    table = pa.table(
        {
            "episode": episodes,
            "t": np.arange(rows) - data.episode_starts[episodes],
            **{f"s{i}": data.observations[:, i].astype(np.float64) for i in range(4)},
            "action": words[data.actions],
            "reward": data.rewards,
            "done": data.terminations,
        }
    )
    pq.write_table(table, folder / "foreign.parquet")
    pacsv.write_csv(table, folder / "foreign.csv")


def resident(field: str) -> int:
    """Bytes of memory of this process, from the kernel (`VmRSS` now, `VmHWM` at most)."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure(path: Path, isolated: bool) -> dict[str, float]:
    """Read one file in this process, after everything that does not depend on its size has been loaded."""
    # A small file loads the libraries (and starts the process that reads) before the measurement begins.
    read = read_isolated if isolated else read_file
    read(path.with_name("warm" + path.suffix))
    before = resident("VmRSS")
    begun = time.perf_counter()
    dataset = Dataset.from_reading(reading := read(path))
    seconds = time.perf_counter() - begun
    peak = resident("VmHWM") - before
    size = sum(getattr(dataset, name).nbytes for name in ARRAYS)
    begun = time.perf_counter()
    validate(dataset, reading.findings)
    return {
        "seconds": seconds,
        "memory": peak / size,
        "report": time.perf_counter() - begun,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure, not chosen.here)))
        return 0
    missed = 0
    print(f"{chosen.rows:,} rows, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'file':34}{'MB':>7}{'seconds':>9}{'target':>8}{'memory':>8}{'target':>8}{'report s':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(2_000, folder)
        for path in list(folder.iterdir()):
            warm = folder / f"warm{path.suffix}"
            if not warm.exists():
                path.rename(warm)
        make(chosen.rows, folder)
        for path in sorted(p for p in folder.iterdir() if not p.name.startswith("warm")):
            for isolated in (True, False):
                command = [sys.executable, __file__, "--measure", str(path), *([] if isolated else ["--here"])]
                runs = [json.loads(subprocess.check_output(command)) for _ in range(chosen.repeat)]
                best = min(runs, key=lambda run: run["seconds"])
                seconds, memory = TARGETS.get(path.name), MEMORY
                missed += seconds is not None and best["seconds"] > seconds
                missed += memory is not None and best["memory"] > memory
                label = path.name + ("" if isolated else " (not isolated)")
                print(
                    f"{label:34}{path.stat().st_size / 1e6:7.1f}{best['seconds']:9.2f}{seconds or '':>8}"
                    f"{best['memory']:8.2f}{memory or '':>8}{best['report']:10.2f}"
                )
    print("all targets met" if not missed else f"{missed} targets missed")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
