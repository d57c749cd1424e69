"""Minari HDF5: a group for each episode, with one observation more than it has actions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from offrl_core.columns import Array, DatasetError
from offrl_core.formats import metadata
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.episodes import join_episodes, join_parts
from offrl_core.formats.folder import open_folder
from offrl_core.formats.hdf5 import (
    array,
    is_group,
    names,
    number_attribute,
    numbered,
    open_group,
    open_hdf5,
    text_attribute,
)
from offrl_core.formats.log import Log
from offrl_core.formats.source import Source
from offrl_core.formats.spaces import describe_spaces

_MAIN = "main_data.hdf5"
_FLAGS = ("rewards", "terminations", "truncations")
_PROPENSITIES = "propensities"
"""An array of our own files beside Minari's: how likely the behaviour was to take each action."""


def read(source: Source, context: Context) -> Columns:
    """`main_data.hdf5` alone, its folder (with `metadata.json`), or a zip archive of the folder.

    Groups are taken in the order of their numbers (`episode_2` before `episode_10`). Observations of several parts
    become one vector. Extra data in linked files (Minari before 0.4) is not followed.

    Source: Minari's dataset standards, and files written by Minari 0.5.
    """
    if not source.folder and not source.head(4).startswith(b"PK"):
        return _read_main(source, {}, context)
    with open_folder(source, context) as folder:
        main, description = folder.named(_MAIN), folder.named("metadata.json")
        if main is None:
            raise FileError(f"there is no {_MAIN}")
        described = {} if description is None else folder.description(description)
        return _read_main(folder.source(main), described, context)


def _read_main(source: Source, described: dict[str, Any], context: Context) -> Columns:
    with open_hdf5(source) as root:
        # Before 0.5 the file itself held what metadata.json holds now.
        stored: dict[str, Any] = {
            name: text_attribute(root, name) for name in ("observation_space", "action_space", "dataset_id")
        }
        stored["total_episodes"] = number_attribute(root, "total_episodes")
        described = {**{name: value for name, value in stored.items() if value is not None}, **described}
        found = numbered(root, r"episode_(\d+)", context)
        if not found:
            raise FileError("there is no group called 'episode_0'")
        episodes: list[dict[str, Array]] = []
        behaviors: list[int] = []
        labels: dict[str, tuple[str, ...]] = {}
        for done, (number, name) in enumerate(found):
            group = open_group(root, name)
            episode, labels = _episode(group, number, context)
            episodes.append(episode)
            behaviors.append(number_attribute(group, "behavior") or 0)
            if done % 64 == 0:
                context.progress(0.8 * done / len(found), "read episodes")
        own = text_attribute(root, metadata.KEY)
        members = names(open_group(root, found[0][1]), context)
        known = ("observations", "actions", *_FLAGS, _PROPENSITIES)
        context.note_unused([name for name in members if name not in known])
    columns = join_episodes(episodes, [number for number, _ in found], labels, described, context)
    if own is not None:
        plain = metadata.parse(own)
        metadata.apply(plain, columns, context.limits)
        if plain.get("behaviors") is True:
            place = {number: label for (number, _), label in zip(found, behaviors, strict=True)}
            assert columns.episodes is not None
            columns.behaviors = np.array([place[int(number)] for number in columns.episodes], dtype=np.intp)
    return columns


def _episode(
    group: h5py.h5g.GroupID, number: int, context: Context
) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """The arrays of one episode, and the names of the components of observations and actions of several parts."""
    column = f"episode_{number}"
    labels: dict[str, tuple[str, ...]] = {}
    known = (_PROPENSITIES,) if group.links.exists(_PROPENSITIES.encode()) else ()
    episode = {name: array(group, name, context, f"{column}/{name}") for name in (*_FLAGS, *known)}
    for role in ("observations", "actions"):
        if is_group(group, role, f"{column}/{role}"):
            parts, skipped = _collect(open_group(group, role), role, context)
            episode[role], labels[role] = join_parts(parts, skipped, context, role)
        else:
            episode[role] = array(group, role, context, f"{column}/{role}")
    return episode, labels


def _collect(group: h5py.h5g.GroupID, role: str, context: Context) -> tuple[dict[str, Array], list[str]]:
    """The arrays of numbers in a group and the groups in it, by their paths, and the paths of those that hold text."""
    parts: dict[str, Array] = {}
    skipped: list[str] = []
    groups, seen = [("", group)], 0
    while groups:
        prefix, group = groups.pop()
        for name in names(group, context):
            # Groups may hold themselves, or each other many times over: what is counted is every way there.
            seen += 1
            context.limits.check("columns", seen, column=role)
            full = f"{prefix}/{name}" if prefix else name
            if is_group(group, name, f"{role}/{full}"):
                groups.append((full, open_group(group, name)))
            elif h5py.h5o.open(group, name.encode()).dtype.kind in "OSU":
                skipped.append(full)
            else:
                parts[full] = array(group, name, context, f"{role}/{full}")
    return parts, skipped


def write(log: Log, file: BinaryIO | str) -> None:
    """Write one group for each episode, Minari's own descriptions as attributes of the file, and our metadata.

    Where the state after an episode is not known there is no final observation.

    Raises:
        DatasetError: within an episode, a next observation is not the observation of the following row; this format
            cannot say that.
    """
    following = np.arange(1, len(log) + 1)
    following[log.episode_ends] = log.episode_ends
    different = log.next_observations != log.observations[following]
    jumps = different if log.tabular else different.any(axis=1)
    jumps[log.episode_ends] = False
    if jumps.any():
        raise DatasetError(
            f"next_observations, row {int(np.flatnonzero(jumps)[0])}: it is not the observation of the following row; "
            "Minari's format cannot hold that, use Parquet or NPZ"
        )
    with h5py.File(file, "w", track_order=True) as out:
        for name, value in describe(log).items():
            out.attrs[name] = value
        plain = metadata.describe(log, behaviors=log.behaviors is not None)
        out.attrs[metadata.KEY] = json.dumps(plain)
        for number, (start, end) in enumerate(zip(log.episode_starts, log.episode_ends + 1, strict=True)):
            group = out.create_group(f"episode_{number}")
            group.attrs["id"] = number
            group.attrs["total_steps"] = end - start
            if log.behaviors is not None:
                group.attrs["behavior"] = int(log.behaviors[number])
            last = log.next_observations[end - 1 : end][log.next_known[end - 1 : end]]
            group["observations"] = np.concatenate([log.observations[start:end], last])
            for role in ("actions", *_FLAGS):
                group[role] = getattr(log, role)[start:end]
            if log.propensities is not None:
                group[_PROPENSITIES] = log.propensities[start:end]


def describe(log: Log) -> dict[str, Any]:
    """What Minari wants to know of a dataset."""
    return {
        "total_episodes": len(log.episode_starts),
        "total_steps": len(log),
        "data_format": "hdf5",
        "minari_version": "0.5.0",
        "dataset_id": re.sub(r"[^\w.:-]+", "-", log.name) + "-v0",
        **describe_spaces(log),
    }


def write_folder(log: Log, path: Path) -> None:
    """Write `data/main_data.hdf5` and `data/metadata.json`, as `minari.load_dataset` finds them."""
    data = path / "data"
    data.mkdir(parents=True, exist_ok=True)
    write(log, str(data / _MAIN))
    (data / "metadata.json").write_text(json.dumps(describe(log)))
