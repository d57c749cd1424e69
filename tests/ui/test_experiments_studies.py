"""The stored experiments: their answers say what their numbers say, and those are the numbers of their designs."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from offrl_core.experiments import InThisProcess
from offrl_core.experiments.statistics import configurations_of, tasks_of
from offrl_ui.experiments import studies
from offrl_ui.experiments.cards import study_cards
from offrl_ui.experiments.studies import AFRESH, STUDIES, Study

MOST = 2_000_000


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_stored_runs_are_those_of_the_design(study: Study) -> None:
    assert set(study.frame["run"]) == study.design.run_of.keys()
    assert len(study.last) == study.design.runs
    assert (study.frame["failed"] == "").all()


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_what_was_chosen_was_run_again_on_seeds_without_a_part_in_the_choice(study: Study) -> None:
    assert set(study.afresh["run"]) == {run.key for job in study.choice.jobs for run in job.runs}
    table = study.choice.table(study.afresh, study.metric)
    assert (table["fresh_seeds"] == study.choice.fresh).all()
    assert not {seed for job in study.choice.jobs for seed in job.seeds} & set(study.design.seeds)
    for row in table.sample(3, random_state=0).to_dict("records"):
        mine = study.last[(tasks_of(study.last) == row["task"]) & (study.last["algorithm"] == row["algorithm"])]
        means = mine.groupby(configurations_of(mine))[study.metric].mean()
        assert row["chosen_on"] == pytest.approx(means.max(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_numbers_carry_the_answer_and_the_prediction(study: Study) -> None:
    claims = study.claims(study.last)
    assert claims
    assert [sentence for sentence, holds in claims.items() if not holds] == []
    sentences = re.findall(r"[.?!](?=\s+[A-Z]|$)", study.answer)
    assert len(sentences) == 2
    assert 0 <= study.right < len(study.choices)


def test_together_they_are_small() -> None:
    assert sum(len(study.stored(suffix)) for study in STUDIES.values() for suffix in ("", AFRESH)) <= MOST


def test_each_card_draws_its_own_results() -> None:
    (group,) = study_cards()
    assert [card["id"] for card in group["cards"]] == list(STUDIES)
    assert len({card["picture"] for card in group["cards"]}) == len(STUDIES)


def test_the_command_computes_a_study_and_its_fresh_seeds_and_stores_none_that_lacks_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"datasets": ["two-actions"], "algorithms": ["bc", "rwr"], "seeds": 2, "steps": 4}
    study = replace(next(iter(STUDIES.values())), plain=plain)
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path / "computed"))
    monkeypatch.setattr(studies, "_FOLDER", str(tmp_path / "results"))
    monkeypatch.setattr(studies, "STUDIES", {study.id: study})
    monkeypatch.setattr(studies, "run_jobs", partial(studies.run_jobs, executor=InThisProcess()))
    studies.main([])
    kept = {path.name: path for path in (tmp_path / "results").iterdir()}
    assert kept.keys() == {f"{study.id}.parquet", f"{study.id}-afresh.parquet"}
    frame, again = (pd.read_parquet(kept[f"{study.id}{suffix}.parquet"]) for suffix in ("", AFRESH))
    assert set(frame["run"]) == study.design.run_of.keys()
    assert not set(again["run"]) & set(frame["run"])
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path / "elsewhere"))

    def wrong(*given: object) -> None:
        raise ValueError("no numbers")

    monkeypatch.setattr("offrl_core.experiments.working.trained", wrong)
    with pytest.raises(SystemExit, match="2 of 2 jobs could not be done; what is stored stays as it was"):
        studies.main([study.id])
    pd.testing.assert_frame_equal(pd.read_parquet(kept[f"{study.id}.parquet"]), frame)
