"""The training core of the offline-RL explorer, usable from a notebook: `import offrl_core as orl`.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offrl_core.algos import Algorithm, algorithms, hyperparameters
    from offrl_core.algos.loss_errors import OwnCodeError
    from offrl_core.data.catalogue import datasets, load_dataset
    from offrl_core.data.options import DatasetOption
    from offrl_core.data.spec import DatasetSpec
    from offrl_core.dataset import Dataset, DatasetError, dataset_probes
    from offrl_core.declarations import Hyperparameter, HyperparameterError
    from offrl_core.evaluation.truth import Truth
    from offrl_core.experiments import experiment
    from offrl_core.learning import (
        History,
        LearnedPolicy,
        Learner,
        Metric,
        PolicyError,
        Snapshot,
        check_gradients,
        load_policy,
        metrics,
        train,
    )
    from offrl_core.own_files import load_algorithms
    from offrl_core.registration import register
    from offrl_core.worlds.grids import grid_world
    from offrl_core.worlds.tabular import MDPError, TabularMDP

_NAMES = {
    "algos": ("Algorithm", "algorithms", "hyperparameters"),
    "algos.loss_errors": ("OwnCodeError",),
    "data.catalogue": ("datasets", "load_dataset"),
    "data.options": ("DatasetOption",),
    "data.spec": ("DatasetSpec",),
    "dataset": ("Dataset", "DatasetError", "dataset_probes"),
    "declarations": ("Hyperparameter", "HyperparameterError"),
    "evaluation.truth": ("Truth",),
    "experiments": ("experiment",),
    "learning": (
        "History",
        "LearnedPolicy",
        "Learner",
        "Metric",
        "PolicyError",
        "Snapshot",
        "check_gradients",
        "load_policy",
        "metrics",
        "train",
    ),
    "own_files": ("load_algorithms",),
    "registration": ("register",),
    "worlds.grids": ("grid_world",),
    "worlds.tabular": ("MDPError", "TabularMDP"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "Algorithm",
    "Dataset",
    "DatasetError",
    "DatasetOption",
    "DatasetSpec",
    "History",
    "Hyperparameter",
    "HyperparameterError",
    "LearnedPolicy",
    "Learner",
    "MDPError",
    "Metric",
    "OwnCodeError",
    "PolicyError",
    "Snapshot",
    "TabularMDP",
    "Truth",
    "algorithms",
    "check_gradients",
    "dataset_probes",
    "datasets",
    "experiment",
    "grid_world",
    "hyperparameters",
    "load_algorithms",
    "load_dataset",
    "load_policy",
    "metrics",
    "register",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from offrl_core.names import did_you_mean

        raise AttributeError(f"module 'offrl_core' has no attribute {name!r}{did_you_mean(name, __all__)}")
    home = import_module(f"offrl_core.{_HOMES[name]}")
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
