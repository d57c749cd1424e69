"""Policies as tables of labels to look at: CSV and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.formats.source import Source
from offrl_core.learning.policies import LearnedPolicy, PolicyError, TablePolicy
from offrl_core.learning.policy_checks import NO_POLICY, chosen, numbers, probabilities

Array = npt.NDArray[Any]

MOST_CELLS = 30_000_000
"""Numbers in a table; a log of more rows, models and actions is asked through the file that holds everything."""


def policy_columns(policies: Sequence[LearnedPolicy], dataset: Dataset) -> dict[str, Array]:
    """Policies and their values as equally long columns.

    One row per model and state of a table, or row of the log: `model, algorithm, step`; then `state`, its label, or
    `row, episode, time`, the observation `s(…)`, the logged `action` and its `reward`; `chosen`, the most probable
    action; `V`; and for each action its probability `p(…)`, its `Q(…)`, and in a table how often the data shows it,
    `n(…)`. V and Q are NaN where a system has none.

    Raises:
        PolicyError: that would be more than 30 million numbers.
    """
    actions, tabular = dataset.action_labels, dataset.tabular
    rows = dataset.n_states if dataset.n_states is not None else len(dataset)
    width = 8 + 2 * len(actions) + (len(actions) if tabular else len(dataset.component_labels))
    if len(policies) * rows * width > MOST_CELLS:
        raise PolicyError(
            f"{len(policies)} models at {rows:,} {'states' if tabular else 'rows'} would be a table of "
            f"{len(policies) * rows * width:,} numbers, at most {MOST_CELLS:,} are written: take the file "
            "policies.npz, and ask load_policy where you need it"
        )
    places: dict[str, Array] = {"state": np.array(dataset.state_labels, object)} if tabular else _log(dataset)
    asked = list(dataset.state_labels) if tabular else dataset.observations
    shown = {f"n({name})": column for name, column in zip(actions, dataset.counts.T, strict=True)} if tabular else {}
    parts = []
    for policy in policies:
        probabilities, q, v = policy.all(asked)
        table = np.full((rows, len(actions)), np.nan, np.float32) if q is None else q
        parts.append(
            {
                "model": np.full(rows, policy.model, object),
                "algorithm": np.full(rows, policy.algorithm, object),
                "step": np.full(rows, policy.step),
                **places,
                "chosen": np.array(actions, object)[probabilities.argmax(axis=1)],
                "V": np.full(rows, np.nan, np.float32) if v is None else v,
                **{f"p({name})": column for name, column in zip(actions, probabilities.T, strict=True)},
                **{f"Q({name})": column for name, column in zip(actions, table.T, strict=True)},
                **shown,
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _log(dataset: Dataset) -> dict[str, Array]:
    number = np.arange(len(dataset))
    return {
        "row": number,
        "episode": dataset.episode_of_row,
        "time": number - dataset.episode_starts[dataset.episode_of_row],
        **{f"s({name})": column for name, column in zip(dataset.component_labels, dataset.observations.T, strict=True)},
        "action": np.array(dataset.action_labels, object)[dataset.actions],
        "reward": dataset.rewards,
    }


def write_csv(policies: Sequence[LearnedPolicy], dataset: Dataset, file: BinaryIO) -> None:
    """Write `policy_columns` as CSV."""
    import pandas as pd

    file.write(pd.DataFrame(policy_columns(policies, dataset)).to_csv(index=False).encode())


def write_parquet(policies: Sequence[LearnedPolicy], dataset: Dataset, file: BinaryIO) -> None:
    """Write `policy_columns` as Parquet."""
    import pandas as pd

    pd.DataFrame(policy_columns(policies, dataset)).to_parquet(file, index=False)


def read_csv(source: Source, model: str | int | None) -> LearnedPolicy:
    """The model of that name or number in a table that was written as CSV.

    Raises:
        PolicyError: it is no such table, or holds no such model.
    """
    import pandas as pd

    try:
        with source.open() as file:
            return _of_table(pd.read_csv(file, dtype=str, keep_default_na=False), model)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PolicyError(f"{NO_POLICY}: NPZ, CSV or Parquet is needed, as save_policies writes it") from error


def read_parquet(source: Source, model: str | int | None) -> LearnedPolicy:
    """As `read_csv`, of a table that was written as Parquet."""
    import pandas as pd
    import pyarrow as pa

    try:
        with source.open() as file:
            return _of_table(pd.read_parquet(file).astype(str), model)
    except (pa.ArrowException, OSError) as error:
        raise PolicyError(f"{NO_POLICY}, or it is damaged") from error


def _of_table(table: Any, model: str | int | None) -> TablePolicy:
    """A policy from a table of `policy_columns`, every cell of it as text."""
    names = [str(name) for name in table.columns]
    if names[:4] == ["model", "algorithm", "step", "row"]:
        raise PolicyError(
            "it holds the policy at the rows of a log, which says nothing of other observations: load policies.npz"
        )
    actions = tuple(name[2:-1] for name in names if name.startswith("p(") and name.endswith(")"))
    needed = ["model", "algorithm", "step", "state", "chosen", "V", *(f"Q({action})" for action in actions)]
    missing = [name for name in needed if name not in names]
    if missing or not actions or len(table) == 0:
        raise PolicyError(f"{NO_POLICY}: it has no {f'column {missing[0]!r}' if missing else 'action, or no row'}")
    models = list(dict.fromkeys(table["model"]))
    asked = models[chosen(models, model)]
    part = table[table["model"] == asked]
    states = tuple(part["state"])
    if len(set(states)) < len(states):
        raise PolicyError("a state stands there twice")
    shape = (len(states), len(actions))
    policy, q = (_cells(part, [f"{letter}({action})" for action in actions]) for letter in "pQ")
    v, steps = _cells(part, ["V"])[:, 0], _cells(part, ["step"])[:, 0]
    if not (steps == steps[0]).all() or steps[0] < 0 or steps[0] != np.floor(steps[0]):
        raise PolicyError("step must be one whole number, 0 or more")
    return TablePolicy(
        model=asked,
        algorithm=str(part["algorithm"].iloc[0]),
        approximator="table",
        dataset="a log",
        step=int(steps[0]),
        hyperparameters={},
        actions=actions,
        states=states,
        policy=probabilities(numbers(policy, "p", shape), shape),
        q_table=None if np.isnan(q).all() else numbers(q, "Q", shape),
        v_table=None if np.isnan(v).all() else numbers(v, "V", shape[:1]),
    )


def _cells(part: Any, names: Sequence[str]) -> Array:
    """Columns of text as numbers, NaN where a cell is empty."""
    try:
        return np.array([[float(cell or "nan") for cell in part[name]] for name in names]).T
    except ValueError as error:
        raise PolicyError(f"{names[0]} and its like must be numbers: {error}") from error
