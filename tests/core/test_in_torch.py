"""A loss written in torch, as any algorithm: trained, looked at, and told where it is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from learning_cases import random_data, vectors
from torch import Tensor

import offrl_core as orl
from offrl_core.algos import algorithms as known
from offrl_core.algos.base import Head
from offrl_core.algos.loss_errors import LossError
from offrl_core.algos.shared_hyperparameters import GAMMA, NETWORK_TARGETS, Q_LEARNING, TARGET_NETWORK
from offrl_core.in_torch import Rows, TorchAlgorithm


class OwnQ(TorchAlgorithm):
    """Q-learning with the paper's conservative penalty."""

    name, title, group = "own-q", "Own Q", "q-learning"
    summary = "Written in torch."
    equation = r"\mathcal L = \tfrac12(Q(s,a)-y)^2"
    networks = (Head("q", reads=("s",), copied=True, target_reads=("next",), starts=True),)
    hyperparameters = (*Q_LEARNING, orl.Hyperparameter("alpha", r"\alpha", 0.1, "Up is shyer.", low=0.0, high=100.0))
    defaults = NETWORK_TARGETS

    def loss(self, rows: Rows, hp: Any) -> Mapping[str, Tensor]:
        y = rows.reward + torch.where(rows.terminated, 0, hp.gamma * rows.target_q_next.amax(-1))
        taken = rows.taken(rows.q)
        return {
            "td": rows.mean(0.5 * (taken - y) ** 2, where=rows.has_target),
            "penalty": rows.mean(hp.alpha * (rows.q.logsumexp(-1) - taken), where=rows.has_target),
        }


class OwnCloning(TorchAlgorithm):
    """MARWIL with a cap, its V by TD."""

    name, title, group = "own-cloning", "Own cloning", "cloning"
    summary = "Written in torch."
    equation = r"w = e^{A}"
    networks = (Head("policy"), Head("value", scalar=True, reads=("s", "next")))
    hyperparameters = (GAMMA,)

    def row_advantages(self, rows: Rows, hp: Any) -> Tensor:
        ahead = torch.where(rows.terminated, 0, hp.gamma * rows.value_next)
        return torch.where(rows.has_target, (rows.reward + ahead).detach() - rows.value, 0)

    def weights(self, rows: Rows, hp: Any) -> Tensor:
        return self.row_advantages(rows, hp).exp().clamp(max=20)

    def loss(self, rows: Rows, hp: Any) -> Mapping[str, Tensor]:
        log_pi = rows.taken(rows.policy.log_softmax(-1))
        return {
            "policy": rows.mean(-self.weights(rows, hp).detach() * log_pi),
            "value": rows.mean(0.5 * self.row_advantages(rows, hp) ** 2, where=rows.has_target),
        }


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offrl_core.algos._added", {})
    orl.register(OwnQ)
    orl.register(OwnCloning)


TABULAR, VECTORS = random_data(2, rows=150), vectors(rows=90)
SETTINGS = {
    "table, all rows": (TABULAR, {"approximator": "table"}),
    "table, minibatch": (TABULAR, {"approximator": "table", "batch_size": 16, "optimizer": "adam"}),
    "linear": (TABULAR, {"approximator": "linear", "batch_size": 16, "target_update": "none"}),
    "mlp": (VECTORS, {"approximator": "mlp", "hidden": "16", "batch_size": 16, "target_update": "hard"}),
    "mlp, all rows": (VECTORS, {"approximator": "mlp", "hidden": "16", "batch_size": 0}),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_an_own_loss_trains_as_the_built_in_one_of_the_same_equation(setting: str) -> None:
    """On a table Adam, or no penalty: the plain step divides by a bound that only the built-in one knows."""
    data, given = SETTINGS[setting]
    alpha = [0.0, 0.0] if setting == "table, all rows" else [0.1, 1.0]
    one, other = (
        orl.Learner(data, name, seeds=2, alpha=alpha, gamma=0.9, learning_rate=0.01, **given, **more)
        for name, more in (("own-q", {}), ("cql", {"form": "paper"}))
    )
    for learner in (one, other):
        learner.advance(40)
    assert np.abs(one.snapshot().q).max() > 0.1
    np.testing.assert_allclose(one.snapshot().q, other.snapshot().q, rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(one.snapshot().policy, other.snapshot().policy, atol=1e-6)
    for name in ("loss_td", "loss_penalty", "value_start"):
        np.testing.assert_allclose(one.snapshot().metrics[name], other.snapshot().metrics[name], rtol=1e-4, atol=1e-6)


def test_weights_policy_and_values_are_looked_at_as_those_of_the_built_in_one() -> None:
    one, other = (
        orl.Learner(TABULAR, name, seeds=2, **given)
        for name, given in (("own-cloning", {}), ("marwil", {"beta": 1.0, "weight_max": 20.0, "learning_rate": 1.0}))
    )
    for learner in (one, other):
        learner.advance(20)
    for name in ("policy", "v", "weights", "advantages"):
        np.testing.assert_allclose(getattr(one.snapshot(), name), getattr(other.snapshot(), name), rtol=1e-4, atol=1e-5)


def test_a_transition_shows_the_outputs_the_row_s_losses_and_the_gradients() -> None:
    learner = orl.Learner(TABULAR, "own-q", alpha=0.5, gamma=0.9)
    learner.advance(3)
    row = int(np.flatnonzero(~TABULAR.terminations)[0])
    steps = {step["name"]: step["value"] for step in learner.explain(row)["steps"]}
    q = learner.snapshot().q[0]
    s, a, following = TABULAR.observations[row], TABULAR.actions[row], TABULAR.next_observations[row]
    np.testing.assert_allclose(steps["q"], q[s], rtol=1e-6)
    delta = q[s, a] - TABULAR.rewards[row] - 0.9 * q[following].max()
    assert steps["loss_td"] == pytest.approx(0.5 * delta**2, rel=1e-4)
    assert steps["loss_penalty"] == pytest.approx(0.5 * (np.log(np.exp(q[s]).sum()) - q[s, a]), rel=1e-4)
    assert steps["q_after"][0] == pytest.approx(q[s, a])


@pytest.mark.parametrize("actor", ["no", "yes"])
def test_networks_may_depend_on_a_choice(actor: str) -> None:
    """Policy and value are those of the networks that this choice has, whichever is the default."""

    class Either(OwnQ):
        name = "either"
        hyperparameters = (
            *OwnQ.hyperparameters,
            orl.Hyperparameter("actor", "", "no", "Whether a policy is learned, too.", choices=("no", "yes")),
        )

        def networks_for(self, choices: Mapping[str, Any]) -> tuple[Head, ...]:
            more = (Head("policy"), Head("value", scalar=True)) if choices["actor"] == "yes" else ()
            return (*OwnQ.networks, *more)

        def loss(self, rows: Rows, hp: Any) -> Mapping[str, Tensor]:
            losses = dict(super().loss(rows, hp))
            if hp.actor == "yes":
                losses["policy"] = rows.mean(-rows.taken(rows.policy.log_softmax(-1)))
                losses["value"] = rows.mean(0.5 * (rows.value - rows.reward) ** 2)
            return losses

    learner = orl.Learner(TABULAR, Either, actor=actor)
    learner.advance(20)
    shown = learner.snapshot()
    ((_, program),) = learner._programs
    batch = program.outputs_at(np.arange(TABULAR.n_states))
    if actor == "yes":
        expected = np.exp(batch["policy"]) / np.exp(batch["policy"]).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shown.policy, expected.swapaxes(1, 2), rtol=1e-5)
        np.testing.assert_array_equal(shown.v, batch["value"][:, 0])
    else:
        np.testing.assert_allclose(shown.v, shown.q.max(axis=2), rtol=1e-6)
    found = learner.to_torch()(torch.arange(TABULAR.n_states))
    np.testing.assert_allclose(found["value"].detach().numpy(), shown.v[0], rtol=1e-5, atol=1e-6)


def losing(loss: Callable[..., Any], **more: Any) -> type[TorchAlgorithm]:
    return type("Losing", (OwnQ,), {"name": "losing", "loss": loss, **more})


def an_exception(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": rows.mean(rows.q + rows.reward[:, :3])}


def an_unknown_output(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": rows.mean(rows.target_q_nxt)}


def an_unknown_hyperparameter(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": rows.mean(rows.taken(rows.q) * hp.gama)}


def a_wrong_shape(self: Any, rows: Rows, hp: Any) -> Any:
    return {
        "td": rows.mean(rows.taken(rows.q)),
        "penalty": rows.taken(rows.q),
    }


def a_number(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": 1.0}


def nothing(self: Any, rows: Rows, hp: Any) -> Any:
    rows.mean(rows.taken(rows.q))


def no_gradient(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": rows.mean(rows.taken(rows.q).detach())}


def a_column_that_was_not_asked_for(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td": rows.mean(rows.taken(rows.q) - rows.return_to_go)}


def a_bad_name(self: Any, rows: Rows, hp: Any) -> Any:
    return {"td error": rows.mean(rows.taken(rows.q))}


@pytest.mark.parametrize(
    ("loss", "further", "said"),
    [
        (an_exception, 1, "RuntimeError: The size of tensor"),
        (an_unknown_output, 1, "unknown output 'target_q_nxt' (did you mean 'target_q_next'?); there are "),
        (an_unknown_hyperparameter, 1, "unknown hyperparameter 'gama' (did you mean 'gamma'?); there are alpha, "),
        (a_wrong_shape, 3, "the loss 'penalty' has shape (2, 8): it must be (2,), one number for each member, "),
        (a_number, 1, "the loss 'td' is a float: it must be a tensor, such as rows.mean(…)"),
        (nothing, 0, "loss returned None: it must be a dictionary of losses"),
        (no_gradient, 1, "no loss depends on an output of the networks: was everything detached?"),
        (a_column_that_was_not_asked_for, 1, "rows.return_to_go was not asked for: `columns` must name 'return'"),
        (a_bad_name, 1, "the loss 'td error' has no name to draw its curve by"),
    ],
)
def test_a_mistake_in_a_loss_is_told_with_its_file_and_line(loss: Any, further: int, said: str) -> None:
    orl.register(losing(loss))
    learner = orl.Learner(TABULAR, "losing", seeds=2, batch_size=8)
    with pytest.raises(LossError) as told:
        learner.advance(1)
    line = loss.__code__.co_firstlineno + further
    assert str(told.value).startswith(f"test_in_torch.py, line {line}: {said}")
    assert (told.value.file, told.value.line) == (__file__, line)


def test_a_mistake_in_what_is_looked_at_is_told_too() -> None:
    def weights(self: Any, rows: Rows, hp: Any) -> Any:
        return rows.taken(rows.policie)

    orl.register(losing(OwnQ.loss, weights=weights))
    learner = orl.Learner(TABULAR, "losing")
    with pytest.raises(LossError, match=rf"line {weights.__code__.co_firstlineno + 1}: unknown output 'policie'"):
        learner.snapshot()


def nan_ahead(self: Any, rows: Rows, hp: Any) -> Any:
    taken = rows.taken(rows.q)
    bad = (taken - 1e6).sqrt()
    return {"td": rows.mean(bad)}


def inf_ahead(self: Any, rows: Rows, hp: Any) -> Any:
    taken = rows.taken(rows.q)
    huge = (taken + 1000).exp()
    return {"td": rows.mean(huge * taken)}


def nan_on_the_way_back(self: Any, rows: Rows, hp: Any) -> Any:
    gap = rows.taken(rows.q) * 0
    size = gap.abs().sqrt()
    return {"td": rows.mean(size)}


@pytest.mark.parametrize("loss", [nan_ahead, inf_ahead, nan_on_the_way_back])
def test_a_number_that_is_none_stops_its_member_and_names_the_line(loss: Any) -> None:
    orl.register(losing(loss))
    learner = orl.Learner(TABULAR, "losing")
    assert learner.advance(5) == 0
    assert learner.diverged is not None
    assert learner.diverged.line == f"test_in_torch.py, line {loss.__code__.co_firstlineno + 2}"
    assert str(learner.diverged).endswith(f"(first in {learner.diverged.line})")
    again = orl.Learner(TABULAR, "losing")
    again.load_state_dict(learner.state_dict())
    assert again.diverged == learner.diverged


def test_the_mean_counts_merged_rows_and_those_that_have_a_target() -> None:
    class Asks(OwnQ):
        name = "asks"
        seen: dict[str, Any]

        def loss(self, rows: Rows, hp: Any) -> Mapping[str, Tensor]:
            Asks.seen = {
                "reward": rows.mean(rows.reward).numpy(),
                "ended": rows.mean(rows.reward, where=rows.terminated).numpy(),
                "never": rows.mean(rows.reward, where=rows.reward > 1e9).numpy(),
            }
            return super().loss(rows, hp)

    orl.register(Asks)
    orl.Learner(TABULAR, "asks").advance(1)
    rewards = TABULAR.rewards.astype(np.float32)
    assert Asks.seen["reward"] == pytest.approx(rewards.mean(), rel=1e-5)
    assert Asks.seen["ended"] == pytest.approx(rewards[TABULAR.terminations].mean(), rel=1e-5)
    assert Asks.seen["never"] == 0


def test_a_target_copy_needs_a_rule_by_which_it_follows() -> None:
    orl.register(losing(OwnQ.loss, hyperparameters=(GAMMA, *Q_LEARNING[4:], OwnQ.hyperparameters[-1])))
    with pytest.raises(LossError, match="the network 'q' has a target copy, but no hyperparameter says how it follows"):
        orl.Learner(TABULAR, "losing")
    assert {h.name for h in TARGET_NETWORK} <= {h.name for h in known()["own-q"].hyperparameters}


def test_without_torch_everything_else_works_and_a_sentence_says_what_needs_it() -> None:
    code = """
import sys
sys.modules["torch"] = None
import offrl_core as orl
data = orl.load_dataset("double-crossing")
assert orl.train(data, "cql", steps=2).final.step == 2
try:
    from offrl_core.in_torch import TorchAlgorithm
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "A loss written in torch needs PyTorch, which is not installed (pip install torch); "
        "everything else works without it\n"
    )
