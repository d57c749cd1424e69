"""What is trained: a dataset by its options, runs by their content, and jobs that train many runs as one program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from offrl_core.declarations import Value

NUMERICS = 1
"""The version of the numbers. It goes up whenever the same configuration would train to other numbers than before, so
that results of both are never mixed; a test holds small runs of every algorithm against those of this version."""
ESTIMATE_NUMERICS = 2
"""The version of the estimates from the data, of runs that ask for some: 2 knows policies that go round for nothing."""

Kind = tuple[str, str, str]
"""The names of a dataset, an algorithm and an approximator."""


def digest(data: object) -> str:
    """A short hash of plain data, the same for equal data."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Data:
    """The data of a job: a dataset of the catalogue with all of its options, or an own one by its hash.

    Attributes:
        name: in the catalogue, or what an own dataset is called.
        options: every option and the data's `seed`, as values; of an own dataset those that differ from the default.
        own: the hash of an own dataset, see `carrying.key_of`; empty for one of the catalogue.
    """

    name: str
    options: Mapping[str, Value] = field(default_factory=dict)
    own: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        if self.own and not self.options:
            return {"name": self.name, "own": self.own}
        return {"name": self.name, "options": dict(self.options)} | ({"own": self.own} if self.own else {})


@dataclass(frozen=True)
class Run:
    """One model: what is trained, and at which steps it is looked at.

    Attributes:
        data, algorithm, approximator: what learns from what.
        version: of an algorithm from somebody's own file, a hash of its text.
        hyperparameters: every one, defaults written out.
        seed: of its initial parameters and its rows.
        evaluate: the steps at which it is looked at; the last one is where training ends.
        estimates: which estimates of its policy's return from the data are asked for.
    """

    data: Data
    algorithm: str
    approximator: str
    version: str
    hyperparameters: Mapping[str, Value]
    seed: int
    evaluate: tuple[int, ...]
    estimates: tuple[str, ...]

    @cached_property
    def key(self) -> str:
        """Equal for equal runs, in whichever experiment they are."""
        numerics = [NUMERICS, ESTIMATE_NUMERICS] if self.estimates else NUMERICS
        return digest({**vars(self), "data": self.data.to_json(), "numerics": numerics})


@dataclass(frozen=True)
class Job:
    """Configurations of one algorithm on one dataset with all their seeds: the members of one learner.

    Attributes:
        points: the configurations, each with every hyperparameter; they agree in all choices.
        seeds: each configuration is trained with every one of them.
        data, algorithm, approximator, version, evaluate, estimates: as in `Run`.
    """

    data: Data
    algorithm: str
    approximator: str
    version: str
    points: tuple[Mapping[str, Value], ...]
    seeds: tuple[int, ...]
    evaluate: tuple[int, ...]
    estimates: tuple[str, ...] = ()

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Its runs in the order of the learner's members: configuration by configuration, seeds fastest."""
        shared = (self.data, self.algorithm, self.approximator, self.version)
        return tuple(
            Run(*shared, point, seed, self.evaluate, self.estimates) for point in self.points for seed in self.seeds
        )

    @cached_property
    def key(self) -> str:
        """Equal for jobs of the same runs."""
        return digest([run.key for run in self.runs])

    @property
    def steps(self) -> int:
        """Updates that each of its models makes."""
        return self.evaluate[-1]

    @property
    def updates(self) -> int:
        """Model updates in all."""
        return self.steps * len(self.points) * len(self.seeds)

    @property
    def kind(self) -> Kind:
        """Jobs of one kind take about as long for an update as each other."""
        return self.data.name, self.algorithm, self.approximator

    def without(self, known: frozenset[str] | set[str] | Mapping[str, Any]) -> list[Job]:
        """What is left of it when the runs of these keys are there: jobs of configurations that lack the same seeds."""
        lacking: dict[tuple[int, ...], list[Mapping[str, Value]]] = {}
        width = len(self.seeds)
        for place, point in enumerate(self.points):
            runs = self.runs[place * width : (place + 1) * width]
            seeds = tuple(run.seed for run in runs if run.key not in known)
            if seeds:
                lacking.setdefault(seeds, []).append(point)
        if lacking == {self.seeds: list(self.points)}:
            return [self]
        return [replace(self, points=tuple(points), seeds=seeds) for seeds, points in lacking.items()]

    def __str__(self) -> str:
        return (
            f"{self.algorithm} ({self.approximator}) on {self.data.name}, {len(self.points)} configurations × "
            f"{len(self.seeds)} seeds, {self.steps:,} updates"
        )
