"""One-step decisions on real images: name the digit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from offrl_core.worlds.layout import PlaneLayout
from offrl_core.worlds.world import Act, Array, Simulator


class Digits(Simulator):
    """The 1797 handwritten digits of scikit-learn (8×8 pixels, Alpaydin & Kaynak 1998): reward 1 for the right name.

    Observation: 64 pixels in [0, 1]; ten actions; every episode is one decision, on an image drawn at random.
    The truth is exact: the reward of every action in every image is known.
    """

    name = "digits"
    n_actions = 10
    action_names = tuple(str(digit) for digit in range(10))
    observation_names = tuple(f"pixel ({i // 8},{i % 8})" for i in range(64))
    time_limit = 1

    def __init__(self) -> None:
        table = np.loadtxt(data_file(), delimiter=",", dtype=np.float32)
        self.images = table[:, :64] / np.float32(16.0)
        self.labels = table[:, 64].astype(np.int64)
        self._index = {image.tobytes(): number for number, image in enumerate(self.images)}
        centred = self.images - self.images.mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
        places = self.images @ axes.T
        self.layout = PlaneLayout(
            names=("first principal component", "second principal component"),
            low=tuple(places.min(axis=0).tolist()),
            high=tuple(places.max(axis=0).tolist()),
            projection=tuple(tuple(axis) for axis in axes.tolist()),
            image=(8, 8),
        )

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Image numbers `(E,)`."""
        return rng.integers(len(self.images), size=episodes)

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Reward 1 where the action is the image's label; always the end."""
        return states, (actions == self.labels[states]).astype(np.float64), np.ones(len(states), dtype=bool)

    def observe(self, states: Array) -> Array:
        """`(E, 64)` pixels."""
        return np.asarray(self.images[states])

    def numbers(self, observations: Array) -> Array:
        """`(N,)`: which image each observation is.

        Raises:
            KeyError: an observation is none of the images.
        """
        return np.array([self._index[row.tobytes()] for row in observations.astype(np.float32)])

    def q_star(self, observations: Array) -> Array:
        """`(N, 10)`: the reward of every action; the true `Q` of every policy, since the episode ends at once."""
        return np.eye(10)[self.labels[self.numbers(observations)]]

    def exact_returns(self, policy: Callable[[Array], Array]) -> Array:
        """`(M,)`: the mean, over all images, of the probability of the right name; `policy (N, 64) -> (M, N, 10)`."""
        probabilities = np.asarray(policy(self.images), dtype=np.float64)
        return np.asarray(probabilities[:, np.arange(len(self.labels)), self.labels].mean(axis=1))

    def controller(self, gamma: float) -> Act:
        """Knows every label."""

        def act(observations: Array, rng: np.random.Generator) -> Array:
            return self.labels[self.numbers(observations)]

        return act


def data_file() -> Path:
    """scikit-learn's own file of the digits; reading it is twenty times faster than importing the library for it.

    Raises:
        FileNotFoundError: scikit-learn is not installed.
    """
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the dataset digits-bandit needs the package scikit-learn")
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / "digits.csv.gz"


@cache
def digits() -> Digits:
    """The one world of digits."""
    return Digits()
