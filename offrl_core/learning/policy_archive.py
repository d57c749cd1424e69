"""Policies in an archive of arrays that holds everything they need: NPZ, never pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from offrl_core.algos import Algorithm, hyperparameters
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.dataset import Dataset
from offrl_core.declarations import Value, resolve
from offrl_core.formats.archive import open_zip, read_array
from offrl_core.formats.base import BROKEN, Context, FileError, Limits
from offrl_core.formats.source import Source
from offrl_core.learning.approximators import Network
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.policies import FunctionPolicy, LearnedPolicy, PolicyError, TablePolicy
from offrl_core.learning.policy_checks import NO_POLICY, chosen, numbers, probabilities, text, texts

Array = npt.NDArray[Any]

KIND, VERSION = "offline-rl-policies", 1
HEAD = "about"


def write_npz(policies: Sequence[LearnedPolicy], dataset: Dataset, file: BinaryIO) -> None:
    """Write an archive: arrays of each model behind its number, and what they are as the bytes of a JSON text."""
    models: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    for number, policy in enumerate(policies):
        kept = _arrays(policy)
        arrays |= {f"{number}.{name}": array for name, array in kept.items()}
        named = ("model", "algorithm", "approximator", "step")
        models.append({name: getattr(policy, name) for name in named} | {"values": dict(policy.hyperparameters)})
    about = {"kind": KIND, "version": VERSION, "dataset": dataset.name, "actions": dataset.action_labels}
    places = {"states": dataset.state_labels} if dataset.tabular else {"components": dataset.component_labels}
    # A single row: a long text must not be taken for many rows.
    head = np.frombuffer(json.dumps({**about, **places, "models": models}).encode(), np.uint8)[None]
    np.savez_compressed(file, allow_pickle=False, **{HEAD: head}, **arrays)


def _arrays(policy: LearnedPolicy) -> dict[str, Array]:
    if isinstance(policy, TablePolicy):
        tables = {"policy": policy.policy, "q": policy.q_table, "v": policy.v_table}
        return {name: table for name, table in tables.items() if table is not None}
    assert isinstance(policy, FunctionPolicy)
    assert policy.encoding.center is not None
    return {
        "center": policy.encoding.center,
        "scale": policy.encoding.scale,
        "seen": policy.seen,
        "counts": policy.counts,
        **{f"head {name}": parameters for name, (_, parameters) in policy.functions.items()},
    }


def read_npz(source: Source, model: str | int | None) -> LearnedPolicy:
    """The model of that name or number in an archive.

    Raises:
        PolicyError: it is no such archive, or holds no such model.
    """
    context = Context(Limits(), lambda share, doing: None)
    try:
        with source.open() as file, open_zip(file, context) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if HEAD not in members:
                raise PolicyError(f"{NO_POLICY}: it has no part {HEAD!r}")
            arrays = {name: read_array(archive, info, context, name) for name, info in members.items()}
    except (PolicyError, FileError):
        raise
    except BROKEN as error:
        raise PolicyError(f"{NO_POLICY}, or it is damaged: {error}") from error
    try:
        about = json.loads(arrays.pop(HEAD).astype(np.uint8).tobytes())
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"{NO_POLICY}: its description is no JSON text") from error
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise PolicyError(NO_POLICY)
    if about.get("version") != VERSION:
        raise PolicyError(f"it is of version {about.get('version')!r}, this program reads version {VERSION}")
    models = about.get("models")
    if not isinstance(models, list) or not models or not all(isinstance(one, dict) for one in models):
        raise PolicyError("its list of models is missing")
    number = chosen([text(one, "model") for one in models], model)
    asked, parts = models[number], {name.partition("."): array for name, array in arrays.items()}
    step, values = asked.get("step"), asked.get("values")
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise PolicyError(f"step = {step!r} is not allowed: it must be 0 or more, a whole number")
    if not isinstance(values, dict):
        raise PolicyError("the model's hyperparameters are missing")
    named: dict[str, Any] = {name: text(asked, name) for name in ("model", "algorithm", "approximator")}
    named |= {"dataset": text(about, "dataset"), "actions": texts(about, "actions")}
    named |= {"step": step, "hyperparameters": values}
    own = {name: array for (which, _, name), array in parts.items() if which == str(number)}
    return (_table if "states" in about else _function)(own, about, named)


def _table(arrays: Mapping[str, Array], about: Mapping[str, Any], named: dict[str, Any]) -> TablePolicy:
    states, actions = texts(about, "states"), named["actions"]
    shape = (len(states), len(actions))
    q, v = arrays.get("q"), arrays.get("v")
    return TablePolicy(
        **named,
        states=states,
        policy=probabilities(numbers(arrays.get("policy"), "policy", shape), shape),
        q_table=None if q is None else numbers(q, "q", shape),
        v_table=None if v is None else numbers(v, "v", shape[:1]),
    )


def _function(arrays: Mapping[str, Array], about: Mapping[str, Any], named: dict[str, Any]) -> FunctionPolicy:
    components, actions = texts(about, "components"), named["actions"]
    width = len(components)
    try:
        kind = find_algorithm(named["algorithm"])
        declared = [h for h in hyperparameters(kind, named["approximator"]) if h.name != "encoding"]
        given = {name: value for name, value in named["hyperparameters"].items() if name != "encoding"}
        values = resolve(declared, given)
    except ValueError as error:
        raise PolicyError(str(error)) from error
    system = kind()
    counted = system.uses_counts(values)
    seen = numbers(arrays.get("seen"), "seen", (None if counted else 0, width))
    scale = numbers(arrays.get("scale"), "scale", (width,), np.float64)
    if not (scale > 0).all():
        raise PolicyError("scale must be above 0")
    return FunctionPolicy(
        **{**named, "hyperparameters": values},
        components=components,
        system=system,
        encoding=Encoding.of(numbers(arrays.get("center"), "center", (width,), np.float64), scale),
        functions=dict(_functions(arrays, system, values, width, len(actions))),
        seen=seen,
        counts=numbers(arrays.get("counts"), "counts", (len(seen), len(actions))),
    )


def _functions(
    arrays: Mapping[str, Array], system: Algorithm, values: Mapping[str, Value], width: int, actions: int
) -> list[tuple[str, tuple[Network, Array]]]:
    hidden = tuple(int(units) for units in str(values.get("hidden", "")).split("-") if units)
    found = []
    for head in system.heads(values):
        function = Network(width, hidden, 1 if head.scalar else actions)
        name = f"head {head.name}"
        found.append((head.name, (function, numbers(arrays.get(name), name, (1, function.size)))))
    return found
