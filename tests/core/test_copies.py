"""Pickled and deep copies: datasets as they were, learners and histories that go on to the bit."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.evaluation.truth import Truth

Copy = Callable[[Any], Any]
COPIES = pytest.mark.parametrize(
    "copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy], ids=["pickle", "deep"]
)


def same(one: orl.Snapshot, other: orl.Snapshot) -> None:
    assert (one.step, [*one.tables], [*one.metrics]) == (other.step, [*other.tables], [*other.metrics])
    for name in one.tables:
        np.testing.assert_array_equal(one.tables[name], other.tables[name], err_msg=name)
    for name in one.metrics:
        np.testing.assert_array_equal(one.metrics[name], other.metrics[name], err_msg=name)


SMALL = {"episodes": 5}


@COPIES
@pytest.mark.parametrize("name", orl.datasets())
def test_every_dataset_of_the_catalogue_can_be_copied(name: str, copied: Copy) -> None:
    known = {option.name for option in orl.datasets()[name].options}
    data = orl.load_dataset(name, **{key: value for key, value in SMALL.items() if key in known})
    data.episode_ends  # noqa: B018 - what was computed from the columns is not part of a copy
    other = copied(data)
    for field in fields(data):
        mine, its = getattr(data, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, its)
            assert mine.flags.writeable == its.flags.writeable, field.name
        elif field.name == "options":
            assert isinstance(its, MappingProxyType)
            assert mine == its
        elif isinstance(mine, (int, float, str)):
            assert mine == its
    assert "episode_ends" not in vars(other)


@COPIES
def test_a_copy_keeps_its_world_and_who_collected_it(copied: Copy) -> None:
    for data in (orl.load_dataset("double-crossing"), orl.load_dataset("cartpole", episodes=5)):
        one, other = Truth(data), Truth(copied(data))
        assert (one.behavior, one.behavior_kind, one.optimal) == (other.behavior, other.behavior_kind, other.optimal)


@COPIES
@pytest.mark.parametrize("approximator", ["table", "mlp"])
@pytest.mark.parametrize("algorithm", ["marwil", "iql", "mpo", "bcq"])
def test_a_copied_learner_trains_on_to_the_bit(algorithm: str, approximator: str, copied: Copy) -> None:
    data = random_data(2, rows=100) if approximator == "table" else vectors()
    asked = {"batch_size": 16, "learning_rate": [0.1, 0.01], "seeds": 2}
    straight = orl.Learner(data, algorithm, approximator=approximator, **asked)
    straight.advance(37)
    straight.set(learning_rate=[0.05, 0.02])
    other = copied(straight)
    before = straight.snapshot()
    same(before, other.snapshot())
    other.advance(20)
    same(before, straight.snapshot())
    straight.advance(20)
    same(straight.snapshot(), other.snapshot())
    assert other.hyperparameters == straight.hyperparameters
    assert other.members == straight.members


@COPIES
def test_a_copied_history_is_whole_and_trains_on(copied: Copy) -> None:
    with pytest.warns(UserWarning, match="never ends"):
        history = orl.train(orl.load_dataset("deadly-triad"), "q-learning", approximator="linear", steps=140)
    other = copied(history)
    assert str(other.learner.diverged) == str(history.learner.diverged) != "None"
    pd.testing.assert_frame_equal(other.metrics, history.metrics)
    for one, its in zip(history.snapshots, other.snapshots, strict=True):
        same(one, its)
    assert other.learner.advance(5) == 0
