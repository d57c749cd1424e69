"""What may be wrong with a log of decisions, check by check."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from offrl_core.data.endless import endless
from offrl_core.data.outliers import outliers
from offrl_core.dataset import Array, Dataset
from offrl_core.formats.base import Finding, Severity

NO_NEXT_STATE = "no-next-state"
_FEW = 5


def _fatal(dataset: Dataset) -> Severity:
    """Of what makes a log useless; a world of our own may be like that on purpose, to show a failure."""
    return "error" if dataset.world is None and dataset.mdp is None else "note"


def _first(rows: Array) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[:_FEW])


def of_episodes(dataset: Dataset, lengths: Array) -> Iterator[Finding]:
    """Where episodes end, how long they are, and whether their rows follow each other."""
    ends = dataset.episode_ends
    terminated = dataset.terminations[ends]
    if dataset.n_episodes == 1 and len(dataset) > 1:
        yield Finding(
            "one-episode",
            "warning",
            f"all {len(dataset)} rows are one episode",
            "If the log holds several, give the column that tells them apart, or the flag of the last row.",
        )
    if not terminated.any():
        yield Finding(
            "never-terminates",
            "note",
            "no episode ends in a terminal state; each one is cut off",
            "Values are bootstrapped where the state after the cut is known. If episodes do end, give the column that "
            "says so, or say that each one ends in a terminal state (unflagged = 'terminated').",
            dataset.n_episodes,
        )
    unknown = ~dataset.has_target
    if unknown.any():
        yield Finding(
            NO_NEXT_STATE,
            "warning",
            f"the state after {int(unknown.sum())} of {len(dataset)} rows is not known: the recording stops there",
            "They have no bootstrap target: values are not learned from them, cloning is.",
            int(unknown.sum()),
            _first(np.flatnonzero(unknown)),
        )
    if dataset.gamma == 1.0 and (said := endless(dataset)):
        yield Finding("never-ends", "warning", said, "")
    longest = int(lengths.max())
    at_cap = terminated & (lengths == longest)
    # Chance alone rarely makes the maximum the most common length of episodes that end by themselves.
    if longest > 1 and at_cap.sum() >= 3 and at_cap.mean() >= 0.05 and np.bincount(lengths).argmax() == longest:
        yield Finding(
            "time-limit-as-terminal",
            "warning" if len(np.unique(lengths)) > 1 else "note",
            f"{int(at_cap.sum())} of {dataset.n_episodes} episodes have the maximal length {longest} and are all "
            "marked as terminated",
            "If that is a time limit, mark those rows as timeouts: a terminal flag there teaches that the "
            "future is worth nothing.",
            int(at_cap.sum()),
            _first(ends[at_cap]),
        )
    single = lengths == 1
    if single.any() and not single.all():
        yield Finding(
            "one-row-episodes",
            "note",
            f"{int(single.sum())} of {dataset.n_episodes} episodes have a single row",
            "",
            int(single.sum()),
            _first(dataset.episode_starts[single]),
        )
    different = dataset.next_observations[:-1] != dataset.observations[1:]
    jumps = different if dataset.tabular else different.any(axis=1)
    jumps[ends[:-1]] = False
    if jumps.any():
        yield Finding(
            "jumps",
            "warning",
            f"in {int(jumps.sum())} rows the next state is not the state of the following row",
            "Check the order of the rows and the episode column; returns are summed along rows.",
            int(jumps.sum()),
            _first(np.flatnonzero(jumps)),
        )


def of_coverage(
    dataset: Dataset, counts: Array, names: tuple[str, ...], distinct: int, repeated: float
) -> Iterator[Finding]:
    """Actions, and pairs of a state and an action, with little or no data.

    Args:
        dataset: the log.
        counts: `(A,)` rows of each action.
        names: `(A,)` labels.
        distinct: distinct observations.
        repeated: share of the rows whose observation occurs more than once.
    """
    if (counts > 0).sum() == 1:
        yield Finding(
            "one-action",
            _fatal(dataset),
            f"every row takes the same action, {names[int(counts.argmax())]!r}",
            "There is nothing to compare: data with at least two different actions is needed.",
            len(dataset),
        )
    else:
        absent = np.flatnonzero(counts == 0)
        if len(absent):
            listed = ", ".join(names[a] for a in absent[:8])
            yield Finding(
                "absent-actions",
                "warning",
                f"{len(absent)} of {dataset.n_actions} actions never occur: {listed}",
                "Methods that may choose an unseen action have only extrapolation to go by there.",
                len(absent),
            )
        rare = np.flatnonzero((counts > 0) & (counts < max(10, 0.001 * len(dataset))))
        if len(rare):
            listed = ", ".join(f"{names[a]} ({counts[a]})" for a in rare[:8])
            yield Finding("rare-actions", "note", f"{len(rare)} actions are rare: {listed}", "", len(rare))
    if dataset.tabular:
        unseen = distinct * dataset.n_actions - int((dataset.counts > 0).sum())
        if unseen:
            yield Finding(
                "unseen-pairs",
                "note",
                f"{unseen} of {distinct * dataset.n_actions} state–action pairs in visited states have no data",
                "This is what offline methods must cope with; the pictures hatch these pairs.",
                unseen,
            )
    elif repeated == 0.0:
        yield Finding(
            "no-state-twice",
            "note",
            "no state is seen twice",
            "Counting state–action pairs is meaningless here; a function approximator is needed.",
        )
    elif repeated > 0.5:
        yield Finding(
            "duplicate-states",
            "note",
            f"{repeated:.0%} of the rows share their observation with another row ({distinct} distinct ones)",
            "If states are few, reading them as a table gives exact counts.",
            round(repeated * len(dataset)),
        )


def of_observations(dataset: Dataset) -> Iterator[Finding]:
    """Observations that say little. Unequal scales do no harm: what learns from columns standardises them."""
    if dataset.tabular:
        if len(np.unique(dataset.observations)) == 1:
            same = np.array_equal(dataset.observations, dataset.next_observations)
            yield Finding("one-state", "note", "all rows are in one state" + (" and stay there" if same else ""))
        return
    low, high = dataset.observations.min(axis=0), dataset.observations.max(axis=0)
    labels = dataset.observation_names
    if len(labels) != len(low):
        labels = tuple(f"component {i}" for i in range(len(low)))
    constant = np.flatnonzero(low == high)
    if len(constant):
        listed = ", ".join(f"{labels[i]} = {low[i]:g}" for i in constant[:8])
        yield Finding(
            "constant-columns",
            _fatal(dataset) if len(constant) == len(low) else "note",
            f"{len(constant)} of {len(low)} observation columns never change: {listed}",
            "They carry no information and can be left out.",
            len(constant),
        )


def of_outliers(dataset: Dataset) -> Iterator[Finding]:
    """Episodes that stand out from the others."""
    found = outliers(dataset)
    if found:
        listed = ", ".join(f"{one.episode} ({one.reasons[0]})" for one in found[:_FEW])
        yield Finding(
            "outlying-episodes",
            "note",
            f"{len(found)} of {dataset.n_episodes} episodes stand out: {listed}{' …' if len(found) > _FEW else ''}",
            "They may be errors in the log, or the best episodes in it: look at them before leaving any out.",
            len(found),
            _first(dataset.episode_starts[[one.episode for one in found]]),
        )


def of_rewards(dataset: Dataset) -> Iterator[Finding]:
    """Rewards that teach nothing, or too much."""
    rewards = dataset.rewards
    low, high = float(rewards.min()), float(rewards.max())
    if low == high:
        if low == 0.0:
            remedy = "Every policy is worth the same: check the reward column."
            yield Finding("zero-rewards", _fatal(dataset), "all rewards are 0", remedy, len(rewards))
        else:
            remedy = "Only the length of an episode matters then (as in balancing tasks); check that this is meant."
            yield Finding("constant-rewards", "warning", f"all rewards are {low:g}", remedy, len(rewards))
        return
    first, median, third = np.quantile(rewards, [0.25, 0.5, 0.75])
    if third > first:
        far = np.abs(rewards - median) > 20.0 * (third - first)
        if far.any() and far.mean() < 0.01:
            worst = np.argsort(-np.abs(rewards - median))[: int(far.sum())]
            yield Finding(
                "reward-outliers",
                "warning",
                f"{int(far.sum())} rewards lie more than 20 interquartile ranges from the median {median:g} "
                f"(the furthest: {rewards[worst[0]]:g})",
                "Squared losses follow such rows; check that they are not placeholders such as −999.",
                int(far.sum()),
                _first(worst),
            )
    if max(abs(low), abs(high)) > 1e4:
        yield Finding(
            "large-rewards",
            "warning",
            f"rewards reach {low:g} … {high:g}",
            "Exponential weights overflow and learning rates must shrink; divide the rewards by a constant.",
        )
    paid = rewards != 0.0
    if paid.mean() < 0.01:
        yield Finding(
            "sparse-rewards",
            "note",
            f"only {int(paid.sum())} of {len(rewards)} rows have a reward other than 0",
            "",
            int(paid.sum()),
            _first(np.flatnonzero(paid)),
        )
