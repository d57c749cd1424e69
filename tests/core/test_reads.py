"""Which action's value a target reads: in snapshots, against the target that `Learner.explain` works out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.data.successors import successors
from offrl_core.learning.snapshot import NO_READ, merge_members

DATA = orl.load_dataset("double-crossing")
COPIED = {"target_update": "hard", "target_period": 10}

MAXIMA = [
    ("q-learning", {"target_update": "none"}),
    ("q-learning", COPIED),
    ("q-learning", COPIED | {"double": "double"}),
    ("constrained-q", COPIED),
    ("bcq", COPIED | {"rho": 0.2}),
    ("cql", COPIED | {"constraint": "counted"}),
    ("bcq", COPIED | {"approximator": "mlp", "hidden": "16", "batch_size": 32, "rho": 0.2}),
]
EXPECTATIONS = [
    ("awac", COPIED),
    ("crr", {"target_update": "none"}),
    ("mpo", COPIED),
    ("mpo", COPIED | {"constraint": "counted", "prior": "behavior"}),
]


def learned(system: str, settings: dict[str, object]) -> tuple[orl.Learner, orl.Snapshot, orl.Snapshot]:
    """Three updates after a copy of the targets was made; the snapshots then and now."""
    learner = orl.Learner(DATA, system, **settings)
    learner.advance(20)
    copy = learner.snapshot(reads=True)
    learner.advance(3)
    now = learner.snapshot(reads=True)
    return learner, copy if settings["target_update"] == "hard" else now, now


def explained(learner: orl.Learner) -> list[tuple[int, float, dict[str, object]]]:
    """Of some rows that go on: the next state, `(y − r)/γ`, and all steps."""
    found = []
    for row in np.flatnonzero(DATA.goes_on)[:: max(1, int(DATA.goes_on.sum()) // 25)]:
        told = learner.explain(int(row))
        steps = {step["name"]: step["value"] for step in told["steps"]}
        found.append((told["next_state"], (steps["target"] - told["reward"]) / learner.hyperparameters["gamma"], steps))
    assert len({state for state, *_ in found}) > 5
    return found


@pytest.mark.parametrize(("system", "settings"), MAXIMA)
def test_a_maximum_reads_one_action(system: str, settings: dict[str, object]) -> None:
    learner, copy, now = learned(system, settings)
    assert now.reads is not None
    assert now.reads_share is None
    for state, value, steps in explained(learner):
        action = now.reads[0, state]
        assert action == steps["chosen"]
        assert action in steps["allowed"]
        assert value == pytest.approx(copy.q[0, state, action], abs=2e-6)


@pytest.mark.parametrize(("system", "settings"), EXPECTATIONS)
def test_an_expectation_reads_the_likeliest_action(system: str, settings: dict[str, object]) -> None:
    learner, copy, now = learned(system, settings)
    policy = (copy if system == "mpo" else now).policy[0]
    assert now.reads is not None
    assert now.reads_share is not None
    for state, value, _ in explained(learner):
        assert value == pytest.approx((policy[state] * copy.q[0, state]).sum(), abs=2e-6)
        action = now.reads[0, state]
        assert policy[state, action] == pytest.approx(policy[state].max(), rel=1e-6)
        assert now.reads_share[0, state] == pytest.approx(policy[state].max(), abs=1e-3)


def test_what_reads_no_action_has_no_such_table() -> None:
    for system in ("bc", "mc-q", "marwil", "iql"):
        assert orl.Learner(DATA, system).snapshot().reads is None
    network = orl.Learner(DATA, "bcq", approximator="mlp", hidden="16")
    assert network.snapshot().reads is None  # it costs another evaluation
    assert network.snapshot(reads=True).reads is not None
    inside = orl.Learner(DATA, "constrained-q").snapshot()
    nothing = inside.reads[0] == NO_READ
    np.testing.assert_array_equal(nothing, DATA.target_counts.sum(axis=1) == 0)
    beside = merge_members([([0], orl.Learner(DATA, "bc").snapshot()), ([1], inside)], 0)
    np.testing.assert_array_equal(beside.reads, [np.full(len(nothing), NO_READ), inside.reads[0]])


def test_successors_are_counted_row_by_row() -> None:
    data = orl.load_dataset("frozen-lake")  # it slips
    ways: dict[tuple[int, int], Counter[int]] = {}
    columns = zip(data.observations, data.actions, data.next_observations, data.goes_on, strict=True)
    for state, action, following, goes_on in columns:
        ways.setdefault((int(state), int(action)), Counter())[int(following) if goes_on else -1] += 1
    next_states, share = successors(data)
    several = 0
    for pair in np.ndindex(next_states.shape):
        all_of_it = ways.get(pair, Counter())
        counted = {state: n for state, n in all_of_it.items() if state >= 0}
        best = min(counted, key=lambda state: (-counted[state], state), default=-1)
        assert next_states[pair] == best
        assert share[pair] == pytest.approx(counted.get(best, 0) / max(all_of_it.total(), 1))
        several += len(counted) > 1
    assert several > 10
