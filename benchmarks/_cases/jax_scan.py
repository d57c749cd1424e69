"""CQL in JAX as the fastest peers train it: 100 updates in one compiled `lax.scan`, members side by side by `vmap`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks._cases.protocol import Turn, serve

GAMMA, BATCH, RATE, PERIOD, ALPHA = 0.99, 256, 1e-3, 100, 1.0
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
CHUNK = 100
Parameters = list[tuple[jax.Array, jax.Array]]


def initial(key: jax.Array, widths: tuple[int, ...]) -> Parameters:
    """He's initial weights, biases of 0."""
    layers = []
    for into, out in pairwise(widths):
        key, own = jax.random.split(key)
        layers.append((jax.random.normal(own, (into, out)) * jnp.sqrt(2 / into), jnp.zeros(out)))
    return layers


def values(parameters: Parameters, x: jax.Array) -> jax.Array:
    """A multilayer perceptron with ReLU."""
    for weights, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weights + bias)
    weights, bias = parameters[-1]
    return x @ weights + bias


def updates(rows: dict[str, jax.Array]) -> Callable[[Any, Any], tuple[Any, None]]:
    """One update of one member, as `lax.scan` asks for it."""

    def loss(parameters: Parameters, target: Parameters, i: jax.Array) -> jax.Array:
        best = values(target, rows["next_observations"][i]).max(axis=1)
        y = rows["rewards"][i] + GAMMA * (1 - rows["terminations"][i]) * best
        q = values(parameters, rows["observations"][i])
        taken = jnp.take_along_axis(q, rows["actions"][i][:, None], axis=1)[:, 0]
        return jnp.mean(0.5 * (taken - y) ** 2 + ALPHA * (jax.nn.logsumexp(q, axis=1) - taken))

    def update(state: Any, _: Any) -> tuple[Any, None]:
        parameters, target, mean, square, step, key = state
        key, own = jax.random.split(key)
        i = jax.random.randint(own, (BATCH,), 0, len(rows["actions"]))
        gradient = jax.grad(loss)(parameters, target, i)
        step = step + 1
        mean = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, mean, gradient)
        square = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, square, gradient)
        first, second = 1 - BETA1**step, 1 - BETA2**step
        parameters = jax.tree.map(
            lambda p, m, v: p - RATE * (m / first) / (jnp.sqrt(v / second) + EPSILON), parameters, mean, square
        )
        target = jax.tree.map(lambda t, p: jnp.where(step % PERIOD == 0, p, t), target, parameters)
        return (parameters, target, mean, square, step, key), None

    return update


def make(order: dict[str, object]) -> Turn:
    """`members` models with 64-64 hidden units, or as `hidden` says."""
    members, hidden = int(str(order.get("members", 1))), [int(w) for w in str(order.get("hidden", "64-64")).split("-")]
    with np.load(str(order["data"])) as given:
        rows = {
            name: jnp.asarray(given[name], jnp.int32 if name == "actions" else jnp.float32)
            for name in ("observations", "next_observations", "actions", "rewards", "terminations")
        }
        actions = int(given["n_actions"])
    widths = (rows["observations"].shape[1], *hidden, actions)

    def start(key: jax.Array) -> Any:
        parameters = initial(key, widths)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        return parameters, parameters, zeros, zeros, jnp.zeros(()), key

    update = updates(rows)
    scan = jax.jit(jax.vmap(lambda state: jax.lax.scan(update, state, None, length=CHUNK)[0]))
    state = jax.vmap(start)(jax.random.split(jax.random.key(0), members))

    def turn(count: int) -> None:
        nonlocal state
        for _ in range(-(-count // CHUNK)):
            state = scan(state)
        jax.block_until_ready(state)

    return turn


if __name__ == "__main__":
    serve(make)
