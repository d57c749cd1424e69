"""The generated page about systems, hyperparameters and metrics."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from latex2mathml.converter import convert

import offrl_core as orl
from offrl_core.algos import Algorithm
from offrl_core.learning import docs
from offrl_core.learning.metric_list import METRICS


def test_the_page_is_current() -> None:
    assert docs.PLACE.read_text(encoding="utf-8") == docs.write(), "run: python -m offrl_core.learning.docs"


def test_the_page_names_everything() -> None:
    page = docs.write()
    for name, kind in orl.algorithms().items():
        assert f"(`{name}`)" in page
        for h in kind.hyperparameters:
            assert f"| `{h.name}` |" in page
            assert h.help in page
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.title} |" in page
        assert metric.help in page
    for line in page.splitlines():
        if line.startswith("| "):
            assert line.replace(r"\|", "").count("|") in (7, 9)


def every_choice(kind: type[Algorithm]) -> Iterator[dict[str, object]]:
    """The defaults, and each other choice by itself."""
    yield kind.default_choices()
    for h in kind.hyperparameters:
        for value in (*h.choices, *(h.special or {}), *((h.low,) if h.special else ())):
            yield {**kind.default_choices(), h.name: value}


@pytest.mark.parametrize("name", list(orl.algorithms()))
def test_equations_speak_with_the_symbols_of_the_hyperparameters(name: str) -> None:
    kind = orl.algorithms()[name]
    equations = {kind().equation_for(choices) for choices in every_choice(kind)}
    assert kind.equation == kind().equation == kind().equation_for(kind.default_choices())
    for h in kind.hyperparameters:
        if h.symbol and not h.name.startswith("initial_"):  # what Q is at first stands in no update
            assert any(h.symbol in equation for equation in equations), h.name
        shown = {kind().equation_for({**kind.default_choices(), h.name: choice}) for choice in h.choices}
        assert len(shown) != 1, f"{h.name} changes what is learned, but not the equation"
    for equation in equations:
        for piece in equation.split(r"\qquad"):
            assert piece.strip()
            assert "<math" in convert(piece)


@pytest.mark.parametrize("name", list(orl.algorithms()))
def test_the_source_holds_everything_that_the_losses_call(name: str) -> None:
    """Traced while an update is made: each function of the algorithms that runs for the losses stands in the text."""
    kind = orl.algorithms()[name]
    text = kind.loss_source()
    ran: set[tuple[str, str]] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        place = Path(frame.f_code.co_filename)
        if event == "call" and place.parent.name == "algos" and place.stem not in ("batch", "base"):
            ran.add((place.stem, frame.f_code.co_name))

    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, name)
    program = learner._programs[0][1]
    batch = program.evaluate(program.sampler.draw(0))
    sys.setprofile(watch)
    try:
        for loss in learner.algorithm.losses(batch, program.hp).values():
            assert loss.value.shape == (1,)
    finally:
        sys.setprofile(None)
    assert "losses" in {function for _, function in ran}
    for _, function in ran:
        if not function.startswith("<"):
            assert f"def {function}(" in text, function


def test_a_learner_shows_the_equation_of_its_choices() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "cql", form="paper", target_update="soft")
    assert r"\log\sum_{b} e^{Q(s,b)} - Q(s,a)" in learner.equation
    assert r"\kappa" in learner.equation
    learner.set(target_update="none", constraint="counted")
    assert r"\kappa" not in learner.equation
    assert r"\max_{a'\in \bar A(s')} Q(s',a')" in learner.equation
    for name in orl.algorithms():
        told = orl.Learner(data, name).explain(7)
        assert orl.algorithms()[name].numbers(told) == told["equation"]
        assert "<math" in convert(told["equation"])
