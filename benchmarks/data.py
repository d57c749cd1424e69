"""Speed of collecting, loading, judging and drawing data, on one core.

`python benchmarks/data.py [sampling] [loading] [truth] [pictures]`

Each figure is the best of several repeats; a busy machine only makes it worse. Prints a table in Markdown.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

import offrl_core as orl
from offrl_core.worlds.control import Acrobot, CartPole, MountainCar
from offrl_core.worlds.icu import clinician, icu_sepsis
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.lecture_grids import BENT_CORRIDOR, FOUR_ROOMS
from offrl_core.worlds.maze import Maze
from offrl_core.worlds.world import Simulator
from offrl_ui.datasets import charts, facts

Rows = list[tuple[str, str, str]]


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of `repeats` runs, after one to warm up."""
    work()
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return float(best)


def _rate(world: Simulator, policy: object, episodes: int, horizon: int) -> float:
    """Transitions a second, the finished and validated dataset included."""
    rows = len(world.sample(policy, episodes, horizon, seed=0))
    return rows / seconds(lambda: world.sample(policy, episodes, horizon, seed=0))


def sampling() -> Rows:
    """Transitions a second; the aims are a million on grids and half a million in the maze."""
    grid, slippery, icu, maze = FOUR_ROOMS.world(), FOUR_ROOMS.world(0.2), icu_sepsis(), Maze(BENT_CORRIDOR)
    anything = np.full((grid.n_states, 4), 0.25)
    cells = maze.by_cell(np.full((maze.twin.n_states, 5), 0.2))
    worlds: list[tuple[str, Simulator, object, int, str]] = [
        ("grid (four rooms)", grid, anything, 10_000, "1 000 000"),
        ("grid with slip", slippery, anything, 10_000, "1 000 000"),
        ("grid, 100 episodes only", grid, anything, 100, ""),
        ("ICU, 25 actions", icu, clinician(), 100_000, ""),
        ("maze", maze, cells, 10_000, "500 000"),
        ("maze, 400 episodes only", maze, cells, 400, ""),
    ]
    for control in (CartPole(), MountainCar(), Acrobot()):
        worlds.append((control.name, control, control.controller(0.99), 2000, ""))
    return [
        (f"sampling: {name}", f"{_rate(world, policy, episodes, 100):,.0f} transitions/s", aim)
        for name, world, policy, episodes, aim in worlds
    ]


def loading() -> Rows:
    """Seconds from a name to the data, nothing kept from before (the worlds' own caches excepted)."""
    return [
        (f"loading: {name}", f"{seconds(spec.build, 3) * 1000:,.0f} ms, {len(spec.build()):,} rows", "1 s")
        for name, spec in orl.datasets().items()
    ]


def truth() -> Rows:
    """Milliseconds per member for the exact value of a policy, and to set up a dataset's reference returns."""
    found: Rows = []
    for name in ("double-crossing", "taxi", "icu-sepsis"):
        data = orl.load_dataset(name)
        known = orl.Truth(data)
        rng = np.random.default_rng(0)
        soft = rng.dirichlet(np.ones(data.n_actions), (8, data.n_states or 0))
        greedy = np.eye(data.n_actions)[soft.argmax(axis=2)]
        for kind, policy in (("soft", soft), ("greedy", greedy)):
            each = seconds(lambda p=policy, k=known: k.of(p)) / 8
            found.append((f"exact value: {name}, {kind} policy", f"{each * 1000:.2f} ms a member", "10 ms"))
    for name in orl.datasets():
        data = orl.load_dataset(name)
        found.append((f"reference returns: {name}", f"{seconds(lambda d=data: orl.Truth(d), 2) * 1000:.0f} ms", ""))
    return found


def pictures() -> Rows:
    """Seconds for everything that the page draws of a million rows, nothing kept from before; the aim is one second."""
    rng = np.random.default_rng(0)
    rows = 1_000_000
    rewards, vectors = rng.normal(size=rows), rng.normal(size=(rows, 8))
    states, actions = rng.integers(0, 1000, rows), rng.integers(0, 10, rows)
    hundreds = np.arange(rows) % 100 == 99
    made: list[tuple[str, orl.Dataset]] = [
        ("a grid", orl.load_dataset("u-maze", episodes=5300)),
        ("vectors of 8 numbers", orl.Dataset.from_columns(vectors, actions, rewards, hundreds)),
        ("a table of 1000 states", orl.Dataset.from_columns(states, actions, rewards, hundreds)),
        ("one long episode", orl.Dataset.from_columns(vectors, actions, rewards, np.zeros(rows, dtype=bool))),
    ]
    return [
        (f"pictures: {name}", f"{seconds(lambda d=data: _draw(replace(d)), 3):.2f} s", "1 s") for name, data in made
    ]


def _draw(data: orl.Dataset) -> None:
    """What `offrl_ui.datasets.page` shows, without a page around it."""
    facts.key_numbers(data)
    if isinstance(data.layout, GridLayout):
        facts.walks_grid(data, data.layout)
        facts.counts_grid(data, data.layout)
    elif data.tabular:
        charts.counts_figure(data, None).to_json()
    else:
        charts.walks_figure(data, 0, 1).to_json()
        charts.visits_figure(data, 0, 1).to_json()
    charts.returns_figure(data, data.gamma, facts.return_marks(data)).to_json()
    charts.actions_figure(data).to_json()
    charts.lengths_figure(data).to_json()


SECTIONS: dict[str, Callable[[], Rows]] = {
    "sampling": sampling,
    "loading": loading,
    "truth": truth,
    "pictures": pictures,
}


def main(names: list[str]) -> None:
    """Measure the named sections, all of them by default."""
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"unknown section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    logging.disable(logging.WARNING)  # pictures are made without a page, which Streamlit minds
    print("| what | measured | aim |\n|---|---|---|")
    with threadpool_limits(1):
        for name in names or list(SECTIONS):
            for what, measured, aim in SECTIONS[name]():
                print(f"| {what} | {measured} | {aim} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
