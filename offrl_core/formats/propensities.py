"""How likely the behaviour was to take the actions that it took, where the log says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError, single
from offrl_core.formats.names import plain_name
from offrl_core.writing import number


def take_propensities(columns: Columns, context: Context) -> Array | None:
    """`(N,)` how likely the behaviour was to take each action; None where nobody says so.

    Logarithms are recognised by their column's name, or because none is above 0.

    Raises:
        FileError: one is no probability above 0, or the actions are bins of continuous ones.
    """
    if columns.propensities is None:
        return None
    name = columns.name("propensities")
    values = single(np.asarray(columns.propensities))
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise FileError(f"it has shape {values.shape}; one probability per row is needed", column=name)
    values = values.astype(np.float64)
    if (bad := ~np.isfinite(values)).any():
        row = columns.row(int(np.flatnonzero(bad)[0]))
        raise FileError("every row needs the probability of its action, a finite number", row=row, column=name)
    if context.mapping is not None and context.mapping.actions in ("quantiles", "k-means"):
        if context.guessed:
            context.mapping = replace(context.mapping, propensity=None)
            context.note_unused([name])
            return None
        raise FileError(
            "it tells how likely (or dense) single values of a continuous action were, which says nothing of their "
            "bins; leave it out",
            column=name,
        )
    logs = is_log_probability(name, values)
    allowed = "a probability must be in (0, 1]"
    if logs:
        allowed = "the logarithm of a probability must be 0 or below, and not so low that its exponential is 0"
    probabilities = np.exp(values) if logs else values
    columns.refuse((probabilities <= 0) | (probabilities > 1), values, allowed, name)
    low, high = number(probabilities.min()), number(probabilities.max())
    context.note(
        "propensities",
        f"{name!r} says how likely the behaviour was to take each action: from {low} to {high}",
        "Importance sampling uses it instead of an estimate."
        + (" Its values were taken as natural logarithms." if logs else ""),
    )
    return probabilities


def is_log_probability(name: str, values: Array) -> bool:
    """Whether probabilities stand there as logarithms."""
    return "log" in plain_name(name).replace("logging", "") or bool((values <= 0).all() and (values < 0).any())
