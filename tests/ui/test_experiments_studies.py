"""The stored experiments: their answers say what their numbers say, and those are the numbers of their designs."""

from __future__ import annotations

import re

import pytest

from offrl_ui.experiments.cards import study_cards
from offrl_ui.experiments.studies import STUDIES, Study

MOST = 2_000_000


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_stored_runs_are_those_of_the_design(study: Study) -> None:
    assert set(study.frame["run"]) == {run.key for run in study.results.runs()}
    assert len(study.last) == study.design.runs
    assert (study.frame["failed"] == "").all()


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_numbers_carry_the_answer_and_the_prediction(study: Study) -> None:
    claims = study.claims(study.last)
    assert claims
    assert [sentence for sentence, holds in claims.items() if not holds] == []
    sentences = re.findall(r"[.?!](?=\s+[A-Z]|$)", study.answer)
    assert len(sentences) == 2
    assert 0 <= study.right < len(study.choices)


def test_together_they_are_small() -> None:
    assert sum(len(study.stored) for study in STUDIES.values()) <= MOST


def test_each_card_draws_its_own_results() -> None:
    (group,) = study_cards()
    assert [card["id"] for card in group["cards"]] == list(STUDIES)
    assert len({card["picture"] for card in group["cards"]}) == len(STUDIES)
