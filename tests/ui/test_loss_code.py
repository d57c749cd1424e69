"""The tab that shows a loss in PyTorch under the choices of the moment."""

from __future__ import annotations

from functools import cache
from typing import Any

from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.algos import bc
from offrl_ui.playground.files import offered, which_model


def page() -> None:
    import streamlit as st

    import offrl_core as orl
    from offrl_ui.playground.loss_code import loss_code

    name, choices = st.session_state["asked"]
    kind = orl.algorithms()[name]
    loss_code(kind, kind.default_choices() | choices, orl.load_dataset("double-crossing"))


@cache
def session() -> AppTest:
    """One session, in which the tab shows what it is asked for."""
    return AppTest.from_function(page)


def codes(name: str, **choices: Any) -> list[str]:
    session().session_state["asked"] = name, choices
    shown = session().run()
    assert not shown.exception, shown.exception
    return [code.value for code in shown.code]


def test_the_tab_follows_the_choices() -> None:
    runs, in_torch = codes("cql", form="paper")
    assert runs == orl.algorithms()["cql"].loss_source().strip()
    assert "z = q.logsumexp(-1) - rows.taken(q)" in in_torch
    assert "if " not in in_torch
    assert "z**2" in codes("cql", form="lecture-d")[1]
    assert "rows.target_q_next" in codes("cql", target_update="hard")[1]


def test_every_system_of_the_program_has_its_text_and_no_other(monkeypatch: Any) -> None:
    for name in orl.algorithms():
        (_, in_torch) = codes(name)
        compile(in_torch, name, "exec")
        assert in_torch.startswith("def loss(rows, hp):\n")
    own = type("OwnBC", (bc.BC,), {"name": "own-bc", "__module__": __name__})
    monkeypatch.setattr("offrl_core.algos._added", {"own-bc": own})
    assert len(codes("own-bc")) == 1
    assert set(offered("bc")) - set(offered("own-bc")) == {"pytorch.zip"}
    assert which_model({"bc", "own-bc"}) == "Model in pytorch.zip, model.pt2 and model.onnx"
    assert which_model({"own-bc"}) == "Model in model.pt2 and model.onnx"
