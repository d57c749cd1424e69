"""The training runs behind "Q-learning without exploration": the toy, the loop without an environment, a network."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from offrl_core.data.catalogue import load_dataset
from offrl_core.declarations import Value
from offrl_core.evaluation.truth import Truth
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_core.worlds.world import Simulator
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.deadly_triad.remedies import Remedy
from offrl_lecture.deadly_triad.toy import Array, Toy
from offrl_lecture.training.course import Course, Frame, learners
from offrl_lecture.training.measures import common, walked

_TOY_ROWS = 1000

# --- the toy MDP --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def toy_thetas(toy: Toy, remedy: Remedy, steps: int) -> Array | None:
    """`(k+1,)`: `θ` of the Learner's linear Q, update by update, until it leaves float32 or `steps` are made.

    None for remedies that no system of the lecture is: double Q-learning with two learners in turn, the residual
    gradient, clipped double with unequal starts, and BCQ, whose clone of `π_β` is learned meanwhile. The data's last
    row has no next action, so the lecture's forms of CQL push a thousandth less than the exact recursion.
    """
    run = toy_run(toy, remedy)
    if run.differs:
        return None
    (learner,) = learners(run)
    thetas = [toy.theta]
    for _ in range(steps):
        if not learner.advance(1):
            break
        # The parameter itself: a snapshot would also take every metric, for one number.
        thetas.append(float(learner.state_dict()["programs"][0]["arrays"]["parameters"][0, 0]))
    made = np.array(thetas)
    made.setflags(write=False)
    return made


def toy_run(toy: Toy, remedy: Remedy) -> Run:
    """The toy under a remedy as a run; it says what differs where no system of the lecture does just that."""
    name, settings, differs = _system_of(remedy)
    share = round(toy.share, 2)
    lane = Lane(
        name,
        "linear",
        hyperparameters={
            "gamma": toy.gamma,
            "learning_rate": toy.learning_rate,
            "initial_value": toy.theta,
            "initial_spread": 0.0,
            "batch_size": 0,
            "optimizer": "sgd",
            **settings,
        },
    )
    rounded = "" if abs(share - toy.share) < 1e-9 else f"The share of $a=2$ is {share:g}."
    return Run("deadly-triad", (lane,), {"share": share, "rows": _TOY_ROWS}).but(differs, rounded)


def _system_of(remedy: Remedy) -> tuple[str, dict[str, Value], str]:
    """The system nearest to a remedy, its hyperparameters, and what differs."""
    together = "Both networks start alike and learn at every update."
    if remedy.name == "target-network":
        return "q-learning", {"target_update": "hard", "target_period": remedy.period}, ""
    if remedy.name == "double":
        return "q-learning", {"double": "double"}, together
    if remedy.name == "clipped":
        return "q-learning", {"double": "clipped"}, "" if remedy.second == 1.0 else together
    if remedy.name == "residual":
        return "q-learning", {}, "The semi-gradient, which does not flow through the target."
    if remedy.name == "constrained":
        return "constrained-q", {}, ""
    if remedy.name == "bcq":
        return "bcq", {"rho": remedy.rho}, r"$\pi_\beta$ is a clone that is learned meanwhile."
    if remedy.name.startswith("cql-"):
        return "cql", {"form": remedy.name.removeprefix("cql-"), "alpha": remedy.alpha}, ""
    return "q-learning", {}, ""


# --- the loop without an environment ------------------------------------------------------------------------------


def _returns(learner: Learner, snapshot: Snapshot) -> Array:
    return Truth(learner.dataset).of(snapshot.policy)[0]


@lru_cache(maxsize=6)
def loop_course(world: str, target: str = "td") -> Course:
    """Naive Q-learning on `covered` (every pair seen), `gaps` (the two roads) or `toy` (the deadly triad).

    `target` is `td`, `r + γ max Q(s', ·)`, or `mc`, the recorded return. Frames hold the believed value at the start
    `value` and the true return `return` of the current greedy policy.
    """

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        learner, snapshot = learners[0], snapshots[0]
        assert snapshot.q is not None
        mdp = learner.dataset.mdp
        assert mdp is not None
        believed = snapshot.q.max(axis=2) @ mdp.initial
        return {
            "step": np.array([snapshot.step]),
            "value": believed,
            "return": _returns(learner, snapshot),
            "highest": np.abs(snapshot.q).max(axis=(1, 2)),
        }

    return Course(loop_run(world, target), record, every=2, frames=60)


def loop_run(world: str, target: str) -> Run:
    """What `loop_course` trains."""
    algorithm = {"td": "q-learning", "mc": "mc-q"}[target]
    if world == "toy":
        toy = toy_run(Toy(gamma=0.9, learning_rate=0.1), Remedy("none"))
        return replace(toy, lanes=(replace(toy.lanes[0], algorithm=algorithm),))
    lane = Lane(algorithm, hyperparameters={"learning_rate": 0.5, "batch_size": 0, "initial_spread": 0.5})
    return Run("double-crossing", (lane,), {"behavior": "random" if world == "covered" else "walks"})


@lru_cache(maxsize=1)
def loop_optimum() -> float:
    """The optimal return of the world behind `covered` and `gaps`."""
    best = Truth(load_dataset("double-crossing")).optimal
    assert best is not None
    return best


# --- a network on the maze ----------------------------------------------------------------------------------------

NETWORK_SEEDS = 3
NETWORK_FRAMES = 80


@lru_cache(maxsize=4)
def network(epsilon: float, system: str) -> Course:
    """Naive Q-learning (`q-learning`) or `bcq` with a network on the maze, recorded with noise `epsilon`, 3 seeds.

    Frames hold `q_data`, `q_missing`, `value_start`, `values (256,)` (the first seed's `V` at the probe states), and
    every tenth frame `return` and `true_q`: the mean of the true `Q^π(s,a)` over 150 rows of the data, measured by
    taking `a` in `s` and then following the member's policy.
    """

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        learner, snapshot = learners[0], snapshots[0]
        assert snapshot.v is not None
        return {
            **common(learners, snapshots),
            "values": snapshot.v[0].astype(np.float64),
            "return": walked(learner, every=10 * 50, walks=40),
            "true_q": _true_q(learner, every=10 * 50, rows=150),
        }

    return Course(network_run(epsilon, system), record, every=50, frames=NETWORK_FRAMES)


def network_run(epsilon: float, system: str) -> Run:
    """What `network` trains."""
    settings: dict[str, Value] = {
        "learning_rate": 2e-3,
        "batch_size": 128,
        "target_update": "soft",
        "target_rate": 0.05,
        "initial_spread": 0.1,
    }
    if system == "bcq":
        settings["rho"] = 0.2
    return Run("maze", (Lane(system, "mlp", NETWORK_SEEDS, settings),), {"epsilon": epsilon})


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
