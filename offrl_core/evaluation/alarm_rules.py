"""The rules of the alarms: what typically goes wrong in offline RL, as it shows in a run's metrics.

They read nothing but metrics that are on screen too, so that whoever watches can check each alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.writing import number

Array = npt.NDArray[Any]

WINDOW = 12
"""Frames that a trend is read from: about a second of a live run."""

FEW_ROWS = 20
TINY_WEIGHT = 1e-30
"""Below this a weight moves no float32 parameter."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules know of a member besides its metrics.

    Attributes:
        q_bound, q_floor: the largest and the smallest possible value, `max(r_max, 0)/(1−γ)` and `min(r_min, 0)/(1−γ)`;
            ±∞ where nothing is known to bound it.
        trains_policy: whether a policy network is trained (cloning family), so that its entropy means something.
        actions: `A`.
        rows: `N`, rows of the data.
        behavior_entropy: mean entropy of the data's own policy, in nats.
        return_scale: the distance that differences of returns are judged against, in the log's own unit.
        value_unit: how much that unit is in the rewards that learners are given.
        stays_on_data: whether the target never asks for an action that the data does not show; what such actions are
            worth in the table then does no harm.
        best: the best return that the data's actions allow; NaN where it is not known.
        probes: how many rows are looked at, of continuous data; 0: all of them.
    """

    q_bound: float
    q_floor: float
    trains_policy: bool
    actions: int
    rows: int
    behavior_entropy: float
    return_scale: float
    stays_on_data: bool = False
    best: float = float("nan")
    probes: int = 0
    value_unit: float = 1.0

    @property
    def value_scale(self) -> float:
        """`return_scale` for what learners believe."""
        return self.return_scale * self.value_unit


class MetricHistory:
    """The last `WINDOW` values of every metric of one member, the steps they are of, and each metric's first value."""

    def __init__(self, metrics: Mapping[str, Array], steps: Array, first: Mapping[str, tuple[int, float]]) -> None:
        self._metrics, self._steps, self._first = metrics, steps, first

    def last(self, name: str) -> float:
        """The newest value; NaN where the system has no such metric."""
        return float(self._metrics[name][-1]) if name in self._metrics else float("nan")

    def rise(self, name: str) -> float:
        """How far the second half of the window lies above the first; NaN while the window is not full."""
        values = self._metrics.get(name)
        if values is None or len(values) < WINDOW or not np.isfinite(values).all():
            return float("nan")
        half = WINDOW // 2
        return float(np.mean(values[half:]) - np.mean(values[:half]))

    def steady(self, name: str, *, rising: bool) -> bool:
        """Whether three quarters of the window's steps went that way."""
        values = self._metrics.get(name)
        if values is None or len(values) < WINDOW:
            return False
        steps = np.diff(values) * (1 if rising else -1)
        return bool(np.mean(steps > 0) >= 0.75)

    def pace(self, name: str) -> float:
        """Change per update within the window, as a multiple of that since the beginning: 1 on a straight line, near 0
        where a curve levels out; NaN while the window is not full."""
        values = self._metrics.get(name)
        if values is None or len(values) < WINDOW:
            return float("nan")
        (begun, first), last = self._first[name], self._steps[-1]
        with np.errstate(all="ignore"):
            whole = (values[-1] - first) / (last - begun)
            return float((values[-1] - values[0]) / (last - self._steps[-WINDOW]) / whole)

    def loss_names(self) -> list[str]:
        """The losses among the metrics."""
        return [name for name in self._metrics if name.startswith("loss_")]

    def flat(self, name: str) -> bool:
        """Whether the whole window lies within a millionth of its own size."""
        values = self._metrics[name]
        if len(values) < WINDOW or not np.isfinite(values).all():
            return False
        return bool(np.ptp(values) <= 1e-6 * max(1e-12, float(np.abs(values).max())))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: when it fires it returns its sentence, else None."""

    kind: str
    title: str
    panel: str
    mode: str
    fires: Callable[[MetricHistory, Facts], str | None]


def _above_bound(h: MetricHistory, facts: Facts) -> str | None:
    highest, slack = h.last("q_data" if facts.stays_on_data else "q_max"), 1e-3 * max(1.0, abs(facts.q_bound))
    if highest > facts.q_bound + slack and facts.stays_on_data:
        return (
            f"The mean Q of the data's own pairs is {number(highest)}, but no policy can earn more than "
            f"{number(facts.q_bound)} with these rewards: values feed on themselves, a penalty lifts them, or the step "
            "is too large."
        )
    if highest > facts.q_bound + slack:
        return (
            f"The largest Q is {number(highest)}, but no policy can earn more than {number(facts.q_bound)} with these "
            "rewards: targets ask for values that no row of the data corrects, and bootstrapping passes them on."
        )
    return None


def _below_floor(h: MetricHistory, facts: Facts) -> str | None:
    lowest, slack = h.last("q_data"), 1e-3 * max(1.0, abs(facts.q_floor))
    if lowest < facts.q_floor - slack and h.steady("q_data", rising=False):
        return (
            f"Q on the data's own actions is {number(lowest)} and sinking; no policy earns less than "
            f"{number(facts.q_floor)} with these rewards: a penalty pushes values down and nothing holds them, or they "
            "feed on themselves."
        )
    # Pushing down actions that nobody took is what a conservative penalty is for, but then it comes to rest.
    lowest, depth = h.last("q_min"), 10 * max(facts.q_bound - facts.q_floor, facts.value_scale)
    if lowest < facts.q_floor - depth and h.steady("q_min", rising=False) and h.pace("q_min") > 0.5:
        return (
            f"The smallest Q is {number(lowest)} and sinks as fast as ever; no policy earns less than "
            f"{number(facts.q_floor)} with these rewards: what pushes it down has no counterweight there."
        )
    return None


def _missing_rises(h: MetricHistory, facts: Facts) -> str | None:
    missing, data = h.last("q_missing"), h.last("q_data")
    if missing > data and h.steady("q_missing", rising=True) and h.rise("q_missing") > 1e-3 * facts.value_scale:
        return (
            f"Q on actions missing from the data ({number(missing)}) is above Q on the data's actions ({number(data)}) "
            "and rising: no row of the data says what they are worth."
        )
    return None


def _few_rows_count(h: MetricHistory, facts: Facts) -> str | None:
    share, largest = h.last("effective_sample_size"), h.last("weight_max_share")
    if facts.rows < FEW_ROWS:  # a share of a handful says nothing
        return None
    if share < 0.05:
        of = f"the {facts.probes} rows that are looked at" if facts.probes else "the data"
        return f"The weights leave an effective sample of {share:.1%} of {of}: few rows make up nearly all of the loss."
    if largest > 0.5 and facts.probes:
        return f"One of the {facts.probes} rows that are looked at carries {largest:.0%} of their weight."
    if largest > 0.5:
        return f"A single row carries {largest:.0%} of all weight: in the loss it counts for more than all others."
    return None


def _all_clipped(h: MetricHistory, facts: Facts) -> str | None:
    share = h.last("clipped")
    if share > 0.99:
        return (
            f"{share:.0%} of the weights stand at their cap, so they are all equal: this is behaviour cloning again. "
            "A higher cap or a milder temperature tells good from bad."
        )
    return None


def _entropy_gone(h: MetricHistory, facts: Facts) -> str | None:
    entropy = h.last("entropy")
    # A policy that is as good as the data allows may well be certain of itself.
    arrived = facts.best - h.last("return") < 0.05 * facts.return_scale
    if (
        facts.trains_policy
        and not arrived
        and entropy < 0.02 * np.log(facts.actions)
        and facts.behavior_entropy > 5 * max(entropy, 1e-9)
    ):
        return (
            f"The policy's entropy is {number(entropy)} nats where the data's is {number(facts.behavior_entropy)}: "
            "it has committed itself to one action where the data shows several."
        )
    return None


def _leaves_data(h: MetricHistory, facts: Facts) -> str | None:
    mass, change = h.last("mass_unseen"), h.rise("mass_unseen")
    if mass > 0.1 and change > -0.01:  # early in training it is on its way down
        return (
            f"{mass:.0%} of the policy's probability lies on actions that the data never shows "
            f"{'near those states' if facts.probes else 'in those states'}: what they lead to is a guess."
        )
    return None


def _illusion(h: MetricHistory, facts: Facts) -> str | None:
    down, up = h.rise("return"), h.rise("value_start")
    # A return that was measured by playing must fall by more than its interval is wide.
    error = np.nan_to_num(h.last("return_high") - h.last("return_low"))
    if down < -max(0.02 * facts.return_scale, error) and up > 0.02 * facts.value_scale:
        return (
            f"The true return fell by {number(-down)} while the value estimate rose by {number(up)}: "
            "the learner thinks it improves. Offline, only the truth beside it shows that it does not."
        )
    return None


def _vanished(h: MetricHistory, facts: Facts) -> str | None:
    losses = h.loss_names()
    if losses and all(h.flat(name) for name in losses) and h.last("weight_max") < TINY_WEIGHT:
        return (
            "Every weight is zero or as good as zero and no loss moves: exp() of a very negative number underflowed "
            "(in float32 below −103.97), so the data teaches nothing. A higher temperature or a baseline helps."
        )
    return None


RULES: tuple[Rule, ...] = (
    Rule("above-bound", "Q above any possible return", "q", "q", _above_bound),
    Rule("below-floor", "Q below any possible return", "q", "q", _below_floor),
    Rule("missing-rises", "Q on missing actions is rising", "q", "q", _missing_rises),
    Rule("few-rows", "A few rows carry most of the weight", "weights", "weights", _few_rows_count),
    Rule("all-clipped", "All weights are clipped", "weights", "weights", _all_clipped),
    Rule("entropy", "The policy has collapsed", "weights", "policy", _entropy_gone),
    Rule("leaves-data", "The policy leaves the data", "return", "policy", _leaves_data),
    Rule("illusion", "The estimate rises while the return falls", "return", "truth", _illusion),
    Rule("vanished", "All weights have vanished", "loss", "weights", _vanished),
)
