"""Episodes that stand one by one in a file, as in Minari's layouts, joined to columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.spaces import apply_spaces, note_description, spaces


def stack(name: str, parts: list[Array]) -> Array:
    """Episodes one after the other.

    Raises:
        FileError: they differ in shape.
    """
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        first, second = sorted(shapes)[:2]
        raise FileError(f"episodes differ in shape: {first} and {second}", column=name)
    return np.concatenate(parts)


def join_parts(
    parts: dict[str, Array], skipped: list[str], context: Context, role: str = "observations"
) -> tuple[Array, tuple[str, ...]]:
    """Observations or actions of several parts (`Dict` or `Tuple` spaces) as one vector, in the order of their names.

    Args:
        parts: arrays with one row per time, by name.
        skipped: names of parts that hold text and were left out.
        context: the reading in progress.
        role: whose parts they are.

    Returns:
        `(T, D)` numbers and the name of each component.
    """
    if skipped and not any(finding.code == "text-parts" for finding in context.findings):
        context.note(
            "text-parts",
            f"parts of the {role} hold text: {', '.join(skipped[:5])}",
            "They were left out.",
            severity="warning",
        )
    if not parts:
        raise FileError("no part of it holds numbers", column=role)
    names, flat = [], []
    for name in sorted(parts):
        part = parts[name].reshape(len(parts[name]), -1)
        flat.append(part)
        names += [name] if part.shape[1] == 1 else [f"{name}[{i}]" for i in range(part.shape[1])]
    if len({len(part) for part in flat}) > 1:
        raise FileError("its parts differ in length", column=role)
    return np.concatenate(flat, axis=1), tuple(names)


def join_episodes(
    episodes: list[dict[str, Array]],
    numbers: list[int],
    labels: Mapping[str, tuple[str, ...]],
    described: dict[str, Any],
    context: Context,
) -> Columns:
    """Episodes with `T` actions and `T+1` observations as columns.

    Args:
        episodes: `observations`, `actions`, `rewards`, `terminations`, `truncations` of each, in order.
        numbers: what the file calls each episode.
        labels: names of the components of `observations` and `actions`, where they have several parts.
        described: what Minari's description says of the dataset; empty where there is none.
        context: the reading in progress.

    Raises:
        FileError: the lengths do not fit, or episodes differ in shape; the message names the episode.
    """
    parts: dict[str, list[Array]] = {}
    short, empty, kept, lengths = [], [], [], []
    known: list[Array] = []
    for number, episode in zip(numbers, episodes, strict=True):
        rows = len(episode["actions"])
        for role in ("rewards", "terminations", "truncations"):
            if len(episode[role]) != rows:
                raise FileError(f"episode {number} has {len(episode[role])} of them and {rows} actions", column=role)
        observations = episode.pop("observations")
        if len(observations) not in (rows, rows + 1):
            raise FileError(
                f"episode {number} has {len(observations)} of them and {rows} actions; one more is needed",
                column="observations",
            )
        if rows == 0:
            empty.append(number)
            continue
        complete = len(observations) == rows + 1
        if not complete:
            short.append(number)
        after = observations[1:] if complete else np.concatenate([observations[1:], observations[-1:]])
        arrays = {**episode, "observations": observations[:rows], "next_observations": after}
        for role, values in arrays.items():
            parts.setdefault(role, []).append(values)
        mark = np.ones(rows, dtype=bool)
        mark[-1] = complete
        known.append(mark)
        kept.append(number)
        lengths.append(rows)
    if not kept:
        raise FileError("there is no row of data")
    if empty:
        context.note("empty-episodes", f"{len(empty)} episodes hold no action", "They were left out.", count=len(empty))
    if short:
        context.note(
            "no-final-observation",
            f"{len(short)} episodes have as many observations as actions, not one more",
            "The state after their last row is not known.",
            severity="warning",
            count=len(short),
        )
    joined: dict[str, Any] = {role: stack(role, parts.pop(role)) for role in tuple(parts)}
    columns = Columns(
        **joined,
        next_known=np.concatenate(known),
        episodes=np.repeat(kept, lengths),
        observation_names=labels.get("observations", ()),
        action_parts=labels.get("actions", ()),
    )
    note_description(described, len(numbers), columns, context)
    apply_spaces(spaces(described), columns, context)
    return columns
