"""Episodes that stand out from the others: by their return, by their length, or by rewards that never move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.writing import number

DEVIATIONS = 5.0
"""How many standard deviations of a normal distribution, estimated robustly, lie between an outlier and the median."""
RARE = 0.05
"""Episodes stand out if they are at most this share; what is more frequent is another kind of episode."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """An episode that stands out.

    Attributes:
        episode: its number in the data.
        length: rows.
        value: its discounted return, in the log's own unit.
        reasons: why, each as a short phrase.
    """

    episode: int
    length: int
    value: float
    reasons: tuple[str, ...]


def outliers(dataset: Dataset) -> tuple[Outlier, ...]:
    """The episodes that stand out, in order.

    - Their return at the dataset's γ is an outlier (`outlying`), in the log's own unit.
    - The logarithm of their length is: lengths of episodes that end by chance are spread over powers.
    - All rewards of the episode are one and the same, in two rows or more, where no more than a twentieth of the
      episodes (and one at least) are like that.

    An outlier may be a fault of the log, or the best that it holds.
    """
    own = dataset.as_logged
    lengths = own.episode_ends - own.episode_starts + 1
    returns = own.episode_returns(own.gamma)
    found: dict[int, list[str]] = {}
    for what, values in (("return", returns), ("length", np.log(lengths))):
        middle = np.median(values)
        usual = np.exp(middle) if what == "length" else middle
        for episode in np.flatnonzero(outlying(values)):
            side = "above" if values[episode] > middle else "below"
            found.setdefault(int(episode), []).append(f"{what} far {side} the median {number(float(usual))}")
    for episode in np.flatnonzero(still(own, lengths)):
        paid = number(float(own.rewards[own.episode_starts[episode]]))
        found.setdefault(int(episode), []).append(f"rewards are always {paid}")
    return tuple(
        Outlier(episode, int(lengths[episode]), float(returns[episode]), tuple(reasons))
        for episode, reasons in sorted(found.items())
    )


def outlying(values: Array) -> Array:
    """`(E,)` bool: `|x − median| > 5 s`, where `s` is 1.4826 times the median absolute deviation.

    Where that is 0, because more than half of the values are equal, `s` is 1.2533 times the mean absolute deviation
    from the median. Both factors make `s` the standard deviation of normal values. If more than a twentieth of the
    values, and more than two, lie that far away, none of them is an outlier.

    Source: Iglewicz & Hoaglin 1993, section 3 (they take 3.5 deviations).
    """
    away = np.abs(values - np.median(values))
    away[away <= 1e-9 * np.abs(values).max()] = 0.0  # rounding is no deviation
    deviation = 1.4826 * np.median(away) or 1.2533 * away.mean()
    return _rare(away > DEVIATIONS * deviation, 2)


def still(dataset: Dataset, lengths: Array) -> Array:
    """`(E,)` bool: episodes of two rows or more with one reward throughout, where they are rare and others move."""
    starts, rewards = dataset.episode_starts, dataset.rewards
    same = np.minimum.reduceat(rewards, starts) == np.maximum.reduceat(rewards, starts)
    return _rare(same & (lengths > 1), 1)


def _rare(chosen: Array, least: int) -> Array:
    few = chosen.sum() <= max(least, RARE * len(chosen)) and len(chosen) > 2 * least
    return chosen if few else np.zeros(len(chosen), dtype=bool)
