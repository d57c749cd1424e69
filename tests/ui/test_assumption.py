"""Wherever data are shown whose world assumes something, both truths are said and both worlds' numbers stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("datasets", {"data": "icu-sepsis"}),
        ("gallery", {"preset": "icu"}),
        ("playground", {"data": "icu-sepsis", "algo": "bcq", "x.inadmissible": "mean"}),
    ],
)
def test_both_worlds_stand_beside_the_data(page: str, query: dict[str, str]) -> None:
    app = AppTest.from_file(ROOT / "main.py", default_timeout=120)
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    written = [element.value for element in (*app.markdown, *app.caption)]
    written += [element.proto.body for element in app.get("html")]
    written = [re.sub(r"\[([^]]+)\]\(#term-[a-z-]+\)", r"\1", text) for text in written]  # what is read of a term
    assert any("sampled from an MDP that was built from" in text for text in written) or page == "playground"
    assert any("By default they mean death" in text or "counts as death" in text for text in written)
    (table,) = [text for text in written if text.startswith("| true return where treatments hardly ever given are")]
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert head[1:] == (["terminate", "mean (chosen)"] if "x.inadmissible" in query else ["terminate (chosen)", "mean"])
    numbers = {name: [cell.strip("*") for cell in cells] for name, *cells in lines}
    assert numbers["every action alike"] == ["0.00836", "0.78"]
    assert numbers["the behaviour"] == ["0.782", "0.782"]
    assert numbers["the optimum"] == ["0.875", "0.875"]
    assert set(numbers) > {"Naive Q-learning", "BCQ"}


def test_other_data_have_no_such_table() -> None:
    app = AppTest.from_file(ROOT / "main.py", default_timeout=120)
    app.switch_page("pages/datasets.py")
    app.query_params["data"] = "two-actions"
    app.run()
    assert not app.exception
    assert not [element.value for element in app.markdown if element.value.startswith("| true return where")]
