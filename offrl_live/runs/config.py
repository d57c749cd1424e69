"""What a run is: a dataset and one to four learners on it, as plain, validated, hashable data."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from offrl_core.algos import hyperparameters as declare
from offrl_core.data.catalogue import datasets
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_live.runs import uploads
from offrl_live.runs.lanes import MAX_BUDGET as MAX_BUDGET
from offrl_live.runs.lanes import MAX_LANES as MAX_LANES
from offrl_live.runs.lanes import MAX_SEEDS as MAX_SEEDS
from offrl_live.runs.lanes import MAX_VALUES as MAX_VALUES
from offrl_live.runs.lanes import Change as Change
from offrl_live.runs.lanes import ConfigError as ConfigError
from offrl_live.runs.lanes import Lane as Lane
from offrl_live.runs.lanes import Setting as Setting
from offrl_live.runs.lanes import entries, listed, setting, whole
from offrl_live.runs.uploads import UPLOAD as UPLOAD

MAX_MEMBERS = 128
MAX_CHANGES = 500
DEFAULT_BUDGET = 20_000


@dataclass(frozen=True)
class RunConfig:
    """A run, completely: two runs of one configuration compute the same numbers to the bit.

    Attributes:
        dataset: a name in the catalogue, or the name that `uploads.bring` gave to a dataset of one's own.
        options: the dataset's options, and its `seed`.
        lanes: one to four learners that train in lock-step on the same data; at most 128 members in all.
        budget: updates after which the run stops, 0 for never.
        changes: live changes so far, in order of step and lane; they are part of what the run is. Of several made to
            one lane at one step, as in a drag while paused, only what they came to acts: they are one change.
    """

    dataset: str
    options: Mapping[str, Value] = field(default_factory=dict)
    lanes: tuple[Lane, ...] = ()
    budget: int = DEFAULT_BUDGET
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(sorted(self._options().items()))))
        if not 1 <= len(self.lanes) <= MAX_LANES:
            raise ConfigError(f"{len(self.lanes)} lanes are not allowed: a run has 1 to {MAX_LANES}")
        lanes = tuple(lane.validated(self._declare(lane)) for lane in self.lanes)
        object.__setattr__(self, "lanes", lanes)
        if self.members > MAX_MEMBERS:
            raise ConfigError(f"{self.members} members are not allowed: a run trains at most {MAX_MEMBERS} at once")
        whole("budget", self.budget, 0, MAX_BUDGET)
        if len(self.changes) > MAX_CHANGES:
            raise ConfigError(f"{len(self.changes)} live changes are not allowed: a run keeps at most {MAX_CHANGES}")
        checked: dict[tuple[int, int], Change] = {}
        for change in self.changes:
            place = (change.step, change.lane)
            before = checked[place].values if place in checked else {}
            checked[place] = replace(change, values={**before, **self.checked(change.lane, change.values)})
        object.__setattr__(self, "changes", tuple(checked[place] for place in sorted(checked)))

    def _options(self) -> Mapping[str, Value]:
        if not isinstance(self.dataset, str):
            raise ConfigError(f"dataset = {self.dataset!r} is not allowed: it must be a name")
        if not isinstance(self.options, Mapping):
            raise ConfigError(f"options = {self.options!r} is not allowed: it must map names to values")
        options = dict(self.options)
        if self.dataset.startswith(UPLOAD):
            if options:
                raise ConfigError("an uploaded dataset has no options")
            return {}
        if self.dataset not in datasets():
            raise ConfigError(f"dataset = {self.dataset!r} is not allowed: the catalogue has {', '.join(datasets())}")
        seed = whole("seed", options.pop("seed", 0), 0, 2**32 - 1)
        try:
            return {**resolve(datasets()[self.dataset].options, options), "seed": seed}
        except HyperparameterError as error:
            raise ConfigError(f"dataset {self.dataset}: {error}") from error

    @property
    def data(self) -> Dataset:
        """The dataset itself; recently used ones are kept.

        Raises:
            ConfigError: it was uploaded and is no longer kept.
        """
        return _data(self.dataset, tuple(self.options.items()))

    def _declare(self, lane: Lane) -> Mapping[str, Hyperparameter]:
        return _declarations(self.dataset, tuple(self.options.items()), lane.algorithm, lane.approximator)

    def declared(self, lane: int) -> Mapping[str, Hyperparameter]:
        """Every hyperparameter of a lane by name, with the defaults that suit this dataset."""
        return self._declare(self.lane(lane))

    def checked(self, lane: int, values: Mapping[str, object]) -> dict[str, Value]:
        """`values` for a change during the run, validated.

        Raises:
            ConfigError: nothing to change, an unknown name, a value out of range, an open axis, or a hyperparameter
                that only a restart can change.
        """
        if not isinstance(values, Mapping) or not values:
            raise ConfigError("a change needs at least one hyperparameter and its value")
        declared, axes = self.declared(lane), self.lane(lane).axes
        checked: dict[str, Value] = {}
        for name, value in values.items():
            if name in axes:
                raise ConfigError(
                    f"{name} is an open axis of this run: its values are {self.lane(lane).hyperparameters[name]}"
                )
            checked_value = setting(declared, str(name), value)
            if not declared[name].live:
                raise ConfigError(f"{name} cannot change while training: it restarts the run")
            if isinstance(checked_value, tuple):
                raise ConfigError(f"{name} = {value!r} is not allowed: an axis cannot be opened in a running lane")
            checked[str(name)] = checked_value
        return checked

    @property
    def members(self) -> int:
        """How many models train at once."""
        return sum(lane.members for lane in self.lanes)

    def lane(self, index: int) -> Lane:
        """Lane `index`.

        Raises:
            ConfigError: there is no such lane.
        """
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.lanes):
            raise ConfigError(f"lane = {index!r} is not allowed: this run has lanes 0 to {len(self.lanes) - 1}")
        return self.lanes[index]

    @property
    def key(self) -> str:
        """Equal for equal runs: a digest of everything, defaults written out."""
        data = self.to_json()
        for number, plain in enumerate(data["lanes"]):
            plain["hyperparameters"] = {n: h.default for n, h in self.declared(number).items()} | plain[
                "hyperparameters"
            ]
        canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    def current(self, lane: int, step: int | None = None) -> dict[str, Setting]:
        """Lane `lane`'s hyperparameters after every change (at or before `step`), defaults written out."""
        values: dict[str, Setting] = {name: h.default for name, h in self.declared(lane).items()}
        values.update(self.lane(lane).hyperparameters)
        for change in self.changes:
            if change.lane == lane and (step is None or change.step <= step):
                values.update(change.values)
        return values

    def changed(self, step: int, lane: int, values: Mapping[str, object]) -> RunConfig:
        """This run, continued from `step` with `values` in `lane`; what was changed after `step` is forgotten.

        Raises:
            ConfigError: the lane, a name or a value is not allowed.
        """
        before = self.until(step)
        return replace(before, changes=(*before.changes, Change(step, lane, self.checked(lane, values))))

    def until(self, step: int) -> RunConfig:
        """This run without the changes made after `step`."""
        return replace(self, changes=tuple(change for change in self.changes if change.step <= step))

    def restarted(self) -> RunConfig:
        """A fresh run with every lane's values as they are after the changes."""
        lanes = []
        for index, lane in enumerate(self.lanes):
            changed = dict(itertools.chain.from_iterable(c.values.items() for c in self.changes if c.lane == index))
            lanes.append(replace(lane, hyperparameters={**lane.hyperparameters, **changed}))
        return replace(self, lanes=tuple(lanes), changes=())

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse is `from_json`."""
        return {
            "dataset": self.dataset,
            "options": dict(self.options),
            "lanes": [lane.to_json() for lane in self.lanes],
            "budget": self.budget,
            "changes": [change.to_json() for change in self.changes],
        }

    @classmethod
    def from_json(cls, data: object) -> RunConfig:
        """A configuration from plain data (a parsed link or message, or a JSON text).

        Raises:
            ConfigError: a field is unknown or missing, or a value is not allowed.
        """
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise ConfigError("a run's configuration must be a JSON object") from error
        fields = entries("a run", data, {"dataset", "options", "lanes", "budget", "changes"}, {"dataset", "lanes"})
        lanes = tuple(map(Lane.from_json, listed("lanes", fields.pop("lanes"), MAX_LANES)))
        changes = tuple(map(Change.from_json, listed("changes", fields.pop("changes", []), MAX_CHANGES)))
        return cls(lanes=lanes, changes=changes, **fields)

    def __hash__(self) -> int:
        return hash(self.key)


def _data(dataset: str, options: tuple[tuple[str, Value], ...]) -> Dataset:
    try:
        return uploads.find(dataset, dict(options))
    except (uploads.UnknownUpload, HyperparameterError) as error:
        raise ConfigError(str(error)) from error


# Declarations depend on the data (its discount, its encodings). They are kept, so that checking a value never has to
# make a dataset again: the server does that under its lock.
@lru_cache(maxsize=4096)
def _declarations(
    dataset: str, options: tuple[tuple[str, Value], ...], algorithm: str, approximator: str
) -> Mapping[str, Hyperparameter]:
    try:
        return MappingProxyType({h.name: h for h in declare(algorithm, approximator, _data(dataset, options))})
    except HyperparameterError as error:
        raise ConfigError(str(error)) from error
