"""The playground page without a browser: what a link shows, what is refused, and which run a session keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.serving.hub import get_hub
from offrl_ui.gallery.presets import presets
from offrl_ui.setup import links, selection

MAIN = Path(__file__).parents[2] / "main.py"


def open_page(**query: str) -> AppTest:
    """The app, opened with a link."""
    app = AppTest.from_file(MAIN, default_timeout=90)
    for key, value in query.items():
        app.query_params[key.replace("__", ".")] = value
    return app.run()


def run_id(app: AppTest) -> str:
    """The run that this session watches."""
    return app.session_state["run"]["id"]


def test_a_first_visit_shows_the_first_run_and_its_link():
    app = open_page()
    assert not app.exception
    assert not app.warning
    assert {key: app.query_params[key] for key in app.query_params} == links.link(selection.start())
    assert get_hub().info(run_id(app))["config"] == selection.start()
    assert "Q(s,a)" in "".join(formula.value for formula in app.latex)
    assert "class BCQ" in app.code[0].value


def test_other_rewards_are_said_and_trained_on():
    app = open_page(v="1", algo="bcq", x__reward_scale="0.5")
    said = [caption.value for caption in app.caption]
    assert any(text.startswith("Learners are given 0.5·r for a reward r") for text in said)
    assert any("True returns stay in the log's own unit" in text for text in said)
    assert get_hub().info(run_id(app))["config"].data.rewards.max() == 0.5


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"gamma": "1"}, True),
        ({"gamma": "0.9,1"}, True),
        ({"gamma": "0.9"}, False),
        ({"algo": "bc"}, False),
    ],
)
def test_a_world_that_never_ends_needs_a_discount(query: dict[str, str], told: bool):
    app = open_page(**{"v": "1", "data": "deadly-triad", "algo": "q-learning", "net": "linear", **query})
    assert not app.exception
    said = [caption.value for caption in app.caption if "With gamma" in caption.value]
    assert len(said) == told
    assert all("what the data shows never ends from 1 state" in text.replace("\\", "") for text in said)


def test_equal_choices_share_one_run_but_for_the_first_that_is_everybodys_own():
    assert run_id(open_page(algo="cql")) == run_id(open_page(v="1", data="double-crossing", algo="cql"))
    one, other = open_page(), open_page(v="1", algo="bcq")
    assert run_id(one) != run_id(other)
    for page in (one, other):
        info = get_hub().info(run_id(page))
        assert (info["private"], info["step"], info["speed"]) == (True, 0, 10.0)


def test_what_a_link_asks_for_is_what_trains():
    app = open_page(data="double-crossing", algo="cql", net="mlp", seeds="2", alpha="0.5", x__episodes="60")
    assert not app.exception
    assert not app.warning
    config = get_hub().info(run_id(app))["config"]
    assert config.options["episodes"] == 60
    assert (config.lanes[0].algorithm, config.lanes[0].approximator, config.lanes[0].seeds) == ("cql", "mlp", 2)
    assert config.lanes[0].hyperparameters == {"alpha": 0.5}


def test_refused_values_are_named_on_the_page_and_leave_the_link():
    app = open_page(algo="bcq", rho="7", data="atlantis", colour="red")
    assert not app.exception
    shown = " ".join(warning.value for warning in app.warning).replace("\\", "")
    for part in ("rho = '7'", "a number from 0 to 1", "data = 'atlantis'", "colour = 'red'"):
        assert part in shown
    assert {key: app.query_params[key] for key in app.query_params} == links.link(selection.start())


@pytest.mark.parametrize("algorithm", sorted(orl.algorithms()))
def test_every_algorithm_has_its_page(algorithm: str):
    app = open_page(algo=algorithm)
    assert not app.exception
    assert not app.warning
    assert app.latex
    assert f'name = "{algorithm}"' in app.code[0].value


@pytest.mark.parametrize("dataset", sorted(orl.datasets()))
def test_every_dataset_opens_with_what_fits_it(dataset: str):
    app = open_page(data=dataset)
    assert not app.exception
    assert not app.warning
    config = get_hub().info(run_id(app))["config"]
    assert config.dataset == dataset
    usual = orl.datasets()[dataset].approximator or ("table" if config.data.tabular else "mlp")
    assert config.lanes[0].approximator == usual


def test_a_live_change_keeps_the_run_and_another_seed_count_opens_a_new_one():
    app = open_page(algo="iql")
    first = run_id(app)
    app.query_params.clear()
    for key, value in {"algo": "iql", "beta": "2"}.items():
        app.query_params[key] = value
    app.run()
    assert run_id(app) == first
    app.query_params["seeds"] = "2"
    app.run()
    assert run_id(app) != first


def test_a_run_that_is_gone_is_opened_anew():
    app = open_page(algo="marwil")
    first = run_id(app)
    get_hub().drop(first)
    app.run()
    assert not app.exception
    assert run_id(app) != first


def test_another_page_and_back_keeps_the_choice():
    app = open_page(algo="awr", seeds="3", gamma="0.9")
    chosen = links.link(app.session_state["playground"]["config"])
    app.switch_page("pages/datasets.py").run()
    assert not app.exception
    app.query_params.clear()
    app.switch_page("pages/playground.py").run()
    assert not app.exception
    assert {key: app.query_params[key] for key in app.query_params} == chosen


def test_a_link_that_was_left_is_opened_again_from_another_page():
    preset = next(iter(presets().values()))
    app = open_page(**links.link(preset.config))
    app.run()
    # Something else is chosen, and the browser has said nothing since.
    app.session_state["playground"]["config"] = other = RunConfig("double-crossing", {}, (Lane("awr"),))
    app.run()
    assert get_hub().info(run_id(app))["config"] == other
    app.query_params.clear()
    app.switch_page("pages/gallery.py").run()
    (live,) = [button for button in app.button if button.label == "Train it live"]
    live.click().run()
    assert not app.exception
    assert app.session_state["playground"]["config"] == preset.config
