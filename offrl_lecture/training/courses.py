"""The training runs behind "breaking the triad": many members at once, on the stitching world and on the maze.

Every run uses the catalogue's data and the product's own systems; a scene only chooses numbers. Frames hold plain
arrays, one value per member, so that a scene draws any of them without training again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset
from offrl_core.evaluation.rollouts import measure
from offrl_core.evaluation.truth import Truth
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.world import Simulator
from offrl_lecture.constraining_q.support import unseen_share
from offrl_lecture.deadly_triad.toy import Array
from offrl_lecture.training.background import RemoteCourse
from offrl_lecture.training.trained import Course, Frame

RHOS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)
MAZE_RHOS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
ALPHAS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = 8


@lru_cache(maxsize=1)
def roads() -> Dataset:
    """The stitching data: two roads that cross."""
    return load_dataset("double-crossing")


@lru_cache(maxsize=1)
def roads_truth() -> Truth:
    """Exact reference values of the stitching world."""
    return Truth(roads())


def _common(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
    """Step, true return, value at the start, and mean Q on data and on missing pairs, `(M,)` each."""
    learner, snapshot = learners[0], snapshots[0]
    found = {"step": np.array([snapshot.step])}
    if learner.dataset.mdp is not None:
        found["return"] = roads_truth().of(snapshot.policy)[0]
    for name in ("value_start", "q_data", "q_missing"):
        if name in snapshot.metrics:
            found[name] = snapshot.metrics[name].astype(np.float64)
    return found


# --- where the maximum looks --------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def looking_course(constrained: bool) -> Course:
    """Naive (or constrained) Q-learning on the two roads, one update per frame: `q (S, A)` and `unseen`, the share of
    bootstrapping rows whose maximum picks a pair that is not in the data."""

    def start() -> list[Learner]:
        name = "constrained-q" if constrained else "q-learning"
        return [Learner(roads(), name, learning_rate=0.5, batch_size=0, initial_spread=0.5)]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        q = snapshots[0].q
        assert q is not None
        seen = roads().counts > 0
        masked = np.where(seen, q[0], -np.inf) if constrained else q[0]
        return {**_common(learners, snapshots), "q": q[0], "unseen": np.array([unseen_share(roads(), masked)])}

    return Course(start, record, every=1, frames=60)


# --- BCQ: the threshold as an axis --------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def bcq_roads() -> Course:
    """BCQ with a table at every threshold of `RHOS` at once on the two roads, 8 seeds.

    Frames add `allowed`, the mean number of actions in `Ā(s)` over the states that the data visit.
    """

    def start() -> list[Learner]:
        return [Learner(roads(), "bcq", rho=list(RHOS), seeds=SEEDS, learning_rate=0.5, batch_size=0)]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        assert snapshots[0].allowed is not None
        visited = roads().counts.sum(axis=1) > 0
        allowed = snapshots[0].allowed[:, visited].sum(axis=2).mean(axis=1)
        return {**_common(learners, snapshots), "allowed": allowed}

    return Course(start, record, every=4, frames=100)


@lru_cache(maxsize=1)
def bcq_maze() -> Course:
    """BCQ with a network at every threshold of `MAZE_RHOS` at once on the maze, 2 seeds.

    Frames add `allowed` as above, over probe states, and every fifth frame `return`, measured by 40 walks (else NaN).
    """

    def start() -> list[Learner]:
        return [
            Learner(
                maze(),
                "bcq",
                approximator="mlp",
                rho=list(MAZE_RHOS),
                seeds=2,
                hidden="32-32",
                batch_size=128,
                learning_rate=3e-3,
                target_update="soft",
                target_rate=0.02,
                initial_spread=0.1,
            )
        ]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        assert snapshots[0].allowed is not None
        return {
            **_common(learners, snapshots),
            "allowed": snapshots[0].allowed.sum(axis=2).mean(axis=1),
            "return": _walked(learners[0], every=5 * 100, walks=40),
        }

    return Course(start, record, every=100, frames=MAZE_FRAMES)


MAZE_FRAMES = 40


def _walked(learner: Learner, every: int, walks: int) -> Array:
    """`(M,)` returns measured by walking, every so many updates; NaN in between."""
    world = learner.dataset.world
    assert isinstance(world, Simulator)
    if learner.step == 0 or learner.step % every:
        return np.full(len(learner.members), np.nan)
    return np.asarray(measure(world, learner.policy, learner.dataset.gamma, episodes=walks).mean)


# --- a network on the maze ----------------------------------------------------------------------------------------

NETWORK_SEEDS = 3


@lru_cache(maxsize=4)
def network(epsilon: float, system: str) -> Course:
    """Naive Q-learning (`q-learning`) or `bcq` with a network on the maze, recorded with noise `epsilon`, 3 seeds.

    Frames hold `q_data`, `q_missing`, `value_start`, `values (256,)` (the first seed's `V` at the probe states), and
    every tenth frame `return` and `true_q`: the mean of the true `Q^π(s,a)` over 150 rows of the data, measured by
    taking `a` in `s` and then following the member's policy.
    """

    def start() -> list[Learner]:
        settings: dict[str, Any] = {"rho": 0.2} if system == "bcq" else {}
        return [
            Learner(
                maze(epsilon),
                system,
                approximator="mlp",
                seeds=NETWORK_SEEDS,
                learning_rate=2e-3,
                batch_size=128,
                target_update="soft",
                target_rate=0.05,
                initial_spread=0.1,
                **settings,
            )
        ]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        learner, snapshot = learners[0], snapshots[0]
        assert snapshot.v is not None
        return {
            **_common(learners, snapshots),
            "values": snapshot.v[0].astype(np.float64),
            "return": _walked(learner, every=10 * 50, walks=40),
            "true_q": _true_q(learner, every=10 * 50, rows=150),
        }

    return Course(start, record, every=50, frames=NETWORK_FRAMES)


NETWORK_FRAMES = 80


def _true_q(learner: Learner, every: int, rows: int) -> Array:
    """`(M,)` the mean true `Q^π(s,a)` over rows of the data, by playing on from them; NaN in between."""
    data, members = learner.dataset, len(learner.members)
    world = data.world
    assert isinstance(world, Simulator)
    if learner.step == 0 or learner.step % every:
        return np.full(members, np.nan)
    chosen = np.linspace(0, len(data) - 1, rows).astype(int)
    found = []
    for member in range(members):
        first = [data.actions[chosen]]

        def act(
            observations: Array, rng: np.random.Generator, member: int = member, first: list[Array] = first
        ) -> Array:
            if first:
                return first.pop()
            sums = np.cumsum(learner.policy(observations)[member], axis=1)
            drawn = (rng.random((len(sums), 1)) * sums[:, -1:] >= sums).sum(axis=1)
            return np.asarray(np.minimum(drawn, data.n_actions - 1))

        starts = data.observations[chosen].astype(np.float64)
        found.append(float(world.rollout(act, rows, 200, 0, states=starts).returns(data.gamma).mean()))
    return np.array(found)


# --- CQL: four steps and the paper's form -------------------------------------------------------------------------


CQL_SEEDS = 12
FORMS = ("lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper")


@lru_cache(maxsize=1)
def cql_course() -> Course:
    """CQL in every form at every weight `ALPHAS` at once on the two roads, 12 seeds with start values of spread .4.

    Frames hold `return`, `value_start`, `q_data`, `q_missing` and `guesses` (whether the policy's very first step may
    be an action that the data do not show there), `(forms, weights, seeds)` each.
    """

    def start() -> list[Learner]:
        return [
            Learner(
                roads(),
                "cql",
                form=form,
                alpha=list(ALPHAS),
                seeds=CQL_SEEDS,
                learning_rate=0.5,
                batch_size=0,
                initial_spread=0.4,
            )
            for form in FORMS
        ]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        parts = [_common([learner], [snapshot]) for learner, snapshot in zip(learners, snapshots, strict=True)]
        frame = {"step": parts[0].pop("step")}
        mdp = roads().mdp
        assert mdp is not None
        start = int(np.argmax(mdp.initial))
        unseen = roads().counts[start] == 0
        for part, snapshot in zip(parts, snapshots, strict=True):
            part["guesses"] = np.asarray((snapshot.policy[:, start, unseen] > 0).any(axis=1))
        for name in ("return", "value_start", "q_data", "q_missing", "guesses"):
            frame[name] = np.stack([part[name].reshape(len(ALPHAS), CQL_SEEDS) for part in parts])
        return frame

    return Course(start, record, every=4, frames=100)


# --- stitching ----------------------------------------------------------------------------------------------------

STITCHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bc": ("bc", {}),
    "rwr": ("rwr", {"temperature": 0.1}),
    "marwil": ("marwil", {"beta": 10.0}),
    "one-step": ("mc-q", {}),
    "iql": ("iql", {"expectile": 0.9, "beta": 10.0}),
    "bcq": ("bcq", {"rho": 0.1}),
    "cql": ("cql", {"form": "paper", "alpha": 0.1}),
}
STITCH_SEEDS = 4


@lru_cache(maxsize=1)
def stitching_course() -> Course:
    """Seven systems side by side on the two roads: `return (7, seeds)` and `policy (7, S, A)` of the first seed."""

    def start() -> list[Learner]:
        return [
            Learner(roads(), name, seeds=STITCH_SEEDS, batch_size=0, **settings)
            for name, settings in STITCHERS.values()
        ]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        truth = roads_truth()
        return {
            "step": np.array([snapshots[0].step]),
            "return": np.stack([truth.of(s.policy)[0] for s in snapshots]),
            "policy": np.stack([s.policy[0] for s in snapshots]),
        }

    return Course(start, record, every=4, frames=75)


def reaches_goal(walk: list[int]) -> bool:
    """Whether a walk of `most_likely_walk` ends at the goal."""
    data = roads()
    assert isinstance(data.layout, GridLayout)
    return data.layout.cells[data.layout.state_of_cell.index(walk[-1])] == "G"


def most_likely_walk(policy: Array, limit: int = 60) -> list[int]:
    """States visited from the start by always taking the likeliest action, up to a terminal state or a repeat."""
    mdp = roads().mdp
    assert mdp is not None
    state = int(np.argmax(mdp.initial))
    walk = [state]
    for _ in range(limit):
        if mdp.terminal[state]:
            break
        state = int(mdp.P[state, int(np.argmax(policy[state]))].argmax())
        if state in walk:
            break
        walk.append(state)
    return walk


@lru_cache(maxsize=3)
def maze(epsilon: float = 0.1) -> Dataset:
    """The maze's walks, recorded with noise `epsilon`."""
    return load_dataset("maze", epsilon=epsilon)


@lru_cache(maxsize=1)
def maze_truth() -> Truth:
    """Measured reference returns of the maze."""
    return Truth(maze())


@lru_cache(maxsize=8)
def in_background(name: str, *arguments: object) -> RemoteCourse:
    """A long course of this module (`bcq_maze`, `network`) by name, trained in a child process."""
    make: Callable[..., Course] = {"bcq_maze": bcq_maze, "network": network}[name]
    return RemoteCourse(name, list(arguments), make(*arguments))
