"""Hyperparameters declared as data.

Each system declares its hyperparameters once, as `Hyperparameter` records; sliders, tooltips, links,
validation, documentation and exported scripts are all made from that one declaration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from offrl_core.names import did_you_mean, unknown

Value = float | int | str | bool


class HyperparameterError(ValueError):
    """A hyperparameter name or value that is not allowed; the message names the value and what is allowed."""


Condition = tuple[str, tuple[str, ...]]
"""The name of a choice, and its values under which something holds: `("behavior", ("mix",))`."""

Measure = Literal["kl_behavior", "entropy", "value_start", "q_missing"]
MEASURES: Mapping[Measure, str] = {
    "kl_behavior": "KL(π_θ ‖ π_β)",
    "entropy": "the policy's entropy",
    "value_start": "the value at the start",
    "q_missing": "Q on missing pairs",
}
"""What the effect of a number is measured by, in words. `π_β` are the data's own action frequencies with a hundredth of
uniform ones mixed in, so that the divergence of a policy that leaves the data stays finite."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What moves the same way in every world it was measured in while one number goes up and all others keep their
    defaults. Nothing may stand here that was not measured: a test moves every number through its range.

    Args:
        raises, lowers: what rises and what falls with it.
        where: the choice under which that was measured, where it does not hold under every one.
    """

    raises: tuple[Measure, ...] = ()
    lowers: tuple[Measure, ...] = ()
    where: Condition | None = None

    def __post_init__(self) -> None:
        unknown_measures = set(self.raises + self.lowers) - set(get_args(Measure))
        if unknown_measures:
            raise ValueError(f"measure {min(unknown_measures)!r} is not allowed: one of {', '.join(get_args(Measure))}")

    @property
    def greedier(self) -> Literal["up", "down", ""]:
        """Which direction leads away from cloning to a policy that is surer of itself: the divergence from the
        behaviour grows and the entropy falls. Empty where they do not do so in every world."""
        if "kl_behavior" in self.raises and "entropy" in self.lowers:
            return "up"
        return "down" if "kl_behavior" in self.lowers and "entropy" in self.raises else ""

    @property
    def text(self) -> str:
        """In words, for the screen and the documentation; empty where nothing was found to move."""
        parts = [
            f"{verb} {' and '.join(MEASURES[m] for m in measures)}"
            for verb, measures in (("raises", self.raises), ("lowers", self.lowers))
            if measures
        ]
        where = f" (where {self.where[0]} is {' or '.join(self.where[1])})" if self.where else ""
        return f"up {', '.join(parts)}{where}" if parts else ""


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter: what it is called, what it may be, and what moving it does.

    Args:
        name: identifier used in Python, links and messages (`learning_rate`).
        symbol: LaTeX symbol as it stands in the algorithm's equation (`\\rho`).
        default: value that makes the lecture's point on the lecture's data.
        help: one sentence on what moving it up and down does.
        low, high: inclusive bounds of a numeric value; None for choices.
        choices: allowed values of a choice; empty for a number or a text.
        scale: how a slider maps the range, `linear` or `log`.
        integer: whether only whole numbers are allowed.
        live: acts on the next update of a running learner; otherwise a change restarts the run.
        paper: the source's value and citation, shown as help.
        effect: what was measured to move with it.
        special: named values outside the range, for example `{0: "all rows"}`; they are allowed too.
        max_length: how long a text may be; a string default without choices declares a text (such as a grid's layout).
        label: what it is called on screen; the name with spaces when empty.
        needs: the choice under which alone this one acts.
        family: shared by many algorithms, so that a panel shows it after an algorithm's own.
    """

    name: str
    symbol: str
    default: Value
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    scale: Literal["linear", "log"] = "linear"
    integer: bool = False
    live: bool = True
    paper: str = ""
    effect: Effect = Effect()
    special: Mapping[float, str] | None = None
    max_length: int = 0
    label: str = ""
    needs: Condition | None = None
    family: bool = False

    @property
    def greedier(self) -> Literal["up", "down", ""]:
        """Which direction was measured to lead away from cloning."""
        return self.effect.greedier

    @property
    def text(self) -> bool:
        """Whether the value is a free text; what it must say is checked by its reader."""
        return isinstance(self.default, str) and not self.choices

    @property
    def numeric(self) -> bool:
        """Whether the value is a number (and so may be opened into an axis)."""
        return not self.choices and not isinstance(self.default, bool | str)

    @property
    def allowed(self) -> str:
        """What is allowed, in words, for error messages and tooltips."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.text:
            return f"a text of at most {self.max_length} characters"
        kind = "a whole number" if self.integer else "a number"
        extra = "".join(f", or {_number_text(k)} ({v})" for k, v in (self.special or {}).items())
        return f"{kind} from {_number_text(self.low)} to {_number_text(self.high)}{extra}"

    def written(self, value: object) -> object:
        """`value` as this choice is written: widths given as numbers, `[64, 64]`, are the choice `64-64`."""
        if self.choices and isinstance(value, list) and value and all(type(part) is int for part in value):
            return "-".join(map(str, value))
        return value

    def validate(self, value: object) -> Value:
        """Return `value` in its proper type.

        Raises:
            HyperparameterError: `value` has the wrong type, is not finite, or is outside the allowed range.
        """
        if isinstance(self.default, bool):
            if isinstance(value, bool):
                return value
            raise self._refusal(value)
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
            raise self._refusal(value)
        if self.text:
            if isinstance(value, str) and len(value) <= self.max_length:
                return value
            shown = f"{value[:20]}… ({len(value)} characters)" if isinstance(value, str) else value
            raise self._refusal(shown)
        number = _as_number(value)
        if number is None or not math.isfinite(number):
            raise self._refusal(value)
        if self.special and number in self.special:
            return int(number) if self.integer else number
        if self.integer and number != int(number):
            raise self._refusal(value)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise self._refusal(value)
        return int(number) if self.integer else number

    def _refusal(self, value: object) -> HyperparameterError:
        near = did_you_mean(value, self.choices)
        return HyperparameterError(f"{self.name} = {value!r} is not allowed{near}: it must be {self.allowed}")


def _as_number(value: object) -> float | None:
    """`value` as a float where it is a real number of Python or numpy (not a bool, not text)."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def whole(name: str, value: object, least: int) -> int:
    """`value` as a whole number of at least `least`; numpy's and whole floats such as `1e4` are taken too.

    Raises:
        HyperparameterError: it is none.
    """
    number = _as_number(value)
    if number is None or not math.isfinite(number) or number != int(number) or number < least:
        raise HyperparameterError(f"{name} = {value!r} is not allowed: it must be {least} or more, a whole number")
    return int(number)


def _number_text(number: float | None) -> str:
    return "any" if number is None else f"{number:g}"


def resolve(
    declared: Iterable[Hyperparameter], given: Mapping[str, object], kind: str = "hyperparameter"
) -> dict[str, Value]:
    """Every declared hyperparameter (or what else they are: `kind`) with its given or default value.

    Raises:
        HyperparameterError: a name in `given` is not declared, or a value is not allowed.
    """
    by_name = {h.name: h for h in declared}
    for name in given:
        if name not in by_name:
            raise HyperparameterError(unknown(kind, name, sorted(by_name)))
    return {name: h.validate(given[name]) if name in given else h.default for name, h in by_name.items()}
