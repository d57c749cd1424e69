"""The family of weighted cloning: which advantage, which weight function, in one place.

The weight of each system at a common advantage `A`, with its own hyperparameter as widely used implementations set it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from offrl_core.declarations import Value
from offrl_lecture.base.run import Lane

Array = npt.NDArray[Any]
Shape = Literal["constant", "identity", "exp", "step"]


@dataclass(frozen=True, slots=True)
class Relative:
    """One system: what it weighs, and how.

    Attributes:
        name: identifier, as in `orl.algorithms()` (`crr-binary` and `crr-exp` are both `crr`).
        title: name on screen.
        signal: LaTeX of what goes into the weight.
        judge: what estimates it: `none`, `reward` (or return), `value` (of the data's policy), `critic` (of the
            learned policy), `expectile`.
        shape: form of the weight function.
        rate: what multiplies the signal inside `exp` (β, or 1/temperature), in common use.
        cap: largest weight, infinite for none.
        formula: LaTeX of the weight.
        note: what sets it apart (rich text).
        source: where it is defined.
    """

    name: str
    title: str
    signal: str
    judge: str
    shape: Shape
    rate: float
    cap: float
    formula: str
    note: str
    source: str

    @property
    def column(self) -> Literal["exp", "capped", "other"]:
        """Which kind of weight function this is."""
        return "other" if self.shape != "exp" else "capped" if np.isfinite(self.cap) else "exp"

    def lane(self, rate: float | None = None) -> Lane:
        """This relative as a learner, with `rate` in place of the system's own where given."""
        name, _, kind = self.name.partition("-")
        settings: dict[str, Value] = {"filter": kind} if kind else {}
        if self.shape == "exp" and name != "mpo":
            used = self.rate if rate is None else rate
            settings |= {"beta": used} if name in ("marwil", "iql") else {"temperature": 1 / used}
        return Lane(name, hyperparameters=settings)

    def weight(self, advantage: npt.ArrayLike, rate: float | None = None) -> Array:
        """The weight at `advantage`, with `rate` in place of the system's own where given."""
        x = np.asarray(advantage, np.float64)
        return np.minimum(_SHAPES[self.shape](x, self.rate if rate is None else rate), self.cap)


_SHAPES: dict[Shape, Callable[[Array, float], Array]] = {
    "constant": lambda x, rate: np.ones_like(x),
    "identity": lambda x, rate: x,
    "exp": lambda x, rate: np.exp(rate * x),
    "step": lambda x, rate: (x > 0).astype(np.float64),
}

FAMILY: tuple[Relative, ...] = (
    Relative(
        *("bc", "BC", r"1", "none", "constant", 0.0, np.inf, r"w = 1"),
        "Copies good and bad alike. Every relative but MPO is BC when its weights are all equal.",
        "Pomerleau 1991",
    ),
    Relative(
        *("emrl", "EMRL", r"r", "reward", "identity", 1.0, np.inf, r"w = r"),
        "Right as long as every weight is positive; a negative one takes the floor from the loss.",
        "Dayan & Hinton 1997",
    ),
    Relative(
        *("rwr", "RWR", r"r \text{ or } G", "reward", "exp", 1.0, np.inf, r"w = e^{G/\tau}"),
        "Positive and monotonic; on returns the exponent grows with the episode and overflows float32.",
        "Peters & Schaal 2007",
    ),
    Relative(
        *("marwil", "MARWIL", r"r + \gamma V(s') - V(s)", "value", "exp", 1.0, np.inf, r"w = e^{\beta A}"),
        "Learns $V$ of the behaviour first, then clones. No cap: a large advantage still overflows.",
        "Wang et al. 2018",
    ),
    Relative(
        *("awr", "AWR", r"G^{\lambda} - V(s)", "value", "exp", 1.0, 20.0, r"w = \min(e^{A/\tau},\, 20)"),
        "$V$ of the behaviour from TD(λ) or Monte Carlo returns, advantages standardised, weights capped at 20.",
        "Peng et al. 2019; temperature 1 as in its code, .05 in the paper",
    ),
    Relative(
        *(
            "awac",
            "AWAC",
            r"Q(s,a) - \mathbb{E}_{\pi_\theta} Q(s,\cdot)",
            "critic",
            "exp",
            1.0,
            np.inf,
            r"w = e^{A/\lambda}",
        ),
        "A critic bootstraps on the policy being learned, so it can improve on the behaviour more than once.",
        "Nair et al. 2020",
    ),
    Relative(
        *(
            "crr-binary",
            "CRR binary",
            r"Q(s,a) - \mathbb{E}_{\pi_\theta} Q(s,\cdot)",
            "critic",
            "step",
            1.0,
            1.0,
            r"w = \mathbf{1}[A > 0]",
        ),
        "A filter: rows better than the policy's average are cloned, the others ignored.",
        "Wang et al. 2020",
    ),
    Relative(
        *(
            "crr-exp",
            "CRR exp",
            r"Q(s,a) - \mathbb{E}_{\pi_\theta} Q(s,\cdot)",
            "critic",
            "exp",
            1.0,
            20.0,
            r"w = \min(e^{A/\beta},\, 20)",
        ),
        "The soft filter, capped at 20; the baseline may be the largest instead of the mean $Q$.",
        "Wang et al. 2020",
    ),
    Relative(
        *("iql", "IQL", r"Q(s,a) - V_{\tau}(s)", "expectile", "exp", 3.0, 100.0, r"w = \min(e^{\beta A},\, 100)"),
        "$V$ is an expectile of $Q$ over the data's actions: multi-step improvement without ever asking"
        " about an action outside the data.",
        "Kostrikov et al. 2021",
    ),
    Relative(
        *(
            "mpo",
            "MPO",
            r"Q(s,a)",
            "critic",
            "exp",
            1.0,
            np.inf,
            r"q(a\mid s) \propto \pi_{\text{old}}(a\mid s)\, e^{Q/\eta}",
        ),
        "Weighs all actions, not only the data's; the temperature $\\eta$ is solved from a bound on the KL divergence.",
        "Abdolmaleki et al. 2018",
    ),
)

BY_NAME = {relative.name: relative for relative in FAMILY}
