"""Actions of any kind as numbers from 0: labels, one-hot columns, combinations, and bins of continuous actions."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from offrl_core.columns import Array, is_finite
from offrl_core.formats.base import Columns, Context, FileError, single
from offrl_core.formats.binning import clusters, quantiles
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.writing import number

Binning = Literal["quantiles", "k-means"]
How = Literal["labels", "one-hot", "quantiles", "k-means"]
Taken = tuple[Array, int, tuple[str, ...]]
"""The number of each row's action, how many actions there are, and their labels."""

_WHOLE = 2.0**53
"""Above this a float no longer tells neighbouring whole numbers apart."""
_FEW = 20
"""A number that is not whole is continuous where it has more distinct values than this, or hardly ever repeats one."""
_MANY = 100
"""Whole numbers of more distinct values than this may be quantities."""
_BINS = {1: 8, 2: 4}
_CLUSTERS = 16
_SHOWN = 8
_UNIT = re.compile(r"^(?P<name>.*?)[\s_]*[\[(](?P<unit>[^\[\]()]{1,20})[\])]\s*$")


def take_actions(columns: Columns, context: Context) -> Taken:
    """The actions of a log as numbers, in the way that the mapping says or that fits them.

    Raises:
        FileError: they cannot be taken so; the message names the row and the remedy.
    """
    name, values = columns.name("actions"), np.asarray(columns.actions)
    if values.dtype.kind not in "biuf":
        raise FileError(f"it holds {values.dtype}; actions must be numbers or labels", column=name)
    parts = values.reshape(len(values), -1)
    if parts.shape[1] == 0:
        raise FileError("it has no component", column=name)
    values = single(parts)
    if values.dtype.kind == "f":
        bad = ~is_finite(parts)
        if bad.any():
            row, place = (int(index) for index in np.argwhere(bad)[0])
            raise FileError(
                f"{parts[row, place]} is not allowed: an action must be a finite 32-bit number, or a label",
                row=columns.row(row),
                column=name,
            )
    mapping = context.mapping or ColumnMapping()
    how: How = fitting(parts, columns.action_words) if mapping.actions == "auto" else mapping.actions
    if mapping.actions == "auto" and columns.n_actions is not None and values.ndim == 1:
        how = "labels"
    if how == "one-hot":
        return _one_hot(parts, columns, context)
    if how == "labels":
        return _labels(values, columns, context) if values.ndim == 1 else _combined(parts, columns, context)
    if columns.action_names or (columns.action_words and how == "k-means"):
        raise FileError(f"actions = {how!r} is for numbers, and these are labels; choose 'labels'", column=name)
    return _binned(parts, how, columns, context)


def fitting(parts: Array, words: Container[int] = ()) -> How:
    """How actions are best taken: `labels`, `one-hot`, `quantiles` or `k-means`.

    Args:
        parts: `(N, D)` numbers.
        words: components that are codes of text.
    """
    width = parts.shape[1]
    if width > 1 and ((parts == 0) | (parts == 1)).all() and (parts.sum(axis=1) == 1).all():
        return "one-hot"
    if all(place in words or _is_discrete(parts[:, place]) for place in range(width)):
        return "labels"
    return "quantiles" if width <= max(_BINS) or words else "k-means"


def suitable_bins(width: int, how: Binning) -> int:
    """How many bins suit actions of `width` numbers: quantiles of each, or clusters."""
    return _CLUSTERS if how == "k-means" else _BINS.get(width, 2)


def _is_discrete(values: Array) -> bool:
    """Whether numbers are whole, or few that come again and again."""
    if values.dtype.kind != "f" or bool((values == np.floor(values)).all()):
        return True
    distinct = len(np.unique(values))
    return distinct <= min(_FEW, len(values) // 2)


def _one_hot(parts: Array, columns: Columns, context: Context) -> Taken:
    name = columns.name("actions")
    width = parts.shape[1]
    bad = ~(((parts == 0) | (parts == 1)).all(axis=1) & (parts.sum(axis=1) == 1))
    if columns.action_words or width == 1 or bad.any():
        row = columns.row(int(np.flatnonzero(bad)[0])) if bad.any() else None
        needed = "one-hot actions need several columns of 0 and 1, of which exactly one is 1 in each row"
        raise FileError(f"{needed}; choose actions = 'labels' for combinations of values", row=row, column=name)
    context.limits.check("actions", width, column=name)
    context.note("one-hot-actions", f"{name!r} is one-hot with {width} columns", "It was read as numbers.")
    return parts.argmax(axis=1), width, columns.action_parts


def _labels(values: Array, columns: Columns, context: Context) -> Taken:
    """One value per row."""
    name = columns.name("actions")
    if values.dtype.kind == "f":
        values = values.astype(np.float64, copy=False) if _all_whole(values) else values
        if not _all_whole(values):
            if columns.n_actions is not None:
                columns.refuse(values != np.floor(values), values, "actions must be whole numbers here", name)
            kinds, numbers = np.unique(values, return_inverse=True)
            _check_count(len(kinds), context, name)
            labels = _texts(kinds)
            context.note_actions(labels)
            return numbers.astype(np.intp), len(labels), tuple(labels)
        columns.refuse(np.abs(values) >= _WHOLE, values, "actions must be whole numbers below 2⁵³, or labels", name)
        context.note("float-actions", f"{name!r} holds whole numbers as floats", "They were read as integers.")
    whole, labels = _relabel(values.astype(np.int64, copy=False), columns, context)
    if labels:
        context.note_actions(labels)
    count = columns.n_actions or (len(labels) if labels else int(whole.max()) + 1)
    if columns.n_actions is None and count > _MANY:
        context.note(
            "many-actions",
            f"{name!r} has {count} distinct whole numbers",
            "Each was taken as an action. If they are quantities, choose actions = 'quantiles' or 'k-means'.",
            count=count,
        )
    return whole, count, columns.action_names or tuple(labels)


def _all_whole(values: Array) -> bool:
    return bool((values == np.floor(values)).all())


def _relabel(whole: Array, columns: Columns, context: Context) -> tuple[Array, list[str]]:
    """Numbers from 0 without gaps, and the labels they had; no labels where they already were such numbers."""
    size, name = columns.n_actions, columns.name("actions")
    if size is not None:
        columns.refuse((whole < 0) | (whole >= size), whole, f"it must be from 0 to {size - 1}", name)
        return whole, []
    low, high = int(whole.min()), int(whole.max())
    if low == 0 and high < context.limits.actions and (np.bincount(whole, minlength=high + 1) > 0).all():
        return whole, []
    labels, numbers = np.unique(whole, return_inverse=True)
    _check_count(len(labels), context, name)
    return numbers.astype(np.intp), [str(label) for label in labels]


def _check_count(count: int, context: Context, name: str) -> None:
    if count > (allowed := context.limits.actions):
        raise FileError(
            f"{count:,} actions; at most {allowed:,} are allowed. If they are quantities, choose actions = 'quantiles' "
            "or 'k-means', which put them into bins",
            column=name,
        )


def _combined(parts: Array, columns: Columns, context: Context) -> Taken:
    """Each combination of the components' values is an action: all that are possible, or those that occur."""
    name = columns.name("actions")
    codes, words = [], []
    for place in range(parts.shape[1]):
        code, texts = _component(parts[:, place], place, columns)
        codes.append(code)
        words.append(texts)
    sizes = [len(texts) for texts in words]
    total, allowed = math.prod(sizes), context.limits.actions
    product = " × ".join(map(str, sizes))
    if total <= allowed:
        numbers = np.ravel_multi_index(codes, sizes)
        kinds = list(itertools.product(*(range(size) for size in sizes)))
        seen = len(np.unique(numbers))
        done = f"The actions are all {product} combinations, of which {seen} occur."
    else:
        found, numbers = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
        _check_count(len(found), context, name)
        kinds, numbers = [tuple(row) for row in found.tolist()], numbers.ravel()
        done = f"The actions are the combinations that occur; {total:,} = {product} would be possible."
    count = len(kinds)
    context.note("combined-actions", f"each action has {len(sizes)} parts: together they make {count} actions", done)
    labels = [
        _joined([texts[code] for texts, code in zip(words, kind, strict=True)], columns, context) for kind in kinds
    ]
    return numbers.astype(np.intp), count, tuple(labels)


def _component(values: Array, place: int, columns: Columns) -> tuple[Array, list[str]]:
    """Codes of one component of the actions, and what they stand for."""
    if place in columns.action_words:
        return values.astype(np.int64), columns.action_words[place]
    if columns.action_sizes:
        size = columns.action_sizes[place]
        bad = (values != np.floor(values)) | (values < 0) | (values >= size)
        columns.refuse(bad, values, f"it must be from 0 to {size - 1}", columns.name("actions"))
        return values.astype(np.int64), [str(code) for code in range(size)]
    kinds, codes = np.unique(values, return_inverse=True)
    return codes, _texts(kinds)


def _texts(kinds: Array) -> list[str]:
    """Distinct numbers as labels, each another one."""
    if kinds.dtype.kind != "f":
        return [str(int(kind)) for kind in kinds]
    short = [f"{kind:.4g}" for kind in kinds]
    return short if len(set(short)) == len(short) else [str(kind) for kind in kinds]


def _joined(texts: Sequence[str], columns: Columns, context: Context) -> str:
    """A label of several parts: `gas=1, steer=0`, or `(1, 0)` where the parts have no names."""
    if len(texts) == 1:
        return texts[0] + _with_unit(columns.name("actions"), context)[1]
    if not columns.action_parts:
        return f"({', '.join(texts)})"
    named = [_with_unit(part, context) for part in columns.action_parts]
    return ", ".join(f"{name}={text}{unit}" for (name, unit), text in zip(named, texts, strict=True))


def _with_unit(name: str, context: Context) -> tuple[str, str]:
    """A column's name and its unit, which the file says or the name: `dose (mg)` is `dose` in ` mg`."""
    if name in context.units:
        return name, f" {context.units[name]}"
    match = _UNIT.match(name)
    return (match["name"] or name, f" {match['unit'].strip()}") if match else (name, "")


def _binned(parts: Array, how: Binning, columns: Columns, context: Context) -> Taken:
    """Continuous actions as the bins that they lie in; the mapping says afterwards how many there are."""
    width = parts.shape[1]
    mapping = context.mapping or ColumnMapping()
    bins = mapping.bins or suitable_bins(width, how)
    values = parts.astype(np.float64)
    if how == "quantiles":
        made, kept, away, what = _by_quantiles(values, bins, columns, context)
    else:
        context.limits.check("actions", bins, column=columns.name("actions"))
        found, what = clusters(values, bins), "clusters by k-means"
        kept, away = found.kept(values), found.distance(values)
        texts = zip(*(_centres(found.centres[:, place]) for place in range(width)), strict=True)
        made = found.numbers, len(found.centres), tuple(_joined(text, columns, context) for text in texts)
    units = [_with_unit(part, context)[1] for part in columns.action_parts or (columns.name("actions"),)]
    units = units if len(units) == width else [""] * width
    apart = [f"{number(far)}{unit}" for far, unit in zip(away, units, strict=True)]
    mean = f"The mean distance from the centre is {apart[0]}"
    if width > 1:
        listed = ", ".join(apart[:_SHOWN]) + (" …" if width > _SHOWN else "")
        mean = f"Number by number, the mean distances from the centre are {listed}"
    context.note(
        "binned-actions",
        f"the actions are continuous ({'1 number' if width == 1 else f'{width} numbers'} per row); they were taken as "
        f"{made[1]} bins ({what})",
        f"Their labels are the bins' centres, which keep {kept:.1%} of the actions' variance. {mean}. More bins "
        "(bins = …) keep more, and leave fewer rows for each.",
        severity="warning" if mapping.actions == "auto" or context.guessed else "note",
        count=made[1],
    )
    context.mapping = replace(mapping, actions=how, bins=bins)
    return made


def _by_quantiles(values: Array, bins: int, columns: Columns, context: Context) -> tuple[Taken, float, Array, str]:
    """Combinations of the quantiles of each number (of text, of its labels); what they keep, and mean distances."""
    name, width = columns.name("actions"), values.shape[1]
    codes, words, kept, away = [], [], [], []
    for place in range(width):
        column = values[:, place]
        if place in columns.action_words:
            code, texts = _component(column, place, columns)
            away.append(0.0)
        else:
            found = quantiles(column, bins)
            code, texts = found.numbers, _centres(found.centres[:, 0])
            kept += [found.kept(column[:, None])] if np.ptp(column) > 0 else []
            away.append(float(found.distance(column[:, None])[0]))
        codes.append(code)
        words.append(texts)
    sizes = [len(texts) for texts in words]
    if (total := math.prod(sizes)) > context.limits.actions:
        raise FileError(
            f"{bins} quantiles of each of {width} numbers make {total:,} actions; at most "
            f"{context.limits.actions:,} are allowed: choose fewer bins, or actions = 'k-means'",
            column=name,
        )
    labels = tuple(_joined(texts, columns, context) for texts in itertools.product(*words))
    what = "quantiles" if width == 1 else f"combinations of quantiles, {' × '.join(map(str, sizes))}"
    numbers = np.ravel_multi_index(codes, sizes).astype(np.intp)
    return (numbers, total, labels), float(np.mean(kept)) if kept else 1.0, np.array(away), what


def _centres(values: Array) -> list[str]:
    """Centres of bins in as few digits as tell different ones apart."""
    for digits in (3, 5, 8):
        texts = [f"{value + 0.0:.{digits}g}" for value in values]
        if len(set(texts)) == len(np.unique(values)):
            return texts
    return [repr(float(value)) for value in values]
