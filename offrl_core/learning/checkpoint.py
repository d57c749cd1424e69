"""A learner's state as bytes: an NPZ archive of arrays and one JSON text, never pickled."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np


def to_bytes(state: Mapping[str, Any]) -> bytes:
    """A `Learner.state_dict` as an NPZ archive, exact to the bit."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = {**state, "programs": []}
    for number, program in enumerate(state["programs"]):
        names = {name: f"{number}.{name}" for name in program["arrays"]}
        arrays |= {names[name]: array for name, array in program["arrays"].items()}
        tree["programs"].append({**program, "arrays": names})
    out = io.BytesIO()
    text = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    np.savez(out, allow_pickle=False, state=text, **arrays)
    return out.getvalue()


def from_bytes(data: bytes) -> dict[str, Any]:
    """The inverse of `to_bytes`.

    Raises:
        ValueError: the bytes are not such an archive.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            tree: dict[str, Any] = json.loads(archive["state"].tobytes())
            for program in tree["programs"]:
                program["arrays"] = {name: archive[place] for name, place in program["arrays"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"these bytes are not a learner's state: {error}") from error
    return tree
