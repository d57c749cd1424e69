"""The datasets page without a browser: every dataset is drawn, and its numbers are the exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_ui import cards, datacharts, datasheet

MAIN = Path(__file__).parents[2] / "main.py"


def open_page(**query: str) -> AppTest:
    """The datasets page, opened with a link."""
    app = AppTest.from_file(MAIN, default_timeout=90).run()
    app.query_params.clear()
    for key, value in query.items():
        app.query_params[key.replace("__", ".")] = value
    return app.switch_page("pages/datasets.py").run()


@pytest.mark.parametrize("dataset", sorted(orl.datasets()))
def test_every_dataset_is_drawn(dataset: str):
    app = open_page(data=dataset)
    assert not app.exception
    assert not app.warning
    assert app.metric[0].value == f"{len(orl.load_dataset(dataset)):,}"
    assert len(app.get("plotly_chart")) >= 3


def test_the_reference_returns_are_the_exact_ones():
    app = open_page(data="double-crossing")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Optimum J*"] == f"{0.95**11:.4g}"
    assert values["Best in the data"] == f"{0.95**11:.4g}"
    assert values["Episodes"] == "100"


def test_options_in_the_link_change_the_data_and_refused_ones_are_named():
    app = open_page(data="double-crossing", x__episodes="60", x__slip="2")
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == "60"
    assert "slip" in app.warning[0].value
    assert app.query_params["x.episodes"] in ("60", ["60"])


def test_the_button_opens_this_dataset_in_the_playground():
    app = open_page(data="cliff", x__episodes="77")
    next(button for button in app.button if button.label == "Open in the playground").click().run()
    assert not app.exception
    config = app.session_state["playground"]["config"]
    assert (config.dataset, config.options["episodes"]) == ("cliff", 77)


def test_shares_and_histograms_count_every_row():
    data = orl.load_dataset("four-rooms")
    shares = sum(np.asarray(trace.x) for trace in datacharts.actions_figure(data).data)
    np.testing.assert_allclose(shares, np.bincount(data.actions, minlength=4) / len(data))
    bars = [trace for trace in datacharts.returns_figure(data, data.gamma, {}).data if trace.type == "bar"]
    assert sum(np.sum(bar.y) for bar in bars) == data.n_episodes
    lengths = datacharts.lengths_figure(data).data
    assert sum(np.sum(bar.y) for bar in lengths) == data.n_episodes


def test_missing_pairs_are_hatched_and_counted():
    data = orl.load_dataset("double-crossing")
    drawn = datasheet.counts_grid(data, data.layout)
    ends = int(data.mdp.terminal.sum())
    assert drawn.count("never") == int((data.counts[~data.mdp.terminal] == 0).sum())
    assert drawn.count("url(#missing)") == (data.n_states - ends) * 4 - int((data.counts > 0).sum())


def test_a_plane_is_counted_row_by_row():
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 2))
    counts, _, _ = datacharts.fast_histogram(points, [(-1, 1), (-1, 1)], 20)
    expected, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=20, range=[[-1, 1], [-1, 1]])
    np.testing.assert_array_equal(counts, expected)


def test_example_episodes_show_every_behaviour():
    data = orl.load_dataset("double-crossing")
    shown = cards.example_episodes(data, 9)
    assert {cards.behavior_of(data, episode) for episode in shown} == set(np.unique(data.behaviors))
    assert len(shown) == len(set(shown)) <= 9


def test_the_picture_on_an_algorithms_card_is_of_its_own_policy():
    values = {name: cards.algorithm_card(name)[1] for name in ("bc", "bcq", "q-learning")}
    assert values["bcq"] == pytest.approx(0.95**11, abs=1e-6)
    assert values["bc"] == pytest.approx(0.23, abs=0.01)
    assert values["q-learning"] < values["bc"]


def test_visits_of_a_policy_are_those_of_its_state_frequencies():
    data = orl.load_dataset("double-crossing")
    policy = np.full((data.n_states, 4), 0.25)
    visits = cards.visitation(data.mdp.P, policy, data.mdp.initial, 0.9)
    frequency, expected = data.mdp.initial.copy(), np.zeros(data.n_states)
    for step in range(400):
        expected += 0.9**step * frequency
        frequency = np.einsum("s,sa,sap->p", frequency, policy, data.mdp.P)
    np.testing.assert_allclose(visits, expected, atol=1e-9)
