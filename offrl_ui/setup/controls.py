"""Controls made from declarations: what the panel shows, and what its answers do to the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, get_args

import numpy as np

from offrl_core.algos import APPROXIMATORS
from offrl_core.data.catalogue import datasets
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.data.options import Section
from offrl_core.dataset import Dataset, kept
from offrl_core.declarations import Hyperparameter, HyperparameterError
from offrl_core.learning.devices import devices
from offrl_lecture.base.text import mathml
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import recorded
from offrl_ui.setup.links import Note
from offrl_ui.setup.selection import (
    APPROXIMATOR,
    DEVICE,
    SEED,
    SEEDS,
    Setting,
    approximators,
    options_of,
    other_system,
    with_values,
)

MODEL_PARTS = {"approximator": "net", "seeds": "seeds", "device": "device"}
"""What the controls of a lane's model are called in links."""


def _words(name: str) -> str:
    """A name of the code as the screen writes it: with spaces, and in its spelling."""
    return name.replace("_", " ").replace("behavior", "behaviour")


def item(h: Hyperparameter, value: Setting, part: str, **more: Any) -> dict[str, Any]:
    """One control of the panel, as plain data; `part` is its name in links."""
    return {
        **asdict(h),
        "greedier": h.greedier,
        "measured": _words(h.effect.text),
        "part": part,
        "symbol": mathml(h.symbol) if h.symbol else "",
        "special": {f"{key:.15g}": name for key, name in (h.special or {}).items()},
        "label": h.label or _words(h.name),
        "titles": {choice: _words(choice) for choice in h.choices},
        "allowed": _words(h.allowed),
        "value": list(value) if isinstance(value, tuple) else value,
        **more,
    }


def data_sections(config: RunConfig, *, every: bool = False) -> list[dict[str, Any]]:
    """The options of the chosen dataset.

    Args:
        every: also the discount, which is otherwise left to the algorithm where that has one of its own.
    """
    owned = any("gamma" in config.declared(index) for index in range(len(config.lanes)))
    spec = datasets().get(config.dataset)
    sections = []
    for heading in get_args(Section):
        options = [h for h in (spec.options if spec else LOG_OPTIONS) if h.section == heading]
        if not options:
            continue
        shown: list[Hyperparameter] = [h for h in options if every or h.name != "gamma" or not owned]
        if heading == "collecting":
            shown.append(SEED)
        if heading == "episodes":
            shown = _within(shown, recorded(config.dataset, config.options))
        items = [item(h, config.options.get(h.name, h.default), f"x.{h.name}") for h in shown]
        folded = not every or heading in ("episodes", "degrade", "reward")
        sections.append({"id": heading, "title": heading.capitalize(), "items": items, "folded": folded})
    return sections


@kept
def _ranges(dataset: Dataset) -> dict[str, tuple[float, float]]:
    """Where episodes' lengths and returns lie: bounds beyond them leave nothing out."""
    lengths, returns = dataset.episode_ends - dataset.episode_starts + 1, dataset.episode_returns(dataset.gamma)
    low, high = float(np.floor(returns.min())), float(np.ceil(returns.max()))
    rows, earned = (1.0, max(2.0, float(lengths.max()))), (low, max(high, low + 1))
    return {"shorter_than": rows, "longer_than": rows, "return_below": earned, "return_above": earned}


def _within(options: list[Hyperparameter], dataset: Dataset) -> list[Hyperparameter]:
    """The bounds of episodes with the ranges that this recording has, so that their sliders reach all of it."""
    ranges = _ranges(dataset)
    return [replace(h, low=ranges[h.name][0], high=ranges[h.name][1]) if h.name in ranges else h for h in options]


def lane_sections(config: RunConfig, index: int) -> list[dict[str, Any]]:
    """The model and the hyperparameters of one lane: the system's own first, then what all of its family share."""
    lane = config.lanes[index]
    known = config.declared(index)
    now = {name: lane.hyperparameters.get(name, h.default) for name, h in known.items()}
    own = {h.name for h in lane.kind.hyperparameters}
    algorithm = sorted((h for name, h in known.items() if name in own), key=lambda h: h.family)
    learning = [h for name, h in known.items() if name not in own]
    model = [
        item(
            replace(APPROXIMATOR, choices=approximators(config.data), default=approximators(config.data)[0]),
            lane.approximator,
            MODEL_PARTS["approximator"],
            titles=APPROXIMATORS,
        ),
        item(SEEDS, lane.seeds, MODEL_PARTS["seeds"]),
    ]
    there = tuple(dict.fromkeys((*devices(), lane.device)))
    if len(there) > 1:
        model.append(item(replace(DEVICE, choices=there), lane.device, MODEL_PARTS["device"]))
    return [
        {
            "id": "algorithm",
            "title": "Hyperparameters",
            "items": [item(h, now[h.name], h.name, axis=h.numeric) for h in algorithm],
            "run": True,
        },
        {"id": "model", "title": "Model", "items": model},
        {
            "id": "learning",
            "title": "Learning",
            "items": [item(h, now[h.name], h.name, axis=h.numeric) for h in learning],
            "run": True,
        },
    ]


def parts_of(config: RunConfig) -> set[str]:
    """The controls of a choice by their names in links: those of every lane, without its number, and of the dataset."""
    lanes = {name for index in range(len(config.lanes)) for name in config.declared(index)}
    return {*MODEL_PARTS.values(), *lanes, *(f"x.{h.name}" for h in options_of(config.dataset))}


def ruled(sections: list[dict[str, Any]], rule: Callable[[str], str]) -> list[dict[str, Any]]:
    """`sections` with what a link does to each control, see `looks.Looks.rule`."""
    return [
        {**section, "items": [{**item, "rule": rule(item["part"])} for item in section["items"]]}
        for section in sections
    ]


def scope_of(config: RunConfig, index: int) -> str:
    """What the values of a lane's panel belong to: an answer for another scope comes too late."""
    lane = config.lanes[index]
    return f"{config.dataset} {index} {lane.algorithm} {lane.version} {lane.approximator}"


def apply(config: RunConfig, index: int, given: Mapping[str, Any]) -> tuple[RunConfig, list[Note]]:
    """The choice after the panel's answer, and a note for each value that was refused.

    Args:
        config: the choice so far.
        index: the lane that the panel shows.
        given: section → name → value, as the browser sent it; nothing in it is trusted.
    """
    notes: list[Note] = []
    sections = data_sections(config, every=True) + lane_sections(config, index)
    before = {section["id"]: {item["name"]: item["value"] for item in section["items"]} for section in sections}
    for section in before:
        part = given.get(section, {})
        for name, value in part.items() if isinstance(part, Mapping) else ():
            # The browser sends every value it shows: only what differs was moved.
            if value == before[section].get(name):
                continue
            try:
                config = _set(config, index, section, str(name), value)
            except (ConfigError, HyperparameterError) as error:
                notes.append(Note(f"{section}.{name}", str(value), str(error)))
    return config, notes


def _set(config: RunConfig, index: int, section: str, name: str, value: Any) -> RunConfig:
    setting: Any = tuple(value) if isinstance(value, list) else value
    if section in get_args(Section):
        return replace(config, options={**config.options, name: setting})
    lane = config.lanes[index]
    if section == "model" and name == "approximator":
        if value == lane.approximator:
            return config
        APPROXIMATOR.validate(value)
        lane = other_system(config, index, lane.algorithm, value)
    elif section == "model" and name == "seeds":
        lane = replace(lane, seeds=int(SEEDS.validate(value)))
    elif section == "model" and name == "device":
        lane = replace(lane, device=value)
    else:
        lane = with_values(config.data, lane, {name: setting})
    lanes = (*config.lanes[:index], lane, *config.lanes[index + 1 :])
    return replace(config, lanes=lanes)
