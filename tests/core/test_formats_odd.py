"""Sound files that hold odd things: each is read, or refused with a reason that names the place."""

from __future__ import annotations

import datetime
import decimal
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from fuzzing import LIMITS, fuzzed, sound, watched
from hypothesis import given
from hypothesis import strategies as st
from log_files import log, parquet, read_csv, read_file, stacked

from offrl_core.data.report import validate
from offrl_core.formats import ColumnMapping, FileError, preview_file


def test_a_column_without_any_value_is_no_hindrance() -> None:
    text = "x,y,action,reward,done,note\n1,2,0,0.5,,\n3,4,1,1.5,,\n"
    reading = read_csv(text)
    assert reading.mapping.state == ("x", "y")
    np.testing.assert_array_equal(reading.dataset.observations, [[1, 2], [3, 4]])
    assert not reading.dataset.terminations.any()
    nothing = pa.nulls(2)
    columns = {
        "x": [1.0, 3.0],
        "y": [2.0, 4.0],
        "action": [0, 1],
        "reward": [0.5, 1.5],
        "note": nothing,
        "spare": [None] * 2,
    }
    table = read_file(parquet(columns))
    assert table.mapping.state == ("x", "y")
    shown = preview_file(parquet(columns)).columns[-1]
    assert (shown.distinct, shown.missing, shown.examples) == (0, 2, ("", ""))
    with pytest.raises(FileError, match=r"row 1, column 'note': the state is missing \(2 such rows\)"):
        read_csv(text, mapping=replace(reading.mapping, state=("note",)))


def test_a_time_may_be_of_any_plain_kind() -> None:
    columns = {"ep": [0, 0, 0], "s": [0, 1, 2], "a": [0, 1, 0], "r": [0.0, 1.0, 2.0]}
    kinds = {
        "small": pa.array([127, -128, 0], pa.int8()),  # their differences do not fit eight bits
        "flags": pa.array([True, False, True]),
        "dates": pa.array([20, 10, 15], pa.date32()),
        "seconds": pa.array([20, 10, 15], pa.time32("s")),
    }
    for name, time in kinds.items():
        data = read_file(parquet({**columns, "t": time})).dataset
        first = {"small": [1, 2, 0], "flags": [1, 0, 2], "dates": [1, 2, 0], "seconds": [1, 2, 0]}[name]
        np.testing.assert_array_equal(data.observations, first)


def test_next_states_of_another_shape_are_named() -> None:
    columns = {"s": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], "a": [0, 1, None], "r": [0.0, 1.0, None]}
    with pytest.raises(FileError, match=r"column 'next_s': it has shape \(3, 3\), 's' has \(3, 2\)"):
        read_file(parquet({**columns, "next_s": [[0.0] * 3] * 3}))


def test_what_cannot_be_parsed_is_told_in_plain_words() -> None:
    unclosed = b's,a,r\n0,0,"' + b"x" * 3_000_000
    with pytest.raises(FileError, match="quotation mark is never closed"):
        preview_file(unclosed, name="log.csv")
    with pytest.raises(FileError, match="quotation mark is never closed"):
        read_file(b"s,a,r\n" + b"0,0,0\n" * 100_000 + unclosed[6:], name="log.csv")


def test_single_numbers_where_rows_are_due_are_named() -> None:
    for name in ("observations", "actions", "rewards", "terminals"):
        with pytest.raises(FileError, match=rf"column '{name}': it is a single number; one row per step is needed"):
            read_file(flat({name: np.float64(0)}))
    with pytest.raises(FileError, match="column 'episode_1/actions': it is not in the file"):
        read_file(by_episode({"actions": None}, episode=1))
    with pytest.raises(FileError, match="column 'episode_2/observations': it is a single number"):
        read_file(by_episode({"observations": np.float64(0)}, episode=2))


# -- any array in any role of any layout


_NUMBERS = (0, 1, 2, -1, 0.5, 255, 2**53, 2**63 - 1, -(2**63), 1e-300, 1e300, np.nan, np.inf, -np.inf)
_KINDS = ("f8", "f4", "f2", "i8", "i4", "i1", "u8", "u1", "?", "S3", "c16", "text")
_SHAPES: dict[str, Callable[[int], tuple[int, ...]]] = {
    "one number": lambda rows: (),
    "nothing": lambda rows: (0,),
    "column": lambda rows: (rows,),
    "thin": lambda rows: (rows, 1),
    "pairs": lambda rows: (rows, 2),
    "one more": lambda rows: (rows + 1,),
    "boxes": lambda rows: (rows, 2, 2),
    "empty rows": lambda rows: (rows, 0),
}
Odd = tuple[str, str, int]


def odd_array(rows: int, odd: Odd) -> np.ndarray:
    """An array of the given shape and kind, filled at random with numbers that invite trouble."""
    shape, kind, seed = odd
    rng = np.random.default_rng(seed)
    some = rng.choice(_NUMBERS[: 3 if seed % 2 else None], _SHAPES[shape](rows))
    with np.errstate(all="ignore"):
        if kind == "text":
            return np.asarray(some).astype(str).astype(object)
        return np.asarray(some).astype(kind)


def store(group: h5py.Group, name: str, values: Any) -> None:
    """Put an array into an HDF5 group; None leaves it out."""
    if values is not None:
        text = h5py.string_dtype() if isinstance(values, np.ndarray) and values.dtype.kind == "O" else None
        group.create_dataset(name, data=values, dtype=text)


def flat(changes: dict[str, Any], *more: str) -> bytes:
    """A D4RL file, or with `more` arrays one of d3rlpy 1, in which some arrays are others."""
    episodes = log(episodes=3)
    arrays = {name: stacked(episodes, name) for name in ("observations", "actions", "rewards")}
    arrays["terminals"] = stacked(episodes, "terminations")
    ends = stacked(episodes, "terminations") | stacked(episodes, "truncations")
    extra = {
        "episode_terminals": ends,
        "discrete_action": True,
        "version": "1.0",
        "timeouts": ends & ~arrays["terminals"],
    }
    arrays |= {name: extra[name] for name in more or ("timeouts",)}
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, values in {**arrays, **changes}.items():
            store(out, name, values)
    return file.getvalue()


def by_episode(changes: dict[str, Any], *, episode: int, d3rlpy: bool = False) -> bytes:
    """A Minari file, or one of d3rlpy 2, in one episode of which some arrays are others."""
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        if d3rlpy:
            out["num_episodes"] = 3
        for number, arrays in enumerate(log(episodes=3)):
            given_arrays: dict[str, Any] = dict(arrays)
            if d3rlpy:
                given_arrays["observations"] = arrays["observations"][:-1]
                given_arrays["terminated"] = bool(arrays["terminations"].any())
            for name, values in {**given_arrays, **(changes if number == episode else {})}.items():
                if d3rlpy:
                    store(out, f"{name}_{number}", values)
                else:
                    store(out.require_group(f"episode_{number}"), name, values)
    return file.getvalue()


def npz(changes: dict[str, Any]) -> bytes:
    """A plain archive in which some arrays are others."""
    episodes = log(episodes=3)
    arrays = {name: stacked(episodes, name) for name in ("observations", "actions", "rewards", "terminations")}
    file = io.BytesIO()
    kept = {name: values for name, values in {**arrays, **changes}.items() if values is not None}
    np.savez(file, **{name: values.astype(str) if values.dtype == object else values for name, values in kept.items()})
    return file.getvalue()


D3RLPY = ("episode_terminals", "discrete_action", "version")
LAYOUTS = {
    "d4rl": lambda changes, episode: flat(changes),
    "d3rlpy-1": lambda changes, episode: flat(changes, *D3RLPY),
    "d3rlpy-2": lambda changes, episode: by_episode(changes, episode=episode, d3rlpy=True),
    "minari": lambda changes, episode: by_episode(changes, episode=episode),
    "npz": lambda changes, episode: npz(changes),
}
ROLES = {
    "d4rl": ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations"),
    "d3rlpy-1": ("observations", "actions", "rewards", "terminals", *D3RLPY),
    "d3rlpy-2": ("observations", "actions", "rewards", "terminated"),
    "minari": ("observations", "actions", "rewards", "terminations", "truncations"),
    "npz": (
        "observations",
        "actions",
        "rewards",
        "terminations",
        "truncations",
        "next_observations",
        "episodes",
        "behaviors",
    ),
}
odd_arrays = st.tuples(st.sampled_from(sorted(_SHAPES)), st.sampled_from(_KINDS), st.integers(0, 2**16))


def explained(data: bytes, **how: Any) -> None:
    """The file is read, or refused with a reason; that it were damaged is none, because it is not."""
    try:
        with watched():
            reading = read_file(data, name="odd.bin", limits=LIMITS, **how)
    except FileError as refusal:
        reason, reading = str(refusal), None
    else:
        reason = ""
    if reading is None:
        assert reason.startswith("odd.bin")
        assert "damaged or not what it seems" not in reason
        return
    sound(reading.dataset)
    validate(reading.dataset, reading.findings)


def _fuzz_arrays(layout: str, episode: int, plan: dict[str, Odd | None]) -> None:
    lengths = [len(arrays["actions"]) for arrays in log(episodes=3)]
    rows = sum(lengths) if layout in ("d4rl", "d3rlpy-1", "npz") else lengths[episode]
    changes = {role: None if odd is None else odd_array(rows, odd) for role, odd in plan.items()}
    explained(LAYOUTS[layout](changes, episode))


def any_arrays(layout: str, examples: int) -> None:
    """Read files of a layout in which up to two arrays are odd or missing."""
    plans = st.dictionaries(st.sampled_from(ROLES[layout]), st.one_of(st.none(), odd_arrays), min_size=1, max_size=2)
    fuzzed(examples)(
        given(episode=st.integers(0, 2), plan=plans)(lambda episode, plan: _fuzz_arrays(layout, episode, plan))
    )()


_DAY = datetime.datetime(2024, 1, 1)
CELLS: dict[str, tuple[list[Any], pa.DataType | None]] = {
    "whole": ([0, 1, 2, None], pa.int64()),
    "small": ([-128, 0, 127], pa.int8()),
    "unsigned": ([0, 1, 2**64 - 1], pa.uint64()),
    "numbers": ([0.0, 1.0, None, float("nan")], pa.float64()),
    "fractions": ([0.5, float("inf"), -1e300], pa.float64()),
    "half": ([0.0, 1.0], pa.float16()),
    "decimals": ([decimal.Decimal("1.5"), None], pa.decimal128(9, 2)),
    "flags": ([True, False, None], pa.bool_()),
    "words": (["a", "b", "", None, " a "], pa.string()),
    "long words": (["yes", "no"], pa.large_string()),
    "views": (["x", "y"], pa.string_view()),
    "bytes": ([b"a", b"\xff"], pa.binary()),
    "categories": (["u", "v"], pa.dictionary(pa.int8(), pa.string())),
    "instants": ([_DAY, datetime.datetime(1, 1, 1), None], pa.timestamp("us")),
    "days": ([_DAY.date(), None], pa.date32()),
    "spans": ([datetime.timedelta(1), None], pa.duration("s")),
    "lists": ([[0.0, 1.0], [2.0, 3.0], None], pa.list_(pa.float64())),
    "uneven lists": ([[0], [1, 2], []], pa.list_(pa.int64())),
    "pairs": ([[0.0, 1.0], [2.0, 3.0]], pa.list_(pa.float32(), 2)),
    "nothing": ([None], pa.null()),
    "structures": ([{"x": 1}], pa.struct([("x", pa.int64())])),
}
TABLE = {"ep": "whole", "t": "whole", "s": "whole", "a": "whole", "r": "numbers", "done": "flags", "truncated": "flags",
         "next_s": "whole", "policy": "words"}  # fmt: skip


def _fuzz_columns(plan: dict[str, str | None], rows: int, seed: int, choices: dict[str, Any]) -> None:
    """A table whose columns are of other kinds than they should be, read by its names."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, kind in {**TABLE, **plan}.items():
        if kind is not None:
            values, dtype = CELLS[kind]
            plain = name not in plan
            picked = [values[i] for i in rng.integers(0, 2 if plain else len(values), rows)]
            columns[name] = pa.array(sorted(picked) if plain and name in ("ep", "t") else picked, dtype)
    data = parquet(columns)
    explained(data)
    state = tuple(name for name in ("s", "x") if name in columns)
    following = ("next_s",) if "next_s" in columns and len(state) == 1 else ()
    named = {role: name for role, name in (("episode", "ep"), ("time", "t"), ("done", "done")) if name in columns}
    explained(
        data, mapping=ColumnMapping(state=state, action="a", reward="r", next_state=following, **named, **choices)
    )


table_plans = st.fixed_dictionaries(
    {
        "plan": st.dictionaries(
            st.sampled_from([*TABLE, "x"]), st.one_of(st.none(), st.sampled_from(sorted(CELLS))), max_size=3
        ),
        "rows": st.integers(0, 6),
        "seed": st.integers(0, 2**16),
        "choices": st.fixed_dictionaries(
            {
                "states": st.sampled_from(["auto", "table", "vector"]),
                "reward_row": st.sampled_from(["same", "next"]),
                "missing": st.sampled_from(["refuse", "drop"]),
            }
        ),
    }
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_arrays(layout: str) -> None:
    any_arrays(layout, 50)


def test_any_columns() -> None:
    fuzzed(50)(given(plan=table_plans)(lambda plan: _fuzz_columns(**plan)))()


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_arrays_at_length(layout: str) -> None:
    any_arrays(layout, 2000)


@pytest.mark.slow
def test_any_columns_at_length() -> None:
    fuzzed(3000)(given(plan=table_plans)(lambda plan: _fuzz_columns(**plan)))()
