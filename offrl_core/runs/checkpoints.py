"""Learner states as bytes: a JSON tree whose arrays stand behind it, exact to the bit, never pickled."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

_LENGTH = struct.Struct("<I")
_KINDS = "biuf"


def dump(state: Any) -> bytes:
    """`state`, a tree of dicts with text keys, lists, numbers, texts, None and numpy arrays, as bytes.

    Raises:
        TypeError: something else is in the tree.
    """
    arrays: list[bytes] = []
    head = json.dumps(_strip(state, arrays)).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *arrays])


def load(data: bytes) -> Any:
    """The inverse of `dump`; arrays are copies that may be written to."""
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    tree, _ = _fill(json.loads(data[_LENGTH.size : start]), memoryview(data), start)
    return tree


def _strip(value: Any, arrays: list[bytes]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _KINDS:
            raise TypeError(f"an array of {value.dtype} cannot stand in a checkpoint")
        arrays.append(value.tobytes())
        return {"__array__": value.dtype.str, "shape": value.shape}
    if isinstance(value, Mapping):
        return {key: _strip(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strip(item, arrays) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _fill(value: Any, data: memoryview, at: int) -> tuple[Any, int]:
    if isinstance(value, dict):
        if "__array__" in value:
            dtype, shape = np.dtype(value["__array__"]), tuple(value["shape"])
            array = np.empty(shape, dtype)
            array.reshape(-1).view(np.uint8)[...] = np.frombuffer(data, np.uint8, array.nbytes, at)
            return array, at + array.nbytes
        filled = {}
        for key, item in value.items():
            filled[key], at = _fill(item, data, at)
        return filled, at
    if isinstance(value, list):
        items = []
        for item in value:
            one, at = _fill(item, data, at)
            items.append(one)
        return items, at
    return value, at
