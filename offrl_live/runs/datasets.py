"""The data of runs: from the catalogue, or a dataset of someone's own that is kept here under an unguessable name."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from offrl_core.algos import Algorithm, hyperparameters
from offrl_core.data.catalogue import load_dataset
from offrl_core.data.degrade import DEGRADE
from offrl_core.data.log_options import LOG_OPTIONS, with_log_options
from offrl_core.dataset import Dataset, forget_kept, kept
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_core.recent import Recent
from offrl_live.runs.checks import ConfigError

UPLOAD = "upload:"
"""Prefix of the name of a dataset that is not in the catalogue."""


@dataclass(frozen=True)
class UploadRoom:
    """How much memory uploaded datasets may take.

    Attributes:
        one: bytes of a single dataset.
        owner: bytes of all datasets of one owner.
        all: bytes of all together.
    """

    one: int = 256_000_000
    owner: int = 400_000_000
    all: int = 800_000_000


# Several threads may use this at once: each access is a single operation of the dictionary.
_uploads: OrderedDict[str, tuple[Dataset, object]] = OrderedDict()


def keep(dataset: Dataset, owner: object = None, room: UploadRoom = UploadRoom(), name: str | None = None) -> str:
    """Keep a dataset for runs, under an unguessable name that begins with `upload:`: a new one, or the one given.

    Where there are too many, the least used ones go: first those of the same owner, then anybody's.

    Raises:
        ConfigError: it is too large by itself.
    """
    if dataset.nbytes > room.one:
        raise ConfigError(
            f"the data takes {dataset.nbytes / 1e6:,.0f} MB of memory; at most {room.one / 1e6:,.0f} MB are allowed: "
            "leave out columns that are not needed, or episodes"
        )
    name = name or UPLOAD + secrets.token_urlsafe(16)
    _uploads[name] = (dataset, owner)
    _make_room(name, room.owner, lambda other: other == owner)
    _make_room(name, room.all, lambda other: True)
    return name


def _make_room(newest: str, most: int, counts: Callable[[object], bool]) -> None:
    """Forget the least used uploads until those whose owner counts take at most so many bytes."""
    held = [(name, data.nbytes) for name, (data, owner) in list(_uploads.items()) if counts(owner)]
    too_much = sum(size for _, size in held) - most
    for name, size in held:
        if too_much <= 0:
            return
        if name != newest:
            forget(name)
            too_much -= size


def bring(name: str, dataset: Dataset) -> bool:
    """Keep a dataset under the name that it has elsewhere; returns whether it was not kept here already."""
    new = name not in _uploads
    if new:
        _uploads[name] = (dataset, None)
    return new


def forget(name: str) -> None:
    """Keep an uploaded dataset no longer; runs that train on it have it still."""
    if (gone := _uploads.pop(name, None)) is not None:
        forget_kept(gone[0])


def kept_bytes() -> int:
    """The memory that all uploads take."""
    return sum(dataset.nbytes for dataset, _ in list(_uploads.values()))


def is_kept(name: str) -> bool:
    """Whether an upload of this name is kept."""
    return name in _uploads


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
        dataset, _ = _uploads[name]
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
    made = _chosen(dataset)
    return made.of(tuple(chosen.items()), lambda: with_log_options(dataset, dict(chosen)))


@kept
def _chosen(dataset: Dataset) -> Recent[tuple[tuple[str, Value], ...], Dataset]:
    """By options: what was made of an upload, as long as that is kept, and no more than the upload itself."""
    return Recent(dataset.nbytes, lambda made: made.nbytes, forget_kept)


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
