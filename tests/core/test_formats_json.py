"""JSON: every shape in which records are written, the values in them, and what is refused."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzing import LIMITS, judge
from log_files import CASES, Read, assert_same, codes, read_csv, read_file

from offrl_core.formats import FileError, Limits, preview_file

CSV = """episode,step,x,y,treatment,reward,done
0,0,.5,1,low,0,0
0,1,.25,2,none,1,1
1,0,.75,3,none,.5,0
1,1,.125,4,low,2,1
"""
ROWS = [
    {"episode": e, "step": t, "x": x, "y": y, "treatment": drug, "reward": r, "done": bool(t)}
    for e, t, x, y, drug, r in (
        *((0, 0, 0.5, 1, "low", 0), (0, 1, 0.25, 2, "none", 1.0)),
        *((1, 0, 0.75, 3, "none", 0.5), (1, 1, 0.125, 4, "low", 2)),
    )
]


def read_json(value: Any, name: str = "log.json", **how: Any) -> Read:
    text = value if isinstance(value, str) else json.dumps(value)
    return read_file(text.encode(), name=name, **how)


def columns(names: tuple[str, ...] = tuple(ROWS[0]), rows: list[dict[str, Any]] = ROWS) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def nested(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


FRAME = pd.DataFrame(ROWS)
SHAPES: dict[str, Any] = {
    "lines": "\n".join(json.dumps(row) for row in ROWS),
    "lines, the last one ended": "".join(json.dumps(row) + "\r\n" for row in ROWS),
    "records over several lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "list": ROWS,
    "columns": columns(),
    "wrapped": {"meta": {"made": "today"}, "data": ROWS},
    "columns in a wrapper": {"meta": {"made": "today"}, "dataset": columns()},
    "episodes by name": {"e0": ROWS[:2], "e1": ROWS[2:]},
    "episodes of columns by name": {"e0": columns(rows=ROWS[:2]), "e1": columns(rows=ROWS[2:])},
    "pandas, columns": FRAME.to_json(),
    "pandas, records": FRAME.to_json(orient="records"),
    "pandas, index": FRAME.to_json(orient="index"),
    "pandas, split": FRAME.to_json(orient="split"),
    "pandas, table": FRAME.to_json(orient="table"),
    "episodes of columns": [columns(rows=ROWS[:2]), columns(rows=ROWS[2:])],
    "episodes with steps": [
        {"episode": e, "steps": [nested(row, *list(row)[1:]) for row in ROWS[2 * e : 2 * e + 2]]} for e in (0, 1)
    ],
    "a byte-order mark": "\ufeff" + json.dumps(ROWS),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_holds_the_same_log(shape: str) -> None:
    for name in ("log.json", "log", "upload.txt"):
        found = read_json(SHAPES[shape], name)
        assert found.format == "json"
        assert_same(replace_name(found), replace_name(read_csv(CSV)))


def replace_name(reading: Read) -> Any:
    data = reading.dataset
    return type(data).from_columns(
        data.observations,
        data.actions,
        data.rewards,
        data.terminations,
        data.truncations,
        next_observations=data.next_observations,
        action_names=data.action_names,
        observation_names=data.observation_names,
    )


def test_other_encodings() -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        assert len(read_file(json.dumps(ROWS).encode(encoding), name="log.json").dataset) == 4


@pytest.mark.parametrize("name", ["log.json", "log.jsonl"])
def test_records(name: str) -> None:
    data = read_file(CASES / name).dataset
    first = np.array([[0.0, 0.0], [0.0, 0.2], [0.1, 0.0], [0.1, 0.2], [0.2, 0.0], [0.2, 0.2]], dtype=np.float32)
    np.testing.assert_array_equal(data.observations, first)
    np.testing.assert_array_equal(data.actions, [0, 1, 1, 0, 0, 1])
    np.testing.assert_array_equal(data.rewards, [0, 1] * 3)
    np.testing.assert_array_equal(data.terminations, [False, True] * 3)
    np.testing.assert_array_equal(data.next_observations[::2], first[1::2])


def test_rllib() -> None:
    reading = read_file(CASES / "rllib.json")
    data = reading.dataset
    np.testing.assert_array_equal(data.observations, [[0, 1], [1, 1]] * 3)
    np.testing.assert_array_equal(data.next_observations, [[1, 1], [2, 1]] * 3)
    np.testing.assert_array_equal(data.terminations, [False, True] * 3)
    np.testing.assert_array_equal(data.episode_starts, [0, 2, 4])
    assert not data.truncations.any()


def test_rllib_fragments_and_policies() -> None:
    """An episode goes on in the next batch; a batch of several agents is read where it is of one policy."""
    batch = {"obs": [3, 4], "actions": [1, 0], "rewards": [0.5, 1.0], "terminateds": [False, False], "eps_id": [7, 7]}
    rest = {**batch, "obs": [5, 6], "terminateds": [False, True]}
    agents = {"type": "MultiAgentBatch", "count": 2, "policy_batches": {"default_policy": rest}}
    text = "\n".join(json.dumps(one) for one in ({"type": "SampleBatch", **batch}, agents))
    data = read_json(text).dataset
    np.testing.assert_array_equal(data.observations, [3, 4, 5, 6])
    np.testing.assert_array_equal(data.next_observations[:3], [4, 5, 6])
    np.testing.assert_array_equal(data.episode_starts, [0])
    agents["policy_batches"] = {"a": batch, "b": batch}
    with pytest.raises(FileError, match="several policies"):
        read_json(agents)
    with pytest.raises(FileError, match=r"column 'obs': RLlib packed it as a pickle.*output_compress_columns=\[\]"):
        read_json({"type": "SampleBatch", **batch, "obs": "BCJNGGhAvAQAAAA="})


def test_lists_of_steps_are_episodes() -> None:
    """No column tells episodes apart: lists do, and a list of states may end with the final one."""
    episodes = [
        {"states": [0, 1, 2], "actions": [1, 0], "rewards": [0.0, 1.0]},
        {"states": [0, 2, 1, 0], "actions": [0, 0, 1], "rewards": [0.0, 0.0, 3.0]},
    ]
    for text in (episodes, "\n".join(json.dumps(one) for one in episodes), {"trajectories": episodes}):
        reading = read_json(text)
        data = reading.dataset
        assert "lists-are-episodes" in codes(reading)
        np.testing.assert_array_equal(data.observations, [0, 1, 0, 2, 1])
        np.testing.assert_array_equal(data.next_observations, [1, 2, 2, 1, 0])
        np.testing.assert_array_equal(data.episode_starts, [0, 2])
    episodes[0] |= {"dones": [False, True]}
    episodes[1] |= {"dones": [False, False, False]}
    data = read_json(episodes).dataset
    np.testing.assert_array_equal(data.terminations, [False, True, False, False, False])
    np.testing.assert_array_equal(data.next_observations[[0, 2, 3, 4]], [1, 2, 1, 0])
    lists = [[{"state": 0, "action": 1, "reward": 0.5}, {"state": 1, "action": 0, "reward": 1}]] * 2
    np.testing.assert_array_equal(read_json(lists).dataset.episode_starts, [0, 2])
    assert len(read_json(lists[0]).dataset.episode_starts) == 1


def test_a_flag_of_a_whole_list() -> None:
    """Is that of its last step."""
    episodes = [
        {"obs": [0, 1, 2], "acts": [1, 0, 1], "rews": [0.0, 1.0, 2.0], "terminal": end, "episode_id": number}
        for number, end in enumerate([True, False])
    ]
    data = read_json("\n".join(map(json.dumps, episodes))).dataset
    np.testing.assert_array_equal(data.terminations, [False, False, True, False, False, False])
    np.testing.assert_array_equal(data.truncations, [False, False, False, False, False, True])


def test_flags_inside_a_list_tell_more_than_the_list() -> None:
    half = [{"state": i % 3, "action": i % 2, "reward": i, "done": i in (1, 4)} for i in range(6)]
    data = read_json([half[:3], half[3:]]).dataset
    np.testing.assert_array_equal(data.episode_starts, [0, 2, 5])


def test_structures_in_records() -> None:
    rows = [
        {"obs": {"x": i / 4, "speed": [i, -i]}, "action": f"a{i % 2}", "reward": i, "episode": i // 3} for i in range(6)
    ]
    data = read_json(rows).dataset
    assert data.observation_names == ("obs.x", "obs.speed[0]", "obs.speed[1]")
    np.testing.assert_array_equal(data.observations, [[i / 4, i, -i] for i in range(6)])


def test_values_mean_what_they_mean_in_other_tables() -> None:
    rows = [
        {"id": 2**63 + i // 2, "s": state, "a": action, "r": reward}
        for i, (state, action, reward) in enumerate(
            zip(["NA", "x", "none", "x"], [0, "b", 0, True], [0, 1.5, 2, 1], strict=True)
        )
    ]
    data = read_json(rows).dataset
    assert data.observation_names == ("NA", "none", "x")
    assert data.action_names == ("0", "b", "true")
    np.testing.assert_array_equal(data.episode_starts, [0, 2])
    np.testing.assert_array_equal(data.rewards, [0, 1.5, 2, 1])


def test_a_key_that_is_left_out_is_missing() -> None:
    rows = [{"s": 0, "a": 0, "r": 1}, {"s": 1, "a": 1, "r": 0, "done": True}, {"s": 0, "a": 1, "r": 0.5}]
    data = read_json("\n".join(map(json.dumps, rows))).dataset
    np.testing.assert_array_equal(data.terminations, [False, True, False])
    with pytest.raises(FileError, match="row 2, column 'r'"):
        read_json([rows[0], {"s": 1, "a": 1, "done": True}, rows[2], rows[1]])


def test_a_late_key_is_named() -> None:
    rows: list[dict[str, Any]] = [{"s": i % 5, "a": i % 2, "r": 0, "e": i // 9} for i in range(1200)]
    rows[1100]["truncated"] = True
    reading = read_json("\n".join(map(json.dumps, rows)))
    (late,) = [found for found in reading.findings if found.code == "late-columns"]
    assert "truncated" in late.message
    assert late.severity == "warning"


def test_kinds_that_change_late() -> None:
    """Whole numbers, then others; more rows than are converted at once."""
    rows = [
        f'{{"s": {i % 7}{".5" if i == 45_000 else ""}, "a": {i % 2}, "r": {i}, "e": {i // 10}}}' for i in range(46_000)
    ]
    data = read_json("\n".join(rows)).dataset
    assert not data.tabular
    assert data.observations[45_000] == 45_000 % 7 + 0.5
    np.testing.assert_array_equal(data.rewards, np.arange(46_000))


def test_a_preview_reads_no_more_than_it_shows() -> None:
    preview = preview_file(("\n".join(json.dumps(row) for row in ROWS * 300) + "\n{broken").encode(), name="x.jsonl")
    assert (preview.format, preview.rows, len(preview.sample)) == ("json", None, 20)
    assert [column.name for column in preview.columns] == list(ROWS[0])
    assert preview_file(json.dumps(ROWS).encode()).rows == 4


REFUSED = {
    "": "the file is empty",
    " \n": "no row of data",
    "[]": "there is no row of data",
    "[1, 2]": "1 stands where a record is needed",
    '[["s", "a"], [0, 1]]': '"s" stands where a record is needed',
    '{"s": 0, "a": 1, "r"': "this is not JSON: .* line 1, column 21",
    '[{"s": 0, "a": 1, "r": 0}': "this is not JSON",
    '{"s": 0, "a": 1, "r": 0}\n{"s": 0, "a": 1, "r": 0': "line 2",
    '{"s": 0, "a": 1, "s": 1, "r": 0}': "'s' stands twice in one object",
    '{"s": [0, 1], "a": [1, 0], "r": [0, 1, 2]}': "its list holds 2 values, that of the rewards 3",
    '[{"s": [0], "a": 1, "r": 0}, {"s": 1, "a": 1, "r": 0}]': "row 2, column 's': it holds a single value where",
    '[{"s": [0, 1], "a": 1, "r": 0}, {"s": [1, 2, 3], "a": 1, "r": 0}]': "a list of 3 numbers among lists of 2",
    '[{"s": [0, [1]], "a": 1, "r": 0}]': "lists or structures of different forms",
    '[{"s": 0, "a": 1, "r": 1e999}]': "inf is not allowed",
    '[{"s": 0, "a": 1, "r": "much"}]': "'much' is not allowed: a reward must be a number",
    '[{"s": "\\ud800", "a": 1, "r": 1}]': "not valid Unicode",
    '[{"\\ud800": 0, "a": 1, "r": 1}]': "not valid Unicode",
    '[{"s": ' + "9" * 5000 + ', "a": 1, "r": 1}]': "Exceeds the limit",
    "[" * 100_000: "nested too deeply|not JSON",
    '{"a":' * 100_000: "nested too deeply",
    '{"data": [' * 20 + "]}" * 20: "nested too deeply|no column",
    '[{"s": ' + "[" * 20 + "1" + "]" * 20 + ', "a": 1, "r": 0}]': "nested too deeply",
    '{"s": 0, "a": 1, "r": 0}\x00': "not JSON",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(text: str) -> None:
    with pytest.raises(FileError, match=rf"(?s)^log\.json.*({REFUSED[text]})"):
        read_json(text)
    assert judge(text.encode(), format="json") == "refused"


def test_limits() -> None:
    small = Limits(bytes=1_000_000, unpacked=20_000, rows=1000, columns=10)
    row = '{"s": 0, "a": 1, "r": 0}\n'
    with pytest.raises(FileError, match="1,001 rows; at most 1,000 are allowed"):
        read_json(row * 1001, limits=small)
    with pytest.raises(FileError, match="11 columns; at most 10 are allowed"):
        read_json({f"s{i}": 0 for i in range(11)}, limits=small)
    with pytest.raises(FileError, match="11 columns; at most 10 are allowed"):
        read_json(row * 1005 + "".join(json.dumps({f"k{i}": 0}) for i in range(8)), limits=replace(small, rows=5000))
    with pytest.raises(FileError, match=r"column 's': .* bytes after unpacking"):
        read_json([{"s": [0] * 100, "a": 1, "r": 0}] * 900, limits=small)
    wide = io.StringIO()
    wide.write("[" + ",".join(json.dumps({f"k{i}": i}) for i in range(5000)) + "]")
    assert judge(wide.getvalue().encode()) == "refused"
    assert LIMITS.columns < 5000
