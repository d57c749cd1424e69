"""The experiments' page without a browser: a question and its answer, and an experiment that is built and computed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.experiments import Design, InThisProcess, Results, Store
from offrl_core.experiments.run_links import link_parts
from offrl_core.writing import number
from offrl_live.runs import datasets
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.serving.experiments import close_experiments, get_experiments
from offrl_ui.experiments import building, links
from offrl_ui.experiments.studies import STUDIES
from offrl_ui.setup import links as run_links
from offrl_ui.shared.glossary import with_terms

PAGES = Path(__file__).parents[2] / "pages"
TINY = {"datasets": ["two-actions"], "algorithms": ["bc", "rwr"], "seeds": 2, "steps": 20}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path / "experiments"))
    monkeypatch.setenv("OFFRL_EXPERIMENT_WORKERS", "1")
    yield
    close_experiments()


def script(folder: str) -> None:
    """The navigation with this page first."""
    import streamlit as st

    st.navigation([st.Page(f"{folder}/experiments.py", default=True), st.Page(f"{folder}/playground.py")]).run()


def open_page(**query: str) -> AppTest:
    app = AppTest.from_function(script, kwargs={"folder": str(PAGES)}, default_timeout=120)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def start(app: AppTest) -> AppTest:
    """Start what is shown, and wait until it is finished."""
    app.button(key="experiment-start").click().run()
    design = get_experiments().all()[0].design
    end = time.monotonic() + 90
    while get_experiments().standing(design).waits:
        assert time.monotonic() < end
        time.sleep(0.05)
    return app.run()


def test_a_question_asks_for_a_prediction_before_it_shows_its_picture() -> None:
    app = open_page()
    assert not app.exception
    study = next(iter(STUDIES.values()))
    assert app.radio[0].label.endswith(study.ask)
    assert not app.get("plotly_chart")
    app.button(key=f"commit-{study.id}").click().run()
    assert "Choose one of the answers first." in [warning.value for warning in app.warning]
    app.radio[0].set_value(study.right).run()
    app.button(key=f"commit-{study.id}").click().run()
    assert not app.exception
    assert any("As you predicted" in part.value for part in app.markdown)
    assert any(part.value == with_terms(study.answer) for part in app.markdown)
    assert len(app.get("plotly_chart")) == 1
    assert app.query_params["study"] in (study.id, [study.id])


def test_what_is_built_says_its_cost_is_computed_and_seen() -> None:
    app = open_page(design=json.dumps(TINY))
    assert not app.exception
    assert any("**2 jobs** train 4 models with 80 updates" in part.value for part in app.markdown)
    start(app)
    assert not app.exception
    assert any("have trained 4 models" in part.value for part in app.markdown)
    assert len(app.get("plotly_chart")) == 1
    assert "experiment-start" not in {button.key for button in app.button}, "nothing is missing"
    picked = next(group for group in app.button_group if (group.key or "").endswith("-picture"))
    picked.set_value("settings").run()
    assert any("open an axis" in part.value for part in app.info)
    fresh = open_page(design=json.dumps(TINY))
    assert len(fresh.get("plotly_chart")) == 1, "another tab sees what is there"


def test_the_chosen_setting_is_run_again_on_fresh_seeds_and_both_numbers_stand_there() -> None:
    app = start(open_page(design=json.dumps({**TINY, "axes": {"rwr.temperature": [0.5, 2.0]}})))
    (again,) = [button for button in app.button if button.label == "Run the best settings afresh"]
    again.click().run()
    assert not app.exception
    design = get_experiments().all()[-1].design
    end = time.monotonic() + 90
    while get_experiments().standing(design, afresh=True).waits:
        assert time.monotonic() < end
        time.sleep(0.05)
    app.run()
    assert not app.exception
    (table,) = [frame.value for frame in app.dataframe if "Fresh seeds" in frame.value.columns]
    results = get_experiments().results(design)
    both = results.best("judged", executor=InThisProcess())
    assert table["Chosen from"].tolist() == both["configurations"].tolist() == [1, 2]
    assert table["Fresh seeds"].tolist() == both["fresh_seeds"].tolist() == [6, 6]
    told = results.choice().table(results.afresh(results.choice()), "normalised")
    assert table["By choice"].tolist() == [number(value) for value in told["chosen_on"]]
    assert table["Afresh"].tolist() == [number(value) for value in told["fresh"]]


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ('{"datasets": [], "algorithms": ["bc"]}', "datasets is empty"),
        ('{"datasets": ["two-actions"], "algorithms": []}', "algorithms is empty"),
        ('{"datasets": ["two-actions"], "algorithms": ["bcx"]}', "bcx"),
        ('{"datasets": ["two-actions"], "algorithms": ["bc"], "seeds": 1000, "axes": {"x.reward_plus": '
         + json.dumps([round(0.001 * k, 3) for k in range(1, 1001)]) + "}}", "1,000,000 runs"),
        ('{"datasets": ["two-actions"], "algorithms": ["bc"], "steps": -1}', "steps = -1 is not allowed"),
        ('{"datasets": 3}', "datasets = 3 is not allowed"),
        ('{"datasets": ["two-actions"], "algorithms": ["bc"], "sampling": "all"}', "sampling"),
        ('{"datasets": ["two-actions"], "algorithms": [{"name": 5}], "estimates": 3, "seeds": "x"}', "5"),
        ('{"datasets": [{"name": "two-actions", "options": [1]}], "algorithms": [{"name": "bc", '
         '"approximator": ["mlp"], "hyperparameters": 5}]}', "options must map names to values"),
    ],
)  # fmt: skip
def test_a_design_that_is_not_allowed_is_refused_and_the_page_goes_on(design: str, said: str) -> None:
    app = open_page(design=design)
    assert not app.exception
    assert any(said.replace(",", "") in error.value.replace("\\", "").replace(",", "") for error in app.error)


@pytest.mark.parametrize(
    "query",
    [
        {"design": "nonsense"},
        {"design": "[1]"},
        {"design": "{" * 9000},
        {"design": r'{"a": "\ud800"}'},
        {"study": "none"},
    ],
)
def test_a_link_with_nonsense_shows_a_question_and_says_what_was_refused(query: dict[str, str]) -> None:
    app = open_page(**query)
    assert not app.exception
    assert len(app.warning) == 1
    assert "was refused" in app.warning[0].value
    assert app.query_params["study"] in (next(iter(STUDIES)), [next(iter(STUDIES))])


def test_the_controls_keep_what_a_design_says_in_other_words() -> None:
    app = open_page(
        design='{"datasets": ["two-actions"], "algorithms": ["bc"], "seeds": 3.0, "steps": 2e1, "estimates": "wis"}'
    )
    assert not app.error
    said = app.query_params["design"]
    kept = json.loads(said if isinstance(said, str) else said[0])
    assert kept == {**TINY, "algorithms": ["bc"], "seeds": 3, "estimates": ["wis"]}


def test_where_none_are_started_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRL_EXPERIMENT_QUEUE", "0")
    app = open_page(design=json.dumps(TINY))
    assert not app.exception
    assert "experiment-start" not in {button.key for button in app.button}
    assert any("No experiments are started on this server" in part.value for part in app.markdown)


def test_a_folder_that_cannot_be_used_is_said_and_questions_still_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path / "file"))
    app = open_page()
    assert not app.exception
    assert any("results cannot be kept in" in error.value.replace("\\", "") for error in app.error)
    assert app.radio


def test_the_link_holds_the_whole_design() -> None:
    for study in STUDIES.values():
        text = links.written(study.design)
        assert len(text) < links.LONGEST
        assert Design.from_json(text) == study.design
    odd = Design.from_json({**TINY, "axes": {"temperature": {"low": 0.1, "high": 1.0, "scale": "log"}},
                            "sampling": "sobol", "points": 4, "seeds": [3, 5], "evaluate": [7]})  # fmt: skip
    assert Design.from_json(links.written(odd)) == odd


def test_a_run_of_the_playground_becomes_an_experiment() -> None:
    lanes = (Lane("bcq", seeds=2, hyperparameters={"rho": (0.1, 0.3)}), Lane("cql", hyperparameters={"alpha": 2.0}))
    config = RunConfig("double-crossing", {"episodes": 60}, lanes)
    design = links.of_run(config)
    assert design.own == {}
    assert design.to_json()["datasets"] == [{"name": "double-crossing", "options": {"episodes": 60}}]
    assert dict(design.axes) == {"bcq.rho": (0.1, 0.3)}
    assert dict(design.algorithms[1].hyperparameters) == {"alpha": 2.0}
    assert len(design.seeds) == links.FEWEST_SEEDS


@pytest.fixture
def uploaded() -> str:
    """The name of an uploaded log whose world nobody knows."""
    steps = np.arange(40) % 4
    columns = {"step": steps, "action": np.arange(40) % 2, "reward": steps / 4, "end": steps == 3}
    log = orl.Dataset.from_columns(columns["step"], columns["action"], columns["reward"], columns["end"], gamma=0.9)
    return datasets.keep(log)


def test_an_uploaded_log_becomes_one_too_by_the_hash_of_its_data(uploaded: str) -> None:
    design = links.of_run(RunConfig(uploaded, {"reward_scale": 2.0}, (Lane("bc"),)))
    ((key, data),) = design.own.items()
    assert data is datasets.uploaded(uploaded)
    assert design.datasets[0].options == {"reward_scale": 2.0}
    assert Design.from_json(links.written(design), design.own) == design
    run = next(iter(design.run_of))
    assert link_parts(design, run) == {}
    config, notes = run_links.parse({name: [text] for name, text in link_parts(design, run, {key: uploaded}).items()})
    assert (notes, config.dataset, dict(config.options)["reward_scale"]) == ([], uploaded, 2.0)
    assert np.array_equal(config.data.rewards, 2.0 * data.rewards)


def test_the_link_of_an_uploaded_log_opens_where_it_is_kept_and_says_so_elsewhere(uploaded: str) -> None:
    text = links.written(links.of_run(RunConfig(uploaded, {}, (Lane("bc"), Lane("iql")))))
    app = open_page(design=text, upload=uploaded)
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert app.query_params["upload"] in (uploaded, [uploaded])
    datasets.forget(uploaded)
    gone = open_page(design=text, upload=uploaded)
    assert not gone.exception
    assert "no longer kept here" in gone.warning[0].value
    assert any("is not at hand" in error.value for error in gone.error)


def test_others_see_that_there_is_an_upload_and_neither_its_name_nor_its_results(uploaded: str) -> None:
    design = links.of_run(RunConfig(uploaded, {}, (Lane("bc"),)))
    queue = get_experiments()
    queue.start(design)
    queue.stop(design)
    (title,) = (choice.name for choice in design.datasets)
    own = open_page(design=links.written(design), upload=uploaded)
    mine, others = own.button(key=f"experiment-{design.key}"), open_page()
    assert (title in mine.label, mine.disabled, title in repr(own)) == (True, False, True)
    theirs = others.button(key=f"experiment-{design.key}")
    assert ("on an uploaded dataset" in theirs.label, theirs.disabled, title in repr(others)) == (True, True, False)


def test_each_run_opens_in_the_playground_as_it_was_trained(tmp_path: Path) -> None:
    design = Design.from_json({**TINY, "axes": {"rwr.temperature": [0.5, 2.0]}, "seeds": [11]})
    results = Results(design, Store(tmp_path))
    for run in results.runs():
        config, notes = run_links.parse({name: [text] for name, text in link_parts(design, run.key).items()})
        assert notes == []
        assert (config.dataset, config.lanes[0].algorithm, config.budget) == ("two-actions", run.algorithm, 20)
        assert (config.lanes[0].first_seed, config.lanes[0].seeds) == (11, 1)
        assert config.current(0) == dict(run.hyperparameters)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0, 0.1,0.3", [0, 0.1, 0.3]),
        ("0.01 … 1 log", {"low": 0.01, "high": 1, "scale": "log"}),
        ("2 to 8", {"low": 2, "high": 8, "scale": "linear"}),
        ("true, false", [True, False]),
        ("half", ["half"]),
        (" , ", []),
    ],
)
def test_the_cells_of_the_axes_are_read_and_written(text: str, values: object) -> None:
    assert building.read(text, None) == values
    assert building.read(building.written(values), None) == values
