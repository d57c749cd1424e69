"""Every built-in loss against its restatement in torch: values, gradients at the outputs, curvature and memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from learning_cases import cut, random_data, vectors

import offrl_core as orl
from offrl_core.algos.base import Algorithm, Loss, Values
from offrl_core.algos.batch import Batch, Index
from offrl_core.declarations import resolve
from offrl_core.in_torch.restated import restated
from offrl_core.learning.program import Program
from offrl_core.learning.rows import Rows as DataRows

M, A, B, S = 2, 3, 9, 4
KINDS = ("own", "own, cut", "indexed, cut", "of each member, cut", "merged", "merged, cut")
NUMBERS: dict[str, tuple[float, ...]] = {
    "alpha": (0.3, 2.0),
    "baseline_draws": (4, 1),
    "beta": (0.5, 1.5),
    "epsilon": (0.1, 0.02),
    "epsilon_policy": (0.0025, 0.1),
    "expectile": (0.9, 0.6),
    "gamma": (0.9, 1.0),
    "min_count": (1, 2),
    "norm_rate": (0.5, 1e-3),
    "rho": (0.3, 0.9),
    "temperature": (0.7, 1.6),
    "weight_max": (1.5, 0.0),
}
NAMES = list(orl.algorithms())
DATA = {"table": cut(random_data(2, rows=80)), "linear": random_data(2, rows=80), "mlp": vectors(rows=70)}


def cases(name: str) -> Iterator[dict[str, Any]]:
    """Every combination of the choices of a system, and numbers that differ between the members."""
    declared = orl.algorithms()[name].hyperparameters
    # To a loss a hard copy and a soft one are the same.
    choices = {h.name: tuple(c for c in h.choices if c != "hard") for h in declared if h.choices}
    numbers = {h.name: NUMBERS.get(h.name, (h.default, h.default)) for h in declared if h.numeric}
    for point in product(*choices.values()):
        yield dict(zip(choices, point, strict=True)) | numbers


class Rows:
    """Random rows of one kind; the outputs are drawn anew for each system."""

    def __init__(self, kind: str, dtype: Any) -> None:
        self.kind, self.dtype = kind, dtype
        rng = self.rng = np.random.default_rng([KINDS.index(kind), 7])
        lead = M if kind.startswith("of each") else 1
        self.own = kind.startswith("own")
        self.states = B if self.own else S
        self.action = rng.integers(0, A, (lead, B))
        self.next_action = rng.integers(-1, A, (lead, B))
        self.at = rng.integers(0, S, (lead, B))
        self.at_next = rng.integers(0, S, (lead, B))
        self.share = rng.dirichlet(np.ones(B)).astype(dtype) if kind.startswith("merged") else None
        self.counts = rng.integers(0, 3, (lead if self.own else 1, A, self.states)).astype(np.float32)
        self.counts[:, :, 0] = 0  # a state that the data leaves by no action

    def _index(self, flat: Any, size: int) -> Index:
        static = self.kind.startswith("merged")
        return Index(flat[0] if len(flat) == 1 else flat, size, static=static)

    def batch(self, outputs: dict[str, Any], memory: dict[str, Any]) -> Batch:
        rng, dtype, u = np.random.default_rng(3), self.dtype, self.states
        batch = Batch(M, A, u, B)
        batch.action = self.action
        batch.reward = rng.normal(size=self.action.shape).astype(dtype)
        batch.continues = rng.random(self.action.shape) < 0.7
        batch.has_target = rng.random(self.action.shape) < 0.7 if self.kind.endswith("cut") else None
        returns = rng.normal(size=(M, B)).astype(dtype)
        batch.columns = {
            "next_action": self.next_action,
            "return": returns,
            "lambda_return": rng.normal(size=(M, B)).astype(dtype),
            "reward_min": batch.reward.min().reshape(1, 1),
            "return_min": returns.min(axis=1, keepdims=True),
        }
        batch.counts, batch.counts_next = self.counts, np.roll(self.counts, 1, axis=1)
        here, there = (np.arange(B)[None],) * 2 if self.own else (self.at, self.at_next)
        if not self.own:
            batch.at_index, batch.at_next_index = self._index(here, u), self._index(there, u)
        batch.take_index = self._index(self.action * u + here, A * u)
        batch.take_next_index = self._index(np.maximum(self.next_action, 0) * u + there, A * u)
        shares = np.full((1, B), 1 / B, dtype) if self.share is None else self.share[None]
        batch.share = dtype(1 / B) if self.share is None else self.share
        batch.know_row_shares(shares)
        batch.outputs = outputs
        batch.memory, batch.memory_before = dict(memory), dict(memory)
        batch.curvature = not self.own  # only tables ask for it, whose states are shared
        return batch

    def outputs(self, system: Algorithm, choices: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for head in system.heads(choices):
            for prefix, places in (("", head.reads), ("target_", head.target_reads)):
                shape = (M, 1 if head.scalar else A, self.states)
                shared = self.rng.normal(size=shape).astype(self.dtype)
                for place in places if self.own else ("s", "next"):
                    name = prefix + head.name + ("_next" if place == "next" else "")
                    found[name] = self.rng.normal(size=shape).astype(self.dtype) if self.own else shared
        return found


def summed(losses: dict[str, Loss], what: str, merged: bool) -> dict[str, Any]:
    """Gradients or curvatures by output, over all losses; where `s` and `s'` are the same states, both together."""
    total: dict[str, Any] = {}
    for loss in losses.values():
        for name, array in getattr(loss, what).items():
            key = name.removesuffix("_next") if merged else name
            total[key] = total.get(key, 0) + np.broadcast_to(array, (M, *array.shape[1:]))
    return total


@pytest.mark.parametrize(
    ("kind", "dtype"), [*((kind, np.float64) for kind in KINDS), ("own, cut", np.float32), ("merged, cut", np.float32)]
)
@pytest.mark.parametrize("name", NAMES)
def test_losses_and_gradients_are_those_of_the_restatement(name: str, kind: str, dtype: Any) -> None:
    rows, system, again = Rows(kind, dtype), orl.algorithms()[name](), restated(name)()
    # Shares of states and what is carried from update to update are in float32 in both.
    close = {"rtol": 1e-6, "atol": 1e-7} if dtype is np.float64 else {"rtol": 3e-5, "atol": 3e-6}
    for case in cases(name):
        numbers = {k: np.array(v, dtype)[:, None] if isinstance(v, tuple) else v for k, v in case.items()}
        hp, outputs = Values(numbers), rows.outputs(system, case)
        start = {k: np.array([[0.7], [1.9]], np.float32) for k in system.memory(case)}
        one, other = rows.batch(outputs, start), rows.batch(outputs, start)
        losses, found = system.losses(one, hp), again.losses(other, hp)
        assert set(losses) == set(found), case
        for key in losses:
            np.testing.assert_allclose(found[key].value, losses[key].value, **close, err_msg=f"{key} {case}")
        for what in ("gradients", "curvature") if one.curvature else ("gradients",):
            ours, theirs = (summed(each, what, not rows.own) for each in (losses, found))
            for key in ours.keys() | theirs.keys():
                a, b = (np.broadcast_to(x.get(key, 0.0), outputs[key].shape) for x in (theirs, ours))
                if what == "curvature":  # it may be given per state or per pair: what counts is where a gradient is
                    b = np.broadcast_to(b, a.shape)
                np.testing.assert_allclose(a, b, **close, err_msg=f"{what} at {key} {case}")
        for key in start:
            np.testing.assert_allclose(other.memory[key], one.memory[key], rtol=2e-5, err_msg=f"{key} {case}")
        weighting, weight = system.weighting(one, hp), again.weighting(other, hp)
        if weighting is not None and weight is not None:
            wide = np.broadcast_to(weighting.weight, (M, B))
            np.testing.assert_allclose(np.broadcast_to(weight.weight, (M, B)), wide, **close, err_msg=str(case))
        np.testing.assert_allclose(again.policy(other, hp), system.policy(one, hp), **close, err_msg=str(case))


@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
@pytest.mark.parametrize("name", NAMES)
def test_a_restatement_trains_in_its_place(name: str, approximator: str) -> None:
    """Two members by the very samplers and networks: on a table the plain step too, with its curvature."""
    data, kind = DATA[approximator], orl.algorithms()[name]
    declared = {h.name: h for h in orl.hyperparameters(kind, approximator, data)}
    given = {
        "table": {},
        # Plain steps: Adam makes a whole one of a gradient that is nothing but rounding.
        "linear": {"encoding": "one-hot", "batch_size": 0, "optimizer": "sgd", "learning_rate": 0.1},
        "mlp": {"hidden": "16", "batch_size": 16},
    }
    values = resolve(declared.values(), given[approximator] | ({"beta": 1.0} if name == "marwil" else {}))
    rows = DataRows(data)
    members = [values, {**values, "gamma": 0.7} if "gamma" in values else values]
    one, other = (
        Program(rows, system, approximator, members, [0, 1], declared) for system in (kind(), restated(name)())
    )
    for _ in range(12):
        with np.errstate(all="ignore"):
            one.update()
            other.update()
    for key, array in one.arrays().items():
        np.testing.assert_allclose(other.arrays()[key], array, rtol=1e-3, atol=2e-5, err_msg=key)
