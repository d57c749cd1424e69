"""What a learned policy would earn, where no simulator knows: off-policy estimates from the data alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from offrl_core.algorithms import algorithms
from offrl_core.data.dataset import Dataset
from offrl_core.evaluation.off_policy import Estimate, Weighting, fitted_q_evaluation, importance_sampling
from offrl_core.learning import Learner

MOST_ROWS = 100_000
UPDATES = 1000
FIRST = ("bc", "iql", "bcq")
ESTIMATORS: dict[Weighting, str] = {
    "weighted": "Importance sampling, weighted",
    "weighted-per-decision": "Importance sampling, per decision, weighted",
}


def estimates(dataset: Dataset, *, key: str) -> None:
    """Choose an algorithm, train it on the data, and show what the data says about its policy."""
    st.subheader("What would a learned policy earn?", anchor=False)
    st.caption(
        "Nobody knows the world these records come from, so the truth is unknown. Estimates judge a policy from the "
        "records alone: trust them as far as their interval and their effective sample size allow."
    )
    if len(dataset) > MOST_ROWS:
        st.info(f"Estimates are made for up to {MOST_ROWS:,} rows; this dataset has {len(dataset):,}.")
        return
    titles = {name: kind.title for name, kind in algorithms().items()}
    order = [*FIRST, *(name for name in titles if name not in FIRST)]
    name = st.selectbox("Policy learned by", order, format_func=titles.__getitem__, key=f"{key}-algorithm")
    if st.button("Estimate", key=f"{key}-go", icon=":material/query_stats:"):
        with st.spinner(f"Training {titles[name]} for {UPDATES} updates, then judging it …"):
            st.session_state[key] = (name, table(dataset, name))
    made = st.session_state.get(key)
    if made is not None:
        st.markdown(f"**{titles[made[0]]}**, γ = {dataset.gamma:g}, {UPDATES} updates; intervals of 95 % by bootstrap.")
        st.dataframe(made[1], hide_index=True)


def table(dataset: Dataset, algorithm: str, *, updates: int = UPDATES) -> list[dict[str, Any]]:
    """One row for each estimator: value, interval and effective sample size of the policy that `algorithm` learns."""
    learner = Learner(dataset, algorithm, approximator="table" if dataset.tabular else "mlp")
    learner.advance(updates)
    policy: Any = learner.policy_of(0)
    if dataset.tabular:
        shown = learner.snapshot().policy[0].astype(np.float64)
        policy = shown / shown.sum(axis=1, keepdims=True)
    recorded = dataset.episode_returns(dataset.gamma)
    rows = [{"estimate of": "the recorded behaviour (mean return)", "value": float(recorded.mean())}]
    for weighting, title in ESTIMATORS.items():
        rows.append(_row(title, importance_sampling(dataset, policy, weighting=weighting), "episodes"))
    rows.append(_row("Fitted Q evaluation", fitted_q_evaluation(dataset, policy), "rows"))
    return rows


def _row(title: str, estimate: Estimate, counted: str) -> dict[str, Any]:
    return {
        "estimate of": f"the learned policy: {title}",
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "effective sample size": f"{estimate.effective_sample_size:.1f} {counted}",
        "on unseen pairs": f"{estimate.unseen:.0%}",
    }
