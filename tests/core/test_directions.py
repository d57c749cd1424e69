"""What the declarations say that a number moves is what it moves: every number of every system goes through its range
on two worlds, all others at their defaults. (What many systems share and claims nothing has nothing to hold.)

On the double crossing nothing slips and most states have one action in the data; on the bridge moves slip, cliffs cost,
and half of the episodes act at random.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.algos import Algorithm
from offrl_core.declarations import MEASURES, Effect, Hyperparameter

WORLDS: dict[str, dict[str, Any]] = {"double-crossing": {}, "bridge": {"episodes": 60}}
UPDATES, SEED, POINTS = 500, 0, 6
TURNING = 0.15
"""How far a measure may turn back, of its whole way: at the cap weights are alike, and the greediest lie before it."""

Numbers = dict[str, list[float]]


@functools.cache
def dataset(world: str) -> orl.Dataset:
    return orl.load_dataset(world, **WORLDS[world])


def through_the_range(h: Hyperparameter) -> list[Any]:
    """Values from one end to the other; evenly on a logarithmic scale, also where a linear slider begins at 0 and goes
    far."""
    assert h.low is not None
    assert h.high is not None
    if h.scale == "log":
        points = np.geomspace(h.low, h.high, POINTS)
    elif h.low >= 0 and h.high > 1:
        points = np.append(h.low, np.geomspace(max(h.low, h.high / 1000), h.high, POINTS - 1))
    else:
        points = np.linspace(h.low, h.high, POINTS)
    points = np.clip(points, h.low, h.high)
    return sorted({h.validate(round(x) if h.integer else x) for x in points.tolist()})


def acting_choices(kind: type[Algorithm], h: Hyperparameter) -> dict[str, Any]:
    """The choices under which the number acts, and under which its effect was measured."""
    declared = {other.name for other in orl.hyperparameters(kind)}
    conditions = [condition for condition in (h.needs, h.effect.where) if condition]
    assert {name for name, _ in conditions} <= declared, f"{kind.name}.{h.name} asks for a choice that there is not"
    return {name: values[0] for name, values in conditions if kind.default_choices()[name] != values[0]}


def own(kind: type[Algorithm], h: Hyperparameter) -> bool:
    """Whether it is a number of this system, not one that many share."""
    return h.numeric and not h.family and h.name in {other.name for other in kind.hyperparameters}


def measured(data: orl.Dataset, learner: orl.Learner) -> dict[str, np.ndarray]:
    """Every measure that the system has, `(M,)`, the divergence by its definition."""
    snapshot = learner.snapshot()
    visits = data.counts.sum(axis=1)
    behavior = 0.99 * data.behavior_policy + 0.01 / data.n_actions
    policy = snapshot.policy.astype(float)
    logs = np.log(np.where(policy > 0, policy, 1)) - np.log(behavior)
    found = {"kl_behavior": (policy * logs).sum(axis=2) @ visits / visits.sum()}
    found |= {name: snapshot.metrics[name].astype(float) for name in MEASURES if name in snapshot.metrics}
    assert found.keys() <= MEASURES.keys()
    return found


@functools.cache
def sweep(system: str, world: str) -> dict[str, Numbers]:
    """Hyperparameter → measure → its numbers at each value, in order; a value at which they ran away is left out.

    All live numbers that act under the same choices are trained side by side, one learner for all their values.
    """
    data, kind = dataset(world), orl.algorithms()[system]
    found: dict[str, Numbers] = {}

    def read(learner: orl.Learner, rows: list[tuple[str, Any]]) -> None:
        lost = {d.index for d in learner.divergences}
        for measure, column in measured(data, learner).items():
            for i, (name, _) in enumerate(rows):
                if i not in lost:
                    found.setdefault(name, {}).setdefault(measure, []).append(float(column[i]))

    together: dict[tuple[Any, ...], list[Hyperparameter]] = {}
    for h in orl.hyperparameters(kind, "table", data):
        if h.numeric and (own(kind, h) or h.effect != Effect()):
            key = (h.live or h.name, *acting_choices(kind, h).items())
            together.setdefault(key, []).append(h)
    for (live, *choices), numbers in together.items():
        rows = [(h.name, value) for h in numbers for value in through_the_range(h)]
        if live is True:
            learner = orl.Learner(data, system, seeds=[SEED] * len(rows), **dict(choices))
            now = learner.hyperparameters
            learner.assign({h.name: [v if h.name == n else now[h.name] for n, v in rows] for h in numbers})
        else:
            learner = orl.Learner(data, system, seeds=[SEED], **dict(choices), **{live: [v for _, v in rows]})
        learner.advance(UPDATES)
        read(learner, rows)
    return found


def way(values: list[float]) -> str:
    """`up`, `down`, `still`, or empty where the numbers go both ways."""
    steps, span = np.diff(values), float(np.ptp(values))
    if span <= 1e-3 * max(1e-9, float(np.abs(values).max())):
        return "still"
    if values[-1] > values[0] and (steps >= -TURNING * span).all():
        return "up"
    return "down" if values[-1] < values[0] and (steps <= TURNING * span).all() else ""


@pytest.mark.parametrize("system", list(orl.algorithms()))
def test_every_number_moves_what_its_declaration_says(system: str) -> None:
    for h in orl.hyperparameters(system, "table", dataset("double-crossing")):
        assert h.numeric or h.effect == Effect(), f"{h.name} is no number: it has no direction"
        for claimed, measures in (("up", h.effect.raises), ("down", h.effect.lowers)):
            for measure in measures:
                for world in WORLDS:
                    numbers = sweep(system, world)[h.name]
                    assert way(numbers[measure]) == claimed, f"{h.name} {measure} on {world}: {numbers[measure]}"


def test_what_leads_away_from_cloning_everywhere_is_marked() -> None:
    """A system's own number whose divergence and entropy go opposite ways on both worlds has its mark, and no other has
    one. The cloning weights' caps, exponents and norms do; an expectile, a threshold, a penalty do not."""
    marked, found = set(), set()
    for system, kind in orl.algorithms().items():
        for h in filter(functools.partial(own, kind), kind.hyperparameters):
            if h.greedier:
                marked.add((system, h.name))
            ways = [(way(n["kl_behavior"]), way(n["entropy"])) for n in (sweep(system, w)[h.name] for w in WORLDS)]
            if len(set(ways)) == 1 and ways[0] in (("up", "down"), ("down", "up")):
                found.add((system, h.name))
    # The norm's rate leads away from its first value: to a smaller one here, to a larger one where rewards are large.
    assert marked == found - {("marwil", "norm_rate")}
