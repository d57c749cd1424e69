"""What is to be said of data and of what is chosen for it, in sentences."""

from __future__ import annotations

from itertools import product

import numpy as np

from offrl_core.data.catalogue import datasets
from offrl_core.data.endless import endless
from offrl_core.dataset import Dataset, kept
from offrl_core.evaluation.truth import Truth
from offrl_core.writing import number
from offrl_live.runs.config import RunConfig
from offrl_ui.setup import selection

WHAT_THIS_IS = (
    "Offline reinforcement learning: a policy is learned from recorded episodes alone, without ever trying an action. "
    "Here no recorded walk leads from S to G, but their pieces do. Press play and watch what the learner makes of them."
)


@kept
def truth(dataset: Dataset) -> Truth:
    """The exact reference values of a dataset's world; kept, because large worlds take a moment to solve."""
    return Truth(dataset)


def reward_note(dataset: Dataset) -> str:
    """What other rewards than the log's own do to values, to their bounds and to the best policy; empty without any."""
    if not dataset.reward_rule:
        return ""
    known, own = truth(dataset), truth(dataset.as_logged)
    rule = dataset.reward_rule
    said = [f"Learners are given f(r) = {rule} for a reward r, so learned and true values are in units of f(r)."]
    if np.isfinite([known.q_floor, known.q_bound]).all():
        before = f"{number(own.q_floor)} to {number(own.q_bound)} with the log's own rewards"
        said.append(f"No value leaves {number(known.q_floor)} to {number(known.q_bound)} ({before}).")
    said.append("True returns stay in the log's own unit.")
    if own.optimal is not None and own.exact:
        if known.given_best is None:
            said.append("Without a discount f(r) can be collected for ever, so there is no best policy for it.")
        elif own.optimal - known.given_best > 1e-6 * max(1.0, abs(own.optimal)):
            said.append(
                f"The policy that is best for f(r) earns {number(known.given_best)} there, "
                f"of {number(own.optimal)} that are possible."
            )
        else:
            said.append("The policy that is best for f(r) is best there, too.")
    return " ".join(said)


def given_rewards(dataset: Dataset) -> str:
    """Which rewards learners are given where they are not the log's own; empty where they are."""
    rule = dataset.reward_rule
    told = f"Learners are given {rule} for a reward r: values are in that unit, true returns in the log's own."
    return told if rule else ""


def endless_note(config: RunConfig) -> str:
    """What is wrong where a lane bootstraps without a discount on data that never ends; empty where none does."""
    for index, lane in enumerate(config.lanes):
        opened = {name: v if isinstance(v, tuple) else (v,) for name, v in config.current(index).items()}
        if 1.0 not in opened.get("gamma", ()):
            continue
        system = lane.kind()
        every = (dict(zip(opened, values, strict=True)) for values in product(*opened.values()))
        if any(values["gamma"] == 1.0 and system.bootstraps(values) for values in every):
            said = endless(config.data)
            return f"{said[0].upper()}{said[1:]}." if said else ""
    return ""


def lesson(config: RunConfig) -> str:
    """What a choice is about, beside the heading: the dataset's lesson, and for a first visit what all this is."""
    spec = datasets().get(config.dataset)
    return WHAT_THIS_IS if config == selection.start() else spec.lesson if spec is not None else ""
