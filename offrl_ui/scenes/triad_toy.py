"""The toy MDP of the deadly triad: the update by hand, its growth, and the three switches."""

from __future__ import annotations

import math

import numpy as np

from offrl_core.hyperparameters import Hyperparameter
from offrl_core.lecture import triad
from offrl_core.lecture.triad import Switches, Toy
from offrl_ui.scenes.pictures import (
    Axis,
    Equation,
    Heat,
    Line,
    Lines,
    Mark,
    Number,
    NumberTiles,
    Panel,
    Panels,
    Picture,
    Point,
    Words,
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
        "share", "p", 0.0, "Share of the rows that show action 2: up is closer to the greedy policy's own data.", 0.0, 1.0
    ),
    step=0.01,
    label="share of $a=2$ in the data",
)


def gamma_control(default: float) -> Control:
    """The toy's discount."""
    return Control(
        Hyperparameter("gamma", r"\gamma", default, "Discount: up bootstraps more; above the border it diverges.", 0.0, 1.0),
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
    names = [number(v) for v in thetas[:13]]
    first = Lines(
        title=r"The first 12 updates",
        x=Axis("update", low=-0.3, high=12.6, ticks=(0, 2, 4, 6, 8, 10, 12)),
        y=Axis(r"$\theta = Q(s,1)$", low=low - 0.04 * (high - low), high=high + 0.08 * (high - low)),
        lines=(
            Line("exact recursion", range(13), thetas[:13], "truth", mode="points", faint=True),
            Line(r"$\theta$", range(13), shown[:13], "learned", mode="both"),
            Line("true value", (0, 12.6), (0.0, 0.0), "truth", dash=True),
        ),
        points=(Point(step, thetas[step], names[step], "learned"),) if step <= 12 and np.isfinite(thetas[step]) else (),
        legend=False,
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
        lines=(Line(r"$\theta$", range(LAST + 1), shown, "learned"), truth),
        marks=(Mark(FLOAT32_MAX, "largest float32, 3.4·10³⁸", "y", "bad"),)
        + ((Mark(end, f"no longer a number at update {end}", "x", "bad"),) if end and step >= end else ()),
        alarm=f"$\\theta$ left the numbers at update {end}: it is {'infinite' if step == end else 'NaN or infinite'} now."
        if end and step >= end
        else "",
        legend=False,
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
        points=(
            Point(toy.gamma, toy.share, f"factor {number(factor_here(toy))}", "learned", "gamma", "share"),
        ),
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
                factor,
                tone=tone,  # type: ignore[arg-type]
                help="Above 1 the parameter grows without end; below −1 it overshoots.",
            ),
            Number("what happens", end, tone=tone),  # type: ignore[arg-type]
            Number(
                r"border $\gamma$ at this share" if toy.theta > 0 else r"border for $\theta<0$",
                border if toy.theta > 0 else "none",
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
        return said + {
            "settles": ", so $\\theta$ goes to the truth, 0.",
            "stands still": r", and $\theta$ stays where it is: with $\gamma=1$ every constant satisfies Bellman's equation.",
            "overshoots": ": every step overshoots. This is too large a step, not the triad.",
            "diverges": r": the step is so large that $\theta$ changes sign, and above 0 it grows.",
        }[end]
    cause = (
        r"The only row says: move $Q(s,1)=\theta$ towards $\gamma\max_{a'}Q(s,a')=\gamma\cdot 2\theta$. "
        r"Raising $\theta$ raises the target twice as fast, because the max reads $Q(s,2)$, which no row corrects"
        + (" enough. " if toy.share else ". ")
    )
    if end == "diverges":
        double = math.log(2) / math.log(up) if up > 1 else math.inf
        return (
            f"{cause}Every update multiplies $\\theta$ by **{number(up)}**: it doubles every {number(double, 3)} updates, "
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
    covered=("map", "factor"),
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


# --- the three switches -------------------------------------------------------------------------------------------

_COMBINATIONS = tuple(
    Switches(approximation, bootstrapping, off_policy)
    for off_policy in (True, False)
    for bootstrapping in (True, False)
    for approximation in (True, False)
)
_STEPS = 60


def _label(on: Switches) -> str:
    return " · ".join(
        (
            "linear" if on.approximation else "table",
            "bootstrap" if on.bootstrapping else "Monte Carlo",
            "off-policy" if on.off_policy else "on-policy",
        )
    )


def _verdict(toy: Toy, on: Switches) -> tuple[str, str]:
    q1, q2 = triad.limit(toy, on)
    if math.isinf(q1):
        return "diverges", "bad"
    if math.isnan(q1):
        return "step too large", "bad"
    if abs(q1) < 1e-9 and abs(q2) < 1e-9:
        return "the truth, 0", "good"
    if abs(q1) < 1e-9:
        return f"$Q(s,1)$ → 0, $Q(s,2)$ stays {number(q2)}", "muted"
    if q1 == toy.theta and q2 == 2 * toy.theta:
        return f"stands still at {number(q1)}", "muted"
    return f"settles at {number(q1)}, wrong", "muted"


def _switch_lines(toy: Toy, on: Switches, small: bool) -> Lines:
    q = triad.trajectory(toy, _STEPS, on).astype(float)
    limit = 100.0
    x = range(_STEPS + 1)
    return Lines(
        title="" if small else f"{_label(on)}: {_verdict(toy, on)[0]}",
        x=Axis("update", low=0, high=_STEPS, ticks=(0, _STEPS) if small else ()),
        y=Axis("$Q$" if small else "$Q(s,a)$", scale="symlog", threshold=1.0, low=-limit, high=limit),
        lines=(
            Line("$Q(s,2)$", x, q[:, 1], "a2", label="" if small else "$Q(s,2)$"),
            Line("$Q(s,1)$", x, q[:, 0], "a1", label="" if small else "$Q(s,1)$"),
            Line("true value", (0, _STEPS), (0.0, 0.0), "truth", dash=True),
        ),
        legend=not small,
        height="short" if small else "normal",
    )


def _chosen(state: State) -> Switches:
    return Switches(bool(state["approximation"]), bool(state["bootstrapping"]), bool(state["off_policy"]))


def _switches(state: State) -> dict[str, Picture]:
    toy, on = toy_of(state), _chosen(state)
    panels = []
    for combination in _COMBINATIONS:
        verdict, tone = _verdict(toy, combination)
        panels.append(
            Panel(
                _label(combination),
                _switch_lines(toy, combination, small=True),
                value="",
                verdict=verdict,
                tone=tone,
                sets=(
                    ("approximation", combination.approximation),
                    ("bootstrapping", combination.bootstrapping),
                    ("off_policy", combination.off_policy),
                ),
            )
        )
    return {
        "chosen": _switch_lines(toy, on, small=False),
        "why": Words(title="What this combination does", text=_why(toy, on)),
        "all": Panels(
            title="All eight combinations",
            panels=tuple(panels),
            selected=_COMBINATIONS.index(on),
            columns=4,
        ),
    }


def _why(toy: Toy, on: Switches) -> str:
    verdict, _ = _verdict(toy, on)
    q1, _q2 = triad.limit(toy, on)
    if math.isnan(q1):
        return "Each step overshoots 0 by more than it came from: the learning rate is too large for the feature 2. Lower it."
    if on == Switches():
        if toy.theta <= 0:
            return r"With $\theta\le 0$ the max picks action 1, the corrected one: no growth. Start above 0."
        if verdict == "diverges":
            return (
                f"All three at once: each update multiplies $\\theta$ by {number(factor_here(toy))}. "
                + (
                    f"A share of {number(toy.share)} of rows with $a=2$ only slows it"
                    + (
                        r"; at $\gamma=1$ every share below 1 diverges."
                        if toy.gamma == 1
                        else f"; it would take {number(float(triad.border_share(toy.gamma)))}."
                    )
                    if toy.share
                    else "Take away any one of the three."
                )
            )
        if toy.gamma <= 0.5:
            return r"With $\gamma\le\tfrac12$ bootstrapping is too weak to grow, whatever the data."
        return (
            f"At $\\gamma={number(toy.gamma)}$ the share {number(toy.share)} is past the border "
            f"{number(float(triad.border_share(toy.gamma)))}: the corrections of $a=2$ outweigh the growth."
        )
    if not on.approximation and on.bootstrapping and on.off_policy:
        if toy.share == 0:
            return (
                r"A table cannot diverge here: $Q(s,1)\to\gamma\max(Q(s,1),Q(s,2))$, and nothing moves $Q(s,2)$. "
                f"But it settles at **{number(q1)}**"
                + (", and the truth is 0: the unseen action's start value is believed for ever." if abs(q1) > 1e-9 else ".")
            )
        if toy.gamma < 1:
            return r"Both entries are corrected by their own rows: with $\gamma<1$ a table contracts to the truth."
        return (
            r"A table cannot diverge, but at $\gamma=1$ every constant satisfies Bellman's equation: "
            f"both entries meet at {number(q1)}."
        )
    if not on.bootstrapping:
        text = "The Monte Carlo target is the return itself, 0: plain regression, nothing to chase. "
        if not on.approximation and on.off_policy and toy.share == 0:
            text += "$Q(s,2)$ has no rows and keeps its start value; $Q(s,1)$ is the value of the data's own policy."
        else:
            text += r"What it learns is the value of $\pi_\beta$, here the same as the optimum; in general it is not."
        return text
    text = "Every row shows the action that the max picks, so what the target reads is corrected at once. "
    if toy.gamma == 1:
        return text + (
            r"At $\gamma=1$ it does not move at all: $Q = 0 + Q$ holds for every constant. No divergence, no truth either."
        )
    if toy.theta < 0 and not on.approximation:
        return text + "The greedy action reaches 0; the other one is never tried and keeps its start value."
    return text + "It shrinks to the truth. Offline we cannot choose the rows, so this switch is out of reach."


def _switches_answer(state: State, _: object) -> str:
    toy = toy_of(state)
    diverging = [on for on in _COMBINATIONS if math.isinf(triad.limit(toy, on)[0])]
    too_large = [on for on in _COMBINATIONS if math.isnan(triad.limit(toy, on)[0])]
    if len(diverging) == 1:
        said = "Of the eight, **only the one with all three** diverges. "
    elif diverging:
        said = f"{len(diverging)} of the eight diverge: a large step lets the sign flip first. "
    else:
        said = "With these numbers none of the eight diverges: raise $\\gamma$ or lower the share. "
    if too_large:
        said += f"({len(too_large)} only suffer from too large a learning rate, not from the triad.) "
    table = triad.limit(toy, Switches(approximation=False))[0]
    return (
        said
        + r"Each cure has its price. **Monte Carlo** gives up improving on $\pi_\beta$. **On-policy data** means exploring, "
        + "which offline we cannot. **A table** "
        + (
            f"does not diverge, but here it settles at {number(table)} where the truth is 0, "
            if abs(table) > 1e-9
            else "is right here, "
        )
        + "and it is out of the question once states are continuous. What is left is to change *which* values the max may read."
    )


def _off(name: str, label: str, help: str) -> Control:
    return Control(Hyperparameter(name, "", True, help), label=label)


SWITCHES = Scene(
    id="three-switches",
    title="Three switches",
    question="Which of the three can we remove offline?",
    setup=r"The toy again, start $Q=(\theta_0, 2\theta_0)$. Off means: a table instead of $\theta\cdot a$; the return as the "
    r"target instead of $\gamma\max Q$; rows that follow the greedy policy instead of a fixed share.",
    controls=(
        _off("approximation", "function approximation", r"On: $Q(s,a)=\theta\cdot a$. Off: a table with two entries."),
        _off("bootstrapping", "bootstrapping", r"On: target $\gamma\max Q$. Off: the Monte Carlo return, 0."),
        _off("off_policy", "off-policy data", "On: rows in fixed shares. Off: every row shows the greedy action."),
        THETA,
        gamma_control(0.9),
        rate_control(0.1),
        SHARE,
    ),
    compute=_switches,
    answer=_switches_answer,
    prediction=Prediction(
        r"Offline, at $\gamma=.9$, we put $Q$ in a table. Where does $Q(s,1)$ end?",
        ("at 0, the truth", r"it diverges, only slower", r"at $\gamma\cdot Q(s,2)$, wrong for ever"),
        right=2,
    ),
    layout=(("chosen:3", "why:2"), ("all",)),
    covered=("all",),
    presets=(
        Preset("The triad", {}),
        Preset("A table", {"approximation": False}),
        Preset("Monte Carlo", {"bootstrapping": False}),
        Preset("On-policy", {"off_policy": False}),
        Preset(r"$\gamma=1$, half the rows show $2$", {"gamma": 1.0, "share": 0.5}),
        Preset(r"$\gamma=.9$, past $p=\tfrac23$", {"share": 0.7}),
    ),
    source="Sutton & Barto 2018, section 11.3",
)
