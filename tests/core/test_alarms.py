"""Alarms on hand-made curves: each rises on its own symptom, stays silent on health, and calms down."""

from dataclasses import replace

import numpy as np
import pytest

from offrl_core.algos import algorithms, hyperparameters
from offrl_core.evaluation.alarm_rules import RULES, WINDOW, Facts
from offrl_core.evaluation.alarms import Watch
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.recorder import record, schedule

HEALTHY = {
    "q_max": 0.9,
    "q_min": 0.0,
    "q_data": 0.5,
    "q_missing": 0.1,
    "effective_sample_size": 0.8,
    "weight_max_share": 0.01,
    "weight_max": 2.0,
    "clipped": 0.1,
    "entropy": 0.5,
    "mass_unseen": 0.0,
    "return": 0.5,
    "value_start": 0.5,
    "loss_policy": 0.4,
    "loss_td": 0.01,
}
FACTS = Facts(q_bound=1.0, q_floor=0.0, trains_policy=True, actions=4, rows=500, behavior_entropy=0.6, return_scale=1.0)


def _curves(frames, **changed):
    """Every metric over `frames`; a changed one is a number or a function of the frame's share of the whole."""
    for frame in range(frames):
        share = frame / (frames - 1)
        yield {name: np.array([v(share) if callable(v) else v]) for name, v in {**HEALTHY, **changed}.items()}


def _kinds(frames=3 * WINDOW, facts=FACTS, **changed):
    watch = Watch([facts])
    for step, metrics in enumerate(_curves(frames, **changed)):
        watch.see(step, metrics)
    return {alarm.kind for alarm in watch.active}


def test_health_is_silent():
    assert _kinds() == set()
    assert _kinds(loss_policy=lambda t: 1 - t, value_start=lambda t: t, **{"return": lambda t: t}) == set()


@pytest.mark.parametrize(
    ("kind", "symptom"),
    [
        ("above-bound", {"q_max": 1.2}),
        ("below-floor", {"q_data": lambda t: -3 * t - 0.1, "q_missing": -9.0}),
        ("missing-rises", {"q_missing": lambda t: 0.6 + t}),
        ("few-rows", {"effective_sample_size": 0.02}),
        ("few-rows", {"weight_max_share": 0.7}),
        ("all-clipped", {"clipped": 1.0}),
        ("entropy", {"entropy": 1e-3}),
        ("leaves-data", {"mass_unseen": 0.4}),
        ("illusion", {"return": lambda t: 0.5 - 0.4 * t, "value_start": lambda t: 0.5 + t}),
        ("vanished", {"weight_max": 0.0}),
    ],
)
def test_each_symptom_raises_its_own_alarm_and_no_other(kind, symptom):
    assert _kinds(**symptom) == {kind}


def test_every_rule_is_tested():
    parametrized = test_each_symptom_raises_its_own_alarm_and_no_other.pytestmark[0].args[1]
    tested = {kind for kind, _ in parametrized}
    assert tested == {rule.kind for rule in RULES}


def test_a_greedy_policy_has_no_entropy_to_lose():
    greedy = Facts(1.0, 0.0, trains_policy=False, actions=4, rows=500, behavior_entropy=0.6, return_scale=1.0)
    assert _kinds(facts=greedy, entropy=0.0) == set()


def test_a_policy_that_is_as_good_as_the_data_allows_may_be_certain():
    sure = {"entropy": 1e-3, "return": 0.98}
    assert _kinds(**sure) == {"entropy"}
    assert _kinds(facts=replace(FACTS, best=1.0), **sure) == set()
    assert _kinds(facts=replace(FACTS, best=1.2), **sure) == {"entropy"}


def test_values_that_no_target_asks_for_are_no_alarm():
    on_data = replace(FACTS, stays_on_data=True)
    assert _kinds(facts=on_data, q_max=1.2) == set()
    assert _kinds(facts=on_data, q_max=1.2, q_data=1.1) == {"above-bound"}


def test_what_sinks_without_end_is_told_from_what_comes_to_rest():
    straight = {"q_min": lambda t: -1000 * t}
    assert _kinds(frames=60, **straight) == {"below-floor"}
    assert _kinds(frames=60, q_min=lambda t: -9 * t) == set(), "no further than a penalty may push"
    levelling = {"q_min": lambda t: -100 * np.log1p(59 * t)}
    assert _kinds(frames=60, **levelling) == set()


@pytest.mark.parametrize(
    ("form", "kinds"), [("lecture-a", {"below-floor"}), ("lecture-b", {"below-floor"}), ("paper", set())]
)
def test_the_forms_without_a_floor_are_named(form: str, kinds: set[str]):
    lane = Lane("cql", hyperparameters={"form": form})
    run = record(RunConfig("double-crossing", {}, (lane,)), schedule(6000, 120))
    assert {alarm["kind"] for alarm in run.alarms} == kinds


GOOD = [
    ("two-actions", "rwr"), ("single-crossing", "iql"), ("cliff-walking", "iql"), ("cliff-walking", "bcq"),
    ("cliff-walking", "constrained-q"), ("double-crossing", "crr"), ("double-crossing", "bcq"), ("frozen-lake", "bcq"),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "algorithm"), GOOD)
def test_good_runs_are_left_in_peace(dataset: str, algorithm: str):
    lane = {"signal": "reward"} if algorithm == "rwr" else {}
    run = record(RunConfig(dataset, {}, (Lane(algorithm, hyperparameters=lane),)), schedule(1500, 80))
    names = [metric["name"] for metric in run.hello["metrics"]]
    reached, best = run.frames[-1].metrics[0, names.index("return")], run.hello["truth"]["in_support"]
    assert reached > best - 0.15 * abs(best), "this is no good run"
    assert run.alarms == []


@pytest.mark.parametrize("system", list(algorithms()))
def test_who_stays_on_the_data_is_known(system: str):
    values = {h.name: h.default for h in hyperparameters(system, "table")}
    assert algorithms()[system]().stays_on_data(values) == (system in ("iql", "mc-q", "constrained-q", "bcq"))


@pytest.mark.parametrize(("width", "kinds"), [(0.02, {"illusion"}), (0.6, set())])
def test_a_fall_within_the_error_of_measuring_is_no_fall(width, kinds):
    fall = {"return": lambda t: 0.5 - 0.4 * t, "value_start": lambda t: 0.5 + t}
    interval = {"return_low": lambda t: 0.5 - 0.4 * t - width / 2, "return_high": lambda t: 0.5 - 0.4 * t + width / 2}
    assert _kinds(**interval, **fall) == kinds


@pytest.mark.parametrize(
    ("curves", "probes", "said"),
    [
        ({"effective_sample_size": 0.02}, 0, "2.0% of the data"),
        ({"effective_sample_size": 0.02}, 256, "2.0% of the 256 rows that are looked at"),
        ({"weight_max_share": 0.7}, 0, "A single row carries 70% of all weight"),
        ({"mass_unseen": 0.4}, 0, "never shows in those states"),
        ({"mass_unseen": 0.4}, 256, "never shows near those states"),
        ({"weight_max_share": 0.7}, 256, "One of the 256 rows that are looked at carries 70% of their weight"),
    ],
)
def test_what_is_found_at_the_probes_is_not_said_of_all_data(curves, probes, said):
    watch = Watch([replace(FACTS, probes=probes)])
    for step, metrics in enumerate(_curves(3 * WINDOW, **curves)):
        watch.see(step, metrics)
    (alarm,) = watch.active
    assert said in alarm.cause


def test_a_handful_of_rows_is_always_few():
    handful = Facts(1.0, 0.0, trains_policy=True, actions=2, rows=2, behavior_entropy=0.6, return_scale=1.0)
    assert _kinds(facts=handful, weight_max_share=1.0, effective_sample_size=0.0) == set()


def test_mass_on_unseen_actions_that_is_being_learned_away_is_no_alarm():
    assert _kinds(mass_unseen=lambda t: 0.8 - 0.6 * t) == set()


def test_missing_metrics_raise_nothing():
    watch = Watch([FACTS])
    for step in range(WINDOW * 2):
        assert watch.see(step, {"loss_policy": np.array([1.0 / (step + 1)])}) == []


def test_an_alarm_rises_once_after_patience_and_calms_down_once():
    watch, seen = Watch([FACTS]), []
    for step in range(40):
        metrics = next(_curves(2, q_max=1.5 if 10 <= step < 25 else 0.9))
        seen += [(alarm.kind, alarm.active, alarm.step) for alarm in watch.see(step, metrics)]
    assert seen == [("above-bound", True, 12), ("above-bound", False, 27)]


def test_members_are_watched_apart_and_the_cause_names_its_numbers():
    watch = Watch([FACTS, FACTS])
    alarms = []
    for step in range(5):
        metrics = {name: np.array([value, value]) for name, value in HEALTHY.items()}
        metrics["q_max"] = np.array([0.9, 7.5])
        alarms += watch.see(step, metrics)
    (alarm,) = alarms
    assert (alarm.member, alarm.kind) == (1, "above-bound")
    assert "7.5" in alarm.cause
    assert "1" in alarm.cause
    assert alarm.to_json()["panel"] == "q"
