"""The training core of the offline-RL explorer, usable from a notebook: `import offrl_core as orl`.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offrl_core.algorithms import algorithms, hyperparameters
    from offrl_core.data.catalogue import DatasetSpec, datasets, load_dataset
    from offrl_core.data.dataset import Dataset, DatasetError, dataset_probes
    from offrl_core.evaluation.truth import Truth
    from offrl_core.hyperparameters import Hyperparameter, HyperparameterError
    from offrl_core.learning import History, Learner, Snapshot, metrics, train
    from offrl_core.worlds.grids import grid_world
    from offrl_core.worlds.tabular import MDPError, TabularMDP

_HOMES = {
    "Dataset": "data.dataset",
    "DatasetError": "data.dataset",
    "DatasetSpec": "data.catalogue",
    "History": "learning",
    "Hyperparameter": "hyperparameters",
    "HyperparameterError": "hyperparameters",
    "Learner": "learning",
    "MDPError": "worlds.tabular",
    "Snapshot": "learning",
    "TabularMDP": "worlds.tabular",
    "Truth": "evaluation.truth",
    "algorithms": "algorithms",
    "dataset_probes": "data.dataset",
    "datasets": "data.catalogue",
    "grid_world": "worlds.grids",
    "hyperparameters": "algorithms",
    "load_dataset": "data.catalogue",
    "metrics": "learning",
    "train": "learning",
}

__all__ = [
    "Dataset",
    "DatasetError",
    "DatasetSpec",
    "History",
    "Hyperparameter",
    "HyperparameterError",
    "Learner",
    "MDPError",
    "Snapshot",
    "TabularMDP",
    "Truth",
    "algorithms",
    "dataset_probes",
    "datasets",
    "grid_world",
    "hyperparameters",
    "load_dataset",
    "metrics",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'offrl_core' has no attribute {name!r}")
    home = import_module(f"offrl_core.{_HOMES[name]}")
    if name in _CALLABLE:
        return import_module(f"offrl_core.{name}")
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


_CALLABLE = ("algorithms", "hyperparameters")


class _CallableModule(ModuleType):
    """A submodule that is called like the public function of the same name, as in `orl.algorithms()`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(f"offrl_core.{_HOMES[name]}"), name)(*args, **kwargs)


class _Package(ModuleType):
    """Sees its submodules arrive: the two that share a public function's name become callable, whoever imported
    them.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLABLE and isinstance(value, ModuleType):
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
