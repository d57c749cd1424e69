"""The validation report: what a dataset holds, and what is suspicious about it, before anything trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from offrl_core.data import checks
from offrl_core.dataset import Array, Dataset
from offrl_core.formats.base import Finding


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
        unknown_next: rows whose next state is not known, so that they have no bootstrap target.
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
    unknown_next: int
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
    # What the reader told of a row by its place in the file is not told again by its place in the data.
    told = {finding.code for finding in read} & {checks.NO_NEXT_STATE}
    findings = (
        *read,
        *(finding for finding in checks.of_episodes(dataset, lengths) if finding.code not in told),
        *checks.of_coverage(dataset, counts, names, distinct, repeated),
        *checks.of_observations(dataset),
        *checks.of_rewards(dataset),
        *checks.of_outliers(dataset),
    )
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
        unknown_next=int((~dataset.has_target).sum()),
        actions=actions,
        distinct_states=distinct,
        repeated_rows=repeated,
        pairs_seen=seen,
        pairs_unseen=None if seen is None else distinct * dataset.n_actions - seen,
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity])),
    )


_ORDER = {"error": 0, "warning": 1, "note": 2}


def _summary(values: Array) -> Summary:
    return Summary(float(values.min()), float(np.median(values)), float(values.mean()), float(values.max()))


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
