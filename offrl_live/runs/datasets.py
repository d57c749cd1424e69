"""The data of runs: from the catalogue, or a dataset of someone's own that is kept here under an unguessable name."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from offrl_core.algos import Algorithm, hyperparameters
from offrl_core.data.catalogue import load_dataset
from offrl_core.data.degrade import DEGRADE
from offrl_core.data.log_options import LOG_OPTIONS, with_log_options
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_live.runs.checks import ConfigError

UPLOAD = "upload:"
"""Prefix of the name of a dataset that is not in the catalogue."""

MAX_UPLOAD_ROWS = 8_000_000

# Several threads may use this at once: each access is a single operation of the dictionary.
_uploads: OrderedDict[str, Dataset] = OrderedDict()


def keep(dataset: Dataset, token: str | None = None) -> str:
    """Keep a dataset for runs; returns its name, `upload:` and a token. The least used ones go when many are kept."""
    name = UPLOAD + (token or secrets.token_urlsafe(16))
    _uploads[name] = dataset
    while len(kept := list(_uploads.items())) > 1 and sum(len(data) for _, data in kept) > MAX_UPLOAD_ROWS:
        _uploads.pop(kept[0][0], None)
    return name


def find(name: str, options: Mapping[str, Any]) -> Dataset:
    """The dataset of this name with these options: an upload, or the catalogue's; recently used ones are kept.

    Raises:
        ConfigError: no such upload is kept, or the catalogue has no such dataset or option.
    """
    try:
        if not name.startswith(UPLOAD):
            return load_dataset(name, **options)
        return with_options(uploaded(name), options)
    except HyperparameterError as error:
        raise ConfigError(str(error)) from error


def recorded(name: str, options: Mapping[str, Any]) -> Dataset:
    """The recording that the dataset of this name and these options is made of: all of its episodes, untouched.

    Raises:
        ConfigError: as `find`.
    """
    later = {h.name for h in (*LOG_OPTIONS, *DEGRADE)}
    return find(name, {option: value for option, value in options.items() if option not in later})


def uploaded(name: str) -> Dataset:
    """The dataset that was uploaded under this name, as it is in its file.

    Raises:
        ConfigError: it is no longer kept.
    """
    try:
        dataset = _uploads[name]
        _uploads.move_to_end(name)
    except KeyError:
        raise ConfigError("this uploaded dataset is no longer kept here: please upload it again") from None
    return dataset


def opened(name: str) -> dict[str, Any]:
    """How the dataset of this name was opened: all that `Dataset.from_file` needs to read it again, as plain data.

    Empty for a dataset of the catalogue, and for one that was made in Python.

    Raises:
        ConfigError: it is no longer kept.
    """
    return how_opened(uploaded(name)) if name.startswith(UPLOAD) else {}


def how_opened(dataset: Dataset) -> dict[str, Any]:
    """As `opened`, of the dataset itself."""
    return {**dataset.opened, "gamma": dataset.gamma} if dataset.opened else {}


def with_options(dataset: Dataset, options: Mapping[str, Any]) -> Dataset:
    """An uploaded dataset with the options of `LOG_OPTIONS` that a run has; recently used ones are kept.

    Raises:
        HyperparameterError: an option is not allowed for this data.
    """
    chosen = resolve(LOG_OPTIONS, options, "option")
    return _with_options(dataset, tuple(chosen.items()))


@lru_cache(maxsize=8)
def _with_options(dataset: Dataset, chosen: tuple[tuple[str, Value], ...]) -> Dataset:
    return with_log_options(dataset, dict(chosen))


# Declarations depend on the data (its discount, its encodings). They are kept, so that checking a value never has to
# make a dataset again: a server does that while its other viewers wait.
@lru_cache(maxsize=4096)
def declarations(
    dataset: str, options: tuple[tuple[str, Value], ...], algorithm: type[Algorithm], approximator: str
) -> Mapping[str, Hyperparameter]:
    """Every hyperparameter by name, with the defaults that suit this dataset.

    Raises:
        ConfigError: there is no such dataset, or the algorithm cannot learn from it in this way.
    """
    try:
        declared = hyperparameters(algorithm, approximator, find(dataset, dict(options)))
    except HyperparameterError as error:
        raise ConfigError(str(error)) from error
    return MappingProxyType({h.name: h for h in declared})
