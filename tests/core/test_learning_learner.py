"""The Learner's own behaviour: members, live changes, checkpoints, merged rows."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core import threads as core_threads
from offrl_core.declarations import HyperparameterError
from offrl_core.learning.program import Program
from offrl_core.learning.sampling import DRAWS, draws

DATA = random_data(1, rows=200)


def test_members_are_the_product_in_the_order_given_seeds_fastest() -> None:
    learner = orl.Learner(DATA, "bcq", gamma=[0.5, 0.9], rho=[0, 0.1, 0.3], seeds=2)
    assert len(learner.members) == 12
    values = [(m.values["gamma"], m.values["rho"], m.seed) for m in learner.members]
    assert values == [(g, p, k) for g in (0.5, 0.9) for p in (0, 0.1, 0.3) for k in (0, 1)]
    assert learner.members[5].label == "gamma=0.5 rho=0.3 seed=1"
    assert [m.index for m in learner.members] == list(range(12))
    assert learner.hyperparameters["rho"] == [0, 0.1, 0.3]
    assert orl.Learner(DATA, "bc").members[0].label == ""
    assert [m.seed for m in orl.Learner(DATA, "bc", seeds=[7, 3]).members] == [7, 3]


def test_structural_axes_train_side_by_side() -> None:
    learner = orl.Learner(DATA, "cql", form=["lecture-c", "paper"], alpha=[0.1, 1.0], seeds=2)
    learner.advance(30)
    together = learner.snapshot().q
    for place, (form, alpha, seed) in enumerate(
        (f, x, k) for f in ("lecture-c", "paper") for x in (0.1, 1.0) for k in (0, 1)
    ):
        alone = orl.Learner(DATA, "cql", form=form, alpha=alpha, seeds=[seed])
        alone.advance(30)
        np.testing.assert_array_equal(alone.snapshot().q[0], together[place])
    mixed = orl.Learner(vectors(), "bcq", approximator="mlp", hidden=["16", "32-32"], batch_size=[8, 16])
    mixed.advance(3)
    assert np.isfinite(mixed.snapshot().q).all()


def test_members_beyond_the_cache_are_trained_in_blocks_and_stay_the_same() -> None:
    wide = orl.Learner(vectors(), "bc", approximator="mlp", seeds=20)
    assert len(wide._programs) > 1
    wide.advance(5)
    alone = orl.Learner(vectors(), "bc", approximator="mlp", seeds=[19])
    alone.advance(5)
    np.testing.assert_array_equal(wide.snapshot().policy[19], alone.snapshot().policy[0])


def test_blocks_are_of_even_sizes() -> None:
    learner = orl.Learner(vectors(), "cql", approximator="mlp", seeds=9)
    sizes = [len(places) for places, _ in learner._programs]
    assert len(sizes) > 1
    assert max(sizes) - min(sizes) <= 1
    assert [i for places, _ in learner._programs for i in places] == list(range(9))


def test_choices_that_agreed_may_part_while_training() -> None:
    learner = orl.Learner(DATA, "cql", form=["paper", "paper"], seeds=2)
    learner.advance(10)
    learner.set(form=["paper", "lecture-c"])
    learner.advance(10)
    for member, form in enumerate(("paper", "paper", "lecture-c", "lecture-c")):
        alone = orl.Learner(DATA, "cql", form="paper", seeds=[member % 2])
        alone.advance(10)
        alone.set(form=form)
        alone.advance(10)
        np.testing.assert_array_equal(learner.snapshot().q[member], alone.snapshot().q[0])
    again = orl.Learner(DATA, "cql", form=["paper", "paper"], seeds=2)
    again.from_bytes(learner.to_bytes())
    np.testing.assert_array_equal(again.snapshot().q, learner.snapshot().q)


def test_the_units_of_columns_do_not_matter() -> None:
    data = vectors()
    units = np.logspace(-4, 6, data.observations.shape[1], dtype=np.float32)
    other = replace(data, observations=data.observations * units, next_observations=data.next_observations * units)
    learned = []
    for given in (data, other):
        learner = orl.Learner(given, "cql", approximator="mlp", seeds=1)
        learner.advance(60)
        learned.append(learner.snapshot().q[0])
    np.testing.assert_allclose(learned[1], learned[0], atol=1e-4)


def test_rows_are_drawn_from_seed_and_step_alone() -> None:
    np.testing.assert_array_equal(draws(5, 2, 100, 8), draws(5, 2, 100, 8))
    assert draws(5, 2, 100, 8).shape == (DRAWS, 8)
    assert not np.array_equal(draws(5, 2, 100, 8), draws(5, 3, 100, 8))
    assert not np.array_equal(draws(5, 2, 100, 8), draws(6, 2, 100, 8))
    many = draws(0, 0, 10, 4000).ravel()
    np.testing.assert_allclose(np.bincount(many, minlength=10) / len(many), 0.1, atol=0.005)


@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
def test_steps_in_any_portions_are_the_same(approximator: str) -> None:
    whole, pieces = (orl.Learner(DATA, "iql", approximator=approximator, batch_size=16) for _ in range(2))
    whole.advance(75)
    for portion in (1, 2, 30, 31, 0, 11):
        pieces.advance(portion)
    np.testing.assert_array_equal(whole.snapshot().policy, pieces.snapshot().policy)


def test_set() -> None:
    learner = orl.Learner(DATA, "bcq", rho=[0.0, 0.2], gamma=[0.5, 0.7, 0.9], seeds=2)
    learner.set(gamma=[0.1, 0.2, 0.3], rho=0.25)
    assert learner.hyperparameters["gamma"] == [0.1, 0.2, 0.3]
    assert learner.hyperparameters["rho"] == [0.25, 0.25]
    assert [v["gamma"] for v in learner._values] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3] * 2
    before = learner._values
    for bad, match in (
        ({"gamma": [0.1, 0.2]}, "2 values given, but it is an axis of 3"),
        ({"target_rate": [0.1, 0.2]}, "not an opened axis"),
        ({"gamma": 1.5}, "must be a number from 0 to 1"),
        ({"batch_size": 8}, "restarts the run"),
        ({"initial_spread": 1.0}, "restarts the run"),
        ({"beta": 1.0}, "unknown hyperparameter 'beta'"),
        ({"rho": 0.5, "gamma": -1}, "gamma = -1"),
    ):
        with pytest.raises(HyperparameterError, match=match):
            learner.set(**bad)
        assert learner._values == before


def test_set_acts_on_the_next_update_and_only_there() -> None:
    learner = orl.Learner(DATA, "mc-q", learning_rate=0.5, gamma=0.9)
    learner.advance(1)
    first = learner.snapshot().q
    learner.set(learning_rate=1.0, gamma=0.0)
    np.testing.assert_array_equal(learner.snapshot().q, first)
    learner.advance(1)
    total = np.zeros((DATA.n_states, DATA.n_actions))
    np.add.at(total, (DATA.observations, DATA.actions), DATA.rewards)
    seen = DATA.counts > 0
    np.testing.assert_allclose(learner.snapshot().q[0][seen], (total / np.maximum(DATA.counts, 1))[seen], atol=1e-5)


@pytest.mark.parametrize("approximator", ["table", "mlp"])
@pytest.mark.parametrize("system", list(orl.algorithms()))
def test_after_set_the_next_update_is_that_of_the_new_value(system: str, approximator: str) -> None:
    """… of a learner that was made with the value and brought to the same state, to the bit."""
    data = DATA if approximator == "table" else vectors()
    small = {"hidden": "16", "batch_size": 16, "learning_rate": 0.01} if approximator == "mlp" else {}
    before = orl.Learner(data, system, approximator=approximator, **small)
    before.advance(7)
    state = before.state_dict()
    for h in before.declared.values():
        if not h.live or h.name == "target_update":  # a copy that is switched on starts from now, see below
            continue
        for value in h.choices or (h.low, h.high):
            changed = orl.Learner(data, system, approximator=approximator, **small)
            changed.load_state_dict(state)
            changed.set(**{h.name: value})
            made = orl.Learner(data, system, approximator=approximator, **{**small, h.name: value})
            made.load_state_dict({**state, "values": [{**state["values"][0], h.name: value}]})
            for learner in (changed, made):
                learner.advance(2)
            one, two = (learner.state_dict() for learner in (changed, made))
            assert one["values"] == two["values"]
            assert one["step"] == two["step"]
            for name, array in one["programs"][0]["arrays"].items():
                np.testing.assert_array_equal(array, two["programs"][0]["arrays"][name], err_msg=f"{h.name} {name}")


def test_a_switched_target_network_starts_from_now() -> None:
    learner = orl.Learner(DATA, "q-learning")
    learner.advance(10)
    learner.set(target_update="hard", target_period=1000)
    program = learner._programs[0][1]
    np.testing.assert_array_equal(program.networks.target, program.networks.parameters)


def test_states_of_other_learners_are_refused() -> None:
    learner = orl.Learner(DATA, "bcq", seeds=2)
    with pytest.raises(ValueError, match="algorithm 'cql'"):
        learner.load_state_dict(orl.Learner(DATA, "cql", seeds=2).state_dict())
    with pytest.raises(ValueError, match="seeds"):
        learner.load_state_dict(orl.Learner(DATA, "bcq", seeds=3).state_dict())
    with pytest.raises(ValueError, match=r"trained on the dataset 'custom' with .* rows, the learner has 'custom'"):
        learner.load_state_dict(orl.Learner(random_data(5, rows=50), "bcq", seeds=2).state_dict())
    opened = orl.Learner(DATA, "bcq", rho=[0.1, 0.2])
    with pytest.raises(ValueError, match="has the axes none"):
        opened.load_state_dict({**learner.state_dict(), "seeds": [0]})
    whole = learner.state_dict()
    for damaged, says in (
        ({}, "it has no algorithm, approximator, axes"),
        (None, "it has no algorithm"),
        ({**whole, "programs": []}, "does not hold the learner's 2 members"),
        ({**whole, "programs": whole["programs"] * 2}, "does not hold the learner's 2 members"),
        ({**whole, "values": whole["values"][:1]}, "does not hold the learner's 2 members"),
        ({**whole, "values": [{**v, "rho": 7} for v in whole["values"]]}, "rho = 7 is not allowed"),
        ({**whole, "version": 1}, "version 1, the learner has 2"),
        ({**whole, "values": None}, "damaged"),
        ({**whole, "dataset": 3}, "damaged"),
        ({**whole, "programs": [{"members": [0, 1]}]}, "damaged"),
        (_with_parameters(whole, np.complex128), "parameters has shape .* of complex128, the learner's .* of float32"),
        (_with_parameters(whole, "U9"), "parameters has shape .* of <U9"),
    ):
        with pytest.raises(ValueError, match=says):
            learner.load_state_dict(damaged)
    for data in (b"", b"abc", b"\x80\x04", np.arange(9).tobytes(), learner.to_bytes()[:200], learner.to_bytes()[:-9]):
        with pytest.raises(ValueError, match=f"these {len(data):,} bytes are not a learner's state, or") as said:
            learner.from_bytes(data)
        assert "unsafe" not in str(said.value)
    after = learner.state_dict()
    assert after["values"] == whole["values"]
    for name, array in whole["programs"][0]["arrays"].items():
        np.testing.assert_array_equal(after["programs"][0]["arrays"][name], array)
    learner.advance(1)


def _with_parameters(state: dict[str, Any], kind: Any) -> dict[str, Any]:
    (program,) = state["programs"]
    arrays = {**program["arrays"], "parameters": program["arrays"]["parameters"].astype(kind)}
    return {**state, "programs": [{**program, "arrays": arrays}]}


@pytest.mark.parametrize(
    "changed",
    [
        {"rewards": DATA.rewards + np.eye(1, len(DATA), 7)[0]},
        {"actions": np.where(np.arange(len(DATA)) == 3, 1 - np.minimum(DATA.actions, 1), DATA.actions)},
        {"terminations": np.zeros(len(DATA), bool)},
        {"n_actions": DATA.n_actions + 1},
        {"features": {"x": np.zeros((DATA.n_states, 1))}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_state_of_other_data_is_refused_however_alike(changed: dict[str, Any]) -> None:
    kept = {"observations": DATA.observations, "actions": DATA.actions, "rewards": DATA.rewards}
    kept |= {"terminations": DATA.terminations, "next_observations": DATA.next_observations}
    kept |= {"episode_ids": DATA.episode_of_row, "n_actions": DATA.n_actions, "n_states": DATA.n_states}
    same, other = (orl.Dataset.from_columns(**{**kept, **more}) for more in ({}, changed))
    state = orl.Learner(same, "bc").to_bytes()
    with pytest.raises(ValueError, match=f"'custom' with {len(DATA)} rows of other contents"):
        orl.Learner(other, "bc").from_bytes(state)
    again = orl.Dataset.from_columns(**kept, gamma=0.5)
    orl.Learner(again, "bc").from_bytes(state)  # the discount is a hyperparameter, not a part of the data


@pytest.mark.parametrize(
    ("made", "other", "says"),
    [
        ({"batch_size": 8}, {"batch_size": 16}, "batch_size = 8, not 16"),
        ({"optimizer": "adam"}, {"optimizer": "sgd"}, "optimizer = 'adam', not 'sgd'"),
        ({"initial_value": 1.0}, {}, "initial_value = 1.0, not 0.0"),
        ({"double": "double"}, {}, "double = 'double', not 'none'"),
        ({"batch_size": [8, 16]}, {"batch_size": [8, 32]}, "batch_size = 16 in member 1, not 32"),
    ],
)
def test_a_state_of_another_structure_is_refused(made: dict[str, Any], other: dict[str, Any], says: str) -> None:
    learner = orl.Learner(DATA, "q-learning", **other)
    with pytest.raises(ValueError, match=says):
        learner.from_bytes(orl.Learner(DATA, "q-learning", **made).to_bytes())


def test_what_acts_live_comes_with_the_state() -> None:
    made = orl.Learner(DATA, "q-learning", learning_rate=0.3)
    made.advance(5)
    learner = orl.Learner(DATA, "q-learning", learning_rate=0.1)
    learner.from_bytes(made.to_bytes())
    assert learner.hyperparameters["learning_rate"] == 0.3
    for one in (made, learner):
        one.advance(5)
    np.testing.assert_array_equal(made.snapshot().q, learner.snapshot().q)


def test_merged_rows_are_the_same_as_all_rows() -> None:
    learner = orl.Learner(DATA, "iql", batch_size=0, approximator="linear", encoding="one-hot", optimizer="sgd")
    merged = learner.rows.merged((), np.array([0.9]))
    assert len(merged) < len(DATA)
    assert merged.count.sum() == len(DATA)
    assert merged.share.sum() == pytest.approx(1, rel=1e-6)
    for row in range(len(DATA)):
        first = merged.first[merged.of_row[row]]
        for column in (DATA.observations, DATA.actions, DATA.rewards, DATA.next_observations, DATA.terminations):
            assert column[first] == column[row]


def test_wide_networks_train_side_by_side_and_to_the_same_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several members of wide networks: a thread each where cores are free, with the numbers of one after the other."""
    at_work: set[int] = set()
    update = Program.update

    def seen(program: Program) -> None:
        at_work.add(threading.get_ident())
        update(program)

    monkeypatch.setattr(Program, "update", seen)
    states, threads = [], []
    for cores in (1, 3):
        monkeypatch.setattr("offrl_core.learning.learner.free_cores", lambda cores=cores: cores)
        learner = orl.Learner(vectors(rows=60), "cql", approximator="mlp", hidden="512-512", batch_size=256, seeds=3)
        at_work.clear()
        learner.advance(2)
        threads.append(len(at_work))
        states.append(learner.to_bytes())
    assert states[0] == states[1]
    assert threads[0] == 1 < threads[1] <= 3


def test_networks_that_may_be_chosen_reach_three_layers_of_1024() -> None:
    choices = {h.name: h for h in orl.hyperparameters("bc", "mlp")}["hidden"].choices
    assert {"1024-1024", "1024-1024-1024"} <= set(choices)
    learner = orl.Learner(
        vectors(rows=60), "bc", approximator="mlp", hidden="1024-1024-1024", batch_size=0, learning_rate=1e-5
    )
    before = learner.snapshot().metrics["loss_policy"][0]
    assert learner.advance(2) == 2
    assert learner.snapshot().metrics["loss_policy"][0] < before


@pytest.mark.parametrize(
    ("load", "free"), [("0.5 0.4 0.3 1/200 77", 4), ("9 9 9 3/200 77", 2), ("9 9 9 12/200 7", 1), ("", 1)]
)
def test_free_cores_are_those_that_nothing_else_runs_on(
    load: str, free: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "loadavg").write_text(load)
    monkeypatch.setattr(core_threads, "_LOAD", tmp_path / "loadavg")
    monkeypatch.setattr(core_threads, "cores", lambda: 4)
    assert core_threads.free_cores() == free
