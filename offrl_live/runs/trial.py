"""A trial of somebody's own file: loaded, and taken through the first update of a run, before anybody watches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from offrl_core.algos import algorithms
from offrl_core.algos.loss_errors import OwnCodeError
from offrl_core.own_files import OwnFile, accused, blamed, load, told
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.datasets import UPLOAD
from offrl_live.runs.engine import Engine

DATASET = "double-crossing"


def try_out(file: OwnFile, configs: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Load the file and make the first update with its algorithms.

    Args:
        file: what to try.
        configs: runs, as plain data, that are to be trained with it; tried as well, as far as their values fit and
            their data are at hand. Each algorithm is tried on a table of its own in any case.

    Returns:
        The names of its algorithms.

    Raises:
        OwnCodeError: what is wrong, with the line.
    """
    kinds = load(file)
    try:
        for kind in kinds:
            # Two members: what holds for one model only is found here, not when the lens is opened.
            _first_update(RunConfig(DATASET, {}, (Lane(kind.name, seeds=2),)))
        for data in configs:
            # A run of an algorithm that is no longer in the file goes on as it is.
            if not data["dataset"].startswith(UPLOAD) and all(
                lane["algorithm"] in algorithms() for lane in data["lanes"]
            ):
                _first_update(_with_fitting_values(data))
    except OwnCodeError:
        raise
    except Exception as error:
        raise blamed(error) or OwnCodeError(told(error), file.path) from error
    return [kind.name for kind in kinds]


def _with_fitting_values(data: Mapping[str, Any]) -> RunConfig:
    """A run from plain data, under the algorithms as they are here, with those of its values that they take."""
    lanes = [{**lane, "version": ""} for lane in data["lanes"]]
    bare = RunConfig.from_json({**data, "lanes": [{**lane, "hyperparameters": {}} for lane in lanes], "changes": []})
    fitted = tuple(Lane.from_json(lane).renewed(bare.declared_for) for lane in lanes)
    return RunConfig(bare.dataset, bare.options, fitted, bare.budget)


def _first_update(config: RunConfig) -> None:
    """All that a run asks of its algorithms: the loss, the gradient, what is shown, what is told of a row."""
    engine = Engine(config)
    kind = next(lane.kind for lane in config.lanes if lane.kind.file)
    first = engine.snapshot(truth=False)
    engine.advance(1)
    for learner in engine.lanes:
        for found in learner.divergences:
            said = f"{found.what} is {found.value} at the first update"
            _, _, line = found.line.rpartition(" line ")  # its own text, where it knows the very line
            raise OwnCodeError(said, kind.file, int(line)) if line else accused(kind, said)
    for name, values in first.metrics.items():
        if name.startswith("loss_") and not np.isfinite(values).all():
            raise accused(kind, f"the loss {name.removeprefix('loss_')!r} is {values.flat[0]} at the first update")
    if not all(np.isfinite(learner.snapshot().policy).all() for learner in engine.lanes):
        raise accused(kind, "the policy is not a number at the first update", ("policy_at", "policy"))
    engine.snapshot(truth=False)
    engine.explain(0, {"row": 0})
    for learner in engine.lanes:
        if not isinstance(learner.equation, str):
            raise accused(kind, f"the equation is {learner.equation!r}: it must be a text")
    engine.checkpoint()
