"""The validation report: what a dataset holds, and what is suspicious about it, before anything trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.formats.base import Finding, Severity


@dataclass(frozen=True, slots=True)
class Summary:
    """A quantity over episodes."""

    low: float
    median: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class ActionCoverage:
    """How often one action was taken.

    Attributes:
        name: the action's label.
        count: rows with this action.
        share: of all rows.
        states: distinct states in which it was taken; None for continuous observations.
    """

    name: str
    count: int
    share: float
    states: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a dataset holds, and what is suspicious about it.

    Attributes:
        rows, episodes: sizes.
        lengths: rows per episode.
        gamma: the discount of `returns`.
        returns: discounted return of the recorded episodes.
        undiscounted: the same at γ = 1.
        terminated, truncated: share of the episodes that ended so.
        actions: coverage, action by action.
        distinct_states: states (or distinct observation vectors) that some row starts in.
        repeated_rows: share of rows whose state also occurs in another row.
        pairs_seen, pairs_unseen: state–action pairs in visited states with and without data; None for continuous data.
        findings: what to know and what to fix, worst first.
    """

    rows: int
    episodes: int
    lengths: Summary
    gamma: float
    returns: Summary
    undiscounted: Summary
    terminated: float
    truncated: float
    actions: tuple[ActionCoverage, ...]
    distinct_states: int
    repeated_rows: float
    pairs_seen: int | None
    pairs_unseen: int | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing must be fixed before training."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def validate(dataset: Dataset, read: Sequence[Finding] = ()) -> Report:
    """Look at everything that can go wrong in a log of decisions.

    Args:
        dataset: the log.
        read: what `read_file` saw and did, where the log comes from a file; the report repeats it.
    """
    lengths = dataset.episode_ends - dataset.episode_starts + 1
    distinct, repeated = _repetition(dataset)
    counts = np.bincount(dataset.actions, minlength=dataset.n_actions)
    names = _action_names(dataset)
    taken_in = (dataset.counts > 0).sum(axis=0) if dataset.tabular else None
    actions = tuple(
        ActionCoverage(
            names[a],
            int(counts[a]),
            float(counts[a] / len(dataset)),
            None if taken_in is None else int(taken_in[a]),
        )
        for a in range(dataset.n_actions)
    )
    ends = dataset.episode_ends
    findings = [*read, *_episode_findings(dataset, lengths)]
    findings += _coverage_findings(dataset, counts, names, distinct, repeated)
    findings += _observation_findings(dataset)
    findings += _reward_findings(dataset)
    seen = int((dataset.counts > 0).sum()) if dataset.tabular else None
    return Report(
        rows=len(dataset),
        episodes=dataset.n_episodes,
        lengths=_summary(lengths),
        gamma=dataset.gamma,
        returns=_summary(dataset.episode_returns(dataset.gamma)),
        undiscounted=_summary(dataset.episode_returns(1.0)),
        terminated=float(dataset.terminations[ends].mean()),
        truncated=float(dataset.truncations[ends].mean()),
        actions=actions,
        distinct_states=distinct,
        repeated_rows=repeated,
        pairs_seen=seen,
        pairs_unseen=None if seen is None else distinct * dataset.n_actions - seen,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity])),
    )


_ORDER = {"error": 0, "warning": 1, "note": 2}
_FEW = 5


def _fatal(dataset: Dataset) -> Severity:
    """Of what makes a log useless; a world of our own may be like that on purpose, to show a failure."""
    return "error" if dataset.world is None and dataset.mdp is None else "note"


def _summary(values: Array) -> Summary:
    return Summary(float(values.min()), float(np.median(values)), float(values.mean()), float(values.max()))


def _rows(where: Array) -> tuple[int, ...]:
    return tuple(int(row) for row in np.flatnonzero(where)[:_FEW])


def _action_names(dataset: Dataset) -> tuple[str, ...]:
    named = len(dataset.action_names) == dataset.n_actions
    return dataset.action_names if named else tuple(str(a) for a in range(dataset.n_actions))


def _repetition(dataset: Dataset) -> tuple[int, float]:
    """Distinct observations, and the share of rows whose observation occurs more than once."""
    observations = dataset.observations
    if not dataset.tabular:
        # −0.0 and 0.0 are one state but different bytes.
        plain = np.ascontiguousarray(observations) + np.float32(0)
        observations = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
    _, counts = np.unique(observations, return_counts=True)
    return len(counts), float(counts[counts > 1].sum() / len(dataset))


def _episode_findings(dataset: Dataset, lengths: Array) -> list[Finding]:
    found = []
    ends = dataset.episode_ends
    terminated = dataset.terminations[ends]
    if dataset.n_episodes == 1 and len(dataset) > 1:
        found.append(
            Finding(
                "one-episode",
                "warning",
                f"all {len(dataset)} rows are one episode",
                "If the log holds several, give the column that tells them apart, or the flag of the last row.",
            )
        )
    if not terminated.any():
        found.append(
            Finding(
                "never-terminates",
                "note",
                "no episode ends in a terminal state; each one is cut off",
                "Values are bootstrapped at every cut. If episodes do end, give the column that says so.",
                dataset.n_episodes,
            )
        )
    longest = int(lengths.max())
    at_cap = terminated & (lengths == longest)
    # Chance alone rarely makes the maximum the most common length of episodes that end by themselves.
    if longest > 1 and at_cap.sum() >= 3 and at_cap.mean() >= 0.05 and np.bincount(lengths).argmax() == longest:
        found.append(
            Finding(
                "time-limit-as-terminal",
                "warning" if len(np.unique(lengths)) > 1 else "note",
                f"{int(at_cap.sum())} of {dataset.n_episodes} episodes have the maximal length {longest} and are all "
                "marked as terminated",
                "If that is a time limit, mark those rows as timeouts: a terminal flag there teaches that the "
                "future is worth nothing.",
                int(at_cap.sum()),
                tuple(int(r) for r in ends[at_cap][:_FEW]),
            )
        )
    single = lengths == 1
    if single.any() and not single.all():
        found.append(
            Finding(
                "one-row-episodes",
                "note",
                f"{int(single.sum())} of {dataset.n_episodes} episodes have a single row",
                "",
                int(single.sum()),
                tuple(int(r) for r in dataset.episode_starts[single][:_FEW]),
            )
        )
    following = np.arange(1, len(dataset) + 1)
    following[ends] = ends
    inside = np.ones(len(dataset), dtype=bool)
    inside[ends] = False
    different = dataset.next_observations != dataset.observations[following]
    jumps = inside & (different if dataset.tabular else different.any(axis=1))
    if jumps.any():
        found.append(
            Finding(
                "jumps",
                "warning",
                f"in {int(jumps.sum())} rows the next state is not the state of the following row",
                "Check the order of the rows and the episode column; returns are summed along rows.",
                int(jumps.sum()),
                _rows(jumps),
            )
        )
    return found


def _coverage_findings(
    dataset: Dataset, counts: Array, names: tuple[str, ...], distinct: int, repeated: float
) -> list[Finding]:
    found = []
    if (counts > 0).sum() == 1:
        found.append(
            Finding(
                "one-action",
                _fatal(dataset),
                f"every row takes the same action, {names[int(counts.argmax())]!r}",
                "There is nothing to compare: data with at least two different actions is needed.",
                len(dataset),
            )
        )
    else:
        absent = np.flatnonzero(counts == 0)
        if len(absent):
            listed = ", ".join(names[a] for a in absent[:8])
            found.append(
                Finding(
                    "absent-actions",
                    "warning",
                    f"{len(absent)} of {dataset.n_actions} actions never occur: {listed}",
                    "Methods that may choose an unseen action have only extrapolation to go by there.",
                    len(absent),
                )
            )
        rare = np.flatnonzero((counts > 0) & (counts < max(10, 0.001 * len(dataset))))
        if len(rare):
            listed = ", ".join(f"{names[a]} ({counts[a]})" for a in rare[:8])
            found.append(Finding("rare-actions", "note", f"{len(rare)} actions are rare: {listed}", "", len(rare)))
    if dataset.tabular:
        unseen = distinct * dataset.n_actions - int((dataset.counts > 0).sum())
        if unseen:
            found.append(
                Finding(
                    "unseen-pairs",
                    "note",
                    f"{unseen} of {distinct * dataset.n_actions} state–action pairs in visited states have no data",
                    "This is what offline methods must cope with; the pictures hatch these pairs.",
                    unseen,
                )
            )
    elif repeated == 0.0:
        found.append(
            Finding(
                "no-state-twice",
                "note",
                "no state is seen twice",
                "Counting state–action pairs is meaningless here; a function approximator is needed.",
            )
        )
    elif repeated > 0.5:
        found.append(
            Finding(
                "duplicate-states",
                "note",
                f"{repeated:.0%} of the rows share their observation with another row ({distinct} distinct ones)",
                "If states are few, reading them as a table gives exact counts.",
                round(repeated * len(dataset)),
            )
        )
    return found


def _observation_findings(dataset: Dataset) -> list[Finding]:
    if dataset.tabular:
        if len(np.unique(dataset.observations)) > 1:
            return []
        same = np.array_equal(dataset.observations, dataset.next_observations)
        return [Finding("one-state", "note", "all rows are in one state" + (" and stay there" if same else ""))]
    found = []
    low, high = dataset.observations.min(axis=0), dataset.observations.max(axis=0)
    labels = dataset.observation_names
    if len(labels) != len(low):
        labels = tuple(f"component {i}" for i in range(len(low)))
    constant = np.flatnonzero(low == high)
    if len(constant):
        listed = ", ".join(f"{labels[i]} = {low[i]:g}" for i in constant[:8])
        found.append(
            Finding(
                "constant-columns",
                _fatal(dataset) if len(constant) == len(low) else "note",
                f"{len(constant)} of {len(low)} observation columns never change: {listed}",
                "They carry no information and can be left out.",
                len(constant),
            )
        )
    spread = (high.astype(np.float64) - low)[low != high]
    if len(spread) > 1 and spread.max() > 1e4 * spread.min():
        found.append(
            Finding(
                "unequal-scales",
                "warning",
                f"observation columns differ in range by a factor of {spread.max() / spread.min():.1g}",
                "Networks learn slowly from such inputs; bring the columns to a similar range.",
            )
        )
    return found


def _reward_findings(dataset: Dataset) -> list[Finding]:
    rewards = dataset.rewards
    low, high = float(rewards.min()), float(rewards.max())
    if low == high:
        zero = low == 0.0
        return [
            Finding(
                "zero-rewards" if zero else "constant-rewards",
                _fatal(dataset) if zero else "warning",
                "all rewards are 0" if zero else f"all rewards are {low:g}",
                "Every policy is worth the same: check the reward column."
                if zero
                else "Only the length of an episode matters then (as in balancing tasks); check that this is meant.",
                len(rewards),
            )
        ]
    found = []
    first, median, third = np.quantile(rewards, [0.25, 0.5, 0.75])
    if third > first:
        far = np.abs(rewards - median) > 20.0 * (third - first)
        if far.any() and far.mean() < 0.01:
            worst = np.argsort(-np.abs(rewards - median))[: min(_FEW, int(far.sum()))]
            found.append(
                Finding(
                    "reward-outliers",
                    "warning",
                    f"{int(far.sum())} rewards lie more than 20 interquartile ranges from the median {median:g} "
                    f"(the furthest: {rewards[worst[0]]:g})",
                    "Squared losses follow such rows; check that they are not placeholders such as −999.",
                    int(far.sum()),
                    tuple(int(r) for r in worst),
                )
            )
    if max(abs(low), abs(high)) > 1e4:
        found.append(
            Finding(
                "large-rewards",
                "warning",
                f"rewards reach {low:g} … {high:g}",
                "Exponential weights overflow and learning rates must shrink; divide the rewards by a constant.",
            )
        )
    paid = rewards != 0.0
    if paid.mean() < 0.01:
        found.append(
            Finding(
                "sparse-rewards",
                "note",
                f"only {int(paid.sum())} of {len(rewards)} rows have a reward other than 0",
                "",
                int(paid.sum()),
                _rows(paid),
            )
        )
    return found
