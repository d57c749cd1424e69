"""What a run is: a dataset and one to four learners on it, as plain, validated, hashable data."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from offrl_core.algos import Algorithm, algorithms
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.algos.shared_hyperparameters import canonical_approximator
from offrl_core.data.catalogue import datasets
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_core.learning.devices import likely_device
from offrl_core.links import DEFAULT_BUDGET
from offrl_core.names import unknown
from offrl_core.own_files import OwnFile, file_of
from offrl_live.runs.checks import ConfigError, entries, listed, whole
from offrl_live.runs.datasets import UPLOAD, declarations, find

MAX_LANES = 4
MAX_SEEDS = 8
MAX_FIRST_SEED = 2**32 - 1 - MAX_SEEDS
MAX_VALUES = 16
MAX_AXES = 2
MAX_MEMBERS = 128
MAX_WEIGHTS = 8 * 1024**2
"""Weights between the hidden layers of a run's members, of one network each: a run's checkpoints are kept in memory."""
MAX_BUDGET = 10_000_000
MAX_CHANGES = 500
Setting = Value | tuple[Value, ...]


@dataclass(frozen=True)
class Lane:
    """One learner of a run.

    Attributes:
        algorithm, approximator: names in the catalogue of algorithms; `table`, `linear` or `mlp`.
        seeds: how many seeds, 1 to 8.
        hyperparameters: name → value, or a tuple of up to 16 values that opens an axis (at most two axes a lane).
            What is not named has the default that suits the dataset. They are validated by the `RunConfig`.
        version: of an algorithm from somebody's own file, which text of that file; by default the newest.
        device: where the networks are; see `Learner`.
        first_seed: the first model's seed; those after it have the following ones.
    """

    algorithm: str
    approximator: str = "table"
    seeds: int = 1
    hyperparameters: Mapping[str, Setting] = field(default_factory=dict)
    version: str = ""
    device: str = "cpu"
    first_seed: int = 0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "version", find_algorithm(self.algorithm, self.version).version)
            object.__setattr__(self, "approximator", canonical_approximator(self.approximator))
            likely_device(self.device)
        except HyperparameterError as error:
            raise ConfigError(str(error)) from error
        whole("seeds", self.seeds, 1, MAX_SEEDS)
        whole("first_seed", self.first_seed, 0, MAX_FIRST_SEED)
        if not isinstance(self.hyperparameters, Mapping):
            raise ConfigError(f"hyperparameters = {self.hyperparameters!r} is not allowed: it must map names to values")
        if len(self.axes) > MAX_AXES:
            raise ConfigError(
                f"{', '.join(self.axes)} are {len(self.axes)} axes: at most {MAX_AXES} may be open at once"
            )

    @property
    def kind(self) -> type[Algorithm]:
        """The algorithm itself."""
        return find_algorithm(self.algorithm, self.version)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the hyperparameters that are opened into an axis, in the order of the members."""
        return tuple(str(name) for name, value in self.hyperparameters.items() if isinstance(value, (tuple, list)))

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds themselves."""
        return tuple(range(self.first_seed, self.first_seed + self.seeds))

    @property
    def members(self) -> int:
        """How many models this lane trains."""
        count = self.seeds
        for value in self.hyperparameters.values():
            count *= len(value) if isinstance(value, (tuple, list)) else 1
        return count

    @property
    def weights(self) -> int:
        """How many weights lie between the hidden layers, of one network of each member."""
        hidden = self.hyperparameters.get("hidden", "") if self.approximator == "mlp" else ""
        choices = hidden if isinstance(hidden, (tuple, list)) else (hidden,)
        widths = [[int(width) for width in str(choice).split("-") if width.isdecimal()] for choice in choices]
        return self.members * max(sum(a * b for a, b in pairwise(each)) for each in widths)

    def validated(self, declared: Mapping[str, Hyperparameter]) -> Lane:
        """This lane with every value in its proper type."""
        values = {str(name): _setting(declared, str(name), value) for name, value in self.hyperparameters.items()}
        return replace(self, hyperparameters=MappingProxyType(dict(sorted(values.items()))))

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse is `from_json`."""
        return {
            "algorithm": self.algorithm,
            "approximator": self.approximator,
            "seeds": self.seeds,
            "hyperparameters": {k: list(v) if isinstance(v, tuple) else v for k, v in self.hyperparameters.items()},
            **({"version": self.version} if self.version else {}),
            **({"device": self.device} if self.device != "cpu" else {}),
            **({"first_seed": self.first_seed} if self.first_seed else {}),
        }

    @classmethod
    def from_json(cls, data: object) -> Lane:
        """A lane from plain data.

        Raises:
            ConfigError: a field is unknown or missing, or a value is not allowed.
        """
        allowed = {"algorithm", "approximator", "seeds", "hyperparameters", "version", "device", "first_seed"}
        return cls(**entries("a lane", data, allowed, {"algorithm"}))

    def renewed(self, declare: Callable[[Lane], Mapping[str, Hyperparameter]]) -> Lane:
        """This lane with its algorithm as it is now, and those values that this takes; `declare` says what a lane has.

        One whose algorithm is gone stays as it is.
        """
        if self.algorithm not in algorithms():
            return self
        now = replace(self, hyperparameters={}, version="")
        declared = declare(now)
        kept = {}
        for name, value in self.hyperparameters.items():
            try:
                kept[name] = _setting(declared, name, value)
            except ConfigError:
                continue
        return replace(now, hyperparameters=kept)


@dataclass(frozen=True)
class Change:
    """A live change: from `step` on, lane `lane` trains with `values`."""

    step: int
    lane: int
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        whole("step", self.step, 0, MAX_BUDGET * 10)
        whole("lane", self.lane, 0, MAX_LANES - 1)
        if not isinstance(self.values, Mapping):
            raise ConfigError(f"values = {self.values!r} is not allowed: it must map names to values")
        object.__setattr__(self, "values", MappingProxyType(dict(sorted(self.values.items()))))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"step": self.step, "lane": self.lane, "values": dict(self.values)}

    @classmethod
    def from_json(cls, data: object) -> Change:
        """A change from plain data; its values are validated by the `RunConfig`.

        Raises:
            ConfigError: a field is unknown or missing, or has the wrong type.
        """
        return cls(**entries("a change", data, {"step", "lane", "values"}, {"step", "lane", "values"}))


@dataclass(frozen=True)
class RunConfig:
    """A run, completely: two runs of one configuration compute the same numbers to the bit.

    Attributes:
        dataset: a name in the catalogue, or the name that `datasets.keep` gave to an uploaded one.
        options: the dataset's options, and its `seed`; of an uploaded one, those of its episodes and rewards.
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
        lanes = tuple(lane.validated(self.declared_for(lane)) for lane in self.lanes)
        object.__setattr__(self, "lanes", lanes)
        if self.members > MAX_MEMBERS:
            raise ConfigError(f"{self.members} members are not allowed: a run trains at most {MAX_MEMBERS} at once")
        if (weights := sum(lane.weights for lane in self.lanes)) > MAX_WEIGHTS:
            raise ConfigError(
                f"networks with {weights / 1e6:.1f} million weights are not allowed in one run: at most "
                f"{MAX_WEIGHTS / 1e6:.1f} million together, so fewer models or smaller ones"
            )
        whole("budget", self.budget, 0, MAX_BUDGET)
        checked = (replace(change, values=self.checked(change.lane, change.values)) for change in self.changes)
        object.__setattr__(self, "changes", _in_order(checked, len(self.changes)))

    def _options(self) -> Mapping[str, Value]:
        if not isinstance(self.dataset, str):
            raise ConfigError(f"dataset = {self.dataset!r} is not allowed: it must be a name")
        if not isinstance(self.options, Mapping):
            raise ConfigError(f"options = {self.options!r} is not allowed: it must map names to values")
        options = dict(self.options)
        if self.dataset.startswith(UPLOAD):
            try:
                return resolve(LOG_OPTIONS, options, "option")
            except HyperparameterError as error:
                raise ConfigError(f"an uploaded dataset: {error}") from error
        if self.dataset not in datasets():
            raise ConfigError(unknown("dataset", self.dataset, datasets()))
        seed = whole("seed", options.pop("seed", 0), 0, 2**32 - 1)
        try:
            return {**resolve(datasets()[self.dataset].options, options, "option"), "seed": seed}
        except HyperparameterError as error:
            raise ConfigError(f"dataset {self.dataset}: {error}") from error

    @property
    def data(self) -> Dataset:
        """The dataset itself; recently used ones are kept.

        Raises:
            ConfigError: it was uploaded and is no longer kept.
        """
        return find(self.dataset, self.options)

    def declared_for(self, lane: Lane) -> Mapping[str, Hyperparameter]:
        """Every hyperparameter of a lane by name, with the defaults that suit this dataset."""
        return declarations(self.dataset, tuple(self.options.items()), lane.kind, lane.approximator)

    def declared(self, lane: int) -> Mapping[str, Hyperparameter]:
        """Every hyperparameter of a lane by name, with the defaults that suit this dataset."""
        return self.declared_for(self.lane(lane))

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
            checked_value = _setting(declared, str(name), value)
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

    def first_member(self, index: int) -> int:
        """The number of lane `index`'s first member."""
        return sum(lane.members for lane in self.lanes[:index])

    def lane_of(self, member: int) -> int:
        """The lane that trains a member."""
        return max(index for index in range(len(self.lanes)) if self.first_member(index) <= member)

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
        for number, lane in enumerate(data["lanes"]):
            defaults = {name: h.default for name, h in self.declared(number).items()}
            lane["hyperparameters"] = defaults | lane["hyperparameters"]
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
        return self.with_change(Change(step, lane, self.checked(lane, values)))

    def with_change(self, change: Change) -> RunConfig:
        """As `changed`, with values that came from `checked` and are not checked again."""
        before = self.until(change.step).changes
        return self._with_changes(_in_order((*before, change), len(before) + 1))

    def until(self, step: int) -> RunConfig:
        """This run without the changes made after `step`."""
        return self._with_changes(tuple(change for change in self.changes if change.step <= step))

    def _with_changes(self, changes: tuple[Change, ...]) -> RunConfig:
        other = copy.copy(self)
        object.__setattr__(other, "changes", changes)
        return other

    def restarted(self) -> RunConfig:
        """A fresh run with every lane's values as they are after the changes."""
        lanes = []
        for index, lane in enumerate(self.lanes):
            values = dict(lane.hyperparameters)
            for change in self.changes:
                if change.lane == index:
                    values |= change.values
            lanes.append(replace(lane, hyperparameters=values))
        return replace(self, lanes=tuple(lanes), changes=())

    def renewed(self) -> RunConfig:
        """A fresh run of the same choices with every algorithm as it is now; the same one where none has changed.

        An algorithm from somebody's own file may have been loaded anew since this was chosen. Values that it no longer
        takes are left out.
        """
        fresh = self.restarted()
        lanes = tuple(lane.renewed(self.declared_for) for lane in fresh.lanes)
        if [lane.version for lane in lanes] == [lane.version for lane in self.lanes]:
            return self
        return replace(fresh, lanes=lanes)

    @property
    def files(self) -> tuple[OwnFile, ...]:
        """The own files that this run's algorithms come from."""
        found = (file_of(lane.algorithm, lane.version) for lane in self.lanes)
        return tuple(dict.fromkeys(file for file in found if file is not None))

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


def _in_order(changes: Iterable[Change], count: int) -> tuple[Change, ...]:
    """`count` changes by step and lane; of several made to one lane at one step, what they came to."""
    if count > MAX_CHANGES:
        raise ConfigError(f"{count} live changes are not allowed: a run keeps at most {MAX_CHANGES}")
    merged: dict[tuple[int, int], Change] = {}
    for change in changes:
        place = (change.step, change.lane)
        before = merged.get(place)
        merged[place] = change if before is None else replace(change, values={**before.values, **change.values})
    return tuple(merged[place] for place in sorted(merged))


def setting(h: Hyperparameter, value: object) -> Setting:
    """One validated value, or the tuple of validated values that opens an axis.

    Raises:
        HyperparameterError: a value is not allowed.
        ConfigError: too many values, none, or one of them twice.
    """
    if not isinstance(value, (list, tuple)):
        return h.validate(value)
    if not 1 <= len(value) <= MAX_VALUES:
        raise ConfigError(f"{h.name} has {len(value)} values: an axis has 1 to {MAX_VALUES}")
    values = tuple(h.validate(item) for item in value)
    if len(set(values)) < len(values):
        raise ConfigError(f"{h.name} = {list(values)} is not allowed: an axis names each value once")
    return values


def _setting(declared: Mapping[str, Hyperparameter], name: str, value: object) -> Setting:
    if name not in declared:
        raise ConfigError(unknown("hyperparameter", name, sorted(declared)))
    try:
        return setting(declared[name], value)
    except HyperparameterError as error:
        raise ConfigError(str(error)) from error
