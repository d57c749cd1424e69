"""The systems of the lecture, one file each."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract

from offrl_core.algos.base import GROUPS, Algorithm
from offrl_core.algos.shared_hyperparameters import (
    APPROXIMATORS,
    TARGET_NETWORK,
    approximator_hyperparameters,
    canonical_approximator,
)
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

RESERVED = {
    *("algo", "algorithm", "approximator", "at", "batch_size", "budget", "data", "dataset", "device", "encoding"),
    *("file", "first_seed", "hidden", "learning_rate", "net", "optimizer", "points", "progress", "seeds"),
    *("snapshot_every", "steps", "v"),
    *("fix", "hide", "model", "state", "step", "view"),
}
"""What no hyperparameter of a system may be called: the approximators' own have these names, parts of links, and
arguments of `Learner` and `train`."""

INSTALLED = "offrl.algorithms"
"""The group of entry points under which installed packages name their systems: `my-cql = "my_package.my_cql:MyCQL"`."""

_added: dict[str, type[Algorithm]] = {}
_versions: dict[tuple[str, str], type[Algorithm]] = {}
_installed: dict[str, type[Algorithm]] | None = None


@cache
def _lecture() -> dict[str, type[Algorithm]]:
    places = (place.split(".") for place in LECTURE)
    kinds = [getattr(import_module(f"{__name__}.{file}"), name) for file, name in places]
    return {kind.name: kind for kind in kinds}


def algorithms() -> dict[str, type[Algorithm]]:
    """Every system by name, in the order of the lecture; then those of installed packages, then those added at run
    time."""
    return Named("algorithm", _lecture() | _from_packages() | _added)


def _from_packages() -> dict[str, type[Algorithm]]:
    """The systems of installed packages, looked for once; one that cannot be used is warned of and left out."""
    global _installed
    if _installed is None:
        _installed = {}  # a package that asks for `algorithms()` while it is imported finds the others
        for entry in entry_points(group=INSTALLED):
            try:
                kind = _from_package(entry)
            except Exception as error:  # whatever another package does wrong, the others are there
                where = f"{entry.name} = {entry.value!r} of {_package(entry)}"
                warnings.warn(f"{where} is left out: {type(error).__name__}: {error}", stacklevel=3)
            else:
                _installed[kind.name] = _versions[kind.name, kind.version] = kind
    return _installed


def _from_package(entry: EntryPoint) -> type[Algorithm]:
    kind = entry.load()
    if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
        raise TypeError(f"{kind!r} is not a subclass of Algorithm")
    check_algorithm(kind)
    kind.file, kind.version = _package(entry), entry.dist.version if entry.dist else "0"
    return kind


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "a package"


def add_algorithm(kind: type[Algorithm]) -> None:
    """Add a system to those of this process; a class that is defined anew takes its former place.

    Raises:
        ValueError: the class lacks something, its name does not fit into a link, or another system has that name.
    """
    check_algorithm(kind)
    if kind.name not in _lecture():
        _added[kind.name] = kind


def put_file(module: str, kinds: Collection[type[Algorithm]]) -> None:
    """Add the systems of a module, which `check_algorithm` has let pass, in the place of those that it had before;
    those stay known by their versions."""
    global _added
    others = {name: kind for name, kind in _added.items() if kind.__module__ != module}
    _added = others | {kind.name: kind for kind in kinds}
    _versions.update({(kind.name, kind.version): kind for kind in kinds})


def check_algorithm(kind: type[Algorithm]) -> None:
    """Refuse a class that cannot be added.

    Raises:
        ValueError: as `add_algorithm`.
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
    if not isinstance(kind.hyperparameters, tuple | list):
        raise ValueError(f"the hyperparameters of {kind.__name__} must be a tuple: hyperparameters = (GAMMA, …, alpha)")
    for h in kind.hyperparameters:
        if not isinstance(h, Hyperparameter):
            raise ValueError(f"{h!r} among the hyperparameters of {kind.__name__} is none: write orl.Hyperparameter(…)")
    names = [h.name for h in kind.hyperparameters]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{kind.__name__} declares {', '.join(sorted(twice))} twice")
    for h in kind.hyperparameters:
        _check_hyperparameter(h)
    _check_defaults(kind)
    known = algorithms().get(kind.name, kind)
    # In a file that is loaded again a class may have got another name.
    anew = known.__module__ == kind.__module__ and (known.__qualname__ == kind.__qualname__ or known.version)
    if not anew:
        raise ValueError(f"there already is an algorithm {kind.name!r}: give this one another name")


def _check_defaults(kind: type[Algorithm]) -> None:
    if not isinstance(kind.table_learning_rate, int | float):
        raise ValueError(f"table_learning_rate = {kind.table_learning_rate!r} is not allowed: it must be a number")
    for approximator, values in kind.defaults.items():
        if approximator not in APPROXIMATORS:
            raise ValueError(f"defaults are for {', '.join(APPROXIMATORS)}, not for {approximator!r}")
        declared = (*kind.hyperparameters, *approximator_hyperparameters(kind, approximator, None))
        # NETWORK_TARGETS may stand where there is no target copy.
        known = {h.name: h for h in (*TARGET_NETWORK, *declared)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"in the defaults for {approximator}: {unknown('hyperparameter', name, known)}")
            if name != "encoding":  # its choices are the dataset's
                known[name].validate(value)


def _check_hyperparameter(h: Hyperparameter) -> None:
    if not re.fullmatch(r"[a-z_]{1,40}", h.name):
        raise ValueError(f"the hyperparameter {h.name!r} cannot have this name: it must be lowercase letters and _")
    if h.name in RESERVED:
        raise ValueError(f"the hyperparameter {h.name!r} cannot have this name: it means something else already")
    if h.numeric and (h.low is None or h.high is None or not h.low < h.high):
        raise ValueError(f"the hyperparameter {h.name!r} is a number: it needs low and high, low below high")
    h.validate(h.default)


def algorithm(name: str, version: str = "") -> type[Algorithm]:
    """The system called `name`.

    Args:
        name: of the system.
        version: of one from somebody's own file, which of those that this process has loaded; the newest by default.

    Raises:
        HyperparameterError: there is none.
    """
    known = algorithms()
    if version and (name, version) in _versions:
        return _versions[name, version]
    if version:
        raise HyperparameterError(f"{name} is not known here in version {version!r}: its file is another one by now")
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
