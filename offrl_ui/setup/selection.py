"""What is chosen, as a `RunConfig`: the first visit's, its controls, and what another choice does to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from offrl_core.algos import APPROXIMATORS, algorithms, hyperparameters
from offrl_core.data.catalogue import datasets, usual_approximator
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.data.options import DatasetOption
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, Value
from offrl_core.learning.devices import DEVICES
from offrl_lecture.base.text import listed
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import MAX_FIRST_SEED, MAX_SEEDS, Lane, RunConfig
from offrl_live.runs.datasets import UPLOAD
from offrl_live.runs.datasets import find as find_dataset

Setting = Value | tuple[Value, ...]
FIRST_DATASET = "double-crossing"
FIRST_ALGORITHM = "bcq"
FIRST_SEEDS = 4
SEED = Hyperparameter(
    "seed",
    "",
    0,
    "Another seed records other episodes with the same behaviour.",
    low=0,
    high=9999,
    integer=True,
    live=False,
    label="seed of the data",
)
SEEDS = Hyperparameter(
    "seeds",
    "",
    FIRST_SEEDS,
    "How many models train at once from different random starts; curves become a median and a band.",
    low=1,
    high=MAX_SEEDS,
    integer=True,
    live=False,
)
FIRST_SEED = Hyperparameter(
    "first_seed",
    "",
    0,
    "The first model's seed; those after it have the following ones.",
    low=0,
    high=MAX_FIRST_SEED,
    integer=True,
    live=False,
)
APPROXIMATOR = Hyperparameter(
    "approximator",
    "",
    "table",
    "What holds the values: a table learns each state alone; a linear function and a network generalise to others.",
    choices=tuple(APPROXIMATORS),
    live=False,
)


DEVICE = Hyperparameter(
    "device",
    "",
    "cpu",
    "Where the networks are: numpy on the processor (cpu), or PyTorch on a GPU (cuda, mps), which is for wide networks "
    "and many models; small ones are faster on the processor.",
    choices=tuple(DEVICES),
    live=False,
)


def options_of(dataset: str) -> tuple[DatasetOption | Hyperparameter, ...]:
    """What may be chosen of a dataset: everything that it declares and its seed; of an upload, `LOG_OPTIONS`."""
    return LOG_OPTIONS if dataset.startswith(UPLOAD) else (*datasets()[dataset].options, SEED)


def start() -> RunConfig:
    """What a first visit shows."""
    return RunConfig(FIRST_DATASET, {}, (Lane(FIRST_ALGORITHM, "table", FIRST_SEEDS),))


def approximators(dataset: Dataset) -> tuple[str, ...]:
    """The approximators that can be used with `dataset`, the usual one first."""
    allowed = tuple(APPROXIMATORS) if dataset.tabular else ("mlp", "linear")
    usual = usual_approximator(dataset)
    return tuple(sorted(allowed, key=lambda name: name != usual))


def declared(dataset: Dataset, algorithm: str, approximator: str) -> dict[str, Hyperparameter]:
    """Every hyperparameter of a lane by name, with this dataset's defaults."""
    return {h.name: h for h in hyperparameters(algorithm, approximator, dataset)}


def with_values(dataset: Dataset, lane: Lane, changes: Mapping[str, Setting]) -> Lane:
    """`lane` with other values; those that equal the default are not written out.

    Raises:
        ConfigError: a name or value is not allowed.
    """
    known = declared(dataset, lane.algorithm, lane.approximator)
    full = replace(lane, hyperparameters={**lane.hyperparameters, **changes}).validated(known)
    kept = {name: value for name, value in full.hyperparameters.items() if value != known[name].default}
    return replace(lane, hyperparameters=kept)


def other_system(config: RunConfig, index: int, algorithm: str, approximator: str) -> Lane:
    """Lane `index` with another algorithm or approximator; what was set by hand stays where the new system has it too.

    An approximator's own settings (learning rate, batch size, …) stay only while the approximator does.
    """
    old, data = config.lanes[index], config.data
    lane = Lane(algorithm, approximator, old.seeds, device=old.device, first_seed=old.first_seed)
    stays = declared(data, algorithm, approximator)
    if old.approximator != approximator:
        stays = {h.name: h for h in algorithms()[algorithm].hyperparameters}
    for name, value in old.hyperparameters.items():
        if name in stays:
            try:
                lane = with_values(data, lane, {name: value})
            except ConfigError:
                continue
    return lane


def other_algorithm(config: RunConfig, index: int, algorithm: str) -> RunConfig:
    """The choice with another algorithm in lane `index`, see `other_system`."""
    lane = other_system(config, index, algorithm, config.lanes[index].approximator)
    return replace(config, lanes=(*config.lanes[:index], lane, *config.lanes[index + 1 :]), changes=())


def other_dataset(config: RunConfig, dataset: str) -> RunConfig:
    """The same algorithms on another dataset, each as that dataset's lesson needs it.

    An algorithm that the lesson is not about gives way to the one that shows it, and with it goes the approximator. One
    that is merely usual for the dataset before does not stay either; one that was chosen against the usual does.
    """
    spec, allowed, usual = (
        datasets().get(dataset),
        approximators(find_dataset(dataset, {})),
        approximators(config.data)[0],
    )
    lanes: dict[tuple[str, str], Lane] = {}
    for lane in config.lanes:
        algorithm, approximator = lane.algorithm, lane.approximator
        if spec is not None and spec.about and algorithm not in spec.about:
            algorithm, approximator = spec.about[0], allowed[0]
        if approximator == usual or approximator not in allowed or (spec is not None and spec.approximator):
            approximator = allowed[0]
        lanes.setdefault((algorithm, approximator), Lane(algorithm, approximator, lane.seeds))
    return replace(config, dataset=dataset, options={}, lanes=tuple(lanes.values()), changes=())


_IN_WORDS = {"table": "a table", "linear": "a linear function", "mlp": "a network"}


def why_other(before: RunConfig, after: RunConfig) -> str:
    """What `other_dataset` has chosen instead of what was there, in a sentence; nothing where everything stayed."""
    spec = datasets().get(after.dataset)
    if spec is None:
        return ""
    stayed = {(lane.algorithm, lane.approximator) for lane in after.lanes}
    gone = [lane for lane in before.lanes if (lane.algorithm, lane.approximator) not in stayed]
    if spec.about and gone:
        old, new = listed(list(map(_in_words, gone))), listed(list(map(_in_words, after.lanes)))
        return f"{old} cannot show the lesson of “{spec.title}”: {new} is chosen instead."
    allowed = approximators(after.data)
    left = list(dict.fromkeys(_IN_WORDS[lane.approximator] for lane in gone if lane.approximator in allowed))
    if not left:
        return ""
    return f"Usual for “{spec.title}” is {_IN_WORDS[allowed[0]]}: it is chosen instead of {listed(left)}."


def _in_words(lane: Lane) -> str:
    return f"{lane.kind.title} with {_IN_WORDS[lane.approximator]}"


def beside(config: RunConfig, algorithm: str) -> RunConfig:
    """The choice with one more algorithm on the same data.

    Raises:
        ConfigError: there are four already, or too many models.
    """
    first = config.lanes[0]
    return replace(config, lanes=(*config.lanes, Lane(algorithm, first.approximator, first.seeds)), changes=())


def without(config: RunConfig, index: int) -> RunConfig:
    """The choice without lane `index`; the last one stays."""
    lanes = config.lanes[:index] + config.lanes[index + 1 :]
    return replace(config, lanes=lanes or config.lanes, changes=())


def systems(config: RunConfig) -> tuple[object, ...]:
    """What is trained on which data, whatever the settings: equal for choices of which the same can be said."""
    return (config.dataset, *((lane.algorithm, lane.approximator) for lane in config.lanes))


def same_run(one: RunConfig, other: RunConfig) -> bool:
    """Whether two choices differ at most in hyperparameters that a running learner takes over."""
    return _without_live(one) == _without_live(other)


def same_choice(one: RunConfig, other: RunConfig) -> bool:
    """Whether two choices come to the same, whether values were chosen before or while they trained."""
    return same_run(one, other) and all(one.current(i) == other.current(i) for i in range(len(one.lanes)))


def _without_live(config: RunConfig) -> dict[str, Any]:
    plain = replace(config, changes=()).to_json()
    for index, lane in enumerate(config.lanes):
        live = {name for name, h in config.declared(index).items() if h.live} - set(lane.axes)
        plain["lanes"][index]["hyperparameters"] = {k: v for k, v in lane.hyperparameters.items() if k not in live}
    return plain


def title_of(config: RunConfig) -> str:
    """What a run is called: `BCQ on Double crossing`."""
    names = listed([lane.kind.title for lane in config.lanes])
    spec = datasets().get(config.dataset)
    return f"{names} on {spec.title if spec else 'your data'}"
