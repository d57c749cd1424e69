"""The numbers of a snapshot: what each one is, its formula, and what a bad curve looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.learning.snapshot import Snapshot

Measure = Callable[[Snapshot, Dataset], npt.NDArray[Any] | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number per member of a snapshot.

    Attributes:
        name, title: identifier and name on screen.
        unit: what it counts in; empty for a pure number.
        formula: LaTeX.
        help: one sentence: if this grows, then …
        bad: what a bad curve looks like.
        panel: the panel of curves that it is drawn in: `return`, `q`, `loss`, `weights` or `policy`. (The two ends of
            an interval have `interval` and are drawn as its band, `gap` stands beside the return.)
        measure: computes it, `(M,)`, from a snapshot and the data that its learner trains on; None where there is no
            such number. Metrics without one are computed where their numbers arise: in the update, in an algorithm's
            `reports`, or from the truth about the world.
    """

    name: str
    title: str
    unit: str
    formula: str
    help: str
    bad: str
    panel: str
    measure: Measure | None = None

    def to_json(self) -> dict[str, str]:
        """Plain data for the screen."""
        fields = ("name", "title", "unit", "formula", "help", "bad", "panel")
        return {field: getattr(self, field) for field in fields}


_VALUE = "reward"
_TRUE_Q_HELP = "What the Q on these pairs would be if the learner knew the true value of its policy."
METRICS = (
    Metric(
        "return",
        "true return",
        _VALUE,
        r"J(\pi) = \mathbb{E}\big[\sum_t \gamma^t r_{t+1}\big]",
        "If this grows, the policy really got better; it is exact, from the known world that the learner never sees.",
        "Falling while the value at the start rises: the learner believes its own guesses.",
        "return",
    ),
    Metric(
        "value_start",
        "value at the start",
        _VALUE,
        r"\hat V(s_0)",
        "If this grows, the learner believes its policy to be worth more.",
        "Far above the true return, or above the bound r_max/(1−γ): overestimation.",
        "return",
    ),
    Metric(
        "q_data",
        "Q on data pairs",
        _VALUE,
        r"\operatorname{mean}\{Q(s,a) : n(s,a) > 0\}",
        "If this grows, the learner values what the data shows more highly.",
        "Growing without end, or past the bound: values feed on themselves.",
        "q",
    ),
    Metric(
        "q_missing",
        "Q on missing pairs",
        _VALUE,
        r"\operatorname{mean}\{Q(s,a) : n(s,a) = 0 < n(s)\}",
        "If this grows, actions that nobody took in that state look better: nothing in the data can correct them.",
        "Above the line of the data pairs and rising: the maximum is choosing fiction.",
        "q",
    ),
    Metric(
        "q_max",
        "largest Q",
        _VALUE,
        r"\max\{Q(s,a) : n(s) > 0\}",
        "If this grows, the learner promises itself more; no policy can earn more than the bound r_max/(1−γ).",
        "Past the bound: that value was extrapolated, not learned.",
        "q",
    ),
    Metric(
        "q_min",
        "smallest Q",
        _VALUE,
        r"\min\{Q(s,a) : n(s) > 0\}",
        "If this falls, some action is being pushed down.",
        "Past r_min/(1−γ) and sinking: a penalty without a counterweight.",
        "q",
    ),
    Metric(
        "td_error",
        "TD error",
        _VALUE,
        r"\operatorname{mean}|y - Q(s,a)|",
        "If this grows, targets move faster than the network follows; where a system learns only V, it is V's error.",
        "Growing steadily: divergence. Flat and high: the step is too small or the function too simple.",
        "loss",
    ),
    Metric(
        "loss_policy",
        "policy loss",
        "",
        r"-\mathbb{E}[w \log\pi_\theta(a\mid s)]",
        "If this falls, the policy fits the weighted data better; MPO adds the price of its step.",
        "Falling below every bound: a negative weight has taken the floor away.",
        "loss",
    ),
    Metric(
        "loss_td",
        "Q loss",
        f"{_VALUE}²",
        r"\tfrac12\mathbb{E}[(Q(s,a) - y)^2]",
        "If this grows, Q is further from its target.",
        "Growing on a logarithmic axis in a straight line: divergence.",
        "loss",
    ),
    Metric(
        "loss_td2",
        "loss of the second Q",
        f"{_VALUE}²",
        r"\tfrac12\mathbb{E}[(Q_2(s,a) - y)^2]",
        "If this grows, the second of two critics is further from the target that both share.",
        "Growing on a logarithmic axis in a straight line: divergence.",
        "loss",
    ),
    Metric(
        "loss_value",
        "V loss",
        f"{_VALUE}²",
        r"\tfrac12\mathbb{E}[(V(s) - y)^2]",
        "If this grows, V is further from its target; IQL weighs each square by its expectile.",
        "Growing steadily: divergence.",
        "loss",
    ),
    Metric(
        "loss_behavior",
        "behaviour loss",
        "",
        r"-\mathbb{E}[\log\pi_\beta(a\mid s)]",
        "If this falls, the clone of the behaviour fits the data better.",
        "High and flat: the clone is poor, and the allowed set is made of guesses.",
        "loss",
    ),
    Metric(
        "loss_penalty",
        "penalty",
        _VALUE,
        r"\alpha\,\mathbb{E}[\mathcal{R}]",
        "If this grows, actions outside the data look better against those in it.",
        "Falling without end: the penalty has no floor and every value sinks.",
        "loss",
    ),
    Metric(
        "loss_penalty2",
        "penalty of the second Q",
        _VALUE,
        r"\alpha\,\mathbb{E}[\mathcal{R}_2]",
        "If this grows, actions outside the data look better to the second critic against those in it.",
        "Falling without end: the penalty has no floor and every value sinks.",
        "loss",
    ),
    Metric(
        "loss_dual",
        "temperature dual",
        "",
        r"\eta\epsilon + \eta\,\mathbb{E}_s\big[\log\mathbb{E}_{\pi_{\mathrm{old}}}e^{Q'/\eta}\big]",
        "If this grows, the KL bound is harder to meet.",
        "Growing steadily: Q grows faster than the temperature.",
        "loss",
    ),
    Metric(
        "weight_median",
        "median weight",
        "",
        r"\operatorname{median}(w)",
        "If this falls, half of the data hardly counts any more.",
        "Zero: most rows teach nothing.",
        "weights",
    ),
    Metric(
        "weight_p90",
        "90 % weight",
        "",
        r"w_{(0.9)}",
        "If this grows apart from the median, few rows do most of the teaching.",
        "Orders of magnitude above the median.",
        "weights",
    ),
    Metric(
        "weight_max",
        "largest weight",
        "",
        r"\max w",
        "If this grows, one row gains influence.",
        "On the cap, or infinite: exp overflowed.",
        "weights",
    ),
    Metric(
        "effective_sample_size",
        "effective sample size",
        "share of rows",
        r"\frac{(\sum w)^2}{N\sum w^2}",
        "If this falls, fewer rows really count; at 1 all count alike.",
        "Under 5 %: the policy copies a handful of rows.",
        "weights",
    ),
    Metric(
        "weight_max_share",
        "share of the largest weight",
        "share",
        r"\frac{\max|w|}{\sum|w|}",
        "If this grows, a single row takes over.",
        "Above one half: one row decides everything.",
        "weights",
    ),
    Metric(
        "clipped",
        "clipped weights",
        "share of rows",
        r"\Pr[w = w_{\max}]",
        "If this grows, the cap hides differences between good rows.",
        "Near 1: all weights are equal, and this is cloning again.",
        "weights",
    ),
    Metric(
        "entropy",
        "policy entropy",
        "nats",
        r"\mathbb{E}_s\big[-\sum_a \pi\log\pi\big]",
        "If this falls, the policy commits to fewer actions.",
        "Zero early on: it stopped considering alternatives.",
        "policy",
    ),
    Metric(
        "mass_unseen",
        "mass on unseen actions",
        "share",
        r"\mathbb{E}_s\big[\sum_{a:\,n(s,a)=0}\pi(a\mid s)\big]",
        "If this grows, the policy takes actions that nobody took in that state.",
        "Anything far above 0: its value rests on extrapolation.",
        "policy",
    ),
    Metric(
        "temperature",
        "dual temperature",
        "",
        r"\eta",
        "If this grows, the E-step stays closer to its prior.",
        "Growing steadily: Q grows without end.",
        "weights",
    ),
    Metric(
        "kl",
        "step of the policy",
        "nats",
        r"\mathbb{E}_s[\mathrm{KL}(\pi_{\mathrm{old}}\,\|\,\pi_\theta)]",
        "If this grows, the policy moves further from its last copy.",
        "Far above its bound: the multiplier cannot hold it.",
        "policy",
    ),
    Metric(
        "multiplier",
        "price of the policy's step",
        "",
        r"\mu",
        "If this grows, the fitted policy is held closer to its last copy.",
        "At its upper end: the bound cannot be met with this step size.",
        "policy",
    ),
    Metric(
        "advantage_scale",
        "advantage scale",
        _VALUE,
        r"\sqrt{c^2}",
        "If this grows, advantages are divided by more and weights come closer to 1.",
        "Hardly moving: the running estimate is too slow to matter.",
        "weights",
    ),
    Metric(
        "return_low",
        "true return, lower end",
        _VALUE,
        r"\bar G - 1.96\,\sigma/\sqrt{n}",
        "The lower end of the 95 % interval of a return that was measured by playing.",
        "Far below the return: few episodes, or very different ones.",
        "interval",
    ),
    Metric(
        "return_high",
        "true return, upper end",
        _VALUE,
        r"\bar G + 1.96\,\sigma/\sqrt{n}",
        "The upper end of the 95 % interval of a return that was measured by playing.",
        "Far above the return: few episodes, or very different ones.",
        "interval",
    ),
    Metric(
        "gap",
        "estimate − truth",
        _VALUE,
        r"\hat V(s_0) - J(\pi)",
        "If this grows above 0, the learner believes its policy to be better than it is.",
        "Large and growing: overestimation that no data corrects.",
        "gap",
    ),
    Metric(
        "q_data_true",
        "true Q on data pairs",
        _VALUE,
        r"\operatorname{mean}\{Q^\pi(s,a) : n(s,a) > 0\}",
        _TRUE_Q_HELP,
        "Far below the learned Q on the same pairs: overestimation.",
        "q",
    ),
    Metric(
        "q_missing_true",
        "true Q on missing pairs",
        _VALUE,
        r"\operatorname{mean}\{Q^\pi(s,a) : n(s,a) = 0 < n(s)\}",
        _TRUE_Q_HELP,
        "Far below the learned Q on the same pairs: the maximum is choosing fiction.",
        "q",
    ),
)

_added: dict[str, Metric] = {}


def metrics() -> dict[str, Metric]:
    """Every metric by name; those added at run time stand at the end."""
    return {metric.name: metric for metric in METRICS} | _added


def find_metric(name: str) -> Metric:
    """The metric of that name; for a number that nobody declared, such as a new algorithm's loss, one made from it."""
    declared = metrics().get(name)
    if declared is not None:
        return declared
    words = name.replace("_", " ")
    if name.startswith("loss_"):
        title = f"{words.removeprefix('loss ')} loss"
        return Metric(name, title, "", rf"\mathcal{{L}}_{{\mathrm{{{title[:-5]}}}}}", _LOSS_HELP, _LOSS_BAD, "loss")
    return Metric(name, words, "", rf"\mathrm{{{words}}}", _OTHER_HELP, _OTHER_BAD, "policy")


_LOSS_HELP = "If this falls, the algorithm comes closer to what this loss asks for."
_LOSS_BAD = "Growing steadily: divergence."
_OTHER_HELP = "A number that the algorithm reports of itself."
_OTHER_BAD = "Growing without end."


def add_metric(metric: Metric) -> None:
    """Add a metric to those of this process; one that is declared anew takes its former place.

    Raises:
        ValueError: its name is no identifier, or a metric of the program has it.
    """
    if not metric.name.isidentifier():
        raise ValueError(f"name = {metric.name!r} is not allowed: it must be letters, digits and underscores")
    if any(metric.name == other.name for other in METRICS):
        raise ValueError(f"there already is a metric {metric.name!r}: give this one another name")
    _added[metric.name] = metric


def measured(snapshot: Snapshot, dataset: Dataset) -> dict[str, npt.NDArray[Any]]:
    """Every metric that is computed from a finished snapshot, `(M,)` float32 each.

    Raises:
        ValueError: a metric's function returned another shape.
    """
    found = {}
    for name, metric in metrics().items():
        value = metric.measure(snapshot, dataset) if metric.measure is not None else None
        if value is not None:
            found[name] = np.asarray(value, dtype=np.float32)
            if found[name].shape != (len(snapshot.policy),):
                raise ValueError(f"metric {name} has shape {found[name].shape}; it must be one number per member")
    return found
