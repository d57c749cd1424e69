"""An experiment as a link, and as what stands on the playground."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from offrl_core.data.catalogue import datasets
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.dataset import Dataset
from offrl_core.experiments import AlgorithmChoice, DatasetChoice, Design
from offrl_core.experiments.choices import of_dataset
from offrl_core.experiments.design import evaluated_steps
from offrl_core.links import DEFAULT_BUDGET
from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import uploaded

LONGEST = 8000
"""Characters of a link: what every browser and proxy passes on."""
UPLOADED = "upload"
"""The part of a link with the names under which this server keeps the uploaded datasets of a design."""
FEWEST_SEEDS = 10
"""So many seeds a run becomes an experiment with: below six there are no intervals."""
STEPS = 1000


def written(design: Design) -> str:
    """The design as the text of a link: JSON, without what has its default."""
    data = design.to_json()
    data["datasets"] = [entry["name"] if len(entry) == 1 else entry for entry in data["datasets"]]
    data["algorithms"] = [
        entry["name"] if entry.keys() == {"name", "approximator"} and entry["approximator"] == "usual" else entry
        for entry in data["algorithms"]
    ]
    if data["seeds"] == list(range(len(data["seeds"]))):
        data["seeds"] = len(data["seeds"])
    if design.evaluate == evaluated_steps((), design.steps):
        del data["evaluate"]
    for name, default in (("axes", {}), ("sampling", "grid"), ("estimates", []), ("sampling_seed", 0)):
        if data.get(name) == default:
            del data[name]
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def design_of(given: Mapping[str, Any], own: Mapping[str, Dataset]) -> Design:
    """The design of plain data that nobody has checked; those that were made lately are kept.

    Args:
        given: as a link or the controls have it.
        own: the own datasets that are at hand, by hash.

    Raises:
        ExperimentError: it is no design; what is wrong, and what is allowed.
    """
    if own:
        return Design.from_json(given, own)
    return _design(json.dumps(given))


@lru_cache(32)
def _design(text: str) -> Design:
    return Design.from_json(text)


def of_run(config: RunConfig) -> Design:
    """What stands on the playground as an experiment: its algorithms with all their values, on its dataset.

    Raises:
        ExperimentError: the run's algorithms cannot be told apart by axes, or its data cannot leave this process.
    """
    config = config.restarted()
    own: dict[str, Dataset] = {}
    known = datasets()[config.dataset].options if config.dataset in datasets() else LOG_OPTIONS
    defaults = {h.name: h.default for h in known} | {"seed": 0}
    changed = {name: value for name, value in config.options.items() if value != defaults.get(name)}
    if config.dataset in datasets():
        chosen = DatasetChoice(config.dataset, changed)
    else:
        choice, own = of_dataset(uploaded(config.dataset))
        chosen = replace(choice, options={**choice.options, **changed})
    axes: dict[str, Any] = {}
    choices = []
    for lane in config.lanes:
        axes |= {f"{lane.algorithm}.{name}": lane.hyperparameters[name] for name in lane.axes}
        fixed = {name: value for name, value in lane.hyperparameters.items() if not isinstance(value, tuple)}
        choices.append(AlgorithmChoice(lane.algorithm, lane.approximator, fixed))
    different = [choice for place, choice in enumerate(choices) if choice not in choices[:place]]
    steps = STEPS if config.budget in (0, DEFAULT_BUDGET) else min(config.budget, 100_000)
    seeds = tuple(range(max(FEWEST_SEEDS, *(lane.seeds for lane in config.lanes))))
    return Design((chosen,), tuple(different), axes, seeds=seeds, steps=steps, own=own)
