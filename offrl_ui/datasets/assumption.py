"""Beside data whose world assumes something that no record says: what the same policies get under each choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import streamlit as st

from offrl_core.algos import algorithms
from offrl_core.data.catalogue import datasets
from offrl_core.declarations import Value
from offrl_core.evaluation.assumption import SEEDS, UPDATES, Reading, readings
from offrl_core.writing import number
from offrl_live.runs.config import RunConfig


@lru_cache(16)
def _readings(name: str, options: tuple[tuple[str, Value], ...]) -> tuple[Reading, ...]:
    return readings(name, dict(options))


def show_assumption(config: RunConfig) -> None:
    """A table of the readings, the chosen one marked; nothing for a dataset that makes no such assumption.

    The first time it trains for some seconds, so a page calls this last, in a place that it kept free.
    """
    spec = datasets().get(config.dataset)
    if spec is None or not spec.assumption:
        return
    (option,) = [option for option in spec.options if option.name == spec.assumption]
    with st.spinner("Asking each world …"):
        found = _readings(config.dataset, tuple(config.options.items()))
    chosen = str(config.options.get(option.name, option.default))
    learned = {algorithms()[system].title: system for system in found[0].learned}
    returns: dict[str, Callable[[Reading], float]] = {
        "every action alike": lambda reading: reading.uniform,
        "the behaviour": lambda reading: reading.behavior,
        **{title: partial(_learned, system) for title, system in learned.items()},
        "the optimum": lambda reading: reading.optimal,
    }
    label = option.label or option.name

    def row(first: str, cells: Iterable[str]) -> str:
        marked = (f"**{c}**" if reading.choice == chosen else c for c, reading in zip(cells, found, strict=True))
        return f"| {first} | {' | '.join(marked)} |"

    heads = (f"{reading.choice} (chosen)" if reading.choice == chosen else reading.choice for reading in found)
    lines = [
        f"| true return where {label} are … | {' | '.join(heads)} |",
        "|---|" + "---:|" * len(found),
        *(row(name, (number(of(reading)) for reading in found)) for name, of in returns.items()),
    ]
    st.markdown("\n".join(lines))
    st.caption(f"{option.help} Learned: the median of {SEEDS} seeds, {UPDATES} updates of a table on these data.")


def _learned(system: str, reading: Reading) -> float:
    return reading.learned[system]
