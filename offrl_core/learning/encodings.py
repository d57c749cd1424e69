"""How an approximator sees a state: given features, one-hot, or the standardised observation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.learning.approximators import Inputs

Array = npt.NDArray[Any]

ONE_HOT = "one-hot"


def fitting(dataset: Dataset, observations: npt.ArrayLike) -> Array:
    """The observations as an array: `(N,)` states or `(N, D)` vectors.

    Raises:
        ValueError: this dataset has no such observations.
    """
    given = np.asarray(observations)
    if dataset.n_states is not None:
        fits = given.ndim == 1 and given.dtype.kind in "iu"
        if not fits or (len(given) and not 0 <= given.min() <= given.max() < dataset.n_states):
            raise ValueError(f"observations must be (N,) states, whole numbers from 0 to {dataset.n_states - 1}")
        return given
    if given.ndim != 2 or given.shape[1] != dataset.observations.shape[1]:
        raise ValueError(f"observations of shape {given.shape}: they must be (N, {dataset.observations.shape[1]})")
    if given.dtype.kind not in "iufb":
        raise ValueError(f"observations of type {given.dtype}: they must be numbers")
    if said := not_finite(given):
        raise ValueError(said)
    return given


def not_finite(observations: Array) -> str:
    """What is wrong with the vectors `(…, D)`, if one of them is no number, infinite or too large for 32 bits; else an
    empty text. What a network makes of such a vector is not a number, of which the largest is that of action 0."""
    with np.errstate(over="ignore"):
        bad = np.argwhere(~np.isfinite(observations.astype(np.float32, copy=False)).all(axis=-1))
    if not len(bad):
        return ""
    place = tuple(int(i) for i in bad[0])
    return f"observation {place[-1]} is {observations[place].tolist()}: its numbers must be finite"


class Encoding:
    """Turns observations into network inputs.

    Tabular: `features[name]` by state, standardised, or one-hot. Continuous: the observation, standardised by the
    data's mean and deviation (a constant column is only centred).

    Args:
        dataset: where the observations come from.
        name: a key of its `features`, `one-hot`, or for vectors `observation`.

    Attributes:
        one_hot: whether it is that.
        size: numbers of a state `F`.
        by_state: `(S, F)` float32, what every state becomes; None for vectors and for one-hot.
        center, scale: `(F,)` float64, what is subtracted, and what the rest is divided by; not for one-hot.
    """

    def __init__(self, dataset: Dataset, name: str) -> None:
        self.name = name
        self.one_hot = name == ONE_HOT
        self.center: Array | None = None
        self.by_state: Array | None = None
        if self.one_hot:
            self.size = int(dataset.n_states or 0)
            return
        raw = np.asarray(dataset.features[name] if dataset.tabular else dataset.observations, dtype=np.float64)
        self.center = raw.mean(axis=0)
        deviation = raw.std(axis=0)
        self.scale = np.where(deviation > 1e-8, deviation, 1.0)
        self.size = raw.shape[1]
        if dataset.tabular:
            self.by_state = self._standardize(raw)

    @classmethod
    def of(cls, center: Array, scale: Array) -> Encoding:
        """The encoding of vectors by what they are standardised with, `(D,)` each."""
        made = object.__new__(cls)
        made.name, made.one_hot, made.size, made.by_state = "observation", False, len(center), None
        made.center, made.scale = center, scale
        return made

    def _standardize(self, raw: Array) -> Array:
        return np.asarray((raw - self.center) / self.scale, dtype=np.float32)

    def rows(self, observations: Array) -> Array:
        """`(N, F)` float32 features of observations; not for one-hot."""
        return self._standardize(observations) if self.by_state is None else self.by_state[observations]

    def inputs(self, observations: Array) -> Inputs:
        """Network inputs for `(U,)` states or `(U, D)` vectors, shared by all members, or `(M, U, D)`, each its own."""
        if self.one_hot:
            return Inputs(index=np.asarray(observations)[None])
        features = self.rows(observations)
        if features.ndim == 2:
            features = features[None]
        dense = np.ones((len(features), self.size + 1, features.shape[1]), np.float32)
        dense[:, :-1] = features.swapaxes(1, 2)
        return Inputs(dense=dense)
