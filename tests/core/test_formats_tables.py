"""CSV and Parquet: which column is what, and the traps of logs kept in tables."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from log_files import codes, finding, parquet, read_csv, read_file

from offrl_core import Dataset
from offrl_core.formats import ColumnInfo, ColumnMapping, FileError, Limits, guess_mapping, preview_file

PLAIN = """episode,step,state,action,reward,done
0,0,3,1,0.5,false
0,1,4,0,1.5,true
1,0,3,0,0,false
1,1,5,1,-2,false
"""


def test_a_plain_table_is_guessed() -> None:
    reading = read_csv(PLAIN)
    data = reading.dataset
    assert reading.mapping == ColumnMapping(
        state=("state",),
        action="action",
        reward="reward",
        episode="episode",
        time="step",
        done="done",
        both="truncated",
    )
    np.testing.assert_array_equal(data.observations, [3, 4, 3, 5])
    np.testing.assert_array_equal(data.next_observations, [4, 4, 5, 5])
    np.testing.assert_array_equal(data.rewards, [0.5, 1.5, 0, -2])
    np.testing.assert_array_equal(data.terminations, [False, True, False, False])
    np.testing.assert_array_equal(data.truncations, [False, False, False, True])
    assert (data.n_states, data.n_actions, data.name) == (6, 2, "log")
    assert codes(reading) == {"missing-final-flag", "no-next-state"}
    assert finding(reading, "missing-final-flag").rows == (4,)


def test_rows_out_of_order_are_sorted_and_counted() -> None:
    lines = PLAIN.splitlines()
    shuffled = "\n".join([lines[0], lines[4], lines[2], lines[3], lines[1]])
    reading = read_csv(shuffled)
    np.testing.assert_array_equal(reading.dataset.rewards, [0, -2, 0.5, 1.5])  # episode 1 comes first in the file
    assert finding(reading, "unsorted-rows").count == 4
    assert finding(reading, "missing-final-flag").rows == (1,)  # the file's row, not the sorted one
    by_parquet = read_file(parquet(pd.read_csv(io.StringIO(shuffled)).to_dict("list")), name="log.parquet")
    np.testing.assert_array_equal(by_parquet.dataset.rewards, reading.dataset.rewards)
    assert by_parquet.findings == reading.findings


def test_episodes_without_time_are_gathered_in_file_order() -> None:
    reading = read_csv("ep,s,a,r\nx,0,0,1\ny,1,1,2\nx,2,1,3\ny,0,0,4\n")
    np.testing.assert_array_equal(reading.dataset.rewards, [1, 3, 2, 4])
    assert codes(reading) >= {"unsorted-rows", "no-flags"}


def test_a_timestamp_is_a_time() -> None:
    reading = read_csv("ep,time,s,a,r\n0,2024-01-02 10:00:00,0,0,1\n0,2024-01-01 23:00:00,1,1,2\n")
    np.testing.assert_array_equal(reading.dataset.rewards, [2, 1])
    moments = pd.to_datetime(["2024-01-02", "2024-01-01"])
    columns = {"ep": [0, 0], "time": moments, "s": [0, 1], "a": [0, 1], "r": [1.0, 2.0]}
    np.testing.assert_array_equal(read_file(parquet(columns)).dataset.rewards, [2, 1])


def test_time_gaps_and_doubled_rows_are_told() -> None:
    reading = read_csv("ep,t,s,a,r\n0,0,0,0,1\n0,1,1,1,1\n0,4,1,1,1\n0,5,0,0,1\n0,5,0,0,1\n")
    assert finding(reading, "time-gaps").rows == (3,)
    assert finding(reading, "same-time").rows == (5,)


def test_without_a_column_of_episodes_the_clock_tells() -> None:
    reading = read_csv("t,s,a,r\n0,0,0,1\n1,1,1,1\n0,0,1,1\n1,2,0,1\n")
    np.testing.assert_array_equal(reading.dataset.episode_starts, [0, 2])
    assert finding(reading, "time-restarts").rows == (2,)


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("yes", "no"), ("T", "F"), ("1", "0"), ("1.0", "0.0")])
def test_booleans_as_text(yes: str, no: str) -> None:
    text = PLAIN.replace("true", yes).replace("false", no)
    np.testing.assert_array_equal(read_csv(text).dataset.terminations, [False, True, False, False])
    columns = {"s": [0, 1, 2], "a": [0, 1, 1], "r": [0.0, 1.0, 2.0], "done": [no, no, yes]}
    np.testing.assert_array_equal(read_file(parquet(columns)).dataset.terminations, [False, False, True])


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(FileError, match=r"log\.csv, row 3, column 'done': 'maybe' is not allowed: it must be true"):
        read_csv("s,a,r,done\n0,0,0,yes\n1,1,0,no\n1,1,0,maybe\n")


def test_a_missing_action_makes_floats_and_a_final_row_holds_only_a_state() -> None:
    rows = [(0, 0, 7, 1.0, 0.5), (0, 1, 8, 2.0, 1.0), (0, 2, 9, None, None), (1, 0, 7, 1.0, 0.0), (1, 1, 5, None, None)]
    frame = pd.DataFrame(rows, columns=["episode", "t", "state", "action", "reward"])
    frame["done"] = [False, False, True, False, False]
    text = frame.to_csv(index=False)
    assert ",2.0," in text  # what pandas makes of a whole number beside a hole
    for reading in (read_csv(text), read_file(parquet(frame.to_dict("list")), name="log.parquet")):
        data = reading.dataset
        np.testing.assert_array_equal(data.observations, [7, 8, 7])
        np.testing.assert_array_equal(data.next_observations, [8, 9, 5])
        np.testing.assert_array_equal(data.actions, [0, 1, 0])
        assert data.action_names == ("1", "2")
        np.testing.assert_array_equal(data.terminations, [False, True, False])
        np.testing.assert_array_equal(data.truncations, [False, False, True])
        assert finding(reading, "final-rows").rows == (3, 5)
        assert "float-actions" in codes(reading)
        assert "no-next-state" not in codes(reading)


def test_final_rows_without_a_column_of_episodes() -> None:
    text = "state,action,reward,terminated,truncated\n1,0,1,,\n2,1,1,true,\n3,,,,\n4,1,2,,\n5,0,2,,true\n6,,,,\n"
    data = read_csv(text).dataset
    np.testing.assert_array_equal(data.observations, [1, 2, 4, 5])
    np.testing.assert_array_equal(data.next_observations, [2, 3, 5, 6])
    np.testing.assert_array_equal(data.terminations, [False, True, False, False])
    np.testing.assert_array_equal(data.truncations, [False, False, False, True])


def test_rewards_that_stand_in_the_row_of_the_next_state() -> None:
    text = "ep,t,state,action,reward\n0,0,1,0,0\n0,1,2,1,10\n0,2,3,,20\n1,0,4,0,0\n1,1,5,,30\n"
    reading = read_csv(text)
    assert finding(reading, "rewards-in-final-rows").rows == (3, 5)
    mapping = replace(reading.mapping, reward_row="next")
    moved = read_csv(text, mapping=mapping).dataset
    np.testing.assert_array_equal(moved.rewards, [10, 20, 30])
    np.testing.assert_array_equal(moved.next_observations, [2, 3, 5])


def test_text_actions_and_states_keep_their_labels() -> None:
    text = "ep,state,action,reward\n0,start,left,0\n0,hall,right,1\n1,start,right,2\n1,goal,left,3\n"
    reading = read_csv(text)
    data = reading.dataset
    assert data.action_names == ("left", "right")
    assert data.observation_names == ("goal", "hall", "start")
    np.testing.assert_array_equal(data.actions, [0, 1, 1, 0])
    np.testing.assert_array_equal(data.observations, [2, 1, 2, 0])
    assert "left → 0, right → 1" in finding(reading, "action-labels").message
    categories = {"s": pd.Categorical(["b", "a"]), "a": pd.Categorical(["no", "yes"]), "r": [0.0, 1.0]}
    file = io.BytesIO()
    pd.DataFrame(categories).to_parquet(file)
    by_category = read_file(file).dataset
    assert (by_category.action_names, by_category.observation_names) == (("no", "yes"), ("a", "b"))


def test_several_state_columns() -> None:
    text = "ep,s_x,s_y,s_sex,a,r\n0,0.5,1,m,0,0\n0,1.5,2,f,1,0\n"
    with pytest.raises(FileError, match=r"column 's_sex': .*states = 'table'"):
        read_csv(text)
    mapping = ColumnMapping(state=("s_x", "s_y"), action="a", reward="r", episode="ep")
    vectors = read_csv(text, mapping=mapping).dataset
    np.testing.assert_array_equal(vectors.observations, np.array([[0.5, 1], [1.5, 2]], dtype=np.float32))
    assert vectors.observation_names == ("s_x", "s_y")
    table = read_csv(text, mapping=replace(mapping, state=("s_y", "s_sex"), states="table")).dataset
    assert table.observation_names == ("1, m", "2, f")
    np.testing.assert_array_equal(table.observations, [0, 1])
    flags = read_csv(text.replace(",m,", ",yes,").replace(",f,", ",no,")).dataset
    np.testing.assert_array_equal(flags.observations[:, 2], [1, 0])


def test_next_state_columns_keep_what_the_next_row_cannot_tell() -> None:
    text = (
        "obs_0,obs_1,action,reward,done,next_obs_0,next_obs_1\n0,1,0,1,false,2,3\n2,3,1,1,true,,\n5,6,0,1,false,7,8\n"
    )
    reading = read_csv(text)
    assert reading.mapping.next_state == ("next_obs_0", "next_obs_1")
    np.testing.assert_array_equal(reading.dataset.next_observations, [[2, 3], [2, 3], [7, 8]])
    assert "no-next-state" not in codes(reading)
    states = read_csv("s,a,r,next_s,done\n0,0,1,9,1\n4,1,1,2,1\n").dataset
    np.testing.assert_array_equal(states.next_observations, [9, 2])
    named = read_csv("s,a,r,next_s,done\nx,0,1,z,1\ny,1,1,x,1\n").dataset
    assert named.observation_names == ("x", "y", "z")
    np.testing.assert_array_equal(named.next_observations, [2, 0])


def test_both_flags_in_one_row() -> None:
    text = "s,a,r,{},truncated\n0,0,0,0,0\n1,1,0,1,1\n"
    gymnasium = read_csv(text.format("terminated"))
    assert gymnasium.dataset.terminations[-1]
    gym = read_csv(text.format("done"))  # there, done says that the episode ended, and the other flag why
    assert gym.dataset.truncations[-1]
    assert finding(gym, "both-flags").rows == (2,)


def test_a_flag_before_the_end_of_its_episode_is_refused() -> None:
    with pytest.raises(FileError, match=r"row 1, column 'done': the episode goes on"):
        read_csv("ep,s,a,r,done\n0,0,0,0,1\n0,1,1,0,1\n")


def test_missing_values_are_refused_or_their_episodes_dropped() -> None:
    text = "ep,s,a,r\n0,0,0,1\n0,1,1,\n0,2,1,1\n1,0,0,1\n1,1,1,2\n2,,1,2\n2,2,0,2\n"
    with pytest.raises(FileError, match=r"row 2, column 'r': the reward is missing \(2 such rows\).*'drop'"):
        read_csv(text)
    mapping = ColumnMapping(state=("s",), action="a", reward="r", episode="ep", missing="drop")
    reading = read_csv(text, mapping=mapping)
    np.testing.assert_array_equal(reading.dataset.rewards, [1, 2])
    dropped = finding(reading, "dropped-episodes")
    assert (dropped.rows, dropped.severity) == ((2, 6), "warning")
    with pytest.raises(FileError, match="no row of data is left"):
        read_csv("s,a,r\n0,0,\n", mapping=replace(mapping, episode=None))


def test_too_many_actions_are_refused_with_a_remedy() -> None:
    with pytest.raises(FileError, match=r"column 'a': .*1,500 actions; at most 1,000 are allowed.*'quantiles'"):
        read_csv("s,a,r\n" + "\n".join(f"0,{a},0" for a in range(1500)))


def test_one_row_episodes() -> None:
    data = read_csv("s,a,r,done\n0,0,1,1\n1,1,2,1\n2,0,3,0\n").dataset
    np.testing.assert_array_equal(data.episode_starts, [0, 1, 2])
    np.testing.assert_array_equal(data.terminations, [True, True, False])


def test_whole_numbers_are_states_unless_asked_otherwise() -> None:
    text = "s,a,r\n0,0,0\n2,1,0\n"
    assert read_csv(text).dataset.n_states == 3
    mapping = ColumnMapping(state=("s",), action="a", reward="r")
    assert read_csv(text, mapping=replace(mapping, states="vector")).dataset.observations.shape == (2, 1)
    assert read_csv(text, mapping=replace(mapping, n_states=9, n_actions=4)).dataset.counts.shape == (9, 4)
    with pytest.raises(FileError, match=r"row 2, column 's': 2 is not allowed: it must be from 0 to 1"):
        read_csv(text, mapping=replace(mapping, n_states=2))
    assert read_csv(text.replace("2,1", "2.5,1")).dataset.observations.dtype == np.float32
    with pytest.raises(FileError, match=r"row 2, column 's': 2\.5 is not allowed: a state number must be whole"):
        read_csv(text.replace("2,1", "2.5,1"), mapping=replace(mapping, states="table"))
    many = read_csv(text, limits=Limits(states=1))
    assert not many.dataset.tabular
    assert "many-states" in codes(many)


def test_behavior_column_becomes_one_policy_per_episode() -> None:
    reading = read_csv("ep,s,a,r,policy\n0,0,0,0,good\n0,1,0,0,good\n1,0,1,0,bad\n1,1,1,0,good\n")
    np.testing.assert_array_equal(reading.dataset.behaviors, [0, 1])
    assert reading.dataset.behavior_names == ("good", "bad")
    assert finding(reading, "mixed-behavior").rows == (4,)


def test_dialects() -> None:
    want = read_csv(PLAIN).dataset
    semicolon = PLAIN.replace(",", ";").replace(".", ",")
    for text in (PLAIN.replace(",", "\t"), semicolon, "\ufeff" + PLAIN, PLAIN.replace("\n", "\r\n"), PLAIN.strip()):
        data = read_csv(text).dataset
        np.testing.assert_array_equal(data.rewards, want.rewards)
        np.testing.assert_array_equal(data.observations, want.observations)
    quoted = read_csv('s,a,r,note\n0,0,0,"a, b\nc"\n1,1,1,"d"\n').dataset
    np.testing.assert_array_equal(quoted.observations, [0, 1])


def test_what_is_no_table_is_explained() -> None:
    for text, message in (
        (b"1,2,3\n4,5,6\n", "first line holds numbers"),
        ("s,a,r\n".encode("utf-16")[:-1], "not UTF-8"),
        (b"s,a,r\n", "no row of data"),
        (b"\n\n", "names of the columns"),
        (b"s,a,r\n0,0,0\n1,1\n", r"row 2: .*Expected 3 columns, got 2"),
        (b"s,a,r\n0,\x81,0\n", "not UTF-8"),
        (b"s,a,r\n0,0,x\n", r"row 1, column 'r': 'x' is not allowed: a reward must be a number"),
        (b"s,a,a,r\n0,0,0,1\n", "two columns are called 'a'"),
        (b"s,b,r\n0,0,0\n", r"no column is mapped to the action. The columns are: s, b, r"),
    ):
        with pytest.raises(FileError, match=rf"(?is)^bad\.csv.*{message}"):
            read_file(text, name="bad.csv")


def test_row_of_a_broken_line_far_down() -> None:
    lines = ["s,a,r"] + ["0,0,0", "1,1,1"] * 100_000
    lines[150_001] = "0,0"
    with pytest.raises(FileError, match=r"row 150001: .*got 2"):
        read_csv("\n".join(lines))


def test_a_column_that_turns_from_numbers_to_text_names_the_row() -> None:
    lines = ["s,a,r"] + ["0,0,0", "1,1,1.5"] * 200_000
    lines[300_000] = "0,0,oops"
    with pytest.raises(FileError, match=r"row 300000, column 'r': 'oops'"):
        read_csv("\n".join(lines))


def test_parquet_lists_and_odd_types() -> None:
    columns = {"observation": [[0.0, 1.0], [2.0, 3.0]], "action": [0, 1], "reward": [0.0, 1.0]}
    data = read_file(parquet(columns)).dataset
    np.testing.assert_array_equal(data.observations, [[0, 1], [2, 3]])
    assert data.observation_names == ("observation[0]", "observation[1]")
    with pytest.raises(FileError, match=r"row 2, column 'observation': a list of 1 numbers among lists of 2"):
        read_file(parquet({**columns, "observation": [[0.0, 1.0], [2.0]]}))
    mapping = ColumnMapping(state=("observation",), action="action", reward="reward")
    with pytest.raises(FileError, match=r"column 'observation': it holds struct"):
        read_file(parquet({**columns, "observation": [{"x": "m"}, {"x": "f"}]}), mapping=mapping)
    named = read_file(parquet({**columns, "observation": [{"x": 1, "y": [2.5, 3]}, {"x": 4, "y": [5, 6]}]})).dataset
    assert named.observation_names == ("observation.x", "observation.y[0]", "observation.y[1]")
    np.testing.assert_array_equal(named.observations, [[1, 2.5, 3], [4, 5, 6]])
    decimals = parquet({"s": [0, 1], "a": [0, 1], "r": pd.array([1, 2], dtype="int8"), "d": [True, False]})
    np.testing.assert_array_equal(read_file(decimals).dataset.rewards, [1, 2])


def test_guesses_from_names() -> None:
    def guess(**kinds: str) -> ColumnMapping:
        return guess_mapping(ColumnInfo(name.replace("__", "."), kind) for name, kind in kinds.items())

    lerobot = guess(observation__state="list", action="integer", episode_index="integer", frame_index="integer",
                    timestamp="number", next__reward="number", next__done="boolean", index="integer")  # fmt: skip
    assert lerobot == ColumnMapping(
        state=("observation.state",),
        action="action",
        reward="next.reward",
        episode="episode_index",
        time="frame_index",
        done="next.done",
        both="truncated",
    )
    patients = guess(icustayid="integer", bloc="integer", age="number", SOFA="number", action="integer",
                     reward="number")  # fmt: skip
    assert (patients.episode, patients.time, patients.state) == ("icustayid", "bloc", ("age", "SOFA"))
    camel = guess(trajectoryId="integer", timeStep="integer", obs0="number", obs1="number", nextObs0="number",
                  nextObs1="number", act="integer", rew="number", isTerminal="boolean", timeout="boolean")  # fmt: skip
    assert camel.state == ("obs0", "obs1")
    assert camel.next_state == ("nextObs0", "nextObs1")
    assert (camel.episode, camel.time, camel.done, camel.timeout) == (
        "trajectoryId",
        "timeStep",
        "isTerminal",
        "timeout",
    )
    assert guess(x="number", y="number").problems(["x", "y"]) == [
        "no column is mapped to the action",
        "no column is mapped to the reward",
    ]


def test_preview_shows_columns_rows_and_a_guess() -> None:
    preview = preview_file(PLAIN.encode(), name="log.csv")
    assert (preview.format, preview.rows) == ("csv", 4)
    assert preview_file(PLAIN.encode() + b"2,0,3,1,0.5,false\n" * 20_000, name="log.csv").rows is None
    assert preview.sample[1] == ("0", "1", "4", "0", "1.5", "True")
    assert preview.columns[4] == ColumnInfo("reward", "number", ("0.5", "1.5", "0.0", "-2.0"), 4, 0)
    assert preview.mapping == read_csv(PLAIN).mapping
    shown = preview_file(parquet({"s": [1, 2], "a": ["x", None], "r": [0.0, 1.0]}))
    assert (shown.rows, shown.columns[1].missing, shown.sample[1]) == (2, 1, ("2", "", "1.0"))


def test_mapping_travels_as_plain_data() -> None:
    mapping = ColumnMapping(state=("x", "y"), action="a", reward="r", states="vector", n_actions=5)
    assert ColumnMapping.from_json(mapping.to_json()) == mapping
    for plain in ({"state": 1}, {"action": 3}, {"bins": 1}, {"n_actions": True}, {"eval": "1"}, {"states": "maybe"}):
        with pytest.raises(FileError, match="mapping"):
            ColumnMapping.from_json(plain)
    plain = {"state": ["state"], "action": "action", "reward": "reward", "n_actions": 5}
    assert read_csv(PLAIN, mapping=plain).dataset.n_actions == 5
    assert read_csv(PLAIN, mapping=plain).mapping == ColumnMapping.from_json(plain)
    with pytest.raises(FileError, match="mapping: state = 3 is not allowed: it must be a column's name, or a list of"):
        read_csv(PLAIN, mapping={"state": 3})
    with pytest.raises(FileError, match="there is no column 'q'"):
        read_csv(PLAIN, mapping=ColumnMapping(state=("q",), action="action", reward="reward"))


def test_progress_rises_to_the_end() -> None:
    told: list[tuple[float, str]] = []
    read_csv(PLAIN, progress=lambda share, doing: told.append((share, doing)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert Dataset.from_file(PLAIN.encode()).n_episodes == 2


@pytest.mark.parametrize(
    "clock",
    [
        ("9:58 AM", "11:59 AM", "1:05 PM", "9:58 AM", "1:05 PM"),
        ("8:05", "9:05", "10:05", "8:05", "10:05"),
        ("08:05:00", "09:05:00", "10:05:00", "08:05:00", "10:05:00"),
    ],
)
def test_times_of_day_order_rows(clock: tuple[str, ...]) -> None:
    rows = [f"{ep},{time},{i},{i % 2},{i}" for i, (ep, time) in enumerate(zip((0, 0, 0, 1, 1), clock, strict=True))]
    for order in ([0, 1, 2, 3, 4], [0, 2, 1, 4, 3]):
        reading = read_csv("\n".join(["ep,time,s,a,r", *(rows[i] for i in order)]))
        np.testing.assert_array_equal(reading.dataset.rewards, range(5))
        assert "past-midnight" not in codes(reading)


@pytest.mark.parametrize("clock", [("22:05:00", "23:59:00", "00:05:00"), ("10:05 PM", "11:59 PM", "12:05 AM")])
def test_a_night_goes_past_midnight(clock: tuple[str, ...]) -> None:
    rows = [f"{ep},{time},{i},{i % 2},{3 * ep + i}" for ep in (0, 1) for i, time in enumerate(clock)]
    reading = read_csv("\n".join(["ep,time,s,a,r", *rows]))
    np.testing.assert_array_equal(reading.dataset.rewards, range(6))
    assert finding(reading, "past-midnight").rows == (3, 6)
    interleaved = read_csv("\n".join(["ep,time,s,a,r", *(rows[i] for i in (0, 3, 1, 4, 2, 5))]))
    np.testing.assert_array_equal(interleaved.dataset.rewards, range(6))


def test_flags_of_a_german_spreadsheet() -> None:
    for yes, no in (("WAHR", "FALSCH"), ("ja", "nein")):
        text = PLAIN.replace("true", yes).replace("false", no)
        np.testing.assert_array_equal(read_csv(text).dataset.terminations, [False, True, False, False])


def test_a_number_in_brackets_is_no_list() -> None:
    with pytest.raises(FileError, match=r"row 2, column 'r': '\(0.5\)' is not allowed: a reward must be a number"):
        read_csv("s,a,r\n0,0,1.5\n1,1,(0.5)\n")


def test_probabilities_of_the_behaviour_by_their_symbol_are_no_state() -> None:
    data = read_csv("context,action,reward,pi_b\n1,0,1,0.5\n2,1,0,0.25\n").dataset
    assert data.propensities is not None
    np.testing.assert_array_equal(data.propensities, [0.5, 0.25])
    assert data.tabular


@pytest.mark.parametrize("word", ["#DIV/0!", "--", "."])
def test_a_column_of_numbers_is_not_left_out_for_a_word_in_it(word: str) -> None:
    rows = [f"{i}.5,{word if i == 3 else i / 4},{i % 2},{i}" for i in range(9)]
    with pytest.raises(FileError, match=rf"row 4, column 'pulse': '{re.escape(word)}' is not allowed"):
        read_csv("\n".join(["pressure,pulse,action,reward", *rows]))
    labels = [f"{i}.5,{'abc'[i % 3]},{i % 2},{i}" for i in range(9)]
    reading = read_csv("\n".join(["pressure,ward,action,reward", *labels]))
    assert finding(reading, "unused-columns").message == "1 column was not used: ward"


@pytest.mark.parametrize(("data", "name"), [(b"[]", "x.json"), (b"[{}]", "x.json"), (b"state", "x.csv")])
def test_nothing_is_said_to_be_nothing(data: bytes, name: str) -> None:
    with pytest.raises(FileError, match=rf"^{name}: there is no row of data$"):
        read_file(data, name=name)
