"""Tables, linear functions and networks, their starts, outputs and gradients, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from offrl_core.learning.approximators import Inputs, Network, PairLinear, Table, Workspace


def f32(values: Any) -> np.ndarray:
    return np.array(values, np.float32)


def draws(size: Any) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(size)


def test_start_values_by_hand() -> None:
    rng = np.random.default_rng
    np.testing.assert_array_equal(Table(4, 3).initial(rng(0), 2.0, 0.5), f32(2 + 0.5 * draws(12)))
    np.testing.assert_array_equal(PairLinear(5, 3).initial(rng(0), 2.0, 0.5), f32(2 + 0.5 * draws(5)))
    flat = Network(3, (4,), 2).initial(rng(0), 2.0, 0.5)
    generator = rng(0)
    first, last = generator.standard_normal((4, 4)), generator.standard_normal((2, 5))
    first, last = np.sqrt(2 / 3) * first, 0.5 / np.sqrt(4) * last
    first[:, -1], last[:, -1] = 0, 2
    np.testing.assert_allclose(flat, np.concatenate([first.ravel(), last.ravel()]), rtol=1e-6)
    # One-hot inputs have a single 1, and only the first layer sees them.
    hot = Network(3, (4,), 2, one_hot=True).initial(rng(0), 2.0, 0.5)
    np.testing.assert_allclose(hot[:3], flat[:3] * np.sqrt(3), rtol=1e-6)
    np.testing.assert_array_equal(hot[16:], flat[16:])
    assert flat.dtype == np.float32


def test_sizes_and_views() -> None:
    network = Network(3, (4,), 2)
    assert network.size == 4 * 4 + 2 * 5
    flat = np.arange(2 * 26, dtype=np.float32).reshape(2, 26)
    first, last = network.views(flat)
    assert first.shape == (2, 4, 4)
    assert last.shape == (2, 2, 5)
    assert last[1, 0, 0] == 26 + 16
    assert np.shares_memory(first, flat)
    assert PairLinear(5, 3).size == 5
    assert PairLinear(5, 3).views(np.zeros((2, 5)))[0].shape == (2, 1, 5)
    table = Table(4, 3)
    assert table.size == 12
    assert table.views(np.zeros((2, 12)))[0].shape == (2, 3, 4)
    layers = table.views(np.zeros((2, 12)))
    assert table.evaluate(layers, Inputs(), table.workspace(2, 4)) is layers[0]
    into = [np.zeros((1, 3, 4))]
    table.gradient([], Inputs(), table.workspace(1, 4), np.ones((1, 3, 4)), into)
    assert (into[0] == 1).all()


def test_a_network_by_hand() -> None:
    network = Network(1, (2,), 1)
    # h = relu(2x + 1), relu(−x); out = 3 h₀ − h₁ + .5
    flat = f32([[2, 1, -1, 0, 3, -1, 0.5]])
    x = Inputs(dense=f32([[[1, -2], [1, 1]]]))
    work = network.workspace(1, 2)
    np.testing.assert_array_equal(network.evaluate(network.views(flat), x, work), [[[9.5, -1.5]]])
    into = network.views(np.zeros_like(flat))
    network.gradient(network.views(flat), x, work, f32([[[1, 10]]]), into)
    # At x = 1 only h₀ = 3 is active, at x = −2 only h₁ = 2.
    np.testing.assert_array_equal(into[0], [[[3, 3], [20, -10]]])
    np.testing.assert_array_equal(into[1], [[[3, 20, 11]]])


def test_every_positive_activation_passes_its_gradient() -> None:
    network = Network(1, (1,), 1)
    flat = f32([[1, 0, 1, 0]])  # out = relu(x)
    work = network.workspace(1, 3)
    x = Inputs(dense=f32([[[0.5, 0, -0.5], [1, 1, 1]]]))
    network.evaluate(network.views(flat), x, work)
    into = network.views(np.zeros_like(flat))
    network.gradient(network.views(flat), x, work, f32([[[1, 10, 100]]]), into)
    np.testing.assert_array_equal(into[0], [[[0.5, 1]]])


def test_two_hidden_layers_by_hand() -> None:
    network = Network(1, (2, 1), 1)
    # h = relu(2x + 1), relu(−x); g = relu(h₀ + 5 h₁ − 1); out = 4 g + .5
    flat = f32([[2, 1, -1, 0, 1, 5, -1, 4, 0.5]])
    x = Inputs(dense=f32([[[1, -2], [1, 1]]]))
    work = network.workspace(1, 2)
    np.testing.assert_array_equal(network.evaluate(network.views(flat), x, work), [[[8.5, 36.5]]])
    into = network.views(np.zeros_like(flat))
    network.gradient(network.views(flat), x, work, f32([[[1, 10]]]), into)
    # At x = 1: h = (3, 0), g = 2, pull 4 at g. At x = −2: h = (0, 2), g = 9, pull 40 at g.
    np.testing.assert_array_equal(into[2], [[[2 + 90, 11]]])
    np.testing.assert_array_equal(into[1], [[[12, 80, 44]]])
    np.testing.assert_array_equal(into[0], [[[4, 4], [-400, 200]]])


def test_shared_pair_features_by_hand() -> None:
    function = PairLinear(2, 2)
    theta = f32([[1, 10], [2, 20]])
    pairs = f32([[[1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1]]])  # φ₀ and φ₁ of action 0 in three states, then of action 1
    work = function.workspace(2, 3)
    found = function.evaluate(function.views(theta), Inputs(pairs=pairs), work)
    np.testing.assert_array_equal(found, [[[1, 12, 3], [14, 5, 16]], [[2, 24, 6], [28, 10, 32]]])
    assert found is work.out
    into = function.views(np.zeros_like(theta))
    at = f32([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])  # only the first two states carry a gradient
    function.gradient(function.views(theta), Inputs(pairs=pairs), work, at, into)
    np.testing.assert_array_equal(into[0], [[[1 + 4 + 12 + 20, 2 + 3]], [[5 + 12 + 28 + 40, 6 + 7]]])
    # Each member with features of its own.
    each = Inputs(pairs=np.concatenate([pairs, 2 * pairs]))
    np.testing.assert_array_equal(function.evaluate(function.views(theta), each, work)[1, 0], [4, 48, 12])
    function.gradient(function.views(theta), each, work, at, into)
    np.testing.assert_array_equal(into[0][1], [[2 * 85, 2 * 13]])


def test_one_hot_inputs_by_hand() -> None:
    network = Network(3, (), 2, one_hot=True)
    flat = f32([[1, 2, 3, 10, 4, 5, 6, 20], [0, 0, 1, 0, 0, 0, 2, 0]])
    x = Inputs(index=np.array([[0, 2, 2]]))
    work = network.workspace(2, 3)
    found = network.evaluate(network.views(flat), x, work)
    np.testing.assert_array_equal(found, [[[11, 13, 13], [24, 26, 26]], [[0, 1, 1], [0, 2, 2]]])
    into = network.views(np.zeros_like(flat))
    at = f32([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])  # only the first two states carry a gradient
    network.gradient(network.views(flat), x, work, at, into)
    np.testing.assert_array_equal(into[0], [[[1, 0, 2, 3], [3, 0, 4, 7]], [[5, 0, 6, 11], [7, 0, 8, 15]]])
    # Each member at states of its own.
    each = Inputs(index=np.array([[0, 1, 2], [2, 2, 1]]))
    np.testing.assert_array_equal(network.evaluate(network.views(flat), each, work)[1], [[1, 1, 0], [2, 2, 0]])
    network.gradient(network.views(flat), each, work, at, into)
    np.testing.assert_array_equal(into[0][1], [[0, 0, 11, 11], [0, 0, 15, 15]])


def test_workspaces_lend_their_hidden_layers_only() -> None:
    network = Network(2, (3, 4), 1)
    first = network.workspace(2, 5)
    second = network.workspace(2, 5, first)
    assert [h.shape for h in first.hidden] == [(2, 4, 5), (2, 5, 5)]
    assert all((h == 1).all() for h in first.hidden)  # the last row feeds the biases
    assert all(a is b for a, b in zip(first.hidden, second.hidden, strict=True))
    assert first.out.shape == (2, 1, 5)
    assert first.out is not second.out
    assert (first.members, first.states) == (2, 5)
    deltas, masks = first.back(4)
    assert [d.shape for d in deltas] == [m.shape for m in masks] == [(2, 3, 4), (2, 4, 4)]
    assert (deltas[0].dtype, masks[0].dtype) == (np.float32, np.bool_)
    assert first.back(4)[0] is deltas
    # Zeros to compare with are one array for all workspaces of a size, and cannot be written.
    assert first.zeros[0] is second.zeros[0]
    assert first.zeros[0].shape == (1, 4, 5)
    assert first.zeros[0].dtype == first.out.dtype == first.hidden[0].dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        first.zeros[0][...] = 1
    pairs = PairLinear(5, 3).workspace(2, 6)
    assert isinstance(pairs, Workspace)
    assert (pairs.members, pairs.states, pairs.out.shape) == (2, 6, (2, 3, 6))


def test_inputs_of_a_range_of_states() -> None:
    dense, index = np.arange(12).reshape(1, 3, 4), np.arange(4)[None]
    pairs = np.arange(16).reshape(1, 2, 8)  # two features of two actions in four states
    cut = Inputs(dense, index, pairs).columns(slice(1, 3), 4)
    assert cut.dense is not None
    assert cut.index is not None
    assert cut.pairs is not None
    assert cut.dense.tolist() == [[[1, 2], [5, 6], [9, 10]]]
    assert cut.index.tolist() == [[1, 2]]
    assert cut.pairs.tolist() == [[[1, 2, 5, 6], [9, 10, 13, 14]]]
    each = Inputs(pairs=np.arange(32).reshape(2, 2, 8)).columns(slice(1, 3), 4).pairs
    assert each is not None
    assert each.tolist()[1] == [[17, 18, 21, 22], [25, 26, 29, 30]]
    empty = Inputs().columns(slice(0, 1), 4)
    assert (empty.dense, empty.index, empty.pairs) == (None, None, None)
