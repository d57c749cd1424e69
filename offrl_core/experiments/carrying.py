"""What a job needs that not every process has: own datasets and own algorithms' files, which travel once to each.

A job names them by hash. A process that lacks one answers with the hash instead of results and is sent it with the job;
it keeps what it was sent, so that nothing travels with every job.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offrl_core.algos import Algorithm
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.data.catalogue import load_dataset
from offrl_core.data.entries import ENTRIES
from offrl_core.data.log_options import LOG_OPTIONS, with_log_options
from offrl_core.dataset import Dataset, forget_kept
from offrl_core.declarations import HyperparameterError, resolve
from offrl_core.experiments.job import Data, Job, digest
from offrl_core.own_files import OwnFile, file_of, load
from offrl_core.recent import Recent
from offrl_core.worlds.tabular import TabularMDP

_OWN_BYTES = 1_000_000_000
_brought: Recent[str, Dataset] = Recent(_OWN_BYTES, lambda dataset: dataset.nbytes, forget_kept)


@dataclass(frozen=True)
class Lacking:
    """The answer of a process that cannot do a job yet: the hashes of what it lacks."""

    keys: tuple[str, ...]


def catalogued(dataset: Dataset) -> bool:
    """Whether the catalogue that comes with the program makes this very dataset from its name and options."""
    if dataset.name not in [spec.name for spec in ENTRIES] or "seed" not in dataset.options:
        return False
    options = dict(dataset.options)
    try:
        return load_dataset(dataset.name, **options).fingerprint == dataset.fingerprint
    except HyperparameterError:
        return False


def key_of(dataset: Dataset) -> str:
    """The hash of an own dataset: of what learners learn from, and of what their policies are judged by.

    Raises:
        HyperparameterError: its world cannot be pickled, so that it could not travel.
    """
    made = hashlib.sha256(f"{dataset.fingerprint} {dataset.name} {dataset.gamma!r} {dataset.reward_rule!r}".encode())
    mdp = dataset.mdp
    if isinstance(mdp, TabularMDP):
        moves = mdp.transitions
        for array in (moves.data, moves.indices, moves.indptr, mdp.rewards, mdp.initial, mdp.terminal):
            made.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    elif dataset.world is not None:
        made.update(_pickled(dataset.world, f"the world of {dataset.name}"))
    return made.hexdigest()[:32]


def check_travels(kind: type[Algorithm]) -> None:
    """Refuse an algorithm that another process, or a later day, could not find again.

    Raises:
        HyperparameterError: it was registered in this process only.
    """
    if not kind.version and not kind.__module__.startswith("offrl_core."):
        raise HyperparameterError(
            "it was registered in this process only, so that its jobs could not be done elsewhere, nor its results be "
            "told from those of another text: put it into a file and take it from there, orl.load_algorithms('file.py')"
        )


def needed(job: Job) -> tuple[str, ...]:
    """The hashes of what this process lacks for a job."""
    lacking = [job.data.own] if job.data.own and _brought.get(job.data.own) is None else []
    if job.version and not _known(job.algorithm, job.version):
        lacking.append(job.version)
    return tuple(lacking)


def _known(name: str, version: str) -> bool:
    try:
        return bool(find_algorithm(name, version))
    except HyperparameterError:
        return False


def luggage(job: Job, keys: tuple[str, ...], own: Mapping[str, Dataset]) -> dict[str, bytes]:
    """What was asked for by its hash, as bytes.

    Raises:
        HyperparameterError: it is not at hand here, either.
    """
    found = {}
    for key in keys:
        if key in own:
            found[key] = _pickled(own[key], f"the dataset {own[key].name}")
        elif key == job.version and (file := file_of(job.algorithm, job.version)) is not None:
            found[key] = pickle.dumps(file)
        else:
            raise HyperparameterError(
                f"{job.algorithm} in version {key} is installed here as a package, and not there: install it there, too"
            )
    return found


def _pickled(thing: object, what: str) -> bytes:
    try:
        return pickle.dumps(thing, protocol=5)
    except Exception as error:  # whatever somebody's own class does when it is pickled
        raise HyperparameterError(f"{what} cannot travel to other processes: {error}") from error


def unpack(parcels: Mapping[str, bytes]) -> None:
    """Keep what came with a job, from the process that shares out jobs: that may have any code run here anyway."""
    for key, parcel in parcels.items():
        thing = pickle.loads(parcel)
        if isinstance(thing, OwnFile):
            load(thing)
        else:
            _brought.put(key, thing)


def bring(own: Mapping[str, Dataset]) -> None:
    """Keep own datasets in this process, so that jobs done here find them."""
    for key, dataset in own.items():
        _brought.put(key, dataset)


def dataset_of(data: Data) -> Dataset:
    """The dataset of a job.

    Raises:
        HyperparameterError: the catalogue has no such dataset or options, or an own one is not here.
    """
    if not data.own:
        options: dict[str, Any] = dict(data.options)
        return load_dataset(data.name, **options)
    found = _brought.get(data.own)
    if found is None:
        raise HyperparameterError(f"the own dataset {data.name!r} is not here")
    if not data.options:
        return found
    made = _brought.get(key := digest(data.to_json()))
    if made is None:
        made = with_log_options(found, resolve(LOG_OPTIONS, data.options, "option"))
        _brought.put(key, made)
    return made
