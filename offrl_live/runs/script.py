"""A run as a Python script: the same numbers from a notebook, without the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.data.episodes import EPISODES
from offrl_core.data.rewards import REWARD
from offrl_live.runs import datasets
from offrl_live.runs.config import Lane, RunConfig, Setting
from offrl_live.runs.datasets import UPLOAD

HEADER = '''"""{title}

Reproduces a run of the offline RL explorer: pip install the project, then run this file.
"""

import numpy as np

import offrl_core as orl

{files}{dataset}
'''

LANE = """
# {comment}
learner = orl.Learner(
    dataset,
    {algorithm!r},
    approximator={approximator!r},
    seeds={seeds},{device}{hyperparameters}
)
"""

REPORT = """snapshot = learner.snapshot()
print({label!r}, "after", snapshot.step, "updates")
for member in learner.members:
    numbers = {{name: round(float(values[member.index]), 6) for name, values in snapshot.metrics.items()}}
    print(" ", member.label, numbers)
if dataset.mdp is not None and snapshot.policy is not None:
    gamma = {gamma}
    print("  true return", np.round(dataset.mdp.evaluate(snapshot.policy, gamma), 6))
"""


def script(config: RunConfig, step: int, opened: Mapping[str, Any] | None = None) -> str:
    """Source code that trains what `config` describes up to `step` updates, live changes included, and prints metrics.

    Args:
        config: the run, its live changes in `changes`.
        step: updates to train, 0 or more. Changes made later are left out.
        opened: how an uploaded log was opened, as `hello` says it; by default what the dataset says.

    Raises:
        ValueError: `step` is negative, or an uploaded log is no longer kept and `opened` is not given.
    """
    if step < 0:
        raise ValueError(f"step = {step} is not allowed: it must be 0 or more")
    config = config.until(step)
    names = " and ".join(lane.algorithm for lane in config.lanes)
    title = f"{names} on {config.dataset}, {step} updates"
    parts = [HEADER.format(title=title, files=_files(config), dataset=_dataset(config, opened))]
    for index, lane in enumerate(config.lanes):
        parts.append(_lane(config, index, lane, step))
    return "".join(parts)


def _files(config: RunConfig) -> str:
    """The own files that the algorithms of the run are in."""
    told = "An algorithm of your own: its file, as it was in this run, must lie beside this script."
    return "".join(f"# {told}\norl.load_algorithms({file.name!r}, version={file.version!r})\n" for file in config.files)


def _dataset(config: RunConfig, opened: Mapping[str, Any] | None) -> str:
    if config.dataset.startswith(UPLOAD):
        return _uploaded(opened or datasets.opened(config.dataset), _episodes(config) + _rewards(config))
    options = "".join(f", {name}={value!r}" for name, value in config.options.items())
    return f"dataset = orl.load_dataset({config.dataset!r}{options})"


def _uploaded(opened: Mapping[str, Any], options: str) -> str:
    """The file that was uploaded, with all that was chosen when it was opened."""
    how = "".join(f"\n    {name}={value!r}," for name, value in opened.items() if name != "file")
    if "mapping" in opened and "file" not in opened:
        told = "The columns of this run were in memory: put them, as a DataFrame or a dict, in the place of the dots."
        return f"# {told}\ndataset = orl.Dataset.from_frame(\n    ...,{how}\n){options}"
    if "file" not in opened:
        return f"# The data of this run were made in Python.\ndataset = ...{options}"
    told = "The file that was uploaded, which must lie beside this script."
    return f"# {told}\ndataset = orl.Dataset.from_file(\n    {opened['file']!r},{how}\n){options}"


def _episodes(config: RunConfig) -> str:
    """Which episodes of an uploaded log are left out, if any are."""
    given = {h.name: value for h in EPISODES if (value := config.options[h.name]) != h.default}
    asked = [repr(given.pop("leave_out"))] if "leave_out" in given else []
    asked += [f"{name}={value!r}" for name, value in given.items()]
    return f".without_episodes({', '.join(asked)})" if asked else ""


def _rewards(config: RunConfig) -> str:
    """What learners are given for the rewards of an uploaded log, where that is not the rewards themselves."""
    given = {h.name.removeprefix("reward_"): value for h in REWARD if (value := config.options[h.name]) != h.default}
    return f".with_rewards({', '.join(f'{name}={value!r}' for name, value in given.items())})" if given else ""


def _lane(config: RunConfig, index: int, lane: Lane, step: int) -> str:
    given = "".join(f"\n    {name}={_literal(value)}," for name, value in lane.hyperparameters.items())
    lines = [
        LANE.format(
            comment=f"{lane.algorithm} ({lane.approximator})",
            algorithm=lane.algorithm,
            approximator=lane.approximator,
            seeds=list(lane.seed_numbers) if lane.first_seed else lane.seeds,
            device="" if lane.device == "cpu" else f"\n    device={lane.device!r},",
            hyperparameters=given,
        )
    ]
    done = 0
    for change in config.changes:
        if change.lane != index:
            continue
        if change.step > done:
            lines.append(f"learner.advance({change.step - done})\n")
            done = change.step
        values = ", ".join(f"{name}={value!r}" for name, value in change.values.items())
        lines.append(f"learner.set({values})\n")
    if step > done:
        lines.append(f"learner.advance({step - done})\n")
    gamma = config.current(index, step).get("gamma")
    fallback = "dataset.gamma" if gamma is None or isinstance(gamma, tuple) else repr(gamma)
    lines.append(REPORT.format(label=lane.algorithm, gamma=fallback))
    return "".join(lines)


def _literal(value: Setting) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)
