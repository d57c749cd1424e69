"""The project's own grids: cells, rewards, and the walks their data is recorded by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from offrl_core.worlds.grids import grid_world
from offrl_core.worlds.tabular import TabularMDP

Cell = tuple[int, int]

LABELS = MappingProxyType(
    {
        "#": "wall",
        ".": "floor",
        "S": "start",
        "B": "second start",
        "G": "goal",
        "D": "small reward",
        "T": "dead end",
        "X": "cliff",
    }
)
TERMINALS = "GDTX"
REWARDS = MappingProxyType({"G": 1.0, "D": 0.3, "T": 0.0, "X": -1.0})


@dataclass(frozen=True)
class Walk:
    """A recorded way: straight lines between `corners`, and its share of the episodes."""

    name: str
    corners: tuple[Cell, ...]
    share: float


@dataclass(frozen=True)
class Grid:
    """A grid world's description.

    Attributes:
        name: the world's name.
        rows: the cells, top to bottom; letters as in `LABELS`, and `G D T X` end the episode.
        rewards: the reward on arriving at each letter.
        step_reward: the reward of every step.
        walks: the ways that the world's story is told with, if it has any.
    """

    name: str
    rows: tuple[str, ...]
    rewards: Mapping[str, float] = field(default_factory=lambda: dict(REWARDS))
    step_reward: float = 0.0
    walks: tuple[Walk, ...] = ()

    def world(self, slip: float = 0.0) -> TabularMDP:
        """The grid as an MDP."""
        used = set("".join(self.rows))
        return grid_world(
            self.rows,
            rewards=self.rewards,
            terminals=TERMINALS,
            slip=slip,
            step_reward=self.step_reward,
            labels={
                letter: label + (f", {self.rewards[letter]:g}" if letter in TERMINALS else "")
                for letter, label in LABELS.items()
                if letter in used
            },
            name=self.name,
        )


DOUBLE_CROSSING = Grid(
    "double-crossing",
    (
        "###############",
        "#########B#####",
        "#########.#####",
        "#########.#####",
        "#########.#####",
        "#S...........T#",
        "####.####.#####",
        "####.####.#####",
        "####D####.#####",
        "#########G#####",
        "###############",
    ),
    walks=(
        Walk("S to D", ((5, 1), (5, 4), (8, 4)), 0.5),
        Walk("S to T", ((5, 1), (5, 13)), 0.3),
        Walk("B to G", ((1, 9), (9, 9)), 0.2),
    ),
)

BENT_CORRIDOR = Grid(
    "bent-corridor",
    (
        "###############",
        "#########B#####",
        "#########.#####",
        "#########.#####",
        "#########.#####",
        "#............T#",
        "#.##.####.#####",
        "#.##.####.#####",
        "#.##D####.#####",
        "#.#######G#####",
        "#S#############",
        "###############",
    ),
    walks=(
        Walk("S to D", ((10, 1), (5, 1), (5, 4), (8, 4)), 0.5),
        Walk("S to T", ((10, 1), (5, 1), (5, 13)), 0.3),
        Walk("B to G", ((1, 9), (9, 9)), 0.2),
    ),
)

SINGLE_CROSSING = Grid(
    "single-crossing",
    (
        "#########",
        "####B####",
        "####.####",
        "#S.....T#",
        "####.####",
        "####G####",
        "#########",
    ),
    walks=(
        Walk("S to T", ((3, 1), (3, 7)), 0.6),
        Walk("B to G", ((1, 4), (5, 4)), 0.4),
    ),
)

FOUR_ROOMS = Grid(
    "four-rooms",
    (
        "#############",
        "#S....#.....#",
        "#.....#.....#",
        "#...........#",
        "#.....#.....#",
        "#.....#.....#",
        "##.####.....#",
        "#.....###.###",
        "#.....#.....#",
        "#.....#.....#",
        "#...........#",
        "#.....#....G#",
        "#############",
    ),
)

U_MAZE = Grid(
    "u-maze",
    (
        "##########",
        "#S.......#",
        "#........#",
        "#######..#",
        "#######..#",
        "#........#",
        "#G.......#",
        "##########",
    ),
)

CLIFF = Grid(
    "cliff",
    (
        "############",
        "#..........#",
        "#..........#",
        "#..........#",
        "#SXXXXXXXXG#",
        "############",
    ),
)

BRIDGE = Grid(
    "bridge",
    (
        "#############",
        "#...........#",
        "#...........#",
        "#..XXXXXXX..#",
        "#S.........G#",
        "#..XXXXXXX..#",
        "#...........#",
        "#...........#",
        "#############",
    ),
)

GRIDS = {
    grid.name: grid for grid in (DOUBLE_CROSSING, BENT_CORRIDOR, SINGLE_CROSSING, FOUR_ROOMS, U_MAZE, CLIFF, BRIDGE)
}
