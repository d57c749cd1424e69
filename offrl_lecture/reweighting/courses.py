"""The training runs behind the family: AWR, AWAC and CRR side by side, IQL at every expectile, MPO at every bound.

Scenes draw what these courses keep; frames hold plain arrays, one value per member.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from offrl_core.data.catalogue import load_dataset
from offrl_core.declarations import Value
from offrl_core.evaluation.truth import Truth
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.reweighting.fixed_points import kl
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.datasets import roads, roads_truth

Setting = Value | tuple[Value, ...]

# --- AWR, AWAC and CRR side by side -------------------------------------------------------------------------------

SIDES: dict[str, tuple[str, dict[str, Value]]] = {
    "awr": ("awr", {}),
    "awac": ("awac", {}),
    "crr-binary": ("crr", {"filter": "binary"}),
    "crr-exp": ("crr", {"filter": "exp"}),
}
TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0)
SIDE_SEEDS = 8
CROSSING = "(5,4)"
"""The first crossing of the roads, where the walks from the start part: down to D, or on."""


@lru_cache(maxsize=1)
def side_course() -> Course:
    """AWR, AWAC and CRR (both filters) on the two roads at every temperature at once, 8 seeds.

    Frames hold, each `(systems, temperatures, seeds)`: `return`; `advantage`, `weight` and `probability` with a last
    axis for the two recorded actions at the crossing; and `shut`, whether on the best road the weights of all rows of
    some state are 0 while the policy still takes actions that nobody took there. `policy (systems, temperatures, S, A)`
    is that of the first seed.
    """
    data = roads()
    mdp = data.mdp
    assert mdp is not None
    crossing = mdp.state_names.index(CROSSING)
    actions = np.flatnonzero(data.counts[crossing])
    seen = data.counts > 0
    road = _best_road()

    def per_member(values: np.ndarray) -> np.ndarray:
        """A system without a temperature has the same members at each."""
        members = values.reshape(-1, SIDE_SEEDS, *values.shape[1:])
        return np.broadcast_to(members, (len(TEMPERATURES), *members.shape[1:]))

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        found: dict[str, list[np.ndarray]] = {}
        for snapshot in snapshots:
            assert snapshot.weights is not None
            assert snapshot.advantages is not None
            rows = np.where(seen, snapshot.weights, 0.0).sum(axis=2)
            guessed = np.where(seen, 0.0, snapshot.policy).sum(axis=2)
            kept = {
                "return": roads_truth().of(snapshot.policy)[0],
                "advantage": snapshot.advantages[:, crossing, actions],
                "weight": snapshot.weights[:, crossing, actions],
                "probability": snapshot.policy[:, crossing, actions],
                "shut": ((rows == 0) & (guessed > 0.1))[:, road].any(axis=1),
            }
            for name, values in kept.items():
                found.setdefault(name, []).append(per_member(values))
            found.setdefault("policy", []).append(per_member(snapshot.policy)[:, 0])
        return {"step": np.array([snapshots[0].step]), **{name: np.stack(parts) for name, parts in found.items()}}

    return Course(side_run(TEMPERATURES), record, every=5, frames=60)


def side_run(temperature: float | tuple[float, ...]) -> Run:
    """The four learners at one temperature or several; the binary filter has none."""
    lanes = []
    for algorithm, settings in SIDES.values():
        tempered: dict[str, Setting] = {} if settings.get("filter") == "binary" else {"temperature": temperature}
        lanes.append(Lane(algorithm, "table", SIDE_SEEDS, {**settings, **tempered, "batch_size": 0}))
    return Run("double-crossing", tuple(lanes))


def _best_road() -> list[int]:
    """The states of the optimal walk from the start, without its end."""
    q_star = roads_truth().q_star
    mdp = roads().mdp
    assert q_star is not None
    assert mdp is not None
    state, road = int(np.argmax(mdp.initial)), []
    while not mdp.terminal[state]:
        road.append(state)
        state = int(mdp.P[state, int(np.argmax(q_star[state]))].argmax())
    return road


# --- IQL: the expectile as an axis --------------------------------------------------------------------------------

EXPECTILES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999)
BETAS = (3.0, 10.0, 30.0)
IQL_CAP = 100.0


@lru_cache(maxsize=2)
def expectile_course(world: str) -> Course:
    """IQL at every expectile and every `β` at once on `double-crossing` or `four-rooms`.

    Frames hold `q (expectiles, S, A)` and `v (expectiles, S)`, which do not depend on `β`, and `policy (expectiles,
    betas, S, A)`, `return` and `kl (expectiles, betas)`: `KL(π_β ‖ π)` in nats, averaged over the rows.
    """
    truth = truth_of(world)
    data = truth.dataset
    rows = data.counts.sum(axis=1) / len(data)
    behavior = np.where(rows[:, None] > 0, data.behavior_policy, 0.0)
    shape = (len(EXPECTILES), len(BETAS))

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        (snapshot,) = snapshots
        assert snapshot.q is not None
        assert snapshot.v is not None
        policy = snapshot.policy.reshape(*shape, *snapshot.policy.shape[1:])
        return {
            "step": np.array([snapshot.step]),
            "q": snapshot.q.reshape(policy.shape)[:, 0],
            "v": snapshot.v.reshape(*shape, -1)[:, 0],
            "policy": policy,
            "return": truth.of(snapshot.policy)[0].reshape(shape),
            "kl": np.stack([[float(rows @ kl(behavior, member)) for member in row] for row in policy]),
        }

    return Course(expectile_run(world, EXPECTILES, BETAS), record, every=10, frames=60)


def expectile_run(world: str, tau: float | tuple[float, ...], beta: float | tuple[float, ...]) -> Run:
    """IQL at one expectile and `β`, or at several."""
    settings: dict[str, Setting] = {"expectile": tau, "beta": beta, "weight_max": IQL_CAP, "batch_size": 0}
    return Run(world, (Lane("iql", hyperparameters=settings),))


@lru_cache(maxsize=2)
def truth_of(world: str) -> Truth:
    """Exact reference values of a grid of the catalogue."""
    return Truth(load_dataset(world))


# --- MPO: every bound at once -------------------------------------------------------------------------------------

EPSILONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
PRIORS = ("policy", "behavior")
MPO_SEEDS = 4
AWAC_TEMPERATURE = 0.1


@lru_cache(maxsize=2)
def mpo_course(spread: float) -> Course:
    """MPO with both priors at every bound `EPSILONS` at once on the two roads, and AWAC beside it, 4 seeds each; `Q`
    starts at values of deviation `spread`.

    Frames hold `return`, `believed` (the value at the start) and `unseen` (the share of the policy on actions that the
    data do not show, averaged over the rows), `(priors, bounds, seeds)`, with `awac_` before them `(seeds,)`; and of
    the first seed `q`, `policy` and `prior` (`π_old`, or the clone of `π_β`), `(priors, bounds, S, A)`, and `eta`,
    `(priors, bounds)`. A frame stands where the copies have just been taken: `π_old` is the policy, `Q'` is `Q`.
    """
    data = roads()
    rows = data.counts.sum(axis=1) / len(data)
    missing = data.counts == 0
    shape = (len(EPSILONS), MPO_SEEDS)

    def numbers(snapshot: Snapshot) -> Frame:
        return {
            "return": roads_truth().of(snapshot.policy)[0],
            "believed": snapshot.metrics["value_start"].astype(np.float64),
            "unseen": np.where(missing, snapshot.policy, 0.0).sum(axis=2) @ rows,
        }

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        *mpo, awac = snapshots
        parts = [numbers(snapshot) for snapshot in mpo]
        frame = {name: np.stack([part[name].reshape(shape) for part in parts]) for name in parts[0]}
        frame |= {f"awac_{name}": values for name, values in numbers(awac).items()}
        frame["step"] = np.array([awac.step])
        firsts: dict[str, list[np.ndarray]] = {}
        for snapshot in mpo:
            assert snapshot.q is not None
            prior = snapshot.policy if snapshot.behavior is None else snapshot.behavior
            for name, values in (("q", snapshot.q), ("policy", snapshot.policy), ("prior", prior)):
                firsts.setdefault(name, []).append(values.reshape(*shape, *values.shape[1:])[:, 0])
            firsts.setdefault("eta", []).append(snapshot.metrics["temperature"].reshape(shape)[:, 0])
        return frame | {name: np.stack(values) for name, values in firsts.items()}

    return Course(mpo_run(PRIORS, EPSILONS, spread), record, every=10, frames=50)


def mpo_run(priors: tuple[str, ...], epsilon: float | tuple[float, ...], spread: float) -> Run:
    """MPO with some priors at one bound or several, and AWAC."""
    common: dict[str, Setting] = {"initial_spread": spread, "batch_size": 0}
    mpo: dict[str, Setting] = {"epsilon": epsilon, "target_update": "hard", "target_period": 10, **common}
    lanes = [Lane("mpo", seeds=MPO_SEEDS, hyperparameters={"prior": prior, **mpo}) for prior in priors]
    awac = Lane("awac", seeds=MPO_SEEDS, hyperparameters={"temperature": AWAC_TEMPERATURE, **common})
    return Run("double-crossing", (*lanes, awac))
