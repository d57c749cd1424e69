"""Runs whose learners are given other rewards: beliefs and their truth in that unit, returns in the log's own."""

from __future__ import annotations

import numpy as np
import pytest

from offrl_core.dataset import Dataset
from offrl_live.runs import datasets
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.recorder import record
from offrl_live.runs.script import script

GIVEN = {"reward_scale": 0.1, "reward_shift": -0.02}
LOG = Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 4.0, 0.0, 2.0], [False, True, False, True], gamma=0.9)


def test_a_known_world_shows_both_units() -> None:
    plain = record(RunConfig("double-crossing", {}, (Lane("bcq"),)), [0, 400])
    given = record(RunConfig("double-crossing", GIVEN, (Lane("bcq"),)), [0, 400])
    names = {metric["name"]: i for i, metric in enumerate(given.hello["metrics"])}
    last = {name: float(given.frames[-1].metrics[0, place]) for name, place in names.items()}
    own = {m["name"]: float(plain.frames[-1].metrics[0, i]) for i, m in enumerate(plain.hello["metrics"])}
    assert "return_given" not in own
    # Where a step costs 0.02 and the goal pays 0.1, the near 0.03 is better: six steps for 0.3 in the log's own unit.
    assert own["return"] == pytest.approx(0.95**11, abs=1e-4)
    assert last["return"] == pytest.approx(0.3 * 0.95**5, abs=1e-6)
    assert last["return_given"] == pytest.approx(0.03 * 0.95**5 - 0.02 * (1 - 0.95**6) / 0.05, abs=1e-5)
    assert last["value_start"] == pytest.approx(last["return_given"], abs=1e-4)
    assert last["gap"] == pytest.approx(0.0, abs=1e-4)
    assert last["q_data"] == pytest.approx(last["q_data_true"], abs=0.05)
    truth = given.hello["truth"]
    assert truth["rewards"] == "0.1·r − 0.02"
    assert truth["optimal"] == pytest.approx(plain.hello["truth"]["optimal"])
    assert truth["q_bound"] == pytest.approx(0.08 / 0.05)
    panels = {metric["name"]: (metric["panel"], metric["unit"]) for metric in given.hello["metrics"]}
    assert panels["return"] == ("return", "reward")
    assert panels["return_given"] == ("q", "given reward")
    assert panels["value_start"] == ("q", "given reward")
    assert {m["name"]: m["panel"] for m in plain.hello["metrics"]}["value_start"] == "return"


def test_a_world_that_is_played_shows_both_units() -> None:
    given = record(RunConfig("cartpole", {"episodes": 5, "reward_scale": 0.5}, (Lane("bc", "mlp"),)), [0])
    values = given.frames[0].metrics[0]
    found = {metric["name"]: float(values[i]) for i, metric in enumerate(given.hello["metrics"])}
    assert found["return"] > 1
    assert found["return_given"] == pytest.approx(0.5 * found["return"], rel=1e-5)


def test_the_script_leaves_the_same_episodes_out() -> None:
    data = Dataset.from_columns(
        [0, 1, 0, 1, 1, 0, 1],
        [0, 1, 1, 0, 1, 0, 0],
        [0.0, 4.0, 0.0, 2.0, 9.0, 1.0, 1.0],
        [0, 1, 0, 1, 1, 0, 1],
        gamma=0.9,
    )
    options = {"leave_out": "0", "shorter_than": 2, "reward_unit": "return-range", "reward_scale": 2.0}
    config = RunConfig(datasets.keep(data), {**options, "reward_unit": "log"}, (Lane("bc"),))
    source = script(config, 3)
    assert ".without_episodes('0', shorter_than=2).with_rewards(scale=2.0)" in source
    assert ".without_episodes" not in script(RunConfig(config.dataset, {}, (Lane("bc"),)), 3)
    assert ".without_episodes(return_above=3.5)" in script(
        RunConfig(config.dataset, {"return_above": 3.5}, (Lane("bc"),)), 3
    )
    made = Engine(config).dataset
    again = data.without_episodes("0", shorter_than=2).with_rewards(scale=2.0)
    assert made.fingerprint == again.fingerprint
    assert made.rewards.tolist() == [0.0, 4.0, 2.0, 2.0]
    # The unit of returns is that of the episodes that stay: 1.8 and 1.9 instead of 1.8 to 9.
    ranged = RunConfig(config.dataset, options, (Lane("bc"),))
    assert np.ptp(Engine(ranged).dataset.episode_returns(0.9)) == pytest.approx(2.0)
    with pytest.raises(ConfigError, match="there is no episode 4: the data has episodes 0 to 3"):
        RunConfig(config.dataset, {"leave_out": "4"}, (Lane("bc"),))


def test_the_script_gives_the_same_rewards() -> None:
    config = RunConfig(datasets.keep(LOG), {"reward_unit": "return-range", "reward_scale": 2.0}, (Lane("bc"),))
    source = script(config, 3)
    assert ".with_rewards(unit='return-range', scale=2.0)" in source
    assert ".with_rewards" not in script(RunConfig(config.dataset, {}, (Lane("bc"),)), 3)
    assert Engine(config).dataset.rewards.tolist() == pytest.approx((2 * LOG.rewards / 1.8).tolist())
    assert np.ptp(Engine(config).dataset.episode_returns(0.9)) == pytest.approx(2.0)
