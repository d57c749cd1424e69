"""The training runs behind "breaking the triad": many members at once, on the stitching world and on the maze.

Every run uses the catalogue's data and the product's own systems; a scene only chooses numbers. Frames hold plain
arrays, one value per member, so that a scene draws any of them without training again.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from offrl_core.declarations import Value
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.constraining_q.support import unseen_share
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.measures import common, walked

RHOS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)
MAZE_RHOS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
MAZE_FRAMES = 40
MAZE_SEEDS = 2
ALPHAS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = 8


# --- where the maximum looks --------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def looking_course(constrained: bool) -> Course:
    """Naive (or constrained) Q-learning on the two roads, one update per frame: `q (S, A)` and `unseen`, the share of
    bootstrapping rows whose maximum picks a pair that is not in the data."""

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        q = snapshots[0].q
        assert q is not None
        seen = roads().counts > 0
        masked = np.where(seen, q[0], -np.inf) if constrained else q[0]
        return {**common(learners, snapshots), "q": q[0], "unseen": np.array([unseen_share(roads(), masked)])}

    return Course(looking_run(constrained), record, every=1, frames=60)


def looking_run(constrained: bool) -> Run:
    """What `looking_course` trains."""
    lane = Lane(
        "constrained-q" if constrained else "q-learning",
        hyperparameters={"learning_rate": 0.5, "batch_size": 0, "initial_spread": 0.5},
    )
    return Run("double-crossing", (lane,))


# --- BCQ: the threshold as an axis --------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def bcq_roads() -> Course:
    """BCQ with a table at every threshold of `RHOS` at once on the two roads, 8 seeds.

    Frames add `allowed`, the mean number of actions in `Ā(s)` over the states that the data visit.
    """

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        assert snapshots[0].allowed is not None
        visited = roads().counts.sum(axis=1) > 0
        allowed = snapshots[0].allowed[:, visited].sum(axis=2).mean(axis=1)
        return {**common(learners, snapshots), "allowed": allowed}

    return Course(bcq_run("roads", RHOS), record, every=4, frames=100)


def bcq_run(world: str, rho: float | tuple[float, ...]) -> Run:
    """BCQ at one threshold or several on the `roads` or in the `maze`."""
    if world == "roads":
        lane = Lane("bcq", seeds=SEEDS, hyperparameters={"rho": rho, "learning_rate": 0.5, "batch_size": 0})
        return Run("double-crossing", (lane,))
    settings: dict[str, Value | tuple[Value, ...]] = {
        "rho": rho,
        "hidden": "32-32",
        "batch_size": 128,
        "learning_rate": 3e-3,
        "target_update": "soft",
        "target_rate": 0.02,
        "initial_spread": 0.1,
    }
    return Run("maze", (Lane("bcq", "mlp", MAZE_SEEDS, settings),), {"epsilon": 0.1})


@lru_cache(maxsize=1)
def bcq_maze() -> Course:
    """BCQ with a network at every threshold of `MAZE_RHOS` at once on the maze, 2 seeds.

    Frames add `allowed` as above, over probe states, and every fifth frame `return`, measured by 40 walks (else NaN).
    """

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        assert snapshots[0].allowed is not None
        return {
            **common(learners, snapshots),
            "allowed": snapshots[0].allowed.sum(axis=2).mean(axis=1),
            "return": walked(learners[0], every=5 * 100, walks=40),
        }

    return Course(bcq_run("maze", MAZE_RHOS), record, every=100, frames=MAZE_FRAMES)


# --- CQL: four steps and the paper's form -------------------------------------------------------------------------


CQL_SEEDS = 12
FORMS = ("lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper")


@lru_cache(maxsize=1)
def cql_course() -> Course:
    """CQL in every form at every weight `ALPHAS` at once on the two roads, 12 seeds with start values of spread .4.

    Frames hold `return`, `value_start`, `q_data`, `q_missing` and `guesses` (whether the policy's very first step may
    be an action that the data do not show there), `(forms, weights, seeds)` each.
    """

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        parts = [common([learner], [snapshot]) for learner, snapshot in zip(learners, snapshots, strict=True)]
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

    return Course(cql_run(FORMS, ALPHAS, CQL_SEEDS), record, every=4, frames=100)


def cql_run(forms: tuple[str, ...], alpha: float | tuple[float, ...], seeds: int) -> Run:
    """CQL in some of its forms, at one weight or several."""
    settings = {"alpha": alpha, "learning_rate": 0.5, "batch_size": 0, "initial_spread": 0.4}
    lanes = tuple(Lane("cql", seeds=seeds, hyperparameters={"form": form, **settings}) for form in forms)
    return Run("double-crossing", lanes)


# --- stitching ----------------------------------------------------------------------------------------------------

STITCHERS: dict[str, tuple[str, dict[str, Value]]] = {
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

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        truth = roads_truth()
        return {
            "step": np.array([snapshots[0].step]),
            "return": np.stack([truth.of(s.policy)[0] for s in snapshots]),
            "policy": np.stack([s.policy[0] for s in snapshots]),
        }

    return Course(stitching_run(tuple(STITCHERS)), record, every=4, frames=75)


def stitching_run(systems: tuple[str, ...]) -> Run:
    """Some of the seven systems on the two roads."""
    chosen = (STITCHERS[name] for name in systems)
    lanes = (Lane(name, seeds=STITCH_SEEDS, hyperparameters={**settings, "batch_size": 0}) for name, settings in chosen)
    return Run("double-crossing", tuple(lanes))
