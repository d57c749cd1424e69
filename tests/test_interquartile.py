"""The interquartile mean that JavaScript is held against: hand-worked numbers and an independent definition."""

import numpy as np
import pytest

from tests.interquartile import interquartile_mean


def test_interquartile_mean_by_hand():
    assert interquartile_mean([7.0]) == pytest.approx(7.0)
    assert interquartile_mean([1.0, 3.0]) == pytest.approx(2.0)
    # Three values own a third each; the middle half takes 1/12 of the outer ones and the whole middle one.
    assert interquartile_mean([0.0, 6.0, 24.0]) == pytest.approx(2 * (0 / 12 + 6 / 3 + 24 / 12))
    assert interquartile_mean([100.0, 1.0, 2.0, -50.0]) == pytest.approx(1.5)


def test_interquartile_mean_is_the_trimmed_mean_where_quarters_are_whole():
    from scipy import stats  # a second that only this test should pay

    values = np.random.default_rng(0).standard_normal((5, 40))
    np.testing.assert_allclose(interquartile_mean(values), stats.trim_mean(values, 0.25, axis=1))
