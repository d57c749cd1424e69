"""One transition's numbers: named steps with their values, and the equation with the numbers put in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from offrl_core.algos.batch import Array, Batch
from offrl_core.writing import tex


@dataclass(frozen=True, slots=True)
class Step:
    """One named step of an update.

    Attributes:
        name, title: identifier and words for the screen.
        value: a number, one number per action, or an action.
        latex: the step as an equation with its numbers, empty where there is none.
    """

    name: str
    title: str
    value: Any
    latex: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Transition:
    """One row of a batch of one member: its reward, action and columns, and the outputs at its two states.

    Args:
        batch: a batch of one member.
        column: the row's place in it.
        whole: whether the batch holds all rows of the data.
    """

    def __init__(self, batch: Batch, column: int, *, whole: bool = True) -> None:
        self.batch, self.column, self.whole = batch, column, whole
        self.here = column if batch.at_index is None else int(batch.at_index.flat.reshape(-1)[column])
        self.there = column if batch.at_next_index is None else int(batch.at_next_index.flat.reshape(-1)[column])
        self.action = int(batch.action[0, column])
        self.reward = self.row(batch.reward)
        self.continues = bool(batch.continues[0, column])
        self.has_target = batch.has_target is None or bool(batch.has_target[0, column])

    def row(self, rows: Array) -> float:
        """The row's number in `(1, B)`."""
        return float(rows[0, self.column])

    def s(self, output: Array) -> Array:
        """An output `(1, A, U)` (or `(1, U)`) at `s`."""
        return np.asarray(output[0, ..., self.here])

    def next(self, output: Array) -> Array:
        """An output `(1, A, U)` (or `(1, U)`) at `s'`."""
        return np.asarray(output[0, ..., self.there])


def number(x: float) -> str:
    """`x` in LaTeX, four significant digits."""
    return tex(x)


def term(x: float) -> str:
    """`x` in LaTeX, in parentheses where a sign would stand after an operator."""
    return rf"({number(x)})" if x < 0 or (x == 0 and math.copysign(1, x) < 0) else number(x)


def one_step(transition: Transition, gamma: float, next_value: float, left: str, next_symbol: str) -> Step:
    """`r + γ V(s')` of a row as a step; the bootstrap is cut where the row terminated.

    A row without a target has NaN, and so has whatever is computed from it.
    """
    if not transition.has_target:
        return no_target(left)
    reward = transition.reward
    if not transition.continues:
        return Step("target", "target: the episode ended", reward, rf"{left} = r = {number(reward)}")
    value = reward + gamma * next_value
    return Step(
        "target",
        "target: reward and discounted next value",
        value,
        rf"{left} = r + \gamma {next_symbol} = {number(reward)} + {number(gamma)} \cdot {term(next_value)}"
        rf" = {number(value)}",
    )


def no_target(left: str) -> Step:
    """The target of a row whose next state is not known."""
    title = "no target: what followed was not recorded"
    return Step("target", title, math.nan, rf"{left} = \mathrm{{unknown}}")


def advantage_step(advantage: float, symbols: str, known: bool) -> Step:
    """`A = symbols` as a step; 0 where the row's target is not known."""
    if known:
        return Step("advantage", "advantage", advantage, f"A = {symbols} = {number(advantage)}")
    return Step(
        "advantage", "advantage: without a target neither better nor worse", advantage, f"A = {number(advantage)}"
    )


def exponential_step(symbols: str, exponent: float, numbers: str = "") -> Step:
    """`e^exponent` as a step, in float32 as training computes it; `numbers` shows how the exponent was made."""
    raw = float(np.exp(np.float32(exponent)))
    latex = rf"e^{{{symbols}}} = e^{{{numbers or number(exponent)}}} = {number(raw)}"
    return Step("raw_weight", "its exponential", raw, latex)


def assemble(steps: Sequence[dict[str, Any]]) -> str:
    """The steps' equations below each other, as one LaTeX block."""
    lines = [step["latex"].replace("=", "&=", 1) for step in steps if step["latex"]]
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"
