"""What the same policies get under each choice of what a world assumes and no record says: a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from offrl_core.algos import algorithms
from offrl_core.data.catalogue import datasets
from offrl_core.declarations import Value
from offrl_core.evaluation.assumption import SEEDS, UPDATES, Reading, readings
from offrl_core.writing import number
from offrl_live.runs.config import RunConfig

ASKING = "Evaluating the policies in each world …"


@dataclass(frozen=True)
class Assumed:
    """True returns of the same policies under each choice.

    Attributes:
        heading: what stands in the cells.
        heads: of the columns, a choice each.
        chosen: the number of the column that is chosen.
        rows: a policy each, with what it gets.
        meaning: what the option is, and how the learned policies were made.
    """

    heading: str
    heads: tuple[str, ...]
    chosen: int
    rows: tuple[tuple[str, list[str]], ...]
    meaning: str


def assumes(config: RunConfig) -> bool:
    """Whether a dataset's world assumes something that can be chosen."""
    spec = datasets().get(config.dataset)
    return spec is not None and bool(spec.assumption)


def assumed(config: RunConfig) -> Assumed:
    """The table of a dataset for which `assumes` is true; the first time it trains for some seconds."""
    spec = datasets()[config.dataset]
    (option,) = [option for option in spec.options if option.name == spec.assumption]
    found = _readings(config.dataset, tuple(config.options.items()))
    chosen = str(config.options.get(option.name, option.default))
    learned = {algorithms()[system].title: system for system in found[0].learned}
    returns: dict[str, Callable[[Reading], float]] = {
        "every action alike": lambda reading: reading.uniform,
        "the behaviour": lambda reading: reading.behavior,
        **{title: partial(_learned, system) for title, system in learned.items()},
        "the optimum": lambda reading: reading.optimal,
    }
    choices = [reading.choice for reading in found]
    return Assumed(
        heading=f"true return where {option.label or option.name} are …",
        heads=tuple(f"{choice} (chosen)" if choice == chosen else choice for choice in choices),
        chosen=choices.index(chosen),
        rows=tuple((name, [number(of(reading)) for reading in found]) for name, of in returns.items()),
        meaning=f"{option.help} Learned: the median of {SEEDS} seeds, {UPDATES} updates of a table on these data.",
    )


@lru_cache(16)
def _readings(name: str, options: tuple[tuple[str, Value], ...]) -> tuple[Reading, ...]:
    return readings(name, dict(options))


def _learned(system: str, reading: Reading) -> float:
    return reading.learned[system]
