"""Lists and structures in cells: what is a vector, what stays a word, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from log_files import CASES, case, parquet, read_csv, read_file

import offrl_core as orl
from offrl_core.formats import ColumnMapping, FileError, preview_file


@pytest.mark.parametrize("name", ["json_cells.csv", "np_cells.csv"])
def test_lists_in_cells_are_vectors(name: str) -> None:
    data = case(name).dataset
    np.testing.assert_array_equal(data.observations, np.float32([[0.1, 0.2], [0.3, 0.4], [0.1, 0.2], [0.5, 0.4]]))
    assert data.observation_names == ("obs[0]", "obs[1]")


def test_structures_in_cells_are_vectors_with_names() -> None:
    data = case("dict_cells.csv").dataset
    np.testing.assert_array_equal(data.observations, np.float32([[0.1, 2], [0.3, 2]]))
    assert data.observation_names == ("obs.x", "obs.y")


def test_long_lists_are_no_long_labels() -> None:
    assert case("json_long.csv").dataset.observations.shape == (4, 17)


def test_actions_in_lists_of_one() -> None:
    reading = case("list_actions.csv")
    np.testing.assert_array_equal(reading.dataset.actions, [1, 0])
    assert reading.dataset.action_names == ()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("[1, 2.5]", "[3, 4]", [[1, 2.5], [3, 4]]),
        ("(1, 2.5)", "(3, 4)", [[1, 2.5], [3, 4]]),
        ("[1.  2.5]", "[ 3. -4.]", [[1, 2.5], [3, -4]]),
        ("array([1., 2.5])", "array([3., 4.], dtype=float32)", [[1, 2.5], [3, 4]]),
        ("[[1 2]\n [3 4]]", "[[5 6]\n [7 8]]", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ('{"x": 1, "y": [2, 3]}', '{"x": 4, "y": [5, 6]}', [[1, 2, 3], [4, 5, 6]]),
        ("{'x': 1, 'y': True}", "{'x': 4, 'y': False}", [[1, 1], [4, 0]]),
        ("{0: 1e-3, 1: .5}", "{0: 2, 1: 1}", [[0.001, 0.5], [2, 1]]),
        ("[True, False]", "[False, False]", [[1, 0], [0, 0]]),
    ],
)
def test_what_python_and_numpy_print(one: str, other: str, expected: list[list[float]]) -> None:
    rows = "\n".join(f'0,{i},"{cell.replace(chr(34), chr(34) * 2)}",{i},1' for i, cell in enumerate((one, other)))
    data = read_csv(f"ep,t,obs,act,rew\n{rows}\n").dataset
    np.testing.assert_allclose(data.observations, expected, rtol=1e-6)
    columns = {"obs": [one, other], "act": [0, 1], "rew": [1.0, 1.0]}
    np.testing.assert_allclose(read_file(parquet(columns)).dataset.observations, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["[1 2]", "[1 ... 2]"], r"row 2, column 'obs': '\[1 ... 2\]' .*numbers were left out"),
        (["[1 ... 2]", "[1 ... 2]"], r"row 1, column 'obs': .*numbers were left out"),
        (["[1 2]", "home"], r"row 2, column 'obs': 'home' is not a list or a structure as other cells"),
        (["[1 2]", "7"], r"row 2, column 'obs': '7' is not a list .*a single value"),
        (["[1 2]", "[1 2 3]"], "a list of 3 numbers among lists of 2"),
        (["[1 2]", "[1 x]"], r"row 2, column 'obs': .*not written as one"),
        (["{1, 2}", "{3, 4}"], r"row 1, column 'obs': .*not written as one"),
        (['{"x": 1}', '{"y": 1}'], r"row 2, column 'obs': its part 'obs.x' has no value"),
        (['{"x": "m"}', '{"x": "f"}'], "it holds struct<x: string>"),
        (['["m", "x"]', '["f", "x"]'], "its rows hold lists of text"),
        (["[1]", '{"x": 1}'], "lists or structures of different forms"),
    ],
)
def test_what_is_no_list_among_lists_is_refused(cells: list[str], message: str) -> None:
    columns = {"obs": cells, "act": [0, 1], "rew": [1.0, 1.0]}
    mapping = ColumnMapping(state=("obs",), action="act", reward="rew")
    with pytest.raises(FileError, match=message):
        read_file(parquet(columns), mapping=mapping)


@pytest.mark.parametrize("word", ["(none)", "[home]", "[a, b]", "[", "{", "(low) [", "[None]", "array of 3"])
def test_words_in_brackets_are_words(word: str) -> None:
    data = read_file(parquet({"obs": [word, "x", word], "act": [0, 1, 0], "rew": [1.0, 1.0, 0.0]})).dataset
    assert data.observation_names == tuple(sorted([word, "x"]))


def test_lists_are_seen_in_the_preview() -> None:
    preview = preview_file(CASES / "json_cells.csv")
    assert [info.kind for info in preview.columns] == ["integer", "integer", "list", "integer", "integer", "integer"]
    assert preview.mapping.state == ("obs",)


def test_several_numbers_are_no_single_value() -> None:
    for role, message in (("rew", "a reward must be one number"), ("done", "a flag must be one value per row")):
        columns: dict[str, Any] = {"obs": [0, 1], "act": [0, 1], "rew": [1.0, 1.0], "done": [False, True]}
        with pytest.raises(FileError, match=rf"column '{role}': {message}; its rows hold 2 numbers"):
            read_file(parquet({**columns, role: ["[1, 0]", "[0, 1]"]}))
    one_hot = read_file(parquet({"obs": [0, 1], "act": ["[1 0]", "[0 1]"], "rew": [1.0, 1.0]})).dataset
    np.testing.assert_array_equal(one_hot.actions, [0, 1])


@pytest.mark.parametrize(
    "written",
    [
        "[np.float64({}), np.float64({})]",
        "tensor([{}, {}], device='cuda:0', dtype=torch.float64)",
        "[{}; {}]",
        "{} {}",
        "{}|{}",
        "{},{}",
        "{}, {}",
    ],
)
def test_numbers_as_other_programs_print_them_are_no_labels(written: str) -> None:
    vectors = np.array([[0.5, -1.25], [2.0, 3.5], [0.125, -4.0], [2.0, 3.5]])
    rows = "\n".join(f'"{written.format(*row)}",{i % 2},{i}' for i, row in enumerate(vectors.tolist()))
    np.testing.assert_array_equal(read_csv(f"obs,act,rew\n{rows}\n").dataset.observations, vectors)


def test_words_with_numbers_stay_words() -> None:
    for words in (("10 30", "10 20"), ("1.5 2.5", "1.5 2.5 3.5"), ("1.5 x", "2.5 x")):
        data = read_csv(f"page,act,rew\n{words[0]},0,0\n{words[1]},1,1\n").dataset
        assert sorted(data.observation_names) == sorted(words)


def test_a_list_of_one_text_is_that_text() -> None:
    reading = read_csv("s,act,rew\n0,\"['left']\",0\n1,\"['right']\",1\n")
    assert reading.dataset.action_names == ("left", "right")
    columns = {"s": [[0], [1]], "act": np.array([["left"], ["right"]]), "rew": [0.0, 1.0]}
    assert orl.Dataset.from_frame(columns).action_names == ("left", "right")
