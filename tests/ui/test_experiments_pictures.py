"""Every picture of an experiment, drawn of runs that were really trained, against numbers that are reckoned here."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from offrl_ui.experiments.pictures import PICTURES, plane_of
from offrl_ui.experiments.prepared import Prepared, compared
from tests.interquartile import interquartile_mean
from tests.ui.experiment_results import computed


def prepared(which: str = "compared", by: str = "algorithm", metric: str = "normalised") -> Prepared:
    design, frame = computed(which)
    return Prepared(frame, design.columns, by, metric)


def drawn(name: str, of: Prepared) -> go.Figure:
    picture = PICTURES[name]
    assert picture.lacks(of) == ""
    return picture.draw(of, *(plane_of(of)[:2] if picture.plane else ()))


def note_of(figure: go.Figure) -> str:
    return figure.layout.title.subtitle.text.replace("<br>", " ")


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "estimates"])
def test_a_picture_says_what_it_is_made_of_and_each_of_its_points_is_a_run(name: str) -> None:
    of = prepared()
    figure = drawn(name, of)
    assert "n = 96 runs: 2 datasets, 6 seeds" in note_of(figure)
    assert "the behaviour is 0, the best within the data is 1" in note_of(figure)
    points = [np.ravel(trace.customdata) for trace in figure.data if trace.customdata is not None]
    opened = {run for run in np.concatenate(points) if run}
    assert opened
    assert opened <= set(of.frame["run"])


def test_an_option_that_only_tells_datasets_apart_is_no_setting() -> None:
    design, frame = computed("compared")
    told = frame.assign(**{"x.episodes": frame["dataset"].map({"single-crossing": 20, "double-crossing": 200})})
    columns = (*design.columns, "x.episodes")
    assert compared(told, columns) == compared(frame, design.columns)
    assert Prepared(told, columns).settings == Prepared(frame, design.columns).settings


def test_each_run_is_a_dot_and_the_mark_is_the_interquartile_mean() -> None:
    of = prepared()
    figure = drawn("scores", of)
    final = of.frame[of.frame["step"] == 60]
    names = {"BC": "bc", "Naive Q": "q-learning", "BCQ": "bcq"}
    labels = figure.layout.yaxis.ticktext
    dots = {labels[round(float(np.mean(t.y)))]: t for t in figure.data if t.marker.size == 5}
    (marks,) = [t for t in figure.data if t.marker.size == 11 and t.xaxis in (None, "x")]
    for label, algorithm in names.items():
        scores = final.loc[final["algorithm"] == algorithm, "normalised"].to_numpy()
        np.testing.assert_allclose(np.sort(dots[label].x), np.sort(scores))
        place = labels.index(label)
        mean = interquartile_mean(scores)
        assert marks.x[place] == pytest.approx(mean)
        low, high = mean - marks.error_x.arrayminus[place], mean + marks.error_x.array[place]
        assert low - 1e-12 <= mean <= high + 1e-12
    assert list(marks.x) == sorted(marks.x), "the best stands at the top"


def test_pairs_are_shares_of_won_comparisons_and_hatched_where_a_half_is_possible() -> None:
    of = prepared()
    figure = drawn("pairs", of)
    table = np.array(figure.data[0].z, dtype=float)
    np.testing.assert_allclose((table + table.T)[~np.eye(3, dtype=bool)], 1.0)
    labels = list(figure.layout.yaxis.ticktext)
    final = of.frame[of.frame["step"] == 60]
    shares = []
    for task in product(["single-crossing", "double-crossing"], [0.0, 0.4]):
        mine = final[(final["dataset"] == task[0]) & (final["x.epsilon"] == task[1])]
        one, other = (mine.loc[mine["algorithm"] == name, "normalised"].to_numpy() for name in ("bcq", "bc"))
        shares.append(np.mean(one[:, None] > other) + 0.5 * np.mean(one[:, None] == other))
    assert table[labels.index("BCQ"), labels.index("BC")] == pytest.approx(np.mean(shares))
    (hover,) = [t for t in figure.data if t.hovertext is not None]
    undecided = 0
    for x, y, words in zip(hover.x, hover.y, hover.hovertext, strict=True):
        low, high = (float(end.replace("−", "-")) for end in words.partition("[")[2].partition("]")[0].split(", "))
        undecided += low <= 0.5 <= high
        assert f"P({labels[y]} > {labels[x]})" in words
    hatched = [t for t in figure.data if t.type == "scatter" and t.fillpattern.shape == "/"]
    assert sum(list(t.x).count(None) for t in hatched) == undecided


def test_a_phase_diagram_shows_the_best_mean_and_hatches_what_is_not_decided() -> None:
    of = prepared()
    figure = PICTURES["phases"].draw(of, "x.epsilon", "dataset")
    final = of.frame[of.frame["step"] == 60]
    shown = {(note.x, note.y): note.text for note in figure.layout.annotations}
    titles = {"bc": "BC", "q-learning": "Naive Q", "bcq": "BCQ"}
    for (column, epsilon), (row, dataset) in product(
        enumerate([0.0, 0.4]), enumerate(["double-crossing", "single-crossing"])
    ):
        cell = final[(final["x.epsilon"] == epsilon) & (final["dataset"] == dataset)]
        means = {name: interquartile_mean(part["normalised"]) for name, part in cell.groupby("algorithm")}
        assert shown[column, row] == titles[max(means, key=lambda name: means[name])]
    assert "Hatched: the interval of the lead contains 0" in note_of(figure)


def test_trying_one_policy_is_the_mean_and_trying_all_is_the_best() -> None:
    of = prepared()
    figure = drawn("budget", of)
    final = of.frame[of.frame["step"] == 60]
    (line,) = [t for t in figure.data if t.name == "all together"]
    tasks = final.groupby(["dataset", "x.epsilon"])["normalised"]
    assert line.y[0] == pytest.approx(tasks.mean().mean())
    assert line.y[-1] == pytest.approx(tasks.max().mean())
    assert list(line.y) == sorted(line.y)


def test_estimates_stand_against_the_truth() -> None:
    of = prepared("estimated")
    figure = drawn("estimates", of)
    frame = computed("estimated")[1]
    titles = [note.text for note in figure.layout.annotations if "ρ" in (note.text or "")]
    assert [title.partition("<")[0] for title in titles[:3]] == [
        "Fitted Q evaluation",
        "Importance sampling, weighted",
        "Doubly robust",
    ]
    first = [t for t in figure.data if t.customdata is not None and t.xaxis == "x"]
    pairs = sorted(pair for t in first for pair in zip(t.x, t.y, strict=True))
    np.testing.assert_allclose(pairs, sorted(zip(frame["fqe"], frame["judged"], strict=True)))


def test_estimates_beyond_the_axes_are_counted() -> None:
    design, frame = computed("estimated")
    wild = frame.copy()
    wild.loc[wild["wis"].idxmax(), "wis"] = 1e6
    assert "Beyond the axes" not in note_of(drawn("estimates", Prepared(frame, design.columns)))
    of = Prepared(wild, design.columns)
    figure = drawn("estimates", of)
    ends = {trace.xaxis: figure.layout[trace.xaxis.replace("x", "xaxis")].range for trace in figure.data}
    points = [(x, ends[t.xaxis]) for t in figure.data if t.customdata is not None for x in t.x if np.isfinite(x)]
    beyond = sum(not low <= x <= high for x, (low, high) in points)
    assert beyond
    assert f"Beyond the axes: {beyond} of all estimates." in note_of(figure)


def test_curves_mark_the_best_and_the_last_step() -> None:
    of = prepared()
    figure = drawn("curves", of)
    stars = {t.legendgroup: t for t in figure.data if t.marker.symbol == "star"}
    for name, algorithm in {"BC": "bc", "BCQ": "bcq"}.items():
        part = of.frame[of.frame["algorithm"] == algorithm]
        means = {step: interquartile_mean(rows["normalised"]) for step, rows in part.groupby("step")}
        assert stars[name].y[0] == pytest.approx(max(means.values()))
        assert means[stars[name].x[0]] == pytest.approx(max(means.values()))


def test_below_six_seeds_there_is_no_interval_and_the_picture_says_why() -> None:
    design, frame = computed("compared")
    few = Prepared(frame[frame["seed"] < 5], design.columns)
    figure = drawn("scores", few)
    assert "No intervals below 6 seeds" in note_of(figure)
    assert not any(np.any(t.error_x.array) for t in figure.data if t.error_x.array is not None)


def test_diverged_and_unscored_runs_are_counted_not_dropped_in_silence() -> None:
    of = prepared("diverging")
    assert "2 of 2 runs diverged" in of.note()
    assert "2 runs have no score" in of.note()
    design, frame = computed("compared")
    lost = frame.copy()
    lost.loc[lost.index[:2], "failed"] = "the worker died"
    lost.loc[lost.index[:2], "normalised"] = np.nan
    assert "1 runs could not be computed" in Prepared(lost, design.columns).note()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("pairs", "two things"), ("settings", "open an axis"), ("phases", "two"), ("estimates", "no estimates")],
)
def test_what_a_picture_lacks_is_said(name: str, reason: str) -> None:
    design, frame = computed("compared")
    one = frame[(frame["algorithm"] == "bc") & (frame["x.epsilon"] == 0.0)].drop(columns="value_start", errors="ignore")
    assert reason in PICTURES[name].lacks(Prepared(one, design.columns))


def test_what_can_be_compared_is_what_differs() -> None:
    design, frame = computed("compared")
    assert compared(frame, design.columns) == ["algorithm", "x.epsilon", "rho", "dataset"]
    assert compared(frame[frame["algorithm"] == "bc"], design.columns) == ["x.epsilon", "dataset"]


def test_one_wild_run_does_not_hide_the_others() -> None:
    design, frame = computed("compared")
    wild = frame.copy()
    wild.loc[wild["step"] == 60, "normalised"] = wild["normalised"].where(wild["seed"] > 0, -500.0)
    figure = drawn("scores", Prepared(wild, design.columns))
    assert figure.layout.xaxis.range[0] > -1.3
    symbols = np.concatenate([np.ravel(t.marker.symbol) for t in figure.data if t.marker.size == 5])
    assert "triangle-left" in symbols


def test_ten_thousand_runs_are_drawn_by_the_graphics_processor() -> None:
    design, frame = computed("compared")
    final = frame[frame["step"] == 60]
    many = pd.concat([final.assign(run=final["run"] + str(k), seed=final["seed"] + 6 * k) for k in range(20)])
    figure = drawn("scores", Prepared(many, design.columns))
    assert {t.type for t in figure.data if t.marker.size == 5} == {"scattergl"}
    assert sum(len(t.x) for t in figure.data if t.marker.size == 5) == len(many)
