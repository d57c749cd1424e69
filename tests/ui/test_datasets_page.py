"""The datasets page without a browser: every dataset is drawn, and its numbers are the exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.data.report import validate
from offrl_core.writing import number
from offrl_live.runs import datasets
from offrl_ui.datasets import charts, facts
from offrl_ui.setup import algorithm_cards, dataset_cards, notes

MAIN = Path(__file__).parents[2] / "main.py"


def open_page(**query: str) -> AppTest:
    """The datasets page, opened with a link."""
    app = AppTest.from_file(MAIN, default_timeout=90).switch_page("pages/datasets.py")
    for key, value in query.items():
        app.query_params[key.replace("__", ".")] = value
    return app.run()


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
    assert values["Optimum J*"] == f"{0.95**11:.3g}"
    assert values["Best in the data"] == f"{0.95**11:.3g}"
    assert values["Episodes"] == "100"


def test_options_in_the_link_change_the_data_and_refused_ones_are_named():
    app = open_page(data="double-crossing", x__episodes="60", x__slip="2")
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == "60"
    assert "slip" in app.warning[0].value
    assert app.query_params["x.episodes"] in ("60", ["60"])


def faulty_log() -> orl.Dataset:
    """Forty episodes of five rows that earn about 0, the ninth of which has a placeholder for a reward."""
    rewards = np.random.default_rng(1).normal(size=200)
    rewards[9 * 5 + 2] = -999.0
    steps = np.arange(200) % 5
    actions = np.random.default_rng(2).integers(0, 2, 200)
    return orl.Dataset.from_columns(steps, actions, rewards, steps == 4, gamma=1.0)


def test_an_episode_that_stands_out_is_looked_at_left_out_and_taken_back():
    log = faulty_log()
    name = datasets.keep(log)
    app = open_page(data=name)
    assert not app.exception
    (shown,) = [frame.value for frame in app.dataframe if "why" in frame.value.columns]
    assert shown[["episode", "rows", "now"]].values.tolist() == [[9, 5, "used"]]
    assert shown["return"][0] == pytest.approx(log.rewards[45:50].sum())
    (rows,) = [frame.value for frame in app.dataframe if "reward" in frame.value.columns]
    assert rows["reward"].tolist() == log.rewards[45:50].tolist()
    assert rows["state"].tolist() == ["0", "1", "2", "3", "4"]
    assert any("40 episodes" in part.value for part in app.markdown), "the report is on the whole log"

    app.button(key="leave-out-flagged").click().run()
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == "39"
    assert app.query_params["x.leave_out"] in ("9", ["9"])
    (shown,) = [frame.value for frame in app.dataframe if "why" in frame.value.columns]
    assert shown["now"].tolist() == ["left out"]
    expected = validate(log.without_episodes("9"))
    said = " ".join(part.value for part in app.markdown).replace("\\", "")
    assert f"go from {number(expected.returns.low)} to {number(expected.returns.high)}" in said
    assert any("without the episode that is left out" in part.label for part in app.expander)

    app.button(key="take-back-flagged").click().run()
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == "40"
    assert "x.leave_out" not in app.query_params


def test_any_episode_can_be_looked_at_and_left_out():
    app = open_page(data="double-crossing", x__longer_than="8")
    whole = orl.load_dataset("double-crossing")
    kept = orl.load_dataset("double-crossing", longer_than=8).n_episodes
    assert 1 < kept < whole.n_episodes
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == str(kept)
    long, short = (int(np.flatnonzero(rule)[0]) for rule in (lengths(whole) > 8, lengths(whole) <= 8))
    (asked,) = [field for field in app.number_input if field.label == "Look at episode"]
    asked.set_value(long).run()
    assert any("A bound leaves it out" in part.value for part in app.markdown)
    (asked,) = [field for field in app.number_input if field.label == "Look at episode"]
    asked.set_value(short).run()
    app.button(key="leave-out-one").click().run()
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == str(kept - 1)
    app.button(key="all-back").click().run()
    assert {metric.label: metric.value for metric in app.metric}["Episodes"] == str(whole.n_episodes)


def lengths(dataset: orl.Dataset) -> np.ndarray:
    return dataset.episode_ends - dataset.episode_starts + 1


def test_other_rewards_say_what_they_do_to_values_bounds_and_the_best_policy():
    app = open_page(data="double-crossing", x__reward_scale="0.1", x__reward_shift="-0.02")
    (note,) = app.info
    assert "Learners are given f(r) = 0.1·r − 0.02" in note.value
    assert "No value leaves −0.4 to 1.6 (0 to 20 with the log's own rewards)" in note.value
    # Where a step costs so much, the near 0.3 is better than the far 1.
    assert f"best for f(r) earns {0.3 * 0.95**5:.3g} there, of {0.95**11:.3g} that are possible" in note.value
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Optimum J*"] == f"{0.95**11:.3g}"
    assert not open_page(data="double-crossing").info
    assert notes.reward_note(orl.load_dataset("cliff", reward_scale=3.0)).endswith("best for f(r) is best there, too.")
    endless = orl.load_dataset("double-crossing", reward_shift=0.5, gamma=1.0)
    assert "can be collected for ever" in notes.reward_note(endless)
    shown = go.Figure(charts.returns_figure(orl.load_dataset("cliff", reward_scale=3.0), 0.9, {}))
    plain = go.Figure(charts.returns_figure(orl.load_dataset("cliff"), 0.9, {}))
    assert shown.to_json() == plain.to_json()


def test_the_button_opens_this_dataset_in_the_playground():
    app = open_page(data="cliff", x__episodes="77")
    next(button for button in app.button if button.label == "Open in the playground").click().run()
    assert not app.exception
    config = app.session_state["playground"]["config"]
    assert (config.dataset, config.options["episodes"]) == ("cliff", 77)


def test_shares_and_histograms_count_every_row():
    data = orl.load_dataset("four-rooms")
    shares = sum(np.asarray(trace.x) for trace in go.Figure(charts.actions_figure(data)).data)
    np.testing.assert_allclose(shares, np.bincount(data.actions, minlength=4) / len(data))
    bars = [trace for trace in go.Figure(charts.returns_figure(data, data.gamma, {})).data if trace.type == "bar"]
    assert sum(np.sum(bar.y) for bar in bars) == data.n_episodes
    lengths = go.Figure(charts.lengths_figure(data)).data
    assert sum(np.sum(bar.y) for bar in lengths) == data.n_episodes


def test_missing_pairs_are_hatched_and_counted():
    data = orl.load_dataset("double-crossing")
    drawn = facts.counts_grid(data, data.layout)
    ends = int(data.mdp.terminal.sum())
    assert drawn.count("never") == int((data.counts[~data.mdp.terminal] == 0).sum())
    assert drawn.count("url(#missing)") == (data.n_states - ends) * 4 - int((data.counts > 0).sum())


def test_a_plane_is_counted_row_by_row():
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 2))
    counts, _, _ = charts.fast_histogram(points, [(-1, 1), (-1, 1)], 20)
    expected, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=20, range=[[-1, 1], [-1, 1]])
    np.testing.assert_array_equal(counts, expected)


def test_example_episodes_show_every_behaviour():
    data = orl.load_dataset("double-crossing")
    shown = dataset_cards.example_episodes(data, 9)
    assert {dataset_cards.behavior_of(data, episode) for episode in shown} == set(np.unique(data.behaviors))
    assert len(shown) == len(set(shown)) <= 9


def test_the_picture_on_an_algorithms_card_is_of_its_own_policy():
    values = {name: algorithm_cards.algorithm_card(name)[1] for name in ("bc", "bcq", "q-learning")}
    assert values["bcq"] == pytest.approx(0.95**11, abs=1e-6)
    assert values["bc"] == pytest.approx(0.23, abs=0.01)
    assert values["q-learning"] < values["bc"]


def test_visits_of_a_policy_are_those_of_its_state_frequencies():
    data = orl.load_dataset("double-crossing")
    policy = np.full((data.n_states, 4), 0.25)
    visits = algorithm_cards.visitation(data.mdp.P, policy, data.mdp.initial, 0.9)
    frequency, expected = data.mdp.initial.copy(), np.zeros(data.n_states)
    for step in range(400):
        expected += 0.9**step * frequency
        frequency = np.einsum("s,sa,sap->p", frequency, policy, data.mdp.P)
    np.testing.assert_allclose(visits, expected, atol=1e-9)


def test_what_is_seen_lies_above_the_hatch():
    """One rectangle is hatched and the seen pairs are painted over it: the other way round all would look unseen."""
    data = orl.load_dataset("baird")
    hatch, heat = go.Figure(charts.counts_figure(data, data.layout)).data
    assert hatch.fillpattern.shape == "/"
    assert (heat.zorder or 0) > (hatch.zorder or 0)
    assert np.isfinite(np.asarray(heat.z, dtype=float)).all()


def test_pairs_of_states_that_end_the_episode_are_not_missed():
    numbers = {name: value for name, value, _ in facts.key_numbers(orl.load_dataset("two-actions"))}
    assert numbers["Pairs covered"] == "100.0%"
    data = orl.load_dataset("double-crossing")
    numbers = {name: (value, told) for name, value, told in facts.key_numbers(data)}
    acting = ~data.mdp.terminal
    assert numbers["Pairs covered"][0] == f"{(data.counts[acting] > 0).mean():.1%}"
    assert f"{acting.sum()} × 4" in numbers["Pairs covered"][1]


def test_a_measured_return_is_not_called_the_optimum():
    names = {name: (value, told) for name, value, told in facts.key_numbers(orl.load_dataset("acrobot"))}
    assert "Optimum J*" not in names
    value, told = names["Best known J"]
    assert " ± " in value
    assert told == "Measured return of the best known controller. ± is half a 95 % interval."
    assert "best known" in facts.return_marks(orl.load_dataset("acrobot"))
    assert "optimum" in facts.return_marks(orl.load_dataset("double-crossing"))


def test_counts_have_a_legend_with_numbers():
    data = orl.load_dataset("double-crossing")
    colours, marks = zip(*facts.counts_legend(data), strict=True)
    assert marks == ("never", "1", "10", str(data.counts.max()))
    drawn = facts.counts_grid(data, data.layout)
    assert colours[-1] in drawn
    visits = go.Figure(charts.visits_figure(orl.load_dataset("cartpole"), 2, 3)).data[0]
    assert visits.colorbar.title.text == "rows"
    assert visits.colorbar.ticktext[:2] == ("1", "10")


def test_the_walls_of_a_maze_are_one_shape():
    """Hundreds of shapes, added one by one, kept the page waiting for seconds."""
    data = orl.load_dataset("maze")
    shapes = go.Figure(charts.walks_figure(data, 0, 1)).layout.shapes
    assert len(shapes) == 1 + len(data.layout.regions)
    assert shapes[0].path.count("M") == len(data.layout.walls) > 100


def test_recorded_images_are_shown_with_what_was_said_of_them():
    data = orl.load_dataset("digits-bandit")
    drawn = facts.decisions(data, data.layout)
    assert drawn.count("<image") == facts.WALKS
    shown = dataset_cards.example_episodes(data, facts.WALKS)
    good, bad = (drawn.count(f"stroke:{facts.svg.marked(n)}") for n in (2, 4))
    assert (good, bad) == ((data.rewards[shown] > 0).sum(), (data.rewards[shown] == 0).sum())


def test_episodes_are_coloured_by_outcome_where_there_are_two():
    icu, star = orl.load_dataset("icu-sepsis", episodes=200), orl.load_dataset("baird")
    assert [line.name for line in go.Figure(charts.episodes_figure(icu, icu.layout)).data] == [
        "last reward positive",
        "not",
    ]
    lines = go.Figure(charts.episodes_figure(star, star.layout))
    assert [line.name for line in lines.data] == ["given shares"]
    assert lines.layout.yaxis.ticktext == tuple("1234567")


@pytest.mark.parametrize("name", ["digits-bandit", "double-crossing", "icu-sepsis", "maze"])
def test_a_single_episode_is_drawn_too(name: str):
    data = orl.load_dataset(name, drop_episodes=1.0)
    assert data.n_episodes == 1
    assert dataset_cards.dataset_picture(data).startswith("<svg")
    app = open_page(data=name, x__drop_episodes="1")
    assert not app.exception


def test_a_mazes_goals_have_the_letters_of_its_grid():
    drawn = dataset_cards.dataset_card("maze")
    assert [letter for letter in "SBDTG" if f">{letter}</text>" in drawn] == list("SBDTG")


def test_a_behaviour_that_never_ends_is_worth_minus_infinity_and_drawn_all_the_same():
    app = open_page(data="cliff-walking", x__gamma="1", x__behavior="own", x__own="0:00000")
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Behaviour J(π_β)"] == "−∞"


def test_long_episodes_and_many_policies_stay_readable():
    rng = np.random.default_rng(0)
    rows = 100_000
    vectors, actions, rewards = rng.normal(size=(rows, 2)), rng.integers(0, 3, rows), rng.normal(size=rows)
    long = orl.Dataset.from_columns(vectors, actions, rewards, np.arange(rows) % 50_000 == 49_999)
    walks = go.Figure(charts.walks_figure(long, 0, 1))
    assert walks.layout.title.text == "2 of 2 recorded episodes, their first 10,000 steps"
    assert len(walks.data[0].x) == 2 * (10_001 + 1)
    ends = np.arange(rows) % 100 == 99
    who = np.minimum(rng.geometric(0.05, rows // 100), 60) - 1
    many = orl.Dataset.from_columns(vectors, actions, rewards, ends, behaviors=who)
    kinds = facts.groups(many)
    assert [name for _, name, _ in kinds][-1] == "others"
    assert len(kinds) == facts.MOST_GROUPS == len(go.Figure(charts.actions_figure(many)).data)
    np.testing.assert_array_equal(np.sum([mask for _, _, mask in kinds], axis=0), 1)
