"""The systems of the lecture, one file each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from offrl_core.algos.base import Algorithm
from offrl_core.algos.shared_hyperparameters import APPROXIMATORS, approximator_hyperparameters, canonical_approximator
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value

__all__ = ["APPROXIMATORS", "Algorithm", "algorithm", "algorithms", "hyperparameters"]


@cache
def algorithms() -> dict[str, type[Algorithm]]:
    """Every system by name, in the order of the lecture."""
    from offrl_core.algos.awac import AWAC
    from offrl_core.algos.awr import AWR
    from offrl_core.algos.bc import BC
    from offrl_core.algos.bcq import BCQ
    from offrl_core.algos.constrained_q import ConstrainedQ
    from offrl_core.algos.cql import CQL
    from offrl_core.algos.crr import CRR
    from offrl_core.algos.emrl import EMRL
    from offrl_core.algos.iql import IQL
    from offrl_core.algos.marwil import MARWIL
    from offrl_core.algos.mc_q import MCQ
    from offrl_core.algos.mpo import MPO
    from offrl_core.algos.q_learning import QLearning
    from offrl_core.algos.rwr import RWR

    kinds = (BC, EMRL, RWR, MARWIL, AWR, AWAC, CRR, IQL, MPO, QLearning, MCQ, ConstrainedQ, BCQ, CQL)
    return {kind.name: kind for kind in kinds}


def algorithm(name: str) -> type[Algorithm]:
    """The system called `name`.

    Raises:
        HyperparameterError: there is none.
    """
    known = algorithms()
    if not isinstance(name, str) or name not in known:
        raise HyperparameterError(f"unknown algorithm {name!r}; there are {', '.join(known)}")
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
    approximator = canonical_approximator(approximator, dataset)
    declared = (*kind.hyperparameters, *approximator_hyperparameters(kind, approximator, dataset))
    changed: dict[str, Value] = dict(kind.defaults.get(approximator, {}))
    if dataset is not None:
        changed["gamma"] = float(dataset.gamma)
        changed |= _recommended(kind.name, approximator, dataset.name)
    return tuple(replace(h, default=h.validate(changed[h.name])) if h.name in changed else h for h in declared)


def _recommended(name: str, approximator: str, dataset: str) -> dict[str, Value]:
    from offrl_core.data.catalogue import datasets

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
