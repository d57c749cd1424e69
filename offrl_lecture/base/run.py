"""A training run as data: what a scene trains, and what it opens in the playground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from offrl_core.algos import algorithms
from offrl_core.data.catalogue import datasets
from offrl_core.declarations import Value
from offrl_lecture.base.text import listed


@dataclass(frozen=True)
class Lane:
    """One learner of a run, as `orl.Learner` takes it; a tuple of values opens an axis of members."""

    algorithm: str
    approximator: str = "table"
    seeds: int = 1
    hyperparameters: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """Learners that train side by side on one dataset of the catalogue.

    Attributes:
        dataset: its name.
        lanes: the learners.
        options: the dataset's options that are not at their defaults.
        differs: what is not as in the scene that opens this run (rich text); empty where it is the scene's own run.
    """

    dataset: str
    lanes: tuple[Lane, ...]
    options: Mapping[str, Value] = field(default_factory=dict)
    differs: str = ""

    @property
    def title(self) -> str:
        """What trains on what: `BCQ on Double crossing`."""
        systems = dict.fromkeys(algorithms()[lane.algorithm].title for lane in self.lanes)
        return f"{listed(list(systems))} on {datasets()[self.dataset].title}"

    def but(self, *reasons: str) -> Run:
        """This run with what differs from the scene; empty reasons are left out."""
        return replace(self, differs=" ".join(reason for reason in (self.differs, *reasons) if reason))
