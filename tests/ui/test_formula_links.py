"""Formulas that come from outside are no links."""

from __future__ import annotations

import pytest

from offrl_ui.shared.formula import formula


@pytest.mark.parametrize("latex", [r"\href{javascript:alert(1)}{x}", r"\href{https://a.example}{x}"])
def test_a_formula_is_no_link(latex: str) -> None:
    made = formula(latex)
    assert made.startswith("<math><mtext>")
    assert "href=" not in made


def test_a_formula_is_typeset() -> None:
    assert "<mfrac>" in formula(r"\frac{1}{2}")
