"""The toy MDP of the deadly triad: the update by hand, its growth, and the three switches."""

from __future__ import annotations

import math

import numpy as np

from offrl_core.hyperparameters import Hyperparameter
from offrl_core.lecture import trained, triad
from offrl_core.lecture.remedies import Remedy
from offrl_core.lecture.triad import Toy
from offrl_ui.scenes.pictures import (
    Axis,
    Equation,
    Heat,
    Line,
    Lines,
    Mark,
    Number,
    NumberTiles,
    Picture,
    Point,
)
from offrl_ui.scenes.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_ui.scenes.text import number

LAST = 130
FLOAT32_MAX = float(np.finfo(np.float32).max)

THETA = Control(
    Hyperparameter("theta", r"\theta_0", 1.0, "Where the parameter starts; below 0 the max picks action 1.", -3.0, 3.0),
    step=0.1,
    label="start value",
)
SHARE = Control(
    Hyperparameter(
        "share",
        "p",
        0.0,
        "Share of the rows that show action 2: up is closer to the greedy policy's own data.",
        0.0,
        1.0,
    ),
    step=0.01,
    label="share of $a=2$ in the data",
)


def gamma_control(default: float) -> Control:
    """The toy's discount."""
    return Control(
        Hyperparameter(
            "gamma", r"\gamma", default, "Discount: up bootstraps more; above the border it diverges.", 0.0, 1.0
        ),
        step=0.01,
        label="discount",
    )


def rate_control(default: float, high: float = 1.0) -> Control:
    """The toy's learning rate."""
    return Control(
        Hyperparameter("learning_rate", r"\eta", default, "Step size: down is slower, up faster.", 0.01, high),
        step=0.01,
        label="learning rate",
    )


def toy_of(state: State) -> Toy:
    """The toy with the scene's numbers."""
    return Toy(
        float(state["theta"]), float(state["gamma"]), float(state["learning_rate"]), float(state.get("share", 0.0))
    )


def tex(value: float, digits: int = 4) -> str:
    """A number in LaTeX."""
    if math.isnan(value):
        return r"\text{NaN}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.2e}".split("e")
        return rf"{mantissa}\cdot 10^{{{int(exponent)}}}"
    return f"{value:.{digits}g}"


def factors(toy: Toy) -> tuple[float, float]:
    """Growth for positive and for negative `θ`."""
    return tuple(float(triad.growth(toy.gamma, toy.learning_rate, toy.share, sign)) for sign in (1, -1))  # type: ignore[return-value]


def factor_here(toy: Toy) -> float:
    """Growth at the start value."""
    up, down = factors(toy)
    return up if toy.theta > 0 else down


def _signed(value: float) -> str:
    return f"({tex(value)})" if value < 0 else tex(value)


# --- the doubling -------------------------------------------------------------------------------------------------


def _equations(toy: Toy, thetas: np.ndarray, step: int) -> Equation:
    before, after = float(thetas[max(step - 1, 0)]), float(thetas[max(step, 1)])
    index = max(step, 1)
    when = "the first update, not yet made" if step == 0 else f"update {index}"
    if toy.share == 0:
        made = triad.update(before, 1, toy.gamma, toy.learning_rate)
        rows = [
            (
                r"\theta \leftarrow \theta - \eta\,\left[\,Q(s,1) - \gamma \max_{a'} Q(s,a')\,\right]",
                "one row of data: action 1, reward 0, back in $s$",
            ),
            (
                rf"\theta_{{{index}}} = {tex(before)} - {tex(toy.learning_rate)}\cdot\left[{_signed(made.value)} - "
                rf"{tex(toy.gamma)}\cdot {_signed(made.best)}\right] = \color{{learned}}{{{tex(after)}}}",
                when,
            ),
        ]
        if toy.gamma == toy.learning_rate == 1:
            rows[1] = (
                rf"\theta_{{{index}}} = {tex(before)} - \left[{_signed(made.value)} - {_signed(made.best)}\right]"
                rf" = \color{{learned}}{{{tex(after)}}}",
                when,
            )
        return Equation(title="The update with its numbers", rows=tuple(rows))
    up = before > 0
    law = r"(1-p)(2\gamma-1) + 4p(\gamma-1)" if up else r"(1-p)(\gamma-1) + 2p(\gamma-2)"
    factor = factors(toy)[0 if up else 1]
    return Equation(
        title="The expected update with its numbers",
        rows=(
            (
                rf"\theta \leftarrow \theta\cdot\left(1 + \eta\,\left[{law}\right]\right)",
                r"for $\theta>0$: the max picks $2\theta$" if up else r"for $\theta<0$: the max picks $\theta$",
            ),
            (
                rf"\theta_{{{index}}} = {_signed(before)}\cdot {_signed(factor)} = \color{{learned}}{{{tex(after)}}}",
                when,
            ),
        ),
    )


def _doubling(state: State) -> dict[str, Picture]:
    toy, step = toy_of(state), int(state["step"])
    thetas = triad.trajectory(toy, LAST)[:, 0].astype(float)
    shown = np.where(np.arange(LAST + 1) <= step, thetas, np.nan)
    truth = Line("true value", (0, LAST), (0.0, 0.0), "truth", dash=True, label="truth 0")
    flips = min(factors(toy)) < 0
    sign = -1.0 if toy.theta < 0 and not flips else 1.0
    near = [v for v in thetas[:13] if np.isfinite(v)]
    top = max(1.0, *(abs(v) for v in near))
    low, high = (-top, top) if flips else (0.0, sign * top) if sign > 0 else (sign * top, 0.0)
    trained_to = np.full(LAST + 1, np.nan)
    made = trained.toy_thetas(toy, Remedy("none"), LAST)
    if made is not None:
        trained_to[: len(made)] = made
    learned = np.where(np.arange(LAST + 1) <= step, trained_to, np.nan)
    first = Lines(
        title=r"The first 12 updates",
        x=Axis("update", low=-0.3, high=12.6, ticks=(0, 2, 4, 6, 8, 10, 12)),
        y=Axis(r"$\theta = Q(s,1)$", low=low - 0.04 * (high - low), high=high + 0.08 * (high - low)),
        lines=(
            Line("exact recursion", range(13), thetas[:13], "muted", mode="points", faint=True),
            Line(r"trained $\theta$", range(13), learned[:13], "learned", mode="both"),
            Line("true value", (0, 12.6), (0.0, 0.0), "truth", dash=True),
        ),
        points=tuple(
            Point(k, thetas[k], number(thetas[k], 3), "learned")
            for k in range(min(step, 12) + 1)
            if np.isfinite(thetas[k])
        ),
    )
    end = int(np.argmax(~np.isfinite(thetas))) if not np.isfinite(thetas).all() else 0
    long = Lines(
        title="As far as float32 reaches",
        x=Axis("update", low=0, high=LAST),
        y=Axis(
            r"$\theta$",
            scale="symlog",
            threshold=1e-3,
            low=-1e39 if flips or sign < 0 else -1e-3,
            high=1e39 if flips or sign > 0 else 1e-3,
        ),
        lines=(
            Line(r"trained $\theta$", range(LAST + 1), learned, "learned"),
            Line("exact recursion", range(LAST + 1), shown, "muted", dash=True),
            truth,
        ),
        marks=(Mark(FLOAT32_MAX, "largest float32, 3.4·10³⁸", "y", "bad"),)
        + ((Mark(end, f"no longer a number at update {end}", "x", "bad"),) if end and step >= end else ()),
        alarm=f"$\\theta$ left the numbers at update {end}: it is {'infinite' if step == end else 'NaN or infinite'} now."
        if end and step >= end
        else "",
    )
    return {
        "update": _equations(toy, thetas, step),
        "first": first,
        "long": long,
        "map": growth_map(toy),
        "factor": _factor_tiles(toy),
    }


def growth_map(toy: Toy) -> Heat:
    """The factor of one step over discount and share, with the exact border and the current point."""
    gammas = shares = (np.arange(40) + 0.5) / 40
    sign = -1 if toy.theta < 0 else 1
    z = triad.growth(gammas[None, :], toy.learning_rate, shares[:, None], sign)
    lines = []
    if sign > 0:
        lines.append(
            Line(r"border $\gamma=(1+3p)/(2+2p)$", triad.border(shares), shares, "truth", dash=True, label="border")
        )
        if toy.learning_rate > 0.5:
            # factor −1: lr·[(1−p)(2γ−1) + 4p(γ−1)] = −2
            flip = (1 + 3 * shares - 2 / toy.learning_rate) / (2 + 2 * shares)
            if (flip > 0).any():
                keep = flip >= 0
                lines.append(Line("overshoots below", flip[keep], shares[keep], "bad", label="step too large"))
    else:
        flip_edge = -1.0
        if z.min() < flip_edge:
            # lr·[(1−p)(γ−1) + 2p(γ−2)] = −2
            edge = (1 + 3 * shares - 2 / toy.learning_rate) / (1 + shares)
            keep = edge >= 0
            lines.append(Line("overshoots below", edge[keep], shares[keep], "bad", label="step too large"))
    return Heat(
        title=r"Growth of $\theta$ in one update",
        caption="Orange grows, blue shrinks. Drag the point.",
        x=Axis(r"discount $\gamma$", low=0, high=1),
        y=Axis(r"share $p$ of rows with $a=2$", low=0, high=1),
        z=z,
        z_label="factor per update",
        palette="diverging",
        middle=1.0,
        low=1.0 - max(1.0, abs(float(z.min()) - 1)),
        high=1.0 + max(1.0, abs(float(z.min()) - 1)),
        contours=tuple(lines),
        points=(Point(toy.gamma, toy.share, f"factor {number(factor_here(toy))}", "learned", "gamma", "share"),),
    )


def _factor_tiles(toy: Toy) -> NumberTiles:
    factor = factor_here(toy)
    end = triad.outcome(toy)
    tone = {"diverges": "bad", "overshoots": "bad", "settles": "good", "stands still": "muted"}[end]
    border = float(triad.border(toy.share))
    return NumberTiles(
        title="Growth",
        numbers=(
            Number(
                "factor per update",
                number(factor),
                tone=tone,  # type: ignore[arg-type]
                help="Above 1 the parameter grows without end; below −1 it overshoots.",
            ),
            Number("what happens", end, tone=tone),  # type: ignore[arg-type]
            Number(
                r"border $\gamma$ at this share" if toy.theta > 0 else r"border for $\theta<0$",
                number(border) if toy.theta > 0 else "none",
            ),
        ),
    )


def _doubling_answer(state: State, _: object) -> str:
    toy = toy_of(state)
    up, _down = factors(toy)
    end = triad.outcome(toy)
    if toy.theta == 0:
        return r"At $\theta=0$ the target is 0 too: the update has nothing to do. Any other start tells the story."
    if toy.theta < 0:
        said = (
            r"Below 0 the max picks action 1, the one in the data: the target uses only values that are corrected. "
            f"The factor is {number(factor_here(toy))}"
        )
        return (
            said
            + {
                "settles": ", so $\\theta$ goes to the truth, 0.",
                "stands still": r", and $\theta$ stays where it is: with $\gamma=1$ every constant satisfies Bellman's equation.",
                "overshoots": ": every step overshoots. This is too large a step, not the triad.",
                "diverges": r": the step is so large that $\theta$ changes sign, and above 0 it grows.",
            }[end]
        )
    cause = (
        r"The only row says: move $Q(s,1)=\theta$ towards $\gamma\max_{a'}Q(s,a')=\gamma\cdot 2\theta$. "
        r"Raising $\theta$ raises the target twice as fast, because the max reads $Q(s,2)$, which no row corrects"
        + (" enough. " if toy.share else ". ")
    )
    if end == "diverges":
        double = math.log(2) / math.log(up) if up > 1 else math.inf
        return (
            f"{cause}Every update multiplies $\\theta$ by **{number(up)}**: it doubles every {'update' if up == 2 else number(double, 3) + ' updates'}, "
            f"though every reward is 0. At this share only a discount of at most {number(float(triad.border(toy.share)))} "
            "would hold, whatever the learning rate."
        )
    if end == "settles":
        return (
            f"Here each update multiplies $\\theta$ by {number(up)}, so it goes to the truth, 0: the discount is below "
            f"the border, {number(float(triad.border(toy.share)))} at this share. Move the point across it."
        )
    if end == "stands still":
        return (
            f"The point lies on the border: the factor is 1 and $\\theta$ stays at {number(toy.theta)}, "
            "though the truth is 0. Nothing diverges and nothing is learned."
        )
    return (
        f"The factor is {number(up)}: each step overshoots 0 by more than it came from. That is a learning rate too large "
        "for the feature 2, as in any regression; a smaller one heals it. The triad is on the other side of the map."
    )


DOUBLING = Scene(
    id="doubling",
    title="One parameter, one row",
    question=r"Every reward is 0. Why does $\theta$ keep increasing?",
    setup=r"One state, two actions, $Q(s,a)=\theta\cdot a$. The data hold the single row $(s,\,1,\,0,\,s)$. "
    r"The true value of everything is 0.",
    controls=(
        Control(
            Hyperparameter("step", "k", 0, "How many updates have been made.", 0, LAST, integer=True), label="updates"
        ),
        THETA,
        gamma_control(1.0),
        rate_control(1.0),
        SHARE,
    ),
    compute=_doubling,
    answer=_doubling_answer,
    prediction=Prediction(
        r"$\theta_0=1$, $\gamma=1$, $\eta=1$. After ten updates $\theta$ is …", ("0", "10", "1024"), right=2
    ),
    layout=(("update",), ("first", "long"), ("map", "factor")),
    covered=("first", "long", "map", "factor"),
    presets=(
        Preset("By hand: 1, 2, 4, 8", {"step": 3}),
        Preset("Until infinity", {"step": 128}),
        Preset(r"$\gamma=\tfrac12$: the border", {"gamma": 0.5, "step": 12}),
        Preset(r"Start at $-1$", {"theta": -1.0, "gamma": 0.9, "step": 12}),
        Preset(r"A third of the rows show $2$", {"share": 0.33, "step": 40}),
    ),
    play=Play("step", per_second=3),
    source="The two-state example of Tsitsiklis & Van Roy 1996, told with two actions",
)
