"""What orders rows, actions of several columns, propensities, and rows that hold whole episodes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import (
    CASES,
    assert_same,
    case,
    codes,
    finding,
    log,
    minari_hdf5,
    parquet,
    read_csv,
    read_file,
    stacked,
)

import offrl_core as orl
from offrl_core.evaluation.doubly_robust import doubly_robust
from offrl_core.evaluation.importance_sampling import importance_sampling
from offrl_core.formats import ColumnMapping, FileError

# --- what orders rows, and what is a state ----------------------------------------------------------------------------


def test_times_order_rows_and_are_no_states() -> None:
    reading = case("event_time.csv")
    assert (reading.mapping.state, reading.mapping.time) == (("obs",), "event_time")
    np.testing.assert_array_equal(reading.dataset.observations[:3], [0, 1, 2])  # 10:00:01, :05, :09
    assert [reading.dataset.action_names[a] for a in reading.dataset.actions[:3]] == ["b", "a", "a"]


def test_clocks_and_many_actions() -> None:
    """500 items, visits in any order, seconds since 1970 as the only order."""
    rng = np.random.default_rng(0)
    visits, steps = 100, 10
    table = pd.DataFrame(
        {
            "visitor_id": np.repeat(np.arange(visits) + 7000, steps),
            "ts": 1_700_000_000 + np.arange(visits * steps) * 37,
            "cohort": rng.integers(0, 8, visits * steps),
            "action": rng.permutation(visits * steps) % 500,
            "reward": rng.integers(0, 2, visits * steps),
        }
    )
    reading = read_csv(table.sample(frac=1, random_state=2).to_csv(index=False))
    assert (reading.mapping.state, reading.mapping.time) == (("cohort",), "ts")
    assert (reading.mapping.action, reading.mapping.episode) == ("action", "visitor_id")
    data = reading.dataset
    assert (data.n_actions, data.n_episodes, data.n_states) == (500, 100, 8)
    assert "500 distinct whole numbers" in finding(reading, "many-actions").message
    order = np.argsort(data.actions[data.episode_starts])  # episodes come as they first appear in the file
    first = table.groupby("visitor_id").first()
    np.testing.assert_array_equal(data.actions[data.episode_starts][order], np.sort(first["action"]))


def test_lists_and_structures_take_part() -> None:
    data = case("struct.parquet").dataset
    assert data.observation_names == ("obs.x", "obs.y")
    np.testing.assert_allclose(data.observations, np.float32([[0.1, 1], [0.2, 2], [0.1, 1], [0.4, 2]]))
    robot = case("lerobot.parquet")
    table = pq.read_table(CASES / "lerobot.parquet").to_pydict()
    np.testing.assert_allclose(robot.dataset.observations, np.float32(table["observation.state"]))
    np.testing.assert_array_equal(robot.dataset.actions, np.ravel(table["action"]))
    assert (robot.dataset.n_episodes, robot.mapping.time) == (3, "frame_index")
    assert robot.dataset.terminations.sum() == 3


# --- several columns are one action -----------------------------------------------------------------------------------


def test_two_columns_are_one_action() -> None:
    reading = case("two_actions.csv")
    table = pd.read_csv(CASES / "two_actions.csv")
    data = reading.dataset
    assert reading.mapping.action == ("action_iv", "action_vaso")
    assert (data.n_actions, data.observation_names) == (25, ("HR", "MAP"))
    np.testing.assert_array_equal(data.actions, 5 * table["action_iv"] + table["action_vaso"])
    assert data.action_names[7] == "action_iv=1, action_vaso=2"
    assert "25 actions" in finding(reading, "combined-actions").message
    assert "5 × 5" in finding(reading, "combined-actions").remedy
    assert ColumnMapping.from_json(json.loads(json.dumps(reading.mapping.to_json()))) == reading.mapping


def test_labels_numbers_and_flags_are_combined() -> None:
    text = "x,gas,steer,brake,r\n" + "\n".join(
        f"{i / 7},{i % 2},{('left', 'right', 'none')[i % 3]},{('true', 'false')[i // 6]},{i}" for i in range(12)
    )
    mapping = {"state": ["x"], "action": ["gas", "steer", "brake"], "reward": "r"}
    reading = read_csv(text, mapping=mapping)
    data = reading.dataset
    assert data.n_actions == 2 * 3 * 2
    first = ["gas=0, steer=left, brake=0", "gas=0, steer=left, brake=1", "gas=0, steer=none, brake=0"]
    assert list(data.action_names[:3]) == first
    assert data.action_names[data.actions[5]] == "gas=1, steer=none, brake=1"
    assert data.action_names[data.actions[7]] == "gas=1, steer=right, brake=0"


def test_more_combinations_than_actions_are_those_that_occur() -> None:
    rng = np.random.default_rng(0)
    flags = np.concatenate([np.zeros((1, 12), int), rng.integers(0, 2, (40, 12))])
    names = [f"action_{i}" for i in range(12)]
    text = pd.DataFrame(flags, columns=names).assign(state=0, reward=0.0).to_csv(index=False)
    data = read_csv(text).dataset
    assert data.n_actions == len(np.unique(flags, axis=0))
    for row in (0, 7, 40):
        assert data.action_names[data.actions[row]] == ", ".join(
            f"{n}={v}" for n, v in zip(names, flags[row], strict=True)
        )


def test_one_hot_columns_are_one_action() -> None:
    reading = case("onehot_action.csv")
    table = pd.read_csv(CASES / "onehot_action.csv")
    np.testing.assert_array_equal(reading.dataset.actions, table[["a_0", "a_1", "a_2"]].to_numpy().argmax(axis=1))
    assert reading.dataset.action_names == ("a_0", "a_1", "a_2")
    assert reading.dataset.observation_names == ("HR", "MAP")
    # As combinations they would be eight; said to be one-hot, a row with none is refused.
    mapping = replace(reading.mapping, actions="labels")
    assert case("onehot_action.csv", mapping=mapping).dataset.n_actions == 8
    spoilt = table.assign(a_0=0).to_csv(index=False)
    row = int(np.flatnonzero(table["a_0"])[0]) + 1
    with pytest.raises(FileError, match=rf"row {row}, column 'a_0, a_1, a_2': one-hot.*'labels'"):
        read_csv(spoilt, mapping=replace(reading.mapping, actions="one-hot"))


@pytest.mark.parametrize("kind", [bool, float, int])
def test_one_hot_columns_by_other_names(kind: type) -> None:
    chosen = np.arange(30) % 4
    table = pd.get_dummies(pd.Series(np.array(["stop", "left", "right", "wait"])[chosen]), prefix="action", dtype=kind)
    reading = read_file(
        parquet({"obs": np.arange(30) % 5, **{n: table[n].to_numpy() for n in table}, "reward": [0.0] * 30})
    )
    assert reading.dataset.action_names == ("action_left", "action_right", "action_stop", "action_wait")
    assert [reading.dataset.action_names[a] for a in reading.dataset.actions[:4]] == [
        f"action_{n}" for n in ("stop", "left", "right", "wait")
    ]
    assert reading.mapping.state == ("obs",)


def test_a_part_of_an_action_must_be_there() -> None:
    text = "s,action_x,action_y,r\n0,1,2,0\n1,,1,0\n0,0,1,1\n"
    with pytest.raises(
        FileError, match=r"row 2, column 'action_x': this part of the action is missing \(1 such rows\)"
    ):
        read_csv(text)
    final = read_csv("ep,s,action_x,action_y,r\n1,0,1,2,0\n1,1,,,\n2,1,0,1,1\n2,0,,,\n").dataset
    assert (len(final), final.next_known.all()) == (2, True)
    assert final.action_names[final.actions[0]] == "action_x=1, action_y=2"


def test_columns_beside_an_action_are_no_states() -> None:
    text = "pulse,action,action_iv,action_mask,action_prob,r\n" + "\n".join(
        f"{i / 3},{i % 2},{i % 3},1,0.5,{i}" for i in range(9)
    )
    mapping = read_csv(text).mapping
    assert (mapping.state, mapping.action, mapping.propensity) == (("pulse",), "action", "action_prob")


def test_minari_combines_what_its_space_declares() -> None:
    reading = case("multidisc-hdf5-v0")
    assert reading.dataset.n_actions == 6
    assert reading.dataset.action_names == ("(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)", "(2, 0)", "(2, 1)")
    episodes = log(episodes=3)
    for episode in episodes:
        episode["actions"] = np.stack([episode["actions"], episode["actions"] % 2], axis=1)
    wide = json.dumps({"type": "MultiDiscrete", "nvec": [4, 3], "start": [0, 0], "dtype": "int64"})
    data = read_file(minari_hdf5(episodes, {"action_space": wide})).dataset
    first = stacked(episodes, "actions")[:, 0]
    assert data.n_actions == 12
    np.testing.assert_array_equal(data.actions, 3 * first + first % 2)
    narrow = json.dumps({"type": "MultiDiscrete", "nvec": [2, 2]})
    with pytest.raises(FileError, match=r"2 is not allowed: it must be from 0 to 1"):
        read_file(minari_hdf5(episodes, {"action_space": narrow}))


# --- how likely the behaviour was -------------------------------------------------------------------------------------


def always(action: int, actions: int) -> Any:
    return lambda observations: np.tile(np.eye(actions)[action], (len(observations), 1))


def test_a_recorded_propensity_is_used() -> None:
    reading = case("decision_table.csv")
    table = pd.read_csv(CASES / "decision_table.csv")
    assert reading.mapping.propensity == "pscore"
    assert "propensities" in codes(reading)
    data = reading.dataset
    np.testing.assert_array_equal(data.propensities, table["pscore"])
    # Inverse propensity scoring by its formula: the mean of r·1[a = call]/p.
    truth = (table["reward"] * (table["action"] == "call") / table["pscore"]).mean()
    call = data.action_names.index("call")
    assert importance_sampling(data, always(call, 3), weighting="ordinary").value == pytest.approx(truth)
    told = doubly_robust(data, always(call, 3), progress=False)
    given = doubly_robust(data, always(call, 3), behavior=data.propensities, progress=False)
    assert told == given


def bandit(name: str, values: Any) -> str:
    rows = "\n".join(f"{i % 3},{'ab'[i % 2]},{i % 4},{value}" for i, value in enumerate(values))
    return f"context,action,reward,{name}\n{rows}\n"


@pytest.mark.parametrize("name", ["propensity", "logprob", "action_logp", "pScore", "behavior_prob"])
@pytest.mark.parametrize("logs", [False, True])
def test_logarithms_are_told_from_probabilities(name: str, logs: bool) -> None:
    if "log" in name and not logs:
        return
    chances = np.array([0.25, 0.5, 0.125, 1.0, 0.75, 0.1, 0.9, 0.3])
    reading = read_csv(bandit(name, np.log(chances) if logs else chances))
    np.testing.assert_allclose(reading.dataset.propensities, chances)
    assert reading.mapping.each_row == "episode"
    assert ("logarithms" in finding(reading, "propensities").remedy) == logs


@pytest.mark.parametrize(
    ("name", "bad", "why"),
    [
        ("propensity", 0.0, r"0(\.0)? is not allowed: a probability must be in \(0, 1\]"),
        ("propensity", 1.5, r"1\.5 is not allowed: a probability"),
        ("propensity", "", "every row needs the probability"),
        ("logprob", 0.5, r"0\.5 is not allowed: the logarithm"),
    ],
)
def test_what_is_no_probability_is_refused(name: str, bad: Any, why: str) -> None:
    values: list[Any] = [-0.5] * 6 if name == "logprob" else [0.5] * 6
    values[3] = bad
    mapping = {"state": ["context"], "action": "action", "reward": "reward", "propensity": name, "each_row": "episode"}
    with pytest.raises(FileError, match=rf"row 4, column '{name}': {why}"):
        read_csv(bandit(name, values), mapping=mapping)
    if bad != "":
        guessed = read_csv(bandit(name, values))
        assert guessed.mapping.propensity is None  # by itself nothing is taken that cannot be one
        assert name in finding(guessed, "unused-columns").message


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz", ".hdf5"])
def test_propensities_are_written_and_cut_with_the_rows(ending: str, tmp_path: Path) -> None:
    chances = np.linspace(0.1, 1.0, 12)
    rows = "\n".join(f"{i // 4},{i % 3},{i % 2},{i},{float(chances[i])!r}" for i in range(12))
    data = read_csv(f"episode,state,action,reward,propensity\n{rows}\n").dataset
    data.to_file(tmp_path / f"log{ending}", format="minari" if ending == ".hdf5" else None)
    for isolated in (False, True):
        back = orl.Dataset.from_file(tmp_path / f"log{ending}", isolated=isolated)
        np.testing.assert_array_equal(back.propensities, chances)
        assert_same(replace(back, name=data.name), data)
    keep = data.actions == 0
    np.testing.assert_array_equal(data.subset(keep).propensities, chances[keep])
    with pytest.raises(orl.DatasetError, match=r"propensities, row 1: 0.0 is not allowed"):
        orl.Dataset.from_columns([0, 1], [0, 1], [0, 1], [0, 1], propensities=[1, 0.0])


# --- a row holds an episode -------------------------------------------------------------------------------------------


def test_rows_of_lists_are_episodes() -> None:
    reading = case("dt_rows.parquet")
    assert reading.mapping.each_row == "trajectory"
    data = reading.dataset
    np.testing.assert_allclose(
        data.observations, np.float32([[0.1, 0.2], [0.3, 0.4], [0.1, 0.2], [0.5, 0.6], [0.7, 0.8]])
    )
    np.testing.assert_array_equal(data.actions, [0, 1, 1, 0, 1])
    np.testing.assert_array_equal(data.rewards, [0, 1, 0, 0, 1])
    np.testing.assert_array_equal(data.terminations, [False, True, False, False, True])
    np.testing.assert_array_equal(data.episode_starts, [0, 2])


def test_arrays_of_episodes_and_steps_are_episodes() -> None:
    arrays = np.load(CASES / "ep_major.npz")
    data = case("ep_major.npz").dataset
    np.testing.assert_allclose(data.observations, arrays["observations"].reshape(60, 4).astype(np.float32))
    np.testing.assert_array_equal(data.actions, arrays["actions"].ravel())
    np.testing.assert_array_equal(data.rewards, arrays["rewards"].ravel())
    np.testing.assert_array_equal(data.episode_starts, [0, 20, 40])
    file = io.BytesIO()
    after = np.arange(3 * 21 * 4).reshape(3, 21, 4) / 7
    np.savez(file, states=after, acts=arrays["actions"][..., None], rews=arrays["rewards"])
    final = read_file(file.getvalue()).dataset
    assert len(final) == 60
    assert final.next_known.all()
    np.testing.assert_allclose(final.next_observations, after[:, 1:].reshape(60, 4).astype(np.float32))
    file = io.BytesIO()
    wide = np.arange(2 * 500 * 20).reshape(2, 500, 20) / 9  # as large as a picture, and none
    np.savez(file, obs=wide, act=np.arange(1000).reshape(2, 500) % 3, rew=np.ones((2, 500)))
    many = read_file(file.getvalue())
    np.testing.assert_allclose(many.dataset.observations, wide.reshape(1000, 20).astype(np.float32))
    assert (many.dataset.n_episodes, many.mapping.shrink) == (2, None)


def lists(**columns: list[Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_lists_with_final_states_labels_and_single_values() -> None:
    columns = {
        "obs": [["home", "list", "home"], ["list", "item"]],
        "acts": [["look", "buy"], ["leave"]],
        "rews": [[0.0, 1.0], [2.0]],
        "terminated": [True, False],
        "user": [7, 9],
    }
    reading = read_file(lists(**columns))
    data = reading.dataset
    assert data.observation_names == ("home", "item", "list")
    np.testing.assert_array_equal(data.observations, [0, 2, 2])
    np.testing.assert_array_equal(data.next_observations, [2, 0, 1])
    np.testing.assert_array_equal(data.terminations, [False, True, False])
    np.testing.assert_array_equal(data.truncations, [False, False, True])
    assert [data.action_names[a] for a in data.actions] == ["look", "buy", "leave"]
    text = pd.DataFrame({n: [json.dumps(v) if isinstance(v, list) else v for v in c] for n, c in columns.items()})
    written = read_csv(text.to_csv(index=False)).dataset
    assert_same(replace(written, name=data.name), data)


def test_lists_that_do_not_fit_are_refused_by_their_row() -> None:
    with pytest.raises(FileError, match=r"row 2, column 'actions': it has 1 elements, the rewards have 3"):
        read_file(lists(state=[[0, 1], [1, 0, 1]], actions=[[0, 1], [1]], rewards=[[0.0, 1.0], [0.0, 0.0, 1.0]]))
    mapping = {"state": ["s"], "action": "a", "reward": "r", "each_row": "trajectory"}
    with pytest.raises(FileError, match=r"column 'r': a row is said to hold a whole episode.*choose 'step'"):
        read_csv("s,a,r\n0,0,0\n", mapping=mapping)
    with pytest.raises(FileError, match=r"column 'a': its rows hold lists of text"):
        read_file(lists(s=[0, 1], a=[["x", "y"], ["x", "z"]], r=[0.0, 1.0]))
