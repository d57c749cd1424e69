"""One model of a run as what its script in PyTorch needs."""

from __future__ import annotations

from offrl_core.dataset import Dataset
from offrl_core.learning.members import Axes
from offrl_core.standalone.training import Training
from offrl_live.runs.config import RunConfig


def training_of(config: RunConfig, data: Dataset, member: int, step: int) -> Training:
    """What one member of a run trains up to `step` updates, live changes included.

    Raises:
        ValueError: there is no such member.
    """
    if not 0 <= member < config.members:
        raise ValueError(f"member = {member} is not allowed: this run has {config.members}, from 0 on")
    index = config.lane_of(member)
    lane = config.lanes[index]
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in lane.hyperparameters.items()}
    one = Axes(config.declared(index), lane.seed_numbers, given).members[member - config.first_member(index)]
    changes = tuple((change.step, dict(change.values)) for change in config.changes if change.lane == index)
    return Training(data, lane.kind, lane.approximator, one.values, one.seed, step, changes)
