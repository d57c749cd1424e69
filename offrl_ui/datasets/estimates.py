"""Off-policy estimates of what a learned policy would earn, asked for on a page."""

from __future__ import annotations

import streamlit as st

from offrl_core.dataset import Dataset
from offrl_live.runs.config import Lane
from offrl_ui.datasets import judging
from offrl_ui.setup.links import plain
from offrl_ui.shared.glossary import with_terms


def estimates(dataset: Dataset, *, key: str, lane: Lane | None = None) -> None:
    """Choose an algorithm, train it on the data, and show what the data says about its policy.

    Args:
        dataset: whose world is not known.
        key: where the session keeps what was made; another for another lane.
        lane: chosen at first, with its settings; of what it has several values for, the first.
    """
    st.subheader(judging.HEADING, anchor=False)
    st.caption(with_terms(judging.NOBODY_KNOWS))
    if refusal := judging.too_many(dataset):
        st.info(refusal)
        return
    titles = judging.choices()
    first = 0 if lane is None else list(titles).index(lane.algorithm)
    keyed = f"{key}-algorithm"
    name = st.selectbox(judging.LEARNED_BY, list(titles), first, format_func=titles.__getitem__, key=keyed)
    if st.button("Estimate", key=f"{key}-go", icon=":material/query_stats:"):
        with st.spinner(judging.doing(name)):
            system = lane if lane is not None and lane.algorithm == name else name
            st.session_state[key] = name, judging.table(dataset, system)
    made = st.session_state.get(key)
    if made is not None:
        settings = "chosen" if lane is not None and lane.algorithm == made[0] else "usual"
        st.markdown(judging.made_from(dataset, made[0], settings))
        st.dataframe([{k: v for k, v in row.items() if k != "remark"} for row in made[1]], hide_index=True)
        doubts = [f"- **{row['estimate']}.** {plain(row['remark'])}" for row in made[1] if row.get("remark")]
        st.markdown("\n".join(doubts))
        st.caption(with_terms(judging.meaning(dataset)))
