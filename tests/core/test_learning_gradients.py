"""Gradients: every loss at the outputs by finite differences, and every function through its layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.algos import losses as L
from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch, Index
from offrl_core.learning.approximators import Inputs, Network, PairLinear, Table
from offrl_core.learning.optimizers import SGD, Adam

M, A, B, S = 2, 3, 7, 4


def a_batch(kind: str) -> Batch:
    """A batch in float64: each row with its own states, or rows that point into shared ones."""
    rng = np.random.default_rng(3)
    actions, next_actions = rng.integers(0, A, B), rng.integers(-1, A, B)
    states, following = rng.integers(0, S, B), rng.integers(0, S, B)
    u = B if kind == "own" else S
    batch = Batch(M, A, u, B)
    batch.action = actions[None]
    batch.columns = {"next_action": next_actions[None]}
    if kind == "own":
        states = following = np.arange(B)
    else:
        static = kind == "merged"
        batch.at_index, batch.at_next_index = Index(states, u, static=static), Index(following, u, static=static)
        share = rng.dirichlet(np.ones(B))
        if static:
            batch.share = share
            batch.know_row_shares(share[None])
    unique, static = kind == "own", kind == "merged"
    batch.take_index = Index(actions * u + states, A * u, unique=unique, static=static)
    batch.take_next_index = Index(np.maximum(next_actions, 0) * u + following, A * u, unique=unique, static=static)
    for name, width in (("policy", A), ("q", A), ("q_next", A), ("value", 1), ("behavior", A)):
        batch.outputs[name] = rng.normal(size=(M, width, u))
    if kind != "own":
        batch.outputs["q_next"] = batch.outputs["q"]
    return batch


rng = np.random.default_rng(5)
WEIGHT, TARGET = rng.normal(size=(M, B)), rng.normal(size=(M, B))
ALPHA, TAU = np.array([[0.7], [1.3]]), np.array([[0.8], [0.5]])
LOSSES: dict[str, Callable[[Batch], Loss]] = {
    "cloning": lambda b: L.weighted_cross_entropy(b, "policy"),
    "weighted cloning": lambda b: L.weighted_cross_entropy(b, "policy", WEIGHT),
    "cross-entropy": lambda b: L.cross_entropy_to(b, "policy", L.softmax(b["behavior"])),
    "squared error": lambda b: L.squared_error(b, "q", TARGET),
    "squared error of V": lambda b: L.squared_error(b, "value", TARGET),
    "expectile": lambda b: L.expectile_loss(b, "value", TARGET, TAU),
    "paper": lambda b: L.conservative_penalty(b, "q", ALPHA),
    **{
        f: lambda b, f=f: L.next_state_penalty(b, "q", ALPHA, f)
        for f in ("lecture-a", "lecture-b", "lecture-c", "lecture-d")
    },
}


@pytest.mark.parametrize("kind", ["own", "indexed", "merged"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradient_at_the_outputs(name: str, kind: str) -> None:
    batch = a_batch(kind)
    loss = LOSSES[name](batch)
    assert np.shape(loss.value) == (M,)
    ((output, gradient),) = loss.gradients.items()
    x = batch.outputs[output]
    for place in np.ndindex(*x.shape):
        before = x[place]
        values = []
        for step in (1e-6, -1e-6):
            x[place] = before + step
            values.append(LOSSES[name](batch).value[place[0]])
        x[place] = before
        slope = (values[0] - values[1]) / 2e-6
        assert np.broadcast_to(gradient, x.shape)[place] == pytest.approx(slope, abs=2e-7, rel=1e-4)


def reference(layers: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    for number, w in enumerate(layers):
        x = w[:, :-1] @ x + w[:, -1:]
        if number < len(layers) - 1:
            x = np.maximum(x, 0)
    return x


@pytest.mark.parametrize("hidden", [(), (8,), (16, 8)])
@pytest.mark.parametrize("one_hot", [False, True])
def test_gradient_through_the_layers(hidden: tuple[int, ...], one_hot: bool) -> None:
    """Against central differences of a float64 forward pass written here; only the first columns carry a gradient."""
    rng = np.random.default_rng(1)
    function = Network(6, hidden, A)
    flat = np.stack([function.initial(np.random.default_rng(m), 0.3, 1.0) for m in range(M)])
    index = rng.integers(0, 6, 11)
    features = np.eye(6)[index].T if one_hot else rng.normal(size=(6, 11))
    dense = np.concatenate([features, np.ones((1, 11))])[None].astype(np.float32)
    x = Inputs(index=index[None]) if one_hot else Inputs(dense=dense)
    work = function.workspace(M, 11)
    out = function.evaluate(function.views(flat), x, work)
    pull = rng.normal(size=(M, A, 9)).astype(np.float32)
    gradient = np.zeros_like(flat)
    function.gradient(function.views(flat), x, work, pull, function.views(gradient))
    for member in range(M):
        exact = flat[member : member + 1].astype(float)

        def value(parameters: np.ndarray, member: int = member) -> float:
            layers = [w[0] for w in function.views(parameters)]
            return float((pull[member] * reference(layers, features)[:, :9]).sum())

        np.testing.assert_allclose(out[member], reference([w[0] for w in function.views(exact)], features), atol=1e-5)
        for place in rng.integers(0, function.size, 25):
            step = np.zeros_like(exact)
            step[0, place] = 1e-6
            slope = (value(exact + step) - value(exact - step)) / 2e-6
            assert gradient[member, place] == pytest.approx(slope, abs=1e-4, rel=1e-3)


def test_gradient_of_shared_pair_features() -> None:
    rng = np.random.default_rng(2)
    function = PairLinear(5, A)
    features = rng.normal(size=(1, 5, A * 6)).astype(np.float32)
    theta = rng.normal(size=(M, 5)).astype(np.float32)
    work = function.workspace(M, 6)
    out = function.evaluate(function.views(theta), Inputs(pairs=features), work)
    np.testing.assert_allclose(out, np.einsum("mf,fau->mau", theta, features[0].reshape(5, A, 6)), rtol=1e-4, atol=1e-5)
    pull = rng.normal(size=(M, A, 4)).astype(np.float32)
    gradient = np.zeros_like(theta)
    function.gradient(function.views(theta), Inputs(pairs=features), work, pull, function.views(gradient))
    expected = np.einsum("mau,fau->mf", pull, features[0].reshape(5, A, 6)[:, :, :4])
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_a_table_is_its_parameters() -> None:
    function = Table(S, A)
    flat = np.arange(2 * S * A, dtype=np.float32).reshape(2, -1)
    out = function.evaluate(function.views(flat), Inputs(), function.workspace(2, 0))
    assert out.shape == (2, A, S)
    assert np.shares_memory(out, flat)
    spread = Table(400, 50).initial(np.random.default_rng(0), 2.0, 0.5)
    assert spread.mean() == pytest.approx(2.0, abs=0.02)
    assert spread.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("hidden", [(), (64, 64)])
def test_first_outputs_of_a_network_spread_as_asked(hidden: tuple[int, ...], one_hot: bool) -> None:
    function = Network(10, hidden, 8, one_hot=one_hot)
    flat = np.stack([function.initial(np.random.default_rng(m), 1.5, 0.5) for m in range(20)])
    dense = np.ones((1, 11, 200), np.float32)
    dense[0, :-1] = np.random.default_rng(0).normal(size=(10, 200))
    x = Inputs(index=np.arange(200)[None] % 10) if one_hot else Inputs(dense=dense)
    out = function.evaluate(function.views(flat), x, function.workspace(20, 200))
    assert out.mean() == pytest.approx(1.5, abs=0.1)
    assert (out - 1.5).std() == pytest.approx(0.5, rel=0.2)


def test_adam_by_its_paper() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(2, 9)).astype(np.float32)
    rate = np.array([[0.1], [0.01]], np.float32)
    optimizer, exact = Adam(2, 9), theta.astype(float)
    m = v = np.zeros((2, 9))
    for t in range(1, 30):
        gradient = rng.normal(size=(2, 9)) * (t % 3)
        optimizer.step(theta, gradient.astype(np.float32), rate, t)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        exact = exact - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(theta, exact, rtol=1e-4, atol=1e-4)


def test_sgd_steps_down_the_gradient() -> None:
    theta = np.ones((2, 3), np.float32)
    SGD(2, 3).step(theta, np.full((2, 3), 2.0, np.float32), np.array([[0.5], [0.25]], np.float32), 1)
    np.testing.assert_array_equal(theta, [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
@pytest.mark.parametrize("batch_size", [0, 64])
@pytest.mark.parametrize("name", list(orl.algorithms()))
def test_an_update_descends_its_losses(name: str, batch_size: int, approximator: str) -> None:
    """`Σ gradient · (outputs after − before) < 0` on the batch of the update, for each network that has a loss."""
    data = random_data(2, rows=120)
    choices = {"encoding": "one-hot"} if approximator != "table" else {}
    rates = {"table": 0.01, "linear": 1e-3, "mlp": 1e-4}
    learner = orl.Learner(
        data, name, approximator=approximator, batch_size=batch_size, learning_rate=rates[approximator], **choices
    )
    program = learner._programs[0][1]
    batch = program.evaluate(program.sampler.draw(0))
    before = {k: v.copy() for k, v in batch.outputs.items()}
    memory = dict(program.memory)
    gradients: dict[str, np.ndarray] = {}
    with np.errstate(over="ignore"):
        for loss in learner.algorithm.losses(batch, program.hp).values():
            for output, gradient in loss.gradients.items():
                wide = np.broadcast_to(gradient, before[output].shape)
                gradients[output] = gradients.get(output, 0) + wide
        program.memory = memory
        program.update()
    drawn = program.sampler.draw(0)
    after = program.evaluate(drawn).outputs
    heads: dict[str, float] = {}
    for output, gradient in gradients.items():
        change = float((gradient * (after[output] - before[output])).sum())
        heads[output.removesuffix("_next")] = heads.get(output.removesuffix("_next"), 0) + change
    assert heads
    assert all(change < 0 for change in heads.values()), heads


def test_continuous_full_batch_is_the_mean_over_all_rows() -> None:
    data = vectors(rows=50)
    learner = orl.Learner(data, "mc-q", approximator="linear", batch_size=0, optimizer="sgd", learning_rate=0.1)
    program = learner._programs[0][1]
    w = program.networks.by_name["q"].layers[0][0].astype(float)
    x = (data.observations - data.observations.mean(0)) / data.observations.std(0)
    x = np.concatenate([x, np.ones((50, 1))], axis=1)
    returns = data.returns_to_go(0.9)
    for row in range(50):
        act = data.actions[row]
        error = program.networks.by_name["q"].layers[0][0, act].astype(float) @ x[row] - returns[row]
        w[act] -= 0.1 / 50 * error * x[row]
    learner.advance(1)
    np.testing.assert_allclose(program.networks.by_name["q"].layers[0][0], w, atol=1e-5)
