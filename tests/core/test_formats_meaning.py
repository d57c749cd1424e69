"""What columns mean: flags, labels, identifiers, next states, and the ends that nobody marked."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from log_files import CASES, case, codes, finding, parquet, read_csv, read_file

import offrl_core as orl
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.formats import ColumnMapping, FileError

GAMMA = 0.99


# --- a stand-in is never learned from --------------------------------------------------------------------------------


def learned(data: orl.Dataset, system: str, updates: int) -> np.ndarray:
    learner = orl.Learner(data, system)
    learner.advance(updates)
    values: np.ndarray = learner.snapshot().v[0]
    return values


@pytest.mark.parametrize("name", ["ring_timeouts.hdf5", "ring_session.csv"])
def test_a_cut_ring_is_no_loop(name: str) -> None:
    """0 → 1 → 2 → 3, cut in 3: what comes after it is not in the file."""
    data = case(name).dataset
    assert data.has_target.sum() == 150
    q = orl.Learner(data, "constrained-q")
    q.advance(500)
    np.testing.assert_allclose(q.snapshot().v[0][:3], 0, atol=1e-6)
    for system in ("q-learning", "iql"):
        assert np.abs(learned(data, system, 500)).max() < 1  # what the table held before anything was learned
    estimate = fitted_q_evaluation(data, data.behavior_policy)
    assert (estimate.value, estimate.cut) == (0, 0.25)
    assert estimate.unseen == pytest.approx(GAMMA**3 * (1 - GAMMA) / (1 - GAMMA**4))


def test_a_ring_that_goes_on_has_its_value() -> None:
    data = case("ring_timeouts_next.hdf5").dataset
    truth = GAMMA**3 / (1 - GAMMA**4)
    assert fitted_q_evaluation(data, data.behavior_policy).value == pytest.approx(truth)
    for system, updates in (("q-learning", 1500), ("iql", 3000)):
        assert learned(data, system, updates)[0] == pytest.approx(truth, rel=5e-3)
        assert learned(data, system, 500).max() > 15  # what a stand-in would make of the rings above


def test_decisions_without_a_future_are_read_as_such() -> None:
    reading = case("bandit_nodone.csv")
    assert reading.mapping == ColumnMapping(state=("state",), action="action", reward="reward", each_row="episode")
    assert reading.dataset.terminations.all()
    assert codes(reading) == {"single-decisions", "unused-columns"}
    learner = orl.Learner(reading.dataset, "q-learning")
    learner.advance(500)
    assert learner.snapshot().q[0].max() == pytest.approx(1.0)
    steps = case("bandit_nodone.csv", mapping=replace(reading.mapping, each_row="step"))
    assert steps.dataset.n_episodes == 1


def test_visits_of_a_web_site_end_by_themselves() -> None:
    reading = case("weblog.csv")
    assert reading.mapping.unflagged == "terminated"
    assert finding(reading, "taken-as-ended").severity == "warning"
    data = reading.dataset
    assert data.has_target.all()
    recorded = data.episode_returns(GAMMA).mean()
    assert fitted_q_evaluation(data, data.behavior_policy).value == pytest.approx(recorded, abs=0.02)
    cut = case("weblog.csv", mapping=replace(reading.mapping, unflagged="truncated"))
    assert {"missing-final-flag", "no-next-state"} <= codes(cut)
    assert fitted_q_evaluation(cut.dataset, cut.dataset.behavior_policy).cut == pytest.approx(
        (~cut.dataset.has_target).mean()
    )


@pytest.mark.parametrize(
    ("text", "each_row", "unflagged"),
    [
        # Visits of different lengths, none of which a flag ends; the last one may be cut by the end of the file.
        ("visit_id,n,page,action,reward\n", "step", "terminated"),
        # A time limit cuts all at one length.
        ("limit_id,n,page,action,reward\n", "step", "truncated"),
    ],
)
def test_lengths_tell_time_limits_from_ends(text: str, each_row: str, unflagged: str) -> None:
    lengths = [1, 3, 2, 4, 2] if unflagged == "terminated" else [3, 3, 3, 3, 1]
    rows = [
        f"{visit},{n},{'home' if n == 0 else 'list'},{'a' if (visit + n) % 2 else 'b'},{n}"
        for visit, length in enumerate(lengths)
        for n in range(length)
    ]
    text = text.replace("visit_id", "session").replace("limit_id", "session").replace(",n,", ",step,")
    reading = read_csv(text + "\n".join(rows))
    assert (reading.mapping.each_row, reading.mapping.unflagged) == (each_row, unflagged)
    assert bool(reading.dataset.terminations.any()) == (unflagged == "terminated")


def test_rows_in_any_order_say_nothing_of_lengths_that_are_not_whole() -> None:
    rng = np.random.default_rng(0)
    rows = [f"{e},{t},{t},{(e + t) % 2},1" for e in range(400) for t in range(6)]
    shuffled = "session,step,state,action,reward\n" + "\n".join(rng.permutation(rows))
    assert read_csv(shuffled).mapping.unflagged == "truncated"


@pytest.mark.parametrize(
    ("header", "bandit"),
    [
        ("decision_uuid,context,action,reward", True),  # every row has its own
        ("impression_id,context,action,reward,done", False),  # a flag speaks of episodes
        ("impression_id,t,context,action,reward", False),  # a time speaks of an order
        ("note,context,action,reward", False),
        ("propensity,context,action,reward", True),  # how likely the action was: a log of single decisions
    ],
)
def test_what_makes_a_table_one_of_single_decisions(header: str, bandit: bool) -> None:
    names = header.split(",")
    column = {"context": lambda i: i % 3, "action": lambda i: i % 2, "reward": lambda i: i % 2, "done": lambda i: 0}
    rows = [",".join(str(column.get(name, lambda i: i)(i)) for name in names) for i in range(12)]
    reading = read_csv("\n".join([header, *rows]))
    assert (reading.mapping.each_row == "episode") == bandit
    assert reading.dataset.n_episodes == (12 if bandit else 1)


def test_a_row_without_an_action_is_no_final_state_of_a_single_decision() -> None:
    mapping = ColumnMapping(state=("s",), action="a", reward="r", each_row="episode")
    with pytest.raises(FileError, match=r"row 2, column 'a': the action is missing"):
        read_csv("s,a,r\n0,x,1\n1,,2\n", mapping=mapping)
    dropped = read_csv("s,a,r\n0,x,1\n1,,2\n2,y,3\n", mapping=replace(mapping, missing="drop"))
    np.testing.assert_array_equal(dropped.dataset.rewards, [1, 3])


def test_intervals_are_labels_and_no_lists() -> None:
    """What pandas' `cut` writes."""
    rows = "\n".join(f'"{("(0, 3]", "(3, 6]", "[6, 9)")[i % 3]}",{i % 2},0' for i in range(9))
    assert read_csv(f"age,action,reward\n{rows}\n").dataset.observation_names == ("(0, 3]", "(3, 6]", "[6, 9)")


# --- two flags -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["terminated_and_done.csv", "terminated_and_done.npz"])
def test_the_broader_flag_cuts_and_the_narrower_one_ends(name: str) -> None:
    reading = case(name)
    data = reading.dataset
    np.testing.assert_array_equal(data.episode_starts, [0, 2, 4])
    np.testing.assert_array_equal(data.terminations, [False, False, False, True, False, False])
    np.testing.assert_array_equal(data.truncations, [False, True, False, False, False, True])
    np.testing.assert_array_equal(data.has_target, [True, False, True, True, True, False])


def test_first_last_and_terminal_steps() -> None:
    reading = case("rlds_truncated.csv")
    assert (reading.mapping.done, reading.mapping.end, reading.mapping.start) == ("is_terminal", "is_last", "is_first")
    data = reading.dataset
    np.testing.assert_array_equal(data.episode_starts, [0, 3, 6])
    np.testing.assert_array_equal(np.flatnonzero(data.terminations), [7])
    np.testing.assert_array_equal(np.flatnonzero(data.truncations), [2, 5])
    assert "last_row = 'state'" in finding(reading, "last-steps").remedy
    # In RLDS the last step is no decision: its observation is where the one before it led.
    steps = case("rlds_truncated.csv", mapping=replace(reading.mapping, last_row="state"))
    np.testing.assert_array_equal(steps.dataset.observations, [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(steps.dataset.next_observations, [1, 2, 1, 5, 4])
    np.testing.assert_array_equal(np.flatnonzero(steps.dataset.terminations), [4])
    assert steps.dataset.has_target.all()
    assert "last-steps" not in codes(steps)


FLAGS = "0,0,1,0,0;1,0,1,0,1;0,1,1,0,0;2,0,1,1,1;0,1,1,0,0;1,1,1,0,1".replace(";", "\n")
"""State, action, reward, ended in the MDP, last row for any reason."""


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [("is_terminal", "is_last"), ("termination", "dones"), ("terminal", "episode_end"), ("Terminated", "isDone")],
)
def test_two_flags_by_other_names(narrow: str, broad: str) -> None:
    data = read_csv(f"s,a,r,{narrow},{broad}\n{FLAGS}\n").dataset
    np.testing.assert_array_equal(data.episode_starts, [0, 2, 4])
    np.testing.assert_array_equal(np.flatnonzero(data.terminations), [3])
    array = np.array([row.split(",") for row in FLAGS.splitlines()], dtype=float).T
    file = io.BytesIO()
    np.savez(file, obs=array[0].astype(int), acts=array[1], rews=array[2], **{narrow: array[3], broad: array[4] > 0})
    arrays = read_file(file.getvalue()).dataset
    np.testing.assert_array_equal(arrays.episode_starts, [0, 2, 4])
    np.testing.assert_array_equal(np.flatnonzero(arrays.terminations), [3])


def test_a_first_step_begins_an_episode() -> None:
    reading = read_csv("is_first,s,a,r\n1,0,0,1\n0,1,1,1\n1,0,1,1\n1,2,0,1\n0,1,0,1\n")
    np.testing.assert_array_equal(reading.dataset.episode_starts, [0, 2, 3])
    assert not reading.dataset.terminations.any()
    ended = read_csv(
        "is_first,s,a,r\n1,0,0,1\n0,1,1,1\n1,0,1,1\n1,2,0,1\n0,1,0,1\n",
        mapping=replace(reading.mapping, unflagged="terminated"),
    )
    np.testing.assert_array_equal(np.flatnonzero(ended.dataset.terminations), [1, 2, 4])


def test_a_last_step_alone_says_not_why() -> None:
    text = "s,a,r,is_last\n0,0,1,0\n1,1,1,1\n0,1,1,0\n2,0,1,1\n"
    reading = read_csv(text)
    assert (reading.mapping.done, reading.mapping.end) == (None, "is_last")
    assert reading.dataset.n_episodes == 2
    assert not reading.dataset.terminations.any()
    assert "no-flags" in codes(reading)
    ended = read_csv(text, mapping=replace(reading.mapping, unflagged="terminated"))
    np.testing.assert_array_equal(np.flatnonzero(ended.dataset.terminations), [1, 3])


def test_flags_within_an_episode_are_named() -> None:
    for name, flags in (("is_last", "0,1,0"), ("is_first", "1,0,1")):
        rows = "\n".join(f"0,{i},0,1,{flag}" for i, flag in enumerate(flags.split(",")))
        with pytest.raises(FileError, match=rf"row 2, column '{name}': the episode goes on after this row"):
            read_csv(f"episode,s,a,r,{name}\n{rows}\n")


def test_what_is_not_used_is_named_in_every_format(tmp_path: Path) -> None:
    frame = {
        "s": [0, 1, 2],
        "a": [0, 1, 1],
        "r": [0.0, 1.0, 2.0],
        "done": [False, False, True],
        "note": ["x", "y", "z"],
    }
    spare = "1 column was not used: note"
    assert finding(read_file(parquet(frame)), "unused-columns").message == spare
    text = "s,a,r,done,note\n0,0,0,0,x\n1,1,1,0,y\n2,1,2,1,z\n"
    assert finding(read_csv(text), "unused-columns").message == spare
    file = io.BytesIO()
    np.savez(file, obs=[0, 1, 2], acts=[0, 1, 1], rews=[0.0, 1, 2], dones=[0, 0, 1], lives=[3, 2, 1], version=2)
    assert finding(read_file(file.getvalue()), "unused-columns").message == "2 columns were not used: lives, version"
    own = tmp_path / "own.csv"
    orl.load_dataset("double-crossing").to_file(own)
    assert "unused-columns" not in codes(read_file(own))


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["none_action.csv", "none_action_last.csv", "none_action.parquet"])
def test_to_do_nothing_is_an_action(name: str) -> None:
    data = case(name).dataset
    assert len(data) == 5
    assert "none" in data.action_names
    assert "final-rows" not in codes(case(name))
    taken = data.counts[:, data.action_names.index("none")].sum()
    assert taken == {"none_action.csv": 3, "none_action_last.csv": 2, "none_action.parquet": 2}[name]


def test_a_country_may_be_called_na() -> None:
    data = case("na_state.csv").dataset
    assert data.observation_names == ("DE", "NA", "US")
    np.testing.assert_array_equal(data.observations, [1, 0, 2, 1])
    np.testing.assert_array_equal(np.flatnonzero(data.terminations), [1, 3])


@pytest.mark.parametrize("word", ["none", "NA", "null", "None", "N/A", "NaN", "nan", "n/a"])
def test_markers_are_words_beside_words_and_holes_beside_numbers(word: str) -> None:
    text = f"ep,state,action,reward\n0,a,{word},1\n0,{word},go,2\n1,a,go,3\n1,b,{word},4\n"
    for reading in (read_csv(text), read_file(parquet(_columns(text)), name="log.parquet")):
        assert len(reading.dataset) == 4
        assert reading.dataset.action_names == tuple(sorted([word, "go"]))
        assert reading.dataset.observation_names == tuple(sorted([word, "a", "b"]))
    numbers = f"ep,x,y,action,reward\n0,1.5,2,0,1\n0,{word},3,1,2\n1,2.5,{word},0,3\n"
    with pytest.raises(FileError, match=r"row 2, column 'x, y': the state is missing \(2 such rows\)"):
        read_csv(numbers)
    with pytest.raises(FileError, match=r"the reward is missing"):
        read_csv(f"ep,s,a,r\n0,0,0,{word}\n0,1,1,2\n")
    flags = read_csv(f"s,a,r,done\n0,0,1,no\n1,1,1,{word}\n0,1,1,yes\n")
    assert finding(flags, "missing-flags").rows == (2,)
    np.testing.assert_array_equal(flags.dataset.terminations, [False, False, True])


def _columns(text: str) -> dict[str, list[Any]]:
    rows = [line.split(",") for line in text.splitlines()]
    columns = {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}
    return {
        name: [float(v) for v in values] if name in ("ep", "reward") else values for name, values in columns.items()
    }


def test_a_column_of_nothing_but_one_marker_is_a_label_where_labels_are_meant() -> None:
    reading = read_csv("ep,s,a,r\n0,0,none,1\n0,1,none,2\n")
    assert reading.dataset.action_names == ("none",)
    assert len(reading.dataset) == 2


def test_only_an_empty_cell_ends_an_episode() -> None:
    text = "ep,s,a,r\n0,0,go,1\n0,1,none,2\n0,2,,\n"
    for reading in (read_csv(text), read_csv(text.replace(",\n", ", \n"))):
        assert len(reading.dataset) == 2
        assert finding(reading, "final-rows").rows == (3,)
        np.testing.assert_array_equal(reading.dataset.next_observations, [1, 2])
    typed = {"ep": [0, 0, 0], "s": [0, 1, 2], "a": ["go", "none", None], "r": [1.0, 2.0, None]}
    assert len(read_file(parquet(typed)).dataset) == 2


# --- identifiers -----------------------------------------------------------------------------------------------------


def test_large_identifiers_stay_apart() -> None:
    for name in ("u64_session.csv", "u64_episode.csv", "u64.parquet"):
        data = case(name).dataset
        np.testing.assert_array_equal(data.episode_starts, [0, 2])
    data = case("u64_state.csv").dataset
    assert data.observation_names == ("12345678901234567890", "12345678901234567891", "98345678901234567891")
    np.testing.assert_array_equal(data.observations, [0, 1, 0, 2])


@pytest.mark.parametrize("base", [2**63, 2**64 - 4, 10**25])
def test_identifiers_of_any_size(base: int) -> None:
    text = f"ep,s,a,r\n{base},{base + 1},{base},1\n{base},{base + 2},{base + 3},2\n{base + 1},{base + 1},{base},3\n"
    data = read_csv(text).dataset
    assert data.n_episodes == 2
    assert data.observation_names == (str(base + 1), str(base + 2))
    assert data.action_names == (str(base), str(base + 3))
    wide = pa.uint64() if base < 2**63 + 2 or base < 2**64 else pa.decimal128(38, 0)
    columns = {
        "ep": pa.array([base, base, base + 1], wide),
        "s": pa.array([base + 1, base + 2, base + 1], wide),
        "a": pa.array([0, 1, 0]),
        "r": [1.0, 2.0, 3.0],
    }
    stored = read_file(parquet(columns)).dataset
    assert (stored.n_episodes, stored.observation_names) == (2, (str(base + 1), str(base + 2)))


def test_identifiers_that_come_late() -> None:
    """The first rows show small numbers; what comes after them does not fit 64 bits."""
    small = [f"{i // 2},{i % 2},{i % 2},1" for i in range(40_000)]
    large = [f"{2**63 + i},{i % 2},{i % 2},1" for i in range(8)]
    data = read_csv("\n".join(["ep,s,a,r", *small, *large])).dataset
    assert data.n_episodes == 20_008
    numbers = read_csv("\n".join(["ep,s,a,r", *small, "20000,0,1,0.5"])).dataset
    assert (numbers.n_episodes, numbers.rewards[-1]) == (20_001, 0.5)


def test_a_large_reward_is_a_quantity() -> None:
    assert read_csv(f"s,a,r\n0,0,{10**20}\n1,1,0.5\n").dataset.rewards.tolist() == [1e20, 0.5]
    assert read_csv(f"s,a,r\n0,0,{10**20}\n1,1,3\n").dataset.rewards.tolist() == [1e20, 3]


# --- identifiers with zeros before them ------------------------------------------------------------------------------


_CODES = {"state": "code", "action": "action", "reward": "reward", "episode": "stay", "time": "step"}


def test_codes_with_zeros_before_them_stay_apart() -> None:
    """Diagnoses of ICD-9: 0389 is a sepsis, 389 a loss of hearing."""
    text = "stay,step,code,action,reward,next_code\n7,0,0389,01,0,389\n7,1,389,1,1,0389\n07,0,389,01,1,0389\n"
    data = read_csv(text, mapping={**_CODES, "next_state": "next_code"}).dataset
    labels = [data.observation_names[state] for state in data.observations]
    assert labels == ["0389", "389", "389"]
    assert [data.observation_names[state] for state in data.next_observations] == ["389", "0389", "0389"]
    assert [data.action_names[action] for action in data.actions] == ["01", "1", "01"]
    np.testing.assert_array_equal(data.episode_starts, [0, 2])
    frame = {"stay": [1, 1], "step": [0, 1], "code": ["0389", "389"], "action": ["a", "b"], "reward": [0, 1]}
    assert orl.Dataset.from_frame(frame, mapping=_CODES).observation_names == ("0389", "389")


def test_zeros_that_only_fill_up_are_numbers() -> None:
    data = read_csv("s,act,rew\n00,0,0\n02,1,1\n10,0,1\n").dataset
    assert (data.n_states, data.observations.tolist()) == (11, [0, 2, 10])


# --- next states by other names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (("s",), ("s_",)),
        (("obs",), ("obs2",)),
        (("s_t",), ("s_t+1",)),
        (("obs",), ("obs_tp1",)),
        (("state",), ("State (next)",)),
        (("state",), ("state_after",)),
        (("obs",), ("next_observation",)),
        (("x", "y"), ("x.next", "y.next")),
        (("x", "y"), ("x'", "y'")),
        (("x", "y"), ("x_", "y_")),
        (("x_t", "y_t"), ("x_t+1", "y_t+1")),
        (("obs0", "obs1"), ("obs_next0", "obs_next1")),
    ],
)
def test_next_states_are_no_part_of_states(now: tuple[str, ...], then: tuple[str, ...]) -> None:
    header = ",".join((*now, "action", "reward", "terminated", *then))
    rows = [[*range(len(now)), 0, 0, 0, *range(2, 2 + len(now))], [*range(5, 5 + len(now)), 1, 1, 1, *range(len(now))]]
    mapping = read_csv("\n".join([header, *(",".join(map(str, row)) for row in rows)])).mapping
    assert mapping is not None
    assert (mapping.state, mapping.next_state) == (now, then)


@pytest.mark.parametrize("names", [("x_pos", "y_pos"), ("x2", "y2"), ("s1", "s2"), ("s", "s1", "s2"), ("x1", "x2")])
def test_coordinates_and_numbered_parts_stay_together(names: tuple[str, ...]) -> None:
    rows = [",".join(map(str, (*range(i, i + len(names)), i % 2, i))) for i in range(3)]
    mapping = read_csv("\n".join([",".join((*names, "action", "reward")), *rows])).mapping
    assert mapping is not None
    assert (mapping.state, mapping.next_state) == (names, ())


def test_a_flag_of_the_end_that_is_used_says_that_others_were_cut() -> None:
    lengths = (3, 4, 5, 2)
    rows = "".join(f"{e},{t},{t},{t % 2},1,{int(e == 1 and t == 3)}\n" for e in range(4) for t in range(lengths[e]))
    data = read_csv("episode,step,state,action,reward,terminated\n" + rows)
    assert data.mapping is not None
    assert data.mapping.unflagged == "truncated"
    assert data.dataset.terminations.sum() == 1
    plain = read_csv("episode,step,state,action,reward,done\n" + rows)
    assert plain.mapping is not None
    assert plain.mapping.unflagged == "terminated"


@pytest.mark.parametrize("cell", ["[{}x]", "({}x)", "{}x", "1.5 {}x", "np.float64({}x", "[1.5;{}x]"])
def test_long_cells_that_almost_are_numbers_take_no_time(cell: str) -> None:
    for filling in ("1" * 100_000, " " * 100_000, "1 " * 50_000, "1." * 50_000):
        with pytest.raises(FileError):
            read_csv(f'page,act,rew\n"{cell.format(filling)}",0,0\nb,1,1\n')


def test_hundreds_of_actions_by_users_and_times() -> None:
    table = pd.read_csv(CASES / "actions500.csv.gz").sort_values(["user_id", "ts"], kind="stable")
    want = sorted(
        tuple(map(tuple, part[["segment", "action", "reward"]].to_numpy())) for _, part in table.groupby("user_id")
    )
    data = read_file(CASES / "actions500.csv.gz").dataset
    segments = np.array(data.state_labels)[data.observations].astype(int)
    rows = list(zip(segments, data.actions, data.rewards, strict=True))
    bounds = zip(data.episode_starts, data.episode_ends, strict=True)
    assert sorted(tuple(rows[first : last + 1]) for first, last in bounds) == want
    assert (data.n_actions, data.n_states, data.n_episodes) == (500, 8, 2000)
    assert not data.terminations.any()
    assert (~data.has_target).sum() == 2000
