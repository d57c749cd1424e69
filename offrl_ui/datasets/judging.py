"""What a learned policy would earn, where no simulator knows: estimates from the data alone, and their words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from offrl_core.algos import algorithms
from offrl_core.dataset import Dataset, DatasetError
from offrl_core.learning import Learner
from offrl_live.runs.config import Lane

if TYPE_CHECKING:
    from offrl_core.evaluation.estimates import Estimate
    from offrl_core.evaluation.importance_sampling import Weighting

MOST_ROWS = 100_000
UPDATES = 1000
FEW_EPISODES = 20
FIRST = ("bc", "iql", "bcq")
ESTIMATORS: dict[Weighting, str] = {
    "ordinary": "Importance sampling",
    "weighted": "Importance sampling, weighted",
    "per-decision": "Importance sampling, per decision",
    "weighted-per-decision": "Importance sampling, per decision, weighted",
}
HEADING = "What would a learned policy earn?"
NOBODY_KNOWS = (
    "Nobody knows the world these records come from, so the truth is unknown. Estimates judge a policy from the "
    "records alone: trust them as far as their interval and their effective sample size allow."
)
LEARNED_BY = "Policy learned by"


def too_many(dataset: Dataset) -> str:
    """Why no estimates are made of a dataset; empty where they are."""
    if len(dataset) <= MOST_ROWS:
        return ""
    return f"Estimates are made for up to {MOST_ROWS:,} rows; this dataset has {len(dataset):,}."


def choices() -> dict[str, str]:
    """Algorithms and their titles, those first that are asked for most."""
    titles = {name: kind.title for name, kind in algorithms().items()}
    return {name: titles[name] for name in (*FIRST, *(name for name in titles if name not in FIRST))}


def doing(system: str) -> str:
    """What takes a moment."""
    return f"Training {choices()[system]} for {UPDATES} updates, then judging it …"


def made_from(dataset: Dataset, system: str, settings: str) -> str:
    """How a table of estimates was made; `settings` are the `usual` or the `chosen` ones."""
    return (
        f"**{choices()[system]}** with its {settings} settings, {UPDATES} updates; returns at γ = {dataset.gamma:g}, "
        "intervals of 95 % by bootstrap. "
        + (
            "Half of the episodes, drawn at random, trained it and the other half judged it: on the records that "
            "it learned from, a policy tends to look better than it is."
            if dataset.n_episodes >= FEW_EPISODES
            else f"With fewer than {FEW_EPISODES} episodes the same records trained and judged it: it tends to "
            "look better than it is."
        )
    )


def meaning(dataset: Dataset) -> str:
    """What the columns of a table of estimates mean."""
    return (
        "Importance sampling reweights the recorded episodes by how much likelier the policy is to act so than the "
        f"behaviour, whose probabilities {_behavior_from(dataset)}; per decision, "
        "what is done later does not weigh an earlier reward. Weighted forms divide by the sum of the weights: "
        "biased, but steadier. "
        "Fitted Q evaluation values the policy in a model of the records. The doubly robust estimate corrects that "
        "model by its errors on the records, reweighted as in importance sampling: it is right where either the "
        "model or the weights are. "
        "On unseen pairs: the share of what the policy does that the records never show (for continuous "
        "observations, at least). Importance sampling leaves it out, the models take it to be worth 0, and no "
        "interval accounts for it. "
        "Cut: of the rows, those whose next state is not known, which the models leave out; of the episodes, those "
        "that did not end in a terminal state: importance sampling stops where the recording stops, the doubly "
        "robust estimate goes on with its model."
    )


def _behavior_from(dataset: Dataset) -> str:
    return "are estimated from the records" if dataset.propensities is None else "are those that the log holds"


def halves(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """The episodes to learn from and those to judge by: a random half each, or all of them where there are few."""
    if dataset.n_episodes < FEW_EPISODES:
        return dataset, dataset
    learns = np.random.default_rng(0).permutation(dataset.n_episodes) < dataset.n_episodes // 2
    rows = learns[dataset.episode_of_row]
    return dataset.subset(rows), dataset.subset(~rows)


def table(dataset: Dataset, system: str | Lane, *, updates: int = UPDATES) -> list[dict[str, Any]]:
    """One row for each estimator: value, interval and effective sample size of the policy that a system learns.

    `system` is an algorithm, with its usual settings, or a lane.
    """
    # They need scipy, which a browser tab loads only when somebody asks for estimates.
    from offrl_core.evaluation.doubly_robust import doubly_robust
    from offrl_core.evaluation.estimates import known_behavior
    from offrl_core.evaluation.fitted_q import fitted_q_evaluation
    from offrl_core.evaluation.importance_sampling import importance_sampling

    learns, judges = halves(dataset)
    lane = Lane(system, "table" if dataset.tabular else "mlp") if isinstance(system, str) else system
    settings: dict[str, Any] = {name: v[0] if isinstance(v, tuple) else v for name, v in lane.hyperparameters.items()}
    learner = Learner(learns, lane.algorithm, approximator=lane.approximator, **settings)
    learner.advance(updates)
    policy: Any = learner.policy_of(0)
    if dataset.tabular:
        shown = learner.snapshot().policy[0].astype(np.float64)
        policy = shown / shown.sum(axis=1, keepdims=True)
    recorded = judges.as_logged.episode_returns(dataset.gamma)
    rows = [{"estimate": "Mean return of the recorded episodes", "value": float(recorded.mean())}]
    behavior = known_behavior(judges, None, 0)
    for weighting, title in ESTIMATORS.items():
        judged = partial(importance_sampling, judges, policy, weighting=weighting, behavior=behavior)
        rows.append(_row(title, judged))
    fitted = partial(fitted_q_evaluation, judges, policy, behavior=behavior, progress=False)
    rows.append(_row("Fitted Q evaluation", fitted))
    rows.append(_row("Doubly robust", partial(doubly_robust, judges, policy, behavior=behavior, progress=False)))
    return rows


def _row(title: str, judge: Callable[[], Estimate]) -> dict[str, Any]:
    row: dict[str, Any] = {"estimate": title}
    try:
        estimate = judge()
    except DatasetError as error:
        return {**row, "remark": f"No estimate: {error}."}
    return {
        **row,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "effective sample size": f"{estimate.effective_sample_size:.1f} {estimate.counted}",
        "on unseen pairs": f"{estimate.unseen:.0%}",
        "cut": f"{estimate.cut:.0%} of the {estimate.counted}",
        "remark": " ".join(estimate.doubts),
    }
