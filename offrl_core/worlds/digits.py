"""One-step decisions on real images: name the digit."""

from __future__ import annotations

from functools import cache

import numpy as np

from offrl_core.worlds.bandit import ContextualBandit
from offrl_core.worlds.layout import PlaneLayout
from offrl_core.worlds.package_files import package_folder


class Digits(ContextualBandit):
    """The 1797 handwritten digits of scikit-learn (8×8 pixels, Alpaydin & Kaynak 1998): reward 1 for the right name.

    Observation: 64 pixels in [0, 1]; ten actions; every episode is one decision, on an image drawn at random.

    Raises:
        FileNotFoundError: scikit-learn is not installed.
    """

    name = "digits"
    action_names = tuple(str(digit) for digit in range(10))
    observation_names = tuple(f"pixel ({i // 8},{i % 8})" for i in range(64))

    def __init__(self) -> None:
        # Reading the file is twenty times faster than importing the library for it.
        file = package_folder("sklearn", "digits-bandit", "scikit-learn") / "datasets" / "data" / "digits.csv.gz"
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
        images = table[:, :64] / np.float32(16.0)
        self.labels = table[:, 64].astype(np.intp)
        super().__init__(images, np.eye(10)[self.labels])
        axes = np.linalg.svd(images - images.mean(axis=0), full_matrices=False)[2][:2]
        places = images @ axes.T
        self.layout = PlaneLayout(
            names=("first principal component", "second principal component"),
            low=tuple(places.min(axis=0).tolist()),
            high=tuple(places.max(axis=0).tolist()),
            projection=tuple(tuple(axis) for axis in axes.tolist()),
            image=(8, 8),
        )


@cache
def digits() -> Digits:
    """The one world of digits."""
    return Digits()
