"""The toy MDP of the deadly triad: the update by hand, its growth, and the three switches."""

from __future__ import annotations

import math

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_core.writing import tex
from offrl_lecture.base.pictures import (
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
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.deadly_triad import courses
from offrl_lecture.deadly_triad import toy as triad
from offrl_lecture.deadly_triad.remedies import Remedy
from offrl_lecture.deadly_triad.scene_shared import (
    SHARE,
    THETA,
    factor_here,
    factors,
    gamma_control,
    rate_control,
    toy_of,
)
from offrl_lecture.deadly_triad.toy import Toy

LAST = 130
FLOAT32_MAX = float(np.finfo(np.float32).max)
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)


def _signed(value: float) -> str:
    return f"({tex(value)})" if value < 0 else tex(value)


def _equations(toy: Toy, thetas: np.ndarray, step: int) -> Equation:
    before, after = float(thetas[max(step - 1, 0)]), float(thetas[max(step, 1)])
    index = max(step, 1)
    when = "the first update, not yet made" if step == 0 else f"update {index}"
    if toy.share == 0:
        made = triad.update(before, 1, toy.gamma, toy.learning_rate)
        rows = [
            (
                r"\theta \leftarrow \theta - \mathrm{lr}\,\left[\,Q(s,1) - \gamma \max_{a'} Q(s,a')\,\right]",
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
                rf"\theta_{{{index}}} = {tex(before)} - \left[{_signed(made.value)} - {_signed(made.best)}\right] = "
                rf"\color{{learned}}{{{tex(after)}}}",
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
                rf"\theta \leftarrow \theta\cdot\left(1 + \mathrm{{lr}}\,\left[{law}\right]\right)",
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
    exact = triad.trajectory(toy, LAST)[:, 0].astype(float)
    learned = np.full(LAST + 1, np.nan)
    made = courses.toy_thetas(toy, Remedy("none"), LAST)
    if made is not None:
        learned[: len(made)] = made
    learned[step + 1 :] = np.nan
    return {
        "update": _equations(toy, exact, step),
        "first": _first(toy, exact, learned, step),
        "long": _long(toy, exact, learned, step),
        "map": growth_map(toy),
        "factor": _factor_tiles(toy),
    }


def _first(toy: Toy, exact: np.ndarray, learned: np.ndarray, step: int) -> Lines:
    top = max(1.0, *(abs(v) for v in exact[:13] if np.isfinite(v)))
    last = min(step, 12)
    flips = min(factors(toy)) < 0
    low, high = (-top, top) if flips else (0.0, top) if toy.theta >= 0 else (-top, 0.0)
    return Lines(
        title=r"The first 12 updates",
        x=Axis("update", low=-0.3, high=12.6, ticks=(0, 2, 4, 6, 8, 10, 12)),
        y=Axis(r"$\theta = Q(s,1)$", low=low - 0.04 * (high - low), high=high + 0.08 * (high - low)),
        lines=(
            Line("exact recursion", range(13), exact[:13], "truth", mode="points", faint=True),
            Line(r"trained $\theta$", range(13), learned[:13], "learned", mode="both"),
            Line("true value", (0, 12.6), (0.0, 0.0), "truth", dash=True),
        ),
        points=tuple(
            Point(k, exact[k], number(exact[k]) if k > last - 4 else "", "learned", optional=k < last)
            for k in range(last + 1)
            if np.isfinite(exact[k])
        ),
    )


def _long(toy: Toy, exact: np.ndarray, learned: np.ndarray, step: int) -> Lines:
    shown = np.where(np.arange(LAST + 1) <= step, exact, np.nan)
    flips, below = min(factors(toy)) < 0, toy.theta < 0
    gone = int(np.argmax(~np.isfinite(exact))) if not np.isfinite(exact).all() else LAST + 1
    over = step >= gone
    return Lines(
        title="As far as float32 reaches",
        caption=f"Up to {number(FLOAT32_MAX, 2)}, on a logarithmic scale.",
        x=Axis("update", low=0, high=LAST),
        y=Axis(
            r"$\theta$",
            scale="symlog",
            threshold=1e-3,
            low=-1e39 if flips or below else -1e-3,
            high=1e39 if flips or not below else 1e-3,
        ),
        lines=(
            Line(r"trained $\theta$", range(LAST + 1), learned, "learned", width=4.0),
            Line("exact recursion", range(0, LAST + 1, 5), shown[::5], "truth", mode="points"),
            Line("true value", (0, LAST), (0.0, 0.0), "truth", dash=True, label="truth"),
        ),
        marks=(
            Mark(FLOAT32_MAX, "largest float32", "y", "bad"),
            *((Mark(gone, f"update {gone}", "x", "bad"),) if over else ()),
        ),
        legend=False,
        alarm=rf"$\theta$ overflowed at update {gone}; the next difference is NaN." if over else "",
    )


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
        x=Axis(r"discount $\gamma$", low=0, high=1, ticks=_QUARTERS),
        y=Axis(r"share $p$ of rows with $a=2$", low=0, high=1, ticks=_QUARTERS),
        z=z,
        z_label="factor",
        palette="diverging",
        middle=1.0,
        low=1.0 - 1.5 * toy.learning_rate,
        high=1.0 + 1.5 * toy.learning_rate,
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
    factor, end = factor_here(toy), triad.outcome(toy)
    if toy.theta == 0:
        return r"At $\theta=0$ the target is 0 too: the update has nothing to do. Any other start tells the story."
    if toy.theta < 0:
        said = (
            r"Below 0 the max picks action 1: the target is $\gamma\theta$, never further from 0 than $\theta$ itself. "
            f"The factor is {number(factor)}"
        )
        return (
            said
            + {
                "settles": r", so $\theta$ goes to the truth, 0.",
                "stands still": r", and $\theta$ stays: with $\gamma=1$ every constant satisfies Bellman's equation.",
                "overshoots": ": every step overshoots. This is too large a step, not the triad.",
                "diverges": r": the step is so large that $\theta$ changes sign, and above 0 it grows.",
            }[end]
        )
    border = number(float(triad.border(toy.share)))
    if end == "diverges":
        double = "every update" if factor == 2 else f"every {number(math.log(2) / math.log(factor), 3)} updates"
        return (
            rf"Every update multiplies $\theta$ by **{number(factor)}**: it doubles {double}, though every reward is 0."
            "\n\n"
            r"The row moves $Q(s,1)=\theta$ towards $\gamma\max_{a'}Q(s,a')=2\gamma\theta$, and raising $\theta$ "
            rf"raises that target {number(2 * toy.gamma)} times as much, because the max reads $Q(s,2)$, which "
            + ("too few rows correct. " if toy.share else "no row corrects. ")
            + f"At this share only a discount of at most {border} would hold, whatever the learning rate."
        )
    if end == "settles":
        return (
            rf"Here each update multiplies $\theta$ by **{number(factor)}**, so it goes to the truth, 0."
            f"\n\nThe discount is below the border, {border} at this share. Move the point across it."
        )
    if end == "stands still":
        return (
            rf"The point lies on the border: the factor is 1 and $\theta$ stays at {number(toy.theta)}, though the "
            "truth is 0. Nothing diverges and nothing is learned."
        )
    return (
        f"The factor is {number(factor)}: each step overshoots 0 by more than it came from."
        "\n\nThat is a learning rate too large for the feature 2, as in any regression, and a smaller one heals it. "
        "The triad is on the other side of the map."
    )


def _doubling_run(state: State) -> Run:
    return courses.toy_run(toy_of(state), Remedy("none"))


DOUBLING = Scene(
    id="doubling",
    title="One parameter, one row",
    question=r"Every reward is 0. Why does $\theta$ keep increasing?",
    setup=r"One state, two actions, $Q(s,a)=\theta\cdot a$. The data contain a single row, $(s,\,1,\,0,\,s)$. The true "
    r"value of everything is 0.",
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
    run=_doubling_run,
    prediction=Prediction(
        r"$\theta_0=1$, $\gamma=1$, $\mathrm{lr}=1$. After ten updates $\theta$ is …",
        ("0", "10", "1024"),
        right=2,
        at={"step": 10, "theta": 1.0, "gamma": 1.0, "learning_rate": 1.0, "share": 0.0},
    ),
    layout=(("update",), ("first:4", "long:3", "map:3"), ("factor",)),
    covered=("first", "long", "map", "factor"),
    aside=("factor",),
    presets=(
        Preset("By hand: 1, 2, 4, 8", {"step": 3}),
        Preset("Until infinity", {"step": 128}),
        Preset(r"$\gamma=\tfrac{1}{2}$: the border", {"gamma": 0.5, "step": 12}),
        Preset(r"Start at $-1$", {"theta": -1.0, "gamma": 0.9, "step": 12}),
        Preset(r"A third of the rows show $2$", {"share": 0.33, "step": 40}),
    ),
    play=Play("step", per_second=3),
    source="The two-state example of Tsitsiklis & Van Roy 1996, told with two actions",
)
