"""What the frames of several courses hold: the numbers of a snapshot, and returns measured by walking."""

from __future__ import annotations

import numpy as np

from offrl_core.dataset import Array
from offrl_core.evaluation.rollouts import measure
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_core.worlds.world import Simulator
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import roads_truth


def common(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
    """Step, true return, value at the start, and mean Q on data and on missing pairs, `(M,)` each."""
    learner, snapshot = learners[0], snapshots[0]
    found = {"step": np.array([snapshot.step])}
    if learner.dataset.mdp is not None:
        found["return"] = roads_truth().of(snapshot.policy)[0]
    for name in ("value_start", "q_data", "q_missing"):
        if name in snapshot.metrics:
            found[name] = snapshot.metrics[name].astype(np.float64)
    return found


def walked(learner: Learner, every: int, walks: int) -> Array:
    """`(M,)` returns measured by walking, every so many updates; NaN in between."""
    world = learner.dataset.world
    assert isinstance(world, Simulator)
    if learner.step == 0 or learner.step % every:
        return np.full(len(learner.members), np.nan)
    return np.asarray(measure(world, learner.policy, learner.dataset.gamma, episodes=walks).mean)
