"""Summaries over seeds against hand-worked numbers and an independent definition."""

import numpy as np
import pytest
from scipy import stats

from offrl_core.evaluation.statistics import interquartile_mean, spread


def test_interquartile_mean_by_hand():
    assert interquartile_mean([7.0]) == pytest.approx(7.0)
    assert interquartile_mean([1.0, 3.0]) == pytest.approx(2.0)
    # Three values own a third each; the middle half takes 1/12 of the outer ones and the whole middle one.
    assert interquartile_mean([0.0, 6.0, 24.0]) == pytest.approx(2 * (0 / 12 + 6 / 3 + 24 / 12))
    assert interquartile_mean([100.0, 1.0, 2.0, -50.0]) == pytest.approx(1.5)


def test_interquartile_mean_is_the_trimmed_mean_where_quarters_are_whole():
    values = np.random.default_rng(0).standard_normal((5, 40))
    np.testing.assert_allclose(interquartile_mean(values), stats.trim_mean(values, 0.25, axis=1))


def test_bootstrap_interval_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        s = spread(rng.standard_normal(30), resamples=400, seed=trial)
        hits += s.low <= 0.0 <= s.high
    assert 0.85 <= hits / 200 <= 1.0


def test_lost_seeds_are_counted_and_one_seed_has_no_interval():
    s = spread([1.0, np.nan, np.inf, 3.0])
    assert (s.n, s.lost, s.iqm) == (2, 2, 2.0)
    one = spread([0.5])
    assert one.n == 1
    assert np.isnan(one.low)
    assert np.isnan(one.high)
    nothing = spread([np.nan])
    assert nothing.n == 0
    assert np.isnan(nothing.iqm)


@pytest.mark.parametrize(("values", "confidence"), [([], 0.95), ([1.0], 0.0), ([1.0], 1.0)])
def test_refusals(values, confidence):
    with pytest.raises(ValueError, match=r"at least one|confidence"):
        spread(values, confidence=confidence)
