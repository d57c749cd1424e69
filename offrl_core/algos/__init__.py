"""The systems of the lecture, one file each."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from inspect import isabstract

from offrl_core.algos.base import GROUPS, Algorithm
from offrl_core.algos.shared_hyperparameters import APPROXIMATORS, approximator_hyperparameters, canonical_approximator
from offrl_core.data.catalogue import datasets
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value
from offrl_core.names import Named, unknown

__all__ = ["APPROXIMATORS", "Algorithm", "algorithm", "algorithms", "hyperparameters"]


LECTURE = (
    "bc.BC",
    "emrl.EMRL",
    "rwr.RWR",
    "marwil.MARWIL",
    "awr.AWR",
    "awac.AWAC",
    "crr.CRR",
    "iql.IQL",
    "mpo.MPO",
    "q_learning.QLearning",
    "mc_q.MCQ",
    "constrained_q.ConstrainedQ",
    "bcq.BCQ",
    "cql.CQL",
)
"""File and class of every system that comes with the program, in the order of the lecture."""

_added: dict[str, type[Algorithm]] = {}


@cache
def _lecture() -> dict[str, type[Algorithm]]:
    places = (place.split(".") for place in LECTURE)
    kinds = [getattr(import_module(f"{__name__}.{file}"), name) for file, name in places]
    return {kind.name: kind for kind in kinds}


def algorithms() -> dict[str, type[Algorithm]]:
    """Every system by name, in the order of the lecture; those added at run time stand at the end."""
    return Named("algorithm", _lecture() | _added)


def add_algorithm(kind: type[Algorithm]) -> None:
    """Add a system to those of this process; a class that is defined anew takes its former place.

    Raises:
        ValueError: the class lacks something, its name does not fit into a link, or another system has that name.
    """
    lacking = [name for name in ("name", "title", "group", "summary") if not hasattr(kind, name)]
    if isabstract(kind):
        lacking += sorted(kind.__abstractmethods__)
    if lacking:
        raise ValueError(f"{kind.__name__} lacks {', '.join(lacking)}")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name):
        raise ValueError(f"name = {kind.name!r} is not allowed: it must be lowercase letters, digits and hyphens")
    if kind.group not in GROUPS:
        raise ValueError(f"group = {kind.group!r} is not allowed: it must be one of {', '.join(GROUPS)}")
    names = [h.name for h in kind.hyperparameters]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{kind.__name__} declares {', '.join(sorted(twice))} twice")
    known = algorithms().get(kind.name, kind)
    if (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ValueError(f"there already is an algorithm {kind.name!r}: give this one another name")
    if kind.name not in _lecture():
        _added[kind.name] = kind


def algorithm(name: str) -> type[Algorithm]:
    """The system called `name`.

    Raises:
        HyperparameterError: there is none.
    """
    known = algorithms()
    if not isinstance(name, str) or name not in known:
        raise HyperparameterError(unknown("algorithm", name, known))
    return known[name]


def hyperparameters(
    name: str | type[Algorithm], approximator: str = "table", dataset: Dataset | None = None
) -> tuple[Hyperparameter, ...]:
    """Everything that can be moved for a system on an approximator: the system's own, then the approximator's.

    Defaults fit the dataset: its `gamma`, its encodings, and what its catalogue entry recommends for this approximator
    (an entry `name.hyperparameter` there is for that one system only).

    Raises:
        HyperparameterError: the system or approximator does not exist, or cannot be used with this dataset.
    """
    kind = algorithm(name) if isinstance(name, str) else name
    return declarations(kind, canonical_approximator(approximator, dataset), dataset)


def declarations(kind: type[Algorithm], approximator: str, dataset: Dataset | None) -> tuple[Hyperparameter, ...]:
    """`hyperparameters` for an approximator that is known to fit the dataset."""
    declared = (*kind.hyperparameters, *approximator_hyperparameters(kind, approximator, dataset))
    changed: dict[str, Value] = dict(kind.defaults.get(approximator, {}))
    if dataset is not None:
        changed["gamma"] = float(dataset.gamma)
        changed |= _recommended(kind.name, approximator, dataset.name)
    return tuple(replace(h, default=h.validate(changed[h.name])) if h.name in changed else h for h in declared)


def _recommended(name: str, approximator: str, dataset: str) -> dict[str, Value]:
    spec = datasets().get(dataset)
    if spec is None:
        return {}
    general: dict[str, Value] = {}
    special: dict[str, Value] = {}
    for key, value in spec.recommended.get(approximator, {}).items():
        system, dot, hyperparameter = key.rpartition(".")
        if not dot:
            general[key] = value
        elif system == name:
            special[hyperparameter] = value
    return general | special
