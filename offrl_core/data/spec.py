"""One dataset of the catalogue: its words, its options declared as data, and what builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, get_args

from offrl_core.data.degrade import DEGRADE, degrade
from offrl_core.data.episodes import EPISODES, without_left_out
from offrl_core.data.options import DatasetOption, Section
from offrl_core.data.rewards import REWARD, rewarded
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError, Value, resolve

Builder = Callable[[int, dict[str, Any]], Dataset]


@dataclass(frozen=True, eq=False, repr=False)
class DatasetSpec:
    """One entry of the catalogue.

    Attributes:
        name: what `load_dataset` takes.
        title: the name on screen.
        description: what the world is, with its source.
        lesson: what it teaches, in two sentences.
        options: what may be chosen, as declarations; those of leaving episodes out, of degrading and of rewards are
            added at the end.
        builder: `(seed, resolved options) -> Dataset`, with all episodes, before degrading, with the log's own rewards.
        recommended: approximator (`table`, `linear`, `mlp`) → hyperparameters that show the lesson.
        about: the algorithms whose lesson it is, the one that shows it best first; empty where any of them shows it.
        approximator: the one that the lesson is about; empty for a table where states are numbered, else a network.
        assumption: the option that decides what no record says; what each of its choices does to the same policies
            stands beside the data wherever they are shown. Empty where the world assumes nothing of the kind.
    """

    name: str
    title: str
    description: str
    lesson: str
    options: tuple[DatasetOption, ...]
    builder: Builder
    recommended: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    approximator: str = ""
    assumption: str = ""

    def __post_init__(self) -> None:
        every = (*EPISODES, *DEGRADE, *REWARD)
        own = (option for option in self.options if option not in every)  # they are there after `replace`
        object.__setattr__(self, "options", (*own, *every))
        try:
            self._check_options()
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None

    def _check_options(self) -> None:
        names = [option.name for option in self.options]
        for option in self.options:
            if names.count(option.name) > 1:
                raise HyperparameterError(f"the option {option.name!r} is declared twice")
            if option.name == "seed":
                raise HyperparameterError("an option cannot be called 'seed': every dataset has one already")
            if option.section not in get_args(Section):
                raise HyperparameterError(
                    f"the option {option.name!r} has section = {option.section!r}: it must be one of "
                    + ", ".join(get_args(Section))
                )
            option.validate(option.default)
            if option.name == self.assumption and not option.choices:
                raise HyperparameterError(f"the assumption {option.name!r} must be an option with choices")
        if self.assumption and self.assumption not in names:
            raise HyperparameterError(f"the assumption {self.assumption!r} is none of its options")

    def __repr__(self) -> str:
        return f"<DatasetSpec {self.name!r}: {', '.join(option.name for option in self.options)}>"

    @property
    def sections(self) -> dict[str, tuple[DatasetOption, ...]]:
        """The options by the section that each declares: `world`, `collecting`, `episodes`, `degrade`, `reward`."""
        return {title: tuple(h for h in self.options if h.section == title) for title in get_args(Section)}

    def resolve(self, options: Mapping[str, object]) -> dict[str, Value]:
        """Every option with its given or default value.

        Raises:
            HyperparameterError: an option is unknown, or its value is not allowed.
        """
        try:
            return resolve(self.options, options, "option")
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None

    def build(self, seed: int = 0, **options: object) -> Dataset:
        """Make the dataset; the same seed and options always make the same one.

        Raises:
            HyperparameterError: the seed or an option is not allowed, or the options do not go together.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise HyperparameterError(f"seed = {seed!r} is not allowed: it must be a whole number from 0 to 2^32 − 1")
        chosen = self.resolve(options)
        try:
            dataset = self.builder(seed, chosen)
            dataset = replace(
                dataset,
                name=self.name,
                gamma=float(chosen.get("gamma", dataset.gamma)),
                options=MappingProxyType({**chosen, "seed": seed}),
            )
            return rewarded(degrade(without_left_out(dataset, chosen), chosen, seed), chosen)
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None
