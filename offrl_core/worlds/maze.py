"""A grid's continuous twin: the same cells, a position instead of a cell number, so that no state is seen twice."""

from __future__ import annotations

from functools import partial

import numpy as np

from offrl_core.columns import Array
from offrl_core.dataset import Dataset
from offrl_core.worlds.layout import GridLayout, PlaneLayout
from offrl_core.worlds.lecture_grids import LABELS, TERMINALS, Grid
from offrl_core.worlds.tabular import MDPError
from offrl_core.worlds.world import Act, Simulator

ACTIONS = ("up", "right", "down", "left", "stay")
DIRECTIONS = ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 0.0))
_SKIN = 1e-4
_FINE = 10


class Maze(Simulator):
    """Continuous position `(x, y)` in units of a cell, x to the right, y upwards, origin at the lower left corner.

    An action moves by `step` in its direction (the fifth stays), plus Gaussian noise of deviation `noise` in both
    coordinates, cut at three deviations. A wall stops the coordinate that runs into it and throws it back a little.
    Arriving in a terminal cell gives its reward and ends the episode. Episodes start in the middle half of a start
    cell.

    Args:
        grid: the cells and rewards.
        step: length of a move, in cells.
        noise: deviation of the noise, in cells.

    Raises:
        MDPError: a move could jump over a wall (`step + 3·noise` of a cell or more).
    """

    def __init__(self, grid: Grid, step: float = 0.4, noise: float = 0.05) -> None:
        if step <= 0 or noise < 0 or step + 3 * noise >= 1:
            raise MDPError(
                f"step {step:g} with noise {noise:g} is not allowed: step + 3·noise must stay below one cell"
            )
        self.grid, self.step_length, self.noise = grid, step, noise
        self.twin = grid.world()
        layout = self.twin.layout
        assert isinstance(layout, GridLayout)
        self.rows, self.cols = layout.rows, layout.cols
        # A border of walls makes a grid that is open at the edge safe to look up.
        cells = np.pad(np.array([list(row) for row in grid.rows])[::-1], 1, constant_values="#")
        self.walls = cells == "#"
        self.ends = np.isin(cells, list(TERMINALS))
        self.cell_reward = grid.step_reward + np.vectorize(lambda c: grid.rewards.get(c, 0.0), otypes=[float])(cells)
        self.cell_state = np.pad(
            np.array(layout.state_of_cell).reshape(self.rows, self.cols)[::-1], 1, constant_values=-1
        )
        self.starts = np.argwhere(cells == "S")[:, ::-1] - 1
        self.start_cells = {(r, c) for r, row in enumerate(grid.rows) for c, cell in enumerate(row) if cell == "S"}
        self.cells = cells
        self.n_actions = len(ACTIONS)
        self.action_names = ACTIONS
        self.observation_names = ("x (cells)", "y (cells)")
        self.layout = self._layout()
        self.time_limit = 200
        self.name = "maze"

    def _layout(self) -> PlaneLayout:
        walls = [
            (float(c - 1), float(r - 1), float(c), float(r))
            for r, c in np.argwhere(self.walls)
            if 1 <= r <= self.rows and 1 <= c <= self.cols
        ]
        regions = [
            (LABELS[self.cells[r, c]], float(c - 1), float(r - 1), float(c), float(r))
            for r, c in np.argwhere(~np.isin(self.cells, ["#", "."]))
        ]
        return PlaneLayout(
            names=self.observation_names,
            low=(0.0, 0.0),
            high=(float(self.cols), float(self.rows)),
            walls=tuple(walls),
            directions=DIRECTIONS,
            regions=tuple(regions),
        )

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Positions `(E, 2)` in the middle half of a start cell."""
        corner = self.starts[rng.integers(len(self.starts), size=episodes)]
        return np.asarray(corner + rng.uniform(0.25, 0.75, size=(episodes, 2)))

    def start_in(self, cell: tuple[int, int], episodes: int, rng: np.random.Generator) -> Array:
        """Positions `(E, 2)` in the middle half of `cell` (row from the top, column)."""
        return np.array([cell[1], self.rows - 1 - cell[0]]) + rng.uniform(0.25, 0.75, size=(episodes, 2))

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Move, first along x, then along y."""
        shift = rng.standard_normal((2, len(states)))
        np.clip(shift, -3.0, 3.0, out=shift)
        shift *= self.noise
        shift += self.step_length * _MOVES[:, actions]
        return self._advance(states[:, 0], states[:, 1], shift)

    def _advance(self, x: Array, y: Array, shift: Array) -> tuple[Array, Array, Array]:
        width = self.cols + 2
        walls = self.walls.ravel()
        row = (np.floor(y).astype(np.intp) + 1) * width + 1
        x = _stopped(x, shift[0], walls, row, 1)
        column = np.floor(x).astype(np.intp) + 1
        y = _stopped(y, shift[1], walls, column + width, width)
        cell = (np.floor(y).astype(np.intp) + 1) * width + column
        return np.stack([x, y], axis=1), self.cell_reward.ravel()[cell], self.ends.ravel()[cell]

    def observe(self, states: Array) -> Array:
        """Positions `(E, 2)` as float32."""
        return states.astype(np.float32)

    def ending(self, observation: Array) -> str:
        """What the terminal cell is."""
        column, row = np.floor(np.asarray(observation)).astype(np.intp) + 1
        return f"reached the {LABELS[self.cells[row, column]]}"

    def cell_of(self, observations: Array) -> Array:
        """`(N,)`: the grid twin's state of the cell that each position lies in."""
        column, row = np.floor(observations.T).astype(np.intp) + 1
        return np.asarray(self.cell_state[np.clip(row, 0, self.rows + 1), np.clip(column, 0, self.cols + 1)])

    def by_cell(self, policy: Array) -> Act:
        """A policy of the grid twin, `(S, 4)` or `(S, 5)`, as a policy here: every position acts as its cell does."""
        sums = np.cumsum(policy, axis=1)
        sums /= sums[:, -1:]
        return partial(self._draw, sums)

    def _draw(self, sums: Array, observations: Array, rng: np.random.Generator) -> Array:
        draws = rng.random(len(observations))[:, None]
        return np.asarray((draws >= sums[self.cell_of(observations)]).sum(axis=1))

    def imitate(self, dataset: Dataset) -> Act:
        """Acts in each cell as often as the data does there; uniformly in cells that the data never visits."""
        pairs = self.cell_of(dataset.observations) * self.n_actions + dataset.actions
        counts = np.bincount(pairs, minlength=self.twin.n_states * self.n_actions).reshape(-1, self.n_actions)
        totals = counts.sum(axis=1, keepdims=True)
        return self.by_cell(np.where(totals > 0, counts / np.maximum(totals, 1), 1.0 / self.n_actions))

    def controller(self, gamma: float) -> Act:
        """The best known policy: greedy in the values of the noiseless maze on a lattice of a tenth of a cell.

        The move of `step` is rounded to whole lattice points for the plan; ties go to the first action.
        """
        return partial(_planned, self._plan(min(gamma, 0.999)))

    def _plan(self, gamma: float) -> Array:
        """The planned action of each lattice point, `(10·rows, 10·cols)`."""
        rows, columns = self.rows * _FINE, self.cols * _FINE
        y, x = np.meshgrid((np.arange(rows) + 0.5) / _FINE, (np.arange(columns) + 0.5) / _FINE, indexing="ij")
        free = ~(self.walls | self.ends)[y.astype(int) + 1, x.astype(int) + 1]
        points = np.stack([x[free], y[free]], axis=1)
        index = np.full((rows, columns), -1)
        index[free] = np.arange(len(points))
        ahead, rewards, ends = [], [], []
        for direction in DIRECTIONS:
            shift = np.array(direction)[:, None] * self.step_length
            arrived, reward, ended = self._advance(points[:, 0], points[:, 1], np.repeat(shift, len(points), axis=1))
            column, row = np.minimum((arrived.T * _FINE).astype(int), [[columns - 1], [rows - 1]])
            ahead.append(np.where(ended, 0, index[row, column]))
            rewards.append(reward)
            ends.append(ended)
        goes, pays, live = np.array(ahead), np.array(rewards), ~np.array(ends)
        values = np.zeros(len(points))
        for _ in range(2000):
            q = pays + gamma * np.where(live, values[goes], 0.0)
            best = q.max(axis=0)
            if np.abs(best - values).max() < 1e-7:
                break
            values = best
        plan = np.zeros((rows, columns), dtype=np.intp)
        plan[free] = (q >= best - 1e-9).argmax(axis=0)
        return plan


def _planned(plan: Array, observations: Array, rng: np.random.Generator) -> Array:
    column, row = np.floor(observations.T * _FINE).astype(np.intp)
    return np.asarray(plan[np.clip(row, 0, len(plan) - 1), np.clip(column, 0, plan.shape[1] - 1)])


_MOVES = np.array(DIRECTIONS).T


def _stopped(position: Array, shift: Array, walls: Array, offset: Array, stride: int) -> Array:
    """One coordinate after a move of less than a cell: `walls[offset + stride·cell]` tells where it may not go.

    A tenth of what a wall cut off is thrown back: otherwise all that press into a corner would end on one point.
    """
    there = position + shift
    blocked = walls[offset + stride * np.floor(there).astype(np.intp)]
    wall = np.where(shift > 0, np.ceil(position), np.floor(position))
    bounced = wall - 0.1 * (there - wall) - np.sign(shift) * _SKIN
    return np.where(blocked, bounced, there)
