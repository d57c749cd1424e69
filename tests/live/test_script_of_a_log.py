"""A script of a run on somebody's own log: it opens the file as it was opened, and computes the same numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.dataset import Dataset
from offrl_core.formats import read_file
from offrl_live.runs import datasets
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.script import script

CASES = Path(__file__).parents[1] / "core" / "cases"


def opened(name: str, gamma: float | None = None, **choices: Any) -> Dataset:
    """A file opened as on the page: its guess, changed by hand."""
    guess = read_file(CASES / name).mapping
    mapping = None if guess is None else {**guess.to_json(), **choices}
    return Dataset.from_reading(read_file((CASES / name).read_bytes(), name=name, mapping=mapping), gamma)


def run(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Dataset, list[orl.Learner]]:
    """Run a script beside the files; its dataset and its learners."""
    for path in CASES.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    monkeypatch.chdir(folder)
    made: list[orl.Learner] = []

    class Kept(orl.Learner):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            made.append(self)

    monkeypatch.setattr(orl, "Learner", Kept)
    names: dict[str, Any] = {}
    exec(compile(source, "script", "exec"), names)
    return names["dataset"], made


@pytest.mark.parametrize(
    ("name", "gamma", "choices"),
    [
        ("plain.csv", 0.9, {}),
        ("plain.csv", None, {"states": "vector"}),
        ("weblog.csv", 0.95, {}),
        ("weblog.csv", 0.5, {"unflagged": "truncated"}),
        ("bandit_nodone.csv", 1.0, {}),
        ("rlds_truncated.csv", 0.8, {"last_row": "state"}),
        ("terminated_and_done.npz", 0.7, {"end": None}),
        ("ring_timeouts_next.hdf5", 0.6, {}),
        ("none_action.parquet", 0.9, {"reward_row": "next", "n_actions": 5}),
        ("two_actions.csv", 0.9, {}),
        ("lerobot_cont.parquet", 0.9, {"bins": 3}),
        ("lerobot_cont.parquet", None, {"actions": "k-means", "bins": 5}),
        ("dt_rows.parquet", 0.9, {}),
    ],
)
def test_the_script_opens_the_file_as_it_was_opened(
    name: str,
    gamma: float | None,
    choices: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    data = opened(name, gamma, **choices)
    approximator = "table" if data.tabular else "mlp"
    lanes = (Lane("q-learning", approximator), Lane("iql", approximator, hyperparameters={"beta": 2.0}))
    config = RunConfig(
        datasets.keep(data), {"reward_scale": 0.5}, lanes, changes=(Change(5, 1, {"learning_rate": 0.01}),)
    )
    engine = Engine(config)
    engine.advance(10)
    again, learners = run(script(config, 10), tmp_path, monkeypatch)
    assert again.gamma == data.gamma == (0.99 if gamma is None else gamma)
    for column in ("observations", "actions", "next_observations", "next_known", "terminations", "truncations"):
        np.testing.assert_array_equal(getattr(again, column), getattr(data, column), err_msg=column)
    np.testing.assert_array_equal(again.rewards, 0.5 * data.rewards)
    expected = engine.snapshot()
    for table in ("q", "v", "policy"):
        mine = np.concatenate([getattr(learner.snapshot(), table) for learner in learners])
        np.testing.assert_array_equal(mine, expected.tables[table], err_msg=table)
    assert "after 10 updates" in capsys.readouterr().out


def test_another_discount_gives_other_numbers() -> None:
    """The case that went unseen: the script read with γ = .99 what had been opened with .9."""
    values = []
    for gamma in (0.9, 0.99):
        learner = orl.Learner(opened("plain.csv", gamma), "q-learning")
        learner.advance(500)
        values.append(float(learner.snapshot().metrics["value_start"][0]))
    assert values[0] != pytest.approx(values[1], rel=0.1)


def test_the_description_of_the_run_says_it_too() -> None:
    data = opened("weblog.csv", 0.9)
    described = Engine(RunConfig(datasets.keep(data), {}, (Lane("bc"),))).describe()
    assert described["opened"] == {
        "file": "weblog.csv",
        "format": "csv",
        "mapping": {
            "state": ["page"],
            "action": "action",
            "reward": "reward",
            "episode": "session_id",
            "time": "timestamp",
            "done": "done",
            "both": "truncated",
            "unflagged": "terminated",
        },
        "gamma": 0.9,
    }
    assert "opened" not in Engine(RunConfig("double-crossing", {}, (Lane("bc"),))).describe()


def test_the_description_outlives_the_dataset() -> None:
    data = opened("plain.csv", 0.9)
    config = RunConfig(datasets.keep(data), {}, (Lane("bc"),))
    described = Engine(config).describe()["opened"]
    before = script(config, 3)
    datasets._uploads.pop(config.dataset)
    assert script(config, 3, described) == before


def test_data_made_in_python_are_not_called_a_file() -> None:
    data = Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True])
    source = script(RunConfig(datasets.keep(data), {}, (Lane("bc"),)), 1)
    assert "made in Python" in source
    assert "from_file" not in source
