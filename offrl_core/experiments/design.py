"""What an experiment is: its choices, axes and seeds as plain, validated data, and the jobs they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

from offrl_core.algos import algorithm as find_algorithm
from offrl_core.algos import declarations
from offrl_core.algos.shared_hyperparameters import canonical_approximator
from offrl_core.data.catalogue import datasets, load_dataset, usual_approximator
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_core.experiments.axes import Axis, ExperimentError, Range, Sampling, axis_of, grid_size, points
from offrl_core.experiments.carrying import check_travels
from offrl_core.experiments.choices import USUAL, AlgorithmChoice, DatasetChoice, algorithm_choice, dataset_choice
from offrl_core.experiments.job import Data, Job, Run, digest
from offrl_core.learning.members import MAX_MEMBERS, as_python
from offrl_core.links import OPTION
from offrl_core.names import did_you_mean, unknown

ESTIMATES = ("fqe", "wis", "dr")
MAX_RUNS = 100_000
MAX_ROWS = 2_000_000
MAX_STEPS = 10_000_000
MAX_EVALUATIONS = 1_000
MEMBERS, NETWORKS = 32, 16
"""Models that a job trains at once, and how many multilayer networks: enough to share the work of each update, which is
little for networks beyond a few, and few enough to spread evenly over cores."""


@dataclass(frozen=True)
class Design:
    """An experiment, completely: equal designs make the same jobs, and those the same numbers.

    Attributes:
        datasets, algorithms: each algorithm is trained on each dataset.
        axes: name → values or a `Range`. A hyperparameter stands by its name and opens for every algorithm that has it,
            or by `cql.alpha` for that one; an option of the datasets stands behind `x.` (`x.episodes`).
        sampling: `grid` takes the product of all axes, `random` and `sobol` take `points` of them.
        points, sampling_seed: of the sampled designs.
        seeds: each configuration is trained with every one of them.
        steps: updates of each model.
        evaluate: the steps at which models are looked at; the last one is `steps`.
        estimates: estimates of each policy's return from the data, computed at every evaluated step: `fqe`,
            `wis`, `dr`.
        own: the own datasets by hash.

    Raises:
        ExperimentError: something is missing, unknown or out of range, or there are too many runs.
    """

    datasets: tuple[DatasetChoice, ...]
    algorithms: tuple[AlgorithmChoice, ...]
    axes: Mapping[str, Axis] = field(default_factory=dict)
    sampling: Sampling = "grid"
    points: int = 0
    sampling_seed: int = 0
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: int = 800
    evaluate: tuple[int, ...] = ()
    estimates: tuple[str, ...] = ()
    own: Mapping[str, Dataset] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = _whole("steps", self.steps, 1, MAX_STEPS)
        self._put(steps=steps, seeds=_seeds(self.seeds), evaluate=evaluated_steps(self.evaluate, steps))
        self._put(estimates=_estimates(self.estimates))
        chosen: dict[str, tuple[DatasetChoice, ...] | tuple[AlgorithmChoice, ...]]
        chosen = {"datasets": self.datasets, "algorithms": self.algorithms}
        for name, entries in chosen.items():
            if not entries:
                raise ExperimentError(f"{name} is empty: an experiment needs at least one")
            twice = next((entry for entry in entries if entries.count(entry) > 1), None)
            if twice is not None:
                raise ExperimentError(f"{name}: {twice.name} stands there twice with the same choices")
        self._declared  # noqa: B018 - refuses what does not go together
        self._put(axes={self._axis_name(name): axis_of(str(name), given) for name, given in self.axes.items()})
        self._check_axes()
        self._check_size()

    def _put(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # what it is made of

    @cached_property
    def _declared(self) -> dict[tuple[int, int], dict[str, Hyperparameter]]:
        """The hyperparameters of each algorithm on each dataset, with the defaults of its own options."""
        found = {}
        for number, data in enumerate(self.datasets):
            self._options(data, {})
            for place, choice in enumerate(self.algorithms):
                found[number, place] = known = self._declarations(data, choice)
                for name, value in choice.hyperparameters.items():
                    _validated(known, name, value, f"algorithm {choice.name}")
        return found

    def _prototype(self, choice: DatasetChoice | Data) -> Dataset:
        """The dataset with its default options: names, encodings and defaults depend on no other than its discount."""
        if choice.own:
            if choice.own not in self.own:
                raise ExperimentError(
                    f"the own dataset {choice.name!r} is not at hand: begin again from where it is, or in Python give "
                    "it as own={…}"
                )
            return self.own[choice.own]
        if choice.name not in datasets():
            raise ExperimentError(unknown("dataset", choice.name, datasets()))
        return load_dataset(choice.name)

    def _options(self, choice: DatasetChoice, more: Mapping[str, Value]) -> dict[str, Value]:
        """Every option of a dataset, and its seed; of an own one those that differ from the default."""
        self._prototype(choice)
        options = {**choice.options, **more}
        try:
            if choice.own:
                usual = {h.name: h.default for h in LOG_OPTIONS}
                chosen = resolve(LOG_OPTIONS, options, "option")
                return {name: value for name, value in chosen.items() if value != usual[name]}
            seed = _whole("the data's seed", options.pop("seed", 0), 0, 9999)
            return {**datasets()[choice.name].resolve(options), "seed": seed}
        except HyperparameterError as error:
            raise ExperimentError(str(error)) from error

    def _declarations(self, data: DatasetChoice, choice: AlgorithmChoice) -> dict[str, Hyperparameter]:
        made = self._prototype(data)
        try:
            kind = find_algorithm(choice.name)
            check_travels(kind)
            return {h.name: h for h in declarations(kind, self._approximator(data, choice), made)}
        except HyperparameterError as error:
            raise ExperimentError(f"algorithm {choice.name} on {data.name}: {error}") from error

    def _axis_name(self, name: object) -> str:
        """The canonical name of an axis: an option that no algorithm has as a hyperparameter may stand without `x.`."""
        if not isinstance(name, str):
            raise ExperimentError(f"{name!r} is not the name of an axis")
        if name.startswith(OPTION) or self._owners(name) or name not in self._option_names:
            return name
        return OPTION + name

    @cached_property
    def _option_names(self) -> dict[str, Hyperparameter]:
        """The options of all datasets, by name."""
        found: dict[str, Hyperparameter] = {}
        for choice in self.datasets:
            self._prototype(choice)
            found |= {h.name: h for h in data_options(choice)}
        return found

    def _owners(self, axis: str) -> list[tuple[str, Hyperparameter]]:
        """The algorithms that an axis opens in, each with the hyperparameter's declaration on a dataset."""
        only, dot, name = axis.rpartition(".")
        return [
            (self.algorithms[place].name, known[name])
            for (_, place), known in self._declared.items()
            if name in known and (not dot or only == self.algorithms[place].name)
        ]

    def _check_axes(self) -> None:
        columns: dict[str, str] = {}
        for axis, values in self.axes.items():
            column = column_of(axis)
            if column in columns:
                raise ExperimentError(f"the axes {columns[column]} and {axis} are of the same name: open it once")
            columns[column] = axis
            if axis.startswith(OPTION):
                name = axis.removeprefix(OPTION)
                if name not in self._option_names:
                    raise ExperimentError(unknown("option of the datasets", name, sorted(self._option_names)))
                given = [choice.name for choice in self.datasets if name in choice.options]
            else:
                owners = [name for name, _ in self._owners(axis)]
                if not owners:
                    raise ExperimentError(self._unknown_axis(axis))
                given = [c.name for c in self.algorithms if column in c.hyperparameters and c.name in owners]
            if given:
                raise ExperimentError(f"axis {axis}: {given[0]} has a fixed value for it, too; give one of the two")
            _check_values(axis, values, self._opened(axis))

    def _unknown_axis(self, axis: str) -> str:
        only, dot, name = axis.rpartition(".")
        if dot and only not in [choice.name for choice in self.algorithms]:
            return f"axis {axis}: there is no algorithm {only!r} in this experiment"
        known = sorted({name for known in self._declared.values() for name in known} | set(self._option_names))
        options = ", ".join(sorted(self._option_names))
        return (
            f"axis {axis}: no algorithm of this experiment has the hyperparameter {name!r}{did_you_mean(name, known)}, "
            f"and no dataset such an option (those are {options})"
        )

    def _check_size(self) -> None:
        size = len(self._points) if self.sampling != "grid" else grid_size(self.axes)
        runs = size * len(self.datasets) * len(self.algorithms) * len(self.seeds)
        evaluated = len(self.evaluate)
        if self.sampling == "grid" and (runs > MAX_RUNS or runs * evaluated > MAX_ROWS):
            runs = self._grid_runs()  # what was counted is an upper bound: an axis need not open in every algorithm
        if runs > MAX_RUNS:
            raise ExperimentError(
                f"this design has {runs:,} runs (points of the axes: {size:,}, datasets: {len(self.datasets)}, "
                f"algorithms: {len(self.algorithms)}, seeds: {len(self.seeds)}), and at most {MAX_RUNS:,} are allowed: "
                "take fewer values or seeds, or a sample of the axes instead of their grid, such as sampling='sobol', "
                "points=64"
            )
        if (rows := runs * evaluated) > MAX_ROWS:
            raise ExperimentError(
                f"this design has {rows:,} results ({runs:,} runs, {evaluated:,} evaluated steps each), and at most "
                f"{MAX_ROWS:,} are allowed: evaluate at fewer steps, or take fewer runs"
            )
        if self.sampling == "grid":
            self._points  # noqa: B018 - checks the axes; a grid of allowed size is small

    def _grid_runs(self) -> int:
        runs = 0
        for number, data in enumerate(self.datasets):
            for place, choice in enumerate(self.algorithms):
                known = self._declared[number, place]
                acts = {axis: values for axis, values in self.axes.items() if self._acts(axis, data, choice, known)}
                runs += grid_size(acts) * len(self.seeds)
        return runs

    @cached_property
    def _points(self) -> list[dict[str, Value]]:
        whole = frozenset(axis for axis in self.axes if all(h.integer for h in self._opened(axis)))
        return points(self.axes, self.sampling, self.points, self.sampling_seed, whole)

    def _opened(self, axis: str) -> list[Hyperparameter]:
        """The declarations of what an axis opens."""
        if axis.startswith(OPTION):
            return [self._option_names[axis.removeprefix(OPTION)]]
        return [h for _, h in self._owners(axis)]

    def _acts(
        self, axis: str, data: DatasetChoice, choice: AlgorithmChoice, known: Mapping[str, Hyperparameter]
    ) -> bool:
        """Whether an axis changes anything for an algorithm on a dataset."""
        if axis.startswith(OPTION):
            return axis.removeprefix(OPTION) in [h.name for h in data_options(data)]
        only, dot, name = axis.rpartition(".")
        return name in known and (not dot or only == choice.name)

    # what follows from it

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs, dataset by dataset. Configurations that differ in numbers only share one, up to 32 models or
        16 networks; one that the choices name in several ways is trained once."""
        seen: set[tuple[str, ...]] = set()
        return tuple(
            job
            for number, data in enumerate(self.datasets)
            for place in range(len(self.algorithms))
            for made, configurations in self._configurations(number, place, seen)
            for job in self._chunks(Data(data.name, made, data.own), place, configurations)
        )

    def _configurations(
        self, number: int, place: int, seen: set[tuple[str, ...]]
    ) -> list[tuple[dict[str, Value], list[dict[str, Value]]]]:
        """The different configurations of an algorithm on a dataset that are not among those seen, and are from now on:
        those together that train as one program on the same data, with the options of that."""
        data, choice = self.datasets[number], self.algorithms[place]
        known, approximator = self._declared[number, place], self._approximator(data, choice)
        axes = [axis for axis in self.axes if self._acts(axis, data, choice, known)]
        structural = [h.name for h in known.values() if not h.numeric or h.name == "batch_size"]
        groups: dict[tuple[str, str], tuple[dict[str, Value], list[dict[str, Value]]]] = {}
        # Of the grid of all axes only what differs in those that act here.
        for point in {tuple(point[a] for a in axes): point for point in self._points}.values():
            options = self._options(data, {a.removeprefix(OPTION): point[a] for a in axes if a.startswith(OPTION)})
            own = {column_of(a): point[a] for a in axes if not a.startswith(OPTION)}
            values = self._resolved(known, choice, own, options)
            group = digest(options), digest([values[name] for name in structural])
            run = data.name, data.own, group[0], choice.name, approximator, digest(values)
            if run not in seen:
                seen.add(run)
                groups.setdefault(group, (options, []))[1].append(values)
        return list(groups.values())

    def _resolved(
        self,
        known: Mapping[str, Hyperparameter],
        choice: AlgorithmChoice,
        own: Mapping[str, Value],
        options: Mapping[str, Value],
    ) -> dict[str, Value]:
        values = self._usual(known, options)
        for name, value in {**choice.hyperparameters, **own}.items():
            values[name] = _validated(known, name, value, f"algorithm {choice.name}")
        return dict(sorted(values.items()))

    def defaults(self, run: Run) -> dict[str, Value]:
        """The defaults of the hyperparameters of one of its runs, on its very data."""
        place = next(
            (number, place)
            for number, data in enumerate(self.datasets)
            for place, choice in enumerate(self.algorithms)
            if (data.name, data.own, choice.name) == (run.data.name, run.data.own, run.algorithm)
            and self._approximator(data, choice) == run.approximator
        )
        return self._usual(self._declared[place], run.data.options)

    def _usual(self, known: Mapping[str, Hyperparameter], options: Mapping[str, Value]) -> dict[str, Value]:
        values = {name: h.default for name, h in known.items()}
        if "gamma" in values and "gamma" in options:
            values["gamma"] = float(options["gamma"])
        return values

    def _chunks(self, data: Data, place: int, found: list[dict[str, Value]]) -> list[Job]:
        choice = self.algorithms[place]
        approximator = self._approximator(data, choice)
        most = NETWORKS if approximator == "mlp" else MEMBERS
        parts = -(-len(found) // max(1, most // len(self.seeds)))
        cuts = [round(part * len(found) / parts) for part in range(parts + 1)]
        return [
            Job(
                data,
                choice.name,
                approximator,
                find_algorithm(choice.name).version,
                tuple(found[start:end]),
                self.seeds,
                self.evaluate,
                self.estimates,
            )
            for start, end in pairwise(cuts)
        ]

    def _approximator(self, data: DatasetChoice | Data, choice: AlgorithmChoice) -> str:
        made = self._prototype(data)
        usual = usual_approximator(made) if choice.approximator == USUAL else choice.approximator
        return canonical_approximator(usual, made)

    @cached_property
    def run_of(self) -> Mapping[str, Run]:
        """Its runs by their keys, in order."""
        return {run.key: run for job in self.jobs for run in job.runs}

    @property
    def runs(self) -> int:
        """How many models are trained."""
        return sum(len(job.points) for job in self.jobs) * len(self.seeds)

    @property
    def updates(self) -> int:
        """Model updates in all."""
        return self.runs * self.steps

    @property
    def columns(self) -> tuple[str, ...]:
        """What tells its configurations apart, as columns of the results: options behind `x.`, then hyperparameters."""
        options = {OPTION + name: None for choice in self.datasets for name in choice.options}
        options |= {axis: None for axis in self.axes if axis.startswith(OPTION)}
        own = {column_of(axis): None for axis in self.axes if not axis.startswith(OPTION)}
        own |= {name: None for choice in self.algorithms for name in choice.hyperparameters}
        return (*options, *own)

    @property
    def key(self) -> str:
        """Equal for designs of the same jobs."""
        return digest([job.key for job in self.jobs])

    # plain data

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse is `from_json`."""
        sampled = {"points": self.points, "sampling_seed": self.sampling_seed} if self.sampling != "grid" else {}
        return {
            "datasets": [choice.to_json() for choice in self.datasets],
            "algorithms": [choice.to_json() for choice in self.algorithms],
            "axes": {n: axis.to_json() if isinstance(axis, Range) else list(axis) for n, axis in self.axes.items()},
            "sampling": self.sampling,
            **sampled,
            "seeds": list(self.seeds),
            "steps": self.steps,
            "evaluate": list(self.evaluate),
            "estimates": list(self.estimates),
        }

    @classmethod
    def from_json(cls, data: object, own: Mapping[str, Dataset] | None = None) -> Design:
        """A design from plain data or a JSON text.

        A dataset may be its name, or `name` and `options`; an algorithm its name, or `name`, `approximator` and
        `hyperparameters`; `seeds` a number or a list.

        Args:
            data: as `to_json` gives it.
            own: the own datasets that it speaks of, by their hashes.

        Raises:
            ExperimentError: a field is unknown or missing, or a value is not allowed.
        """
        if isinstance(data, (str, bytes)):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise ExperimentError(f"an experiment must be a JSON object: {error}") from error
        if not isinstance(data, Mapping):
            raise ExperimentError(f"an experiment must be a JSON object, not {type(data).__name__}")
        given = dict(data)
        allowed = [f.name for f in fields(cls) if f.name != "own"]
        for name in given:
            if name not in allowed:
                raise ExperimentError(unknown("part of an experiment", name, allowed))
        axes = given.pop("axes", {})
        if not isinstance(axes, Mapping):
            raise ExperimentError(f"axes = {axes!r} is not allowed: it must map names to lists of values")
        chosen = tuple(map(dataset_choice, _list("datasets", given.pop("datasets", []))))
        learning = tuple(map(algorithm_choice, _list("algorithms", given.pop("algorithms", []))))
        return cls(chosen, learning, axes=axes, own=own or {}, **given)


def column_of(axis: str) -> str:
    """The column of an axis: `cql.alpha` stands in `alpha`, `x.episodes` in `x.episodes`."""
    return axis if axis.startswith(OPTION) else axis.rpartition(".")[2]


def _list(name: str, given: object) -> list[Any]:
    if not isinstance(given, (list, tuple)):
        raise ExperimentError(f"{name} = {given!r} is not allowed: it must be a list")
    return list(given)


DATA_SEED = Hyperparameter("seed", "", 0, "Of the behaviour's randomness.", low=0, high=9999, integer=True)


def data_options(data: DatasetChoice | Data) -> tuple[Hyperparameter, ...]:
    """What may be chosen of a dataset: all that the catalogue declares and the seed, of an own one `LOG_OPTIONS`."""
    return LOG_OPTIONS if data.own else (*datasets()[data.name].options, DATA_SEED)


def _check_values(axis: str, values: Axis, declared: Sequence[Hyperparameter]) -> None:
    """Refuse values that nothing takes; an axis may open in several algorithms, which must all take them."""
    for h in declared:
        if isinstance(values, Range):
            if not h.numeric:
                raise ExperimentError(f"axis {axis}: it is no number but {h.allowed}: list its values")
            ends: tuple[Value, ...] = (values.low, values.high)
            if h.integer:
                ends = (int(values.low), int(values.high))
        else:
            ends = values
        for value in ends:
            try:
                h.validate(value)
            except HyperparameterError as error:
                raise ExperimentError(f"axis {axis}: {error}") from error


def _validated(known: Mapping[str, Hyperparameter], name: str, value: object, where: str) -> Value:
    if name not in known:
        raise ExperimentError(f"{where}: {unknown('hyperparameter', name, sorted(known))}")
    try:
        return known[name].validate(known[name].written(value))
    except HyperparameterError as error:
        raise ExperimentError(f"{where}: {error}") from error


def _whole(name: str, value: object, low: int, high: int) -> int:
    value = as_python(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ExperimentError(f"{name} = {value!r} is not allowed: it must be a whole number from {low:,} to {high:,}")
    return value


def _seeds(given: object) -> tuple[int, ...]:
    listed = as_python(given)
    if not isinstance(listed, list):
        listed = list(range(_whole("seeds", listed, 1, MAX_MEMBERS)))
    found = tuple(_whole("seed", seed, 0, 2**32 - 1) for seed in listed)
    if not found:
        raise ExperimentError("seeds is an empty list: an experiment needs at least one seed")
    if len(found) > MAX_MEMBERS:
        raise ExperimentError(f"{len(found):,} seeds are not allowed: at most {MAX_MEMBERS:,}")
    if len(set(found)) < len(found):
        raise ExperimentError(f"seeds = {list(found)} is not allowed: each seed is named once")
    return found


def evaluated_steps(given: object, steps: int) -> tuple[int, ...]:
    """The steps at which models are looked at: those given, or so many even stretches; without any ten of them.

    Raises:
        ExperimentError: one is no whole number up to `steps`, or there are too many.
    """
    listed = as_python(given)
    if isinstance(listed, list) and not listed:
        listed = 10
    if not isinstance(listed, list):  # so many stretches of even length
        parts = min(_whole("evaluate", listed, 1, MAX_EVALUATIONS), steps)
        listed = [round(part * steps / parts) for part in range(parts + 1)]
    found = sorted({_whole("evaluate", step, 0, steps) for step in listed} | {steps})
    if len(found) > MAX_EVALUATIONS + 1:
        raise ExperimentError(f"{len(found):,} evaluated steps are not allowed: at most {MAX_EVALUATIONS:,}")
    return tuple(found)


def _estimates(given: object) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else _list("estimates", given)
    for name in listed:
        if name not in ESTIMATES:
            raise ExperimentError(unknown("estimate", name, ESTIMATES))
    return tuple(name for name in ESTIMATES if name in listed)
