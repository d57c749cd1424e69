"""What a dataset is made of: whatever is given becomes an array of one type, or is refused with the row it fails in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.names import did_you_mean

Array = npt.NDArray[Any]

MAX_PAIRS = 50_000_000
"""Pairs of a state and an action; a table of more would fill the memory before anything is learned."""


class DatasetError(ValueError):
    """Data that cannot be a dataset; the message names the column, the row and what is allowed."""


def refuse(name: str, bad: Array, values: Array, allowed: str) -> None:
    """Raise `DatasetError` naming the first row marked in `bad (N,)`."""
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DatasetError(f"{name}, row {row}: {values[row].tolist()!r} is not allowed: it must be {allowed}")


def array(name: str, given: npt.ArrayLike) -> Array:
    """`given` as an array of numbers.

    Raises:
        DatasetError: it is not one, or its rows differ in length.
    """
    try:
        values = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{name} must be numbers in rows of one length") from error
    if values.dtype.kind not in "biuf":
        raise DatasetError(f"{name} must be numbers, not {values.dtype} of shape {values.shape}")
    return values


def column(name: str, given: npt.ArrayLike, rows: int | None = None) -> Array:
    """`(N,)` numbers, `rows` of them where that is known."""
    values = array(name, given)
    if values.ndim != 1:
        raise DatasetError(f"{name} must be one-dimensional, not of shape {values.shape}")
    if rows is not None:
        same_length(name, values, rows)
    return values


def same_length(name: str, values: Array, rows: int) -> None:
    """Refuse a column of another length than the observations."""
    if len(values) != rows:
        raise DatasetError(f"{name} has {len(values)} rows, observations have {rows}")


def integers(name: str, given: npt.ArrayLike, rows: int | None = None) -> Array:
    """`(N,)` intp, 0 or above; floats that are whole numbers are taken."""
    values = column(name, given, rows)
    if values.dtype.kind == "b":
        raise DatasetError(f"{name} must be integers, not {values.dtype}")
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (np.abs(values) < 2**53) & (values == np.floor(values))
        refuse(name, ~whole, values, "a whole number")
    refuse(name, values < 0, values, "0 or above")
    largest = np.iinfo(np.intp)  # what an index may be: of 64 bits, in a browser of 32
    refuse(name, values > largest.max, values, f"a {largest.bits}-bit integer")
    return values.astype(np.intp)


def finite(name: str, given: npt.ArrayLike, rows: int) -> Array:
    """`(N,)` float64, none too large for the 32 bits that learners count in."""
    values = column(name, given, rows).astype(np.float64)
    refuse(name, ~is_finite(values), values, "a finite 32-bit number")
    return values


def is_finite(values: Array) -> Array:
    """Which numbers are finite as 32-bit floats."""
    with np.errstate(over="ignore"):
        return np.asarray(np.isfinite(values.astype(np.float32)))


def booleans(name: str, given: npt.ArrayLike, rows: int) -> Array:
    """`(N,)` bool."""
    values = column(name, given, rows)
    if values.dtype.kind == "b":
        return values.copy()
    refuse(name, ~np.isin(values, (0, 1)), values, "0 or 1")
    return values.astype(bool)


def observations(name: str, given: npt.ArrayLike) -> Array:
    """`(N,)` intp states, or `(N, D)` float32 vectors."""
    values = array(name, given)
    if values.ndim == 1 and values.dtype.kind in "iu":
        return integers(name, values)
    if values.ndim == 1 and values.dtype.kind == "f":
        values = values[:, None]
    if values.ndim != 2 or values.dtype.kind == "b" or values.shape[1] == 0:
        raise DatasetError(
            f"{name} must be integers (N,) or numbers (N, D), not {values.dtype} of shape {values.shape}"
        )
    with np.errstate(over="ignore"):
        vectors = values.astype(np.float32)
    bad = ~np.isfinite(vectors)
    if bad.any():
        row, part = (int(place) for place in np.argwhere(bad)[0])
        raise DatasetError(
            f"{name}, row {row}, component {part}: {values[row, part].tolist()!r} is not allowed: "
            "it must be a finite 32-bit number"
        )
    return vectors


def last_rows(terminations: Array, truncations: Array, episode_ids: npt.ArrayLike | None) -> Array:
    """`(N,)` bool: the last row of each episode.

    Raises:
        DatasetError: an episode is interrupted, or goes on after a flag.
    """
    rows = len(terminations)
    last = terminations | truncations
    if episode_ids is not None:
        ids = np.asarray(episode_ids)
        if ids.ndim != 1:
            raise DatasetError(f"episode_ids must be one-dimensional, not of shape {ids.shape}")
        same_length("episode_ids", ids, rows)
        last = np.append(ids[1:] != ids[:-1], True)
        starts = np.flatnonzero(np.append(True, last[:-1]))
        _, first = np.unique(ids[starts], return_index=True)
        again = np.zeros(rows, dtype=bool)
        again[np.delete(starts, first)] = True
        refuse("episode_ids", again, ids, "a new one: the rows of one episode must be adjacent and in time order")
    last[-1] = True
    only = "true only in the last row of an episode"
    refuse("terminations", terminations & ~last, terminations, only)
    refuse("truncations", truncations & ~last, truncations, only)
    return last


def size(name: str, given: Any) -> int:
    """A number of actions or states."""
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)) or given < 1:
        raise DatasetError(f"{name} = {given!r} is not allowed: it must be a whole number, 1 or above")
    return int(given)


def check_table(states: int, actions: int) -> None:
    """Refuse sizes that no table has room for."""
    if states * actions > MAX_PAIRS:
        raise DatasetError(
            f"{states:,} states × {actions:,} actions are not allowed: at most {MAX_PAIRS:,} pairs. Number states and "
            "actions from 0 without gaps, or give states as vectors"
        )


def discount(gamma: Any, error: type[ValueError] = DatasetError) -> float:
    """A discount in [0, 1].

    Raises:
        ValueError: of the kind `error`: it is something else.
    """
    if isinstance(gamma, (int, float, np.integer, np.floating)) and 0.0 <= gamma <= 1.0:
        return float(gamma)
    raise error(f"gamma = {gamma!r} is not allowed: it must be from 0 to 1")


def names(name: str, given: Iterable[str], size: int, error: type[ValueError] = DatasetError) -> tuple[str, ...]:
    """`size` labels, or none at all.

    Raises:
        ValueError: of the kind `error`: they are not text, or there is another number of them.
    """
    labels = (given,) if isinstance(given, str) else tuple(given)
    if isinstance(given, str) or not all(isinstance(label, str) for label in labels):
        raise error(f"{name} = {given!r} is not allowed: it must be a sequence of texts")
    if labels and len(labels) != size:
        raise error(f"{name} has {len(labels)} labels: it must have {size}, or none")
    return labels


def encodings(
    features: Mapping[str, npt.ArrayLike] | None,
    action_features: npt.ArrayLike | None,
    states: int,
    actions: int,
    error: type[ValueError] = DatasetError,
) -> tuple[dict[str, Array], Array | None]:
    """Encodings of states, each `(S, F)`, and of pairs, `(S, A, F)`, as float32.

    Raises:
        ValueError: of the kind `error`: a shape is wrong or a number is not finite.
    """

    def checked(name: str, given: npt.ArrayLike, leading: tuple[int, ...]) -> Array:
        values = np.asarray(given, dtype=np.float32)
        if values.shape[:-1] != leading or values.shape[-1] == 0:
            wanted = ", ".join(map(str, leading))
            raise error(f"{name} has shape {values.shape}; it must be ({wanted}, F)")
        if not np.isfinite(values).all():
            raise error(f"{name} must be finite")
        return values

    encoded = {name: checked(f"features[{name!r}]", given, (states,)) for name, given in (features or {}).items()}
    pairs = None if action_features is None else checked("action_features", action_features, (states, actions))
    return encoded, pairs


def check_details(
    given: Mapping[str, Any],
    known: Sequence[str],
    rows: int,
    episodes: int,
    n_actions: int,
    n_states: int | None,
    width: int,
) -> dict[str, Any]:
    """The fields of a dataset beside its columns, each in its own type.

    Args:
        given: by name.
        known: the names that there are.
        rows, episodes, n_actions, n_states: sizes.
        width: numbers of an observation, where observations are vectors.

    Raises:
        DatasetError: a field is unknown, or does not fit the columns.
    """
    checked = dict(given)
    for name, value in given.items():
        if name not in known:
            near = did_you_mean(name, known)
            raise DatasetError(f"a dataset has no {name!r}{near}; beside its columns it has {', '.join(known)}")
        if name in _KINDS and not isinstance(value, _KINDS[name]):
            raise DatasetError(f"{name} = {value!r} is not allowed: it must be a {_KINDS[name].__name__}")
    if "gamma" in given:
        checked["gamma"] = discount(given["gamma"])
    for name, size in (("action_names", n_actions), ("observation_names", n_states or width)):
        if name in given:
            checked[name] = names(name, given[name], size)
    if given.get("features") or given.get("action_features") is not None:
        if n_states is None:
            raise DatasetError("features are for states that are numbered; these observations are vectors")
        checked["features"], checked["action_features"] = encodings(
            given.get("features"), given.get("action_features"), n_states, n_actions
        )
    if given.get("propensities") is not None:
        chances = checked["propensities"] = column("propensities", given["propensities"], rows).astype(np.float64)
        refuse("propensities", ~((chances > 0) & (chances <= 1)), chances, "a probability in (0, 1]")
    if given.get("behaviors") is not None:
        which = checked["behaviors"] = integers("behaviors", given["behaviors"])
        if len(which) != episodes:
            raise DatasetError(f"behaviors has {len(which)} entries: it must have one for each of {episodes} episodes")
        labels = given.get("behavior_names", ())
        if labels and which.max() >= len(labels):
            raise DatasetError(
                f"behavior_names has {len(labels)} labels: behaviors holds {which.max()}, counted from 0"
            )
    return checked


_KINDS: dict[str, type] = {"name": str, "options": Mapping, "opened": Mapping, "features": Mapping}
