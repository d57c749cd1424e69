"""An algorithm, a dataset and a metric that the program has never seen are wherever it lists what it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import expect

import offrl_core as orl
from offrl_core import algos
from offrl_core.algos.q_learning import QLearning
from offrl_core.algos.shared_hyperparameters import GAMMA
from offrl_core.data import catalogue
from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, collect
from offrl_core.data.spec import DatasetSpec
from offrl_core.declarations import Hyperparameter
from offrl_core.learning import docs, metric_catalogue
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.tabular import TabularMDP
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.export import RunExport
from offrl_live.runs.recorder import record
from offrl_ui.playground.replay_file import replay_html
from offrl_ui.setup import algorithm_cards, controls, dataset_cards, links, selection


class Cautious(QLearning):
    """Q-learning whose policy is mixed with doing anything."""

    name = "cautious-q"
    title = "Cautious Q-learning"
    summary = "Naive Q-learning that never quite trusts itself."
    source = "nobody, never"
    hyperparameters = (
        *QLearning.hyperparameters,
        Hyperparameter("doubt", r"\delta", 0.25, "Share of any action: up is closer to uniform.", low=0.0, high=1.0),
    )

    def policy(self, batch, hp):
        greedy = super().policy(batch, hp)
        doubt = hp.doubt[:, :, None]
        return np.asarray((1 - doubt) * greedy + doubt / greedy.shape[1], dtype=np.float32)


def _corridor(seed: int, chosen: dict) -> orl.Dataset:
    transitions = np.zeros((3, 2, 3))
    for place in range(3):
        transitions[place, 0, max(place - 1, 0)] = transitions[place, 1, min(place + 1, 2)] = 1.0
    world = TabularMDP(
        transitions,
        np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
        initial=[1, 0, 0],
        action_names=("left", "right"),
        layout=GridLayout(rows=1, cols=3, cells="S..", state_of_cell=(0, 1, 2), directions=((0, -1), (0, 1))),
        name="corridor",
    )
    drift = np.tile([1 - chosen["drift"], chosen["drift"]], (3, 1))
    return collect(world, [Behavior("drifter", drift)], chosen["episodes"], horizon=20, seed=seed)


CORRIDOR = DatasetSpec(
    name="corridor",
    title="Corridor",
    description="Three places in a row.",
    lesson="The last one pays.",
    options=(
        opt.DatasetOption("drift", "d", 0.5, "Chance of going right: up earns more.", low=0.1, high=0.9),
        opt.episodes(20),
        opt.gamma(0.9),
    ),
    builder=_corridor,
)
SHARPNESS = orl.Metric(
    name="sharpness",
    title="sharpness of the policy",
    unit="probability",
    formula=r"\operatorname{mean}_s \max_a \pi(a\mid s)",
    help="If this grows, the policy is surer of what it does.",
    bad="At 1 from the start.",
    panel="policy",
    measure=lambda snapshot, dataset: np.asarray(snapshot.policy.max(axis=2).mean(axis=1)),
)


@pytest.fixture(autouse=True)
def newcomers(monkeypatch: pytest.MonkeyPatch) -> None:
    """All three, registered for the length of one test."""
    monkeypatch.setattr(algos, "_added", {})
    monkeypatch.setattr(metric_catalogue, "_added", {})
    monkeypatch.setattr(catalogue, "CATALOGUE", {**catalogue.CATALOGUE})
    for newcomer in (Cautious, CORRIDOR, SHARPNESS):
        orl.register(newcomer)


def run() -> RunConfig:
    lane = Lane("cautious-q", "table", 2, {"doubt": 0.5})
    return RunConfig("corridor", {"drift": 0.75}, (lane,))


def export() -> RunExport:
    return record(run(), [0, 1, 5, 20], title="Newcomers")


def test_the_picker_shows_their_cards() -> None:
    shown = {card["id"]: card for card in dataset_cards.dataset_cards()}
    assert shown["corridor"]["title"] == "Corridor"
    assert "svg" in shown["corridor"]["picture"]
    (group,) = (
        group for group in algorithm_cards.algorithm_cards() if any(c["id"] == "cautious-q" for c in group["cards"])
    )
    (card,) = (card for card in group["cards"] if card["id"] == "cautious-q")
    assert card["title"] == "Cautious Q-learning"
    assert "J(π)" in card["text"]


def test_the_panel_shows_their_controls_and_takes_their_values() -> None:
    sections = {section["id"]: section["items"] for section in controls.data_sections(run(), every=True)}
    drift = next(item for item in sections["world"] if item["name"] == "drift")
    assert (drift["value"], drift["label"], drift["high"]) == (0.75, "drift", 0.9)
    sections = {section["id"]: section["items"] for section in controls.lane_sections(run(), 0)}
    names = [item["name"] for item in sections["algorithm"]]
    assert names.index("doubt") < names.index(GAMMA.name)
    changed, notes = controls.apply(run(), 0, {"algorithm": {"doubt": 0.1}, "world": {"drift": 0.2}})
    assert notes == []
    assert changed.lanes[0].hyperparameters["doubt"] == 0.1
    assert changed.options["drift"] == 0.2
    _, (note,) = controls.apply(run(), 0, {"algorithm": {"doubt": 7}})
    assert "from 0 to 1" in note.message


def test_their_link_is_read_back_as_their_run() -> None:
    parts = links.link(run())
    assert parts["data"] == "corridor"
    assert parts["x.drift"] == "0.75"
    assert parts["algo"] == "cautious-q"
    assert parts["doubt"] == "0.5"
    assert links.parse({name: [value] for name, value in parts.items()}) == (run(), [])


def test_another_choice_keeps_what_they_have_in_common() -> None:
    lane = selection.other_system(run(), 0, "bcq", "table")
    assert "doubt" not in lane.hyperparameters
    assert selection.other_dataset(run(), "double-crossing").lanes[0].algorithm == "cautious-q"


def test_the_documentation_describes_them() -> None:
    page = docs.write()
    assert "### Cautious Q-learning (`cautious-q`)" in page
    assert "Share of any action: up is closer to uniform." in page
    assert "sharpness of the policy" in page


def test_a_run_declares_their_metric_for_the_charts() -> None:
    hello = export().hello
    assert hello is not None
    (declared,) = (metric for metric in hello["metrics"] if metric["name"] == "sharpness")
    assert declared["title"] == "sharpness of the policy"
    assert declared["panel"] == "policy"
    # Greedy with doubt ½ between two actions: the surer one has probability ¾.
    assert export().columns()["sharpness"][-1] == pytest.approx(0.75)


def test_the_stage_draws_their_curve(page: BrowserPage, tmp_path: Path) -> None:
    file = tmp_path / "newcomers.html"
    file.write_bytes(replay_html(export().recording(), "Newcomers"))
    page.goto(file.as_uri())
    page.wait_for_function("document.querySelector('.stage').stage?.curves?.figure?.traces.length", timeout=60_000)
    traces = "document.querySelector('.stage').stage.curves.figure.traces"
    assert "sharpness" in page.evaluate(f"{traces}.map((trace) => trace.metric.name)")
    expect(page.locator(".stage").get_by_text("sharpness of the policy").first).to_be_visible()
