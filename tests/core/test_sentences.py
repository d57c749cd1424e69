"""Sentences that teach, on screen and in docstrings: what they claim is what one measures."""

from __future__ import annotations

import numpy as np
import pytest
from learning_cases import one_state

import offrl_core as orl


@pytest.mark.parametrize(
    ("reward", "fits"), [(-103.98, False), (-103.96, True), (88.72, True), (88.73, False)], ids=str
)
def test_where_the_exponential_leaves_float32(reward: float, fits: bool) -> None:
    """`exp` is 0 below log 2^−150 = −103.97, half the smallest denormal, and infinite above 88.72."""
    learner = orl.Learner(one_state([0], [reward]), "rwr", signal="reward", temperature=1.0)
    weight = learner.snapshot().metrics["weight_max"][0]
    assert (0 < weight < np.inf) == fits
    assert "−103.97" in (type(learner.algorithm).__doc__ or "")
