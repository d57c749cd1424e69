"""The loss in code: the source that runs, and beside it the same in PyTorch under the choices of the moment."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from offrl_core.algos import Algorithm
from offrl_core.dataset import Dataset
from offrl_core.declarations import Value
from offrl_core.standalone.loss_text import is_restated, loss_text

ABOUT = (
    "The same loss, written from its equation, with only the branches that are chosen now. `rows.q` and `rows.q_next` "
    "are the network's outputs at s and s′, one per action, `rows.mean` averages over the batch, and `.detach()` marks "
    "what is a constant in the gradient step. The tests compare its values and gradients with those of the code that "
    "runs. *Take it home* has a whole script, `pytorch.zip`."
)


def loss_code(kind: type[Algorithm], choices: Mapping[str, Value], data: Dataset) -> None:
    """The section of the page. A system of somebody's own has its own text only."""
    with st.expander("Source code of this loss", icon=":material/code:"):
        if not is_restated(kind):
            st.code(kind.loss_source(), language="python", line_numbers=True, wrap_lines=True)
            return
        runs, in_torch = st.tabs(["The loss as it runs", "In PyTorch"])
        runs.code(kind.loss_source(), language="python", line_numbers=True, wrap_lines=True)
        in_torch.caption(ABOUT)
        text = loss_text(kind, choices, all_known=bool(data.has_target.all()))
        in_torch.code(text, language="python", wrap_lines=True)
