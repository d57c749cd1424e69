"""How fast a tab trains: updates a second in Pyodide, under Node, against those here, in turn.

    python benchmarks/in_pyodide.py [--turns 4]

Both are counted by processor time, so that other work on the machine weighs little. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CASES = {
    "CQL, table": {"approximator": "table"},
    "CQL, MLP 64-64, batch 256": {"approximator": "mlp", "hidden": "64-64", "batch_size": 256},
    "CQL, MLP 64-64, batch 32": {"approximator": "mlp", "hidden": "64-64", "batch_size": 32},
}
SECONDS = 2.0

TURN = """
import json, time
import offrl_core as orl
try:
    from js import process
    from offrl_web.products.in_tab import use_kernel
    use_kernel(link)
    def spent():
        used = process.cpuUsage()
        return (used.user + used.system) / 1e6
except ImportError:
    spent = time.process_time
rates = {}
for name, settings in json.loads(CASES).items():
    learner = orl.Learner(orl.load_dataset("double-crossing"), "cql", seeds=1, **settings)
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS:  # until the engine has compiled what is hot
        learner.advance(10)
    updates, began, before = 0, time.perf_counter(), spent()
    while time.perf_counter() - began < SECONDS:
        learner.advance(10)
        updates += 10
    rates[name] = updates / (spent() - before)
print(json.dumps(rates))
"""


def turn(command: list[str]) -> dict[str, float]:
    """The rates that a process measures."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=4)
    turns = parser.parse_args().turns
    from offrl_web import supply

    pyodide = str(supply.find().folder)
    text = f"CASES, SECONDS = {json.dumps(CASES)!r}, {SECONDS}\n{TURN}"
    with TemporaryDirectory() as folder:
        script = Path(folder, "turn.py")
        script.write_text(text)
        there = ["node", str(ROOT / "tests" / "pyodide.mjs"), pyodide, str(ROOT), str(script)]
        found = [(turn(there), turn([sys.executable, "-c", text])) for _ in range(turns)]
    print(f"{time.strftime('%Y-%m-%d')}, {turns} turns of {SECONDS:g} s, updates a second of processor time\n")
    print("| system | here | in Pyodide | share |\n|---|---|---|---|")
    for name in CASES:
        inside, here = (median(pair[side][name] for pair in found) for side in (0, 1))
        print(f"| {name} | {here:,.0f} | {inside:,.0f} | {inside / here:.0%} |")


if __name__ == "__main__":
    main()
