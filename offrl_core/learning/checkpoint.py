"""A learner's state as bytes: an NPZ archive of arrays and one JSON text, never pickled."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from offrl_core.declarations import Hyperparameter, Value
from offrl_core.formats.base import BROKEN


def check(state: Any, mine: Mapping[str, Any]) -> None:
    """Compare a state with that of the learner which is to continue from it.

    Raises:
        ValueError: it belongs to another learner or to another dataset, or something is missing.
    """
    needed = {*mine, "programs"}
    missing = sorted(needed - state.keys() if isinstance(state, Mapping) else needed)
    if missing:
        raise ValueError(f"this is not a learner's state: it has no {', '.join(missing)}")
    for name in ("version", "algorithm", "approximator", "seeds"):
        if state[name] != mine[name]:
            raise ValueError(f"this state has {name} {state[name]!r}, the learner has {mine[name]!r}")
    data, own_data = state["dataset"], mine["dataset"]
    if data != own_data:
        alike = " of other contents" if {**data, "fingerprint": own_data["fingerprint"]} == own_data else ""
        raise ValueError(
            f"this state was trained on the dataset {data['name']!r} with {data['rows']:,} rows, "
            f"the learner has {own_data['name']!r} with {own_data['rows']:,} rows{alike}"
        )
    lengths, own = ({name: len(values) for name, values in x["axes"].items()} for x in (state, mine))
    if lengths != own:
        raise ValueError(f"this state has the axes {lengths or 'none'}, the learner has {own or 'none'}")
    members = sorted(int(i) for program in state["programs"] for i in program["members"])
    if len(state["values"]) != len(mine["values"]) or members != list(range(len(mine["values"]))):
        raise ValueError(f"this state does not hold the learner's {len(mine['values'])} members, each once")


def check_structure(
    values: Sequence[Mapping[str, Value]], mine: Sequence[Mapping[str, Value]], declared: Iterable[Hyperparameter]
) -> None:
    """Compare the hyperparameters that only a restart can change, of each member.

    Raises:
        ValueError: one differs.
    """
    for name in (h.name for h in declared if not h.live):
        for member, (theirs, own) in enumerate(zip(values, mine, strict=True)):
            if theirs[name] != own[name]:
                which = f" in member {member}" if len(mine) > 1 else ""
                raise ValueError(f"this state was trained with {name} = {theirs[name]!r}{which}, not {own[name]!r}")


def check_arrays(arrays: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Compare a program's arrays with those that it needs.

    Raises:
        ValueError: one is missing, or has another shape or type.
    """
    for name, array in mine.items():
        given = np.asarray(arrays[name]) if name in arrays else None
        if given is None or given.shape != array.shape or given.dtype != array.dtype:
            has = "is missing" if given is None else f"has shape {given.shape} of {given.dtype}"
            raise ValueError(f"this state's {name} {has}, the learner's has shape {array.shape} of {array.dtype}")


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
        ValueError: the bytes are not such an archive, or are damaged.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            tree: dict[str, Any] = json.loads(archive["state"].tobytes())
            for program in tree["programs"]:
                program["arrays"] = {name: archive[place] for name, place in program["arrays"].items()}
    except BROKEN as error:
        # What numpy says of such bytes is advice on files that may be trusted.
        raise ValueError(f"these {len(data):,} bytes are not a learner's state, or they are damaged") from error
    return tree
