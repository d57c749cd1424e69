"""Checks of what a file of policies holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.learning.policies import PolicyError
from offrl_core.names import did_you_mean
from offrl_core.worlds.world import check_policy

Array = npt.NDArray[Any]

NO_POLICY = "this is no file of learned policies"


def chosen(models: Sequence[str], model: str | int | None) -> int:
    """The number of the model that is asked for, by its name or number; of a single one where nothing is asked."""
    listed = ", ".join(map(repr, models))
    if model is None:
        if len(models) == 1:
            return 0
        raise PolicyError(f"it holds {len(models)} models; say which one, model = one of {listed}")
    if isinstance(model, str) and model in models:
        return models.index(model)
    if isinstance(model, (int, np.integer)) and not isinstance(model, bool) and 0 <= model < len(models):
        return int(model)
    raise PolicyError(f"there is no model {model!r}{did_you_mean(model, models)}; it holds {listed}")


def text(about: Mapping[str, Any], name: str) -> str:
    value = about.get(name)
    if not isinstance(value, str):
        raise PolicyError(f"{name} = {value!r} is not allowed: it must be a text")
    return value


def texts(about: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = about.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise PolicyError(f"{name} must be a list of texts")
    if len(set(value)) < len(value):
        raise PolicyError(f"two of its {name} have the same name")
    return tuple(value)


def numbers(array: Array | None, name: str, shape: tuple[int | None, ...], kind: type = np.float32) -> Array:
    """An array of that shape, None for any length, all of it finite."""
    if array is None:
        raise PolicyError(f"its part {name!r} is missing")
    fits = array.ndim == len(shape) and all(size in (None, got) for size, got in zip(shape, array.shape, strict=True))
    if not fits:
        raise PolicyError(f"its part {name!r} has shape {array.shape}, {shape} is needed")
    with np.errstate(over="ignore"):
        values: Array = array.astype(kind)
    if not np.isfinite(values).all():
        raise PolicyError(f"its part {name!r} holds numbers that are not finite")
    return values


def probabilities(policy: Array, shape: tuple[int, int]) -> Array:
    try:
        check_policy(policy, *shape)
    except ValueError as error:
        raise PolicyError(str(error)) from error
    return policy
