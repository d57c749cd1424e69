"""Stochastic gradient descent and Adam over flat `(M, P)` parameters, in place, every member with its own step size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class SGD:
    """`θ ← θ − lr·g`."""

    def __init__(self, members: int, size: int) -> None:
        self.state: dict[str, Array] = {}

    def step(self, parameters: Array, gradient: Array, learning_rate: Array, updates: int) -> None:
        """Move `parameters` against `gradient`, which is overwritten; `updates` counts this one, from 1."""
        np.multiply(gradient, learning_rate, out=gradient)
        np.subtract(parameters, gradient, out=parameters)


class Adam:
    """Adam (Kingma & Ba 2015) with `β = (.9, .999)` and `ε = 1e-8`, bias correction folded into step and `ε`."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, members: int, size: int) -> None:
        self.state = {"m": np.zeros((members, size), np.float32), "v": np.zeros((members, size), np.float32)}
        self._scratch = np.empty((members, size), np.float32)

    def step(self, parameters: Array, gradient: Array, learning_rate: Array, updates: int) -> None:
        m, v, scratch = self.state["m"], self.state["v"], self._scratch
        np.subtract(gradient, m, out=scratch)
        scratch *= np.float32(1.0 - self.BETA1)
        m += scratch
        np.multiply(gradient, gradient, out=gradient)
        gradient -= v
        gradient *= np.float32(1.0 - self.BETA2)
        v += gradient
        root = np.sqrt(1.0 - self.BETA2**updates)
        np.sqrt(v, out=scratch)
        scratch += np.float32(self.EPSILON * root)
        np.divide(m, scratch, out=scratch)
        scratch *= learning_rate * np.float32(root / (1.0 - self.BETA1**updates))
        parameters -= scratch


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}
