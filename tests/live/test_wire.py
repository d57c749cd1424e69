"""Messages: exact round trips, honest quantisation, and bytes that are not messages."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from offrl_live.runs.wire import WireError, decode, encode, json_data, quantise, split
from tests.hypothesis_profiles import examples


def test_arrays_come_back_as_they_were() -> None:
    fields = {
        "q": np.array([[1.5, np.nan], [-np.inf, 0.0]], np.float32),
        "counts": np.arange(6, dtype=np.int64).reshape(2, 3),
        "mask": np.array([True, False, True]),
        "half": np.array([0.5, 2.0], np.float16),
        "bytes": np.arange(5, dtype=np.uint8),
        "none": np.zeros((0, 4), np.float32),
    }
    header, arrays = decode(encode({"kind": "frame", "step": 7}, fields))
    assert (header["kind"], header["step"]) == ("frame", 7)
    for name, array in fields.items():
        np.testing.assert_array_equal(arrays[name], array)
    assert all(entry["offset"] % 4 == 0 for entry in header["fields"])


def test_the_payload_is_aligned_whatever_the_header() -> None:
    for title in ("", "a", "ab", "abc", "π"):
        message = encode({"title": title}, {"x": np.arange(3, dtype=np.float32)})
        _, payload = split(message)
        assert (len(message) - len(payload)) % 4 == 0


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=8), elements=st.floats(-1e6, 1e6, width=32)))
def test_quantised_numbers_are_within_half_a_level(array) -> None:
    _, arrays = decode(encode({}, {"x": quantise(array)}))
    level = (float(array.max()) - float(array.min())) / 254
    assert np.abs(arrays["x"] - array).max() <= level * 0.501 + 1e-6 * np.abs(array).max()


@pytest.mark.parametrize("array", [[1.1754944e-38, 0.0], [3e38, -3e38, 0.0], [7.0, 7.0]])
def test_quantising_stands_extreme_spans(array) -> None:
    _, arrays = decode(encode({}, {"x": quantise(np.array(array, np.float32))}))
    span = max(array) - min(array)
    np.testing.assert_allclose(arrays["x"], array, rtol=1e-6, atol=span / 254)


def test_quantising_keeps_what_is_not_a_number_apart() -> None:
    array = np.array([np.nan, -np.inf, np.inf, 0.0, 2.0], np.float32)
    _, arrays = decode(encode({}, {"x": quantise(array)}))
    np.testing.assert_allclose(arrays["x"], [np.nan, 0, 2, 0, 2], atol=1e-6)
    assert quantise(np.array([np.nan])).data.tolist() == [255]


@settings(max_examples=examples(300))
@given(st.binary(max_size=80))
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    try:
        decode(data)
    except WireError:
        return
    assert json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")]) is not None


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "x", "dtype": "f4", "shape": [3], "offset": 0},
        {"name": "x", "dtype": "f4", "shape": [-1], "offset": 0},
        {"name": "x", "dtype": "f4", "shape": [1], "offset": -4},
        {"name": "x", "dtype": "O", "shape": [1], "offset": 0},
        {"dtype": "f4"},
    ],
)
def test_fields_beyond_the_payload_are_refused(entry) -> None:
    good = encode({}, {"x": np.zeros(2, np.float32)})
    head = json.dumps({"fields": [entry]}).encode()
    with pytest.raises(WireError):
        decode(len(head).to_bytes(4, "little") + head + bytes(split(good)[1]))


def test_plain_data_is_json() -> None:
    data = {"a": np.float32(1.5), "b": (np.int64(2), float("inf")), 3: np.array([np.nan, 1.0])}
    assert json_data(data) == {"a": 1.5, "b": [2, None], "3": [None, 1.0]}
