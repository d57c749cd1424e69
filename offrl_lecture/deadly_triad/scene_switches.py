"""Three switches on the toy MDP: function approximation, bootstrapping, off-policy data."""

from __future__ import annotations

import math
from dataclasses import replace

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Line, Lines, Panel, Panels, Picture, Words
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Prediction, Preset, Scene, State
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
from offrl_lecture.deadly_triad.toy import Switches, Toy

_COMBINATIONS = tuple(
    Switches(approximation, bootstrapping, off_policy)
    for off_policy in (True, False)
    for bootstrapping in (True, False)
    for approximation in (True, False)
)
_STEPS = 60
_LIMIT = 100.0


def _label(on: Switches) -> str:
    return " · ".join(
        (
            "linear" if on.approximation else "table",
            "bootstrap" if on.bootstrapping else "return",
            "off-policy" if on.off_policy else "on-policy",
        )
    )


def _replaced(on: Switches) -> str:
    """What a combination puts in place of the triad's parts."""
    if on == Switches():
        return "**all three on**"
    if on == Switches(False, False, False):
        return "all three off"
    parts = (("table", on.approximation), ("return", on.bootstrapping), ("on-policy", on.off_policy))
    return " · ".join(name for name, is_on in parts if not is_on)


def _verdict(toy: Toy, on: Switches) -> tuple[str, str]:
    q1, q2 = triad.limit(toy, on)
    if math.isinf(q1):
        return "diverges", "bad"
    if math.isnan(q1):
        return "step too large", "bad"
    if abs(q1) < 1e-9 and abs(q2) < 1e-9:
        return "the truth, 0", "good"
    if abs(q1) < 1e-9:
        return f"$Q(s,2)$ stays at {number(q2)}, wrong", "muted"
    if q1 == toy.theta and q2 == 2 * toy.theta:
        return f"stands still at {number(q1)}", "muted"
    return f"settles at {number(q1)}, wrong", "muted"


def _switch_lines(toy: Toy, on: Switches, small: bool) -> Lines:
    q = triad.trajectory(toy, _STEPS, on).astype(float)
    down = toy.theta < 0 or min(factors(toy)) < 0
    x = range(_STEPS + 1)
    return Lines(
        title="" if small else f"{_label(on)}: {_verdict(toy, on)[0]}",
        x=Axis("update", low=0, high=_STEPS),
        y=Axis("$Q(s,a)$", scale="symlog", threshold=1.0, low=-_LIMIT if down else -0.5, high=_LIMIT),
        lines=(
            Line("$Q(s,2)$", x, q[:, 1], "a2", label="$Q(s,2)$", width=2.6),
            Line("$Q(s,1)$", x, q[:, 0], "a1", label="$Q(s,1)$", width=2.6),
            Line("true value", (0, _STEPS), (0.0, 0.0), "truth", dash=True, label="truth"),
        ),
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
                _replaced(combination),
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
            title="All eight combinations, by what replaces a part of the triad",
            panels=tuple(panels),
            selected=_COMBINATIONS.index(on),
            columns=4,
            height="tall",
        ),
    }


def _why(toy: Toy, on: Switches) -> str:
    q1, _ = triad.limit(toy, on)
    if math.isnan(q1):
        return "Each step overshoots 0 by more than it came from: too large a learning rate for the feature 2."
    if on == Switches():
        return _why_the_triad(toy, math.isinf(q1))
    if not on.approximation and on.bootstrapping and on.off_policy:
        return _why_a_table(toy, q1)
    if not on.bootstrapping:
        text = "The Monte Carlo target is the return itself, 0: plain regression, nothing to chase. "
        if not on.approximation and on.off_policy and toy.share == 0:
            return text + "$Q(s,2)$ has no rows and keeps its start value."
        return text + r"It learns the value of $\pi_\beta$: here the same as the optimum, in general not."
    text = "Every row shows the action that the max picks, so what the target reads is corrected at once. "
    if toy.gamma == 1:
        return (
            text + r"At $\gamma=1$ it does not move at all: $Q=0+Q$ holds for every constant. No divergence, no truth."
        )
    if toy.theta < 0 and not on.approximation:
        return text + "The greedy action reaches 0; the other one is never tried and keeps its start value."
    if math.isinf(q1):
        return r"The step is so large that $\theta$ changes sign before it grows."
    return text + "It shrinks to the truth. Offline we cannot choose the rows: this switch is out of reach."


def _why_the_triad(toy: Toy, diverges: bool) -> str:
    if toy.theta < 0:
        if diverges:
            return r"The step is so large that $\theta$ changes sign, and above 0 it grows."
        return r"With $\theta<0$ the max picks action 1, the corrected one: no growth. Start above 0."
    if toy.theta == 0:
        return r"At $\theta=0$ the target is 0 too: nothing moves. Start anywhere else."
    border = number(float(triad.border_share(toy.gamma)))
    if diverges:
        text = f"All three at once: each update multiplies $\\theta$ by {number(factor_here(toy))}. "
        if toy.share == 0:
            return text + "Take away any one of the three."
        text += f"The {number(100 * toy.share)} % of rows with $a=2$ only slow it; "
        return text + (
            r"at $\gamma=1$ every share below 1 diverges." if toy.gamma == 1 else f"a share of {border} would stop it."
        )
    if float(triad.growth(toy.gamma, toy.learning_rate, toy.share)) > 1 - 1e-12:
        return r"Exactly on the border: the factor is 1. It neither grows nor learns."
    if toy.gamma <= 0.5:
        return r"With $\gamma\le\tfrac12$ bootstrapping is too weak to grow, whatever the data."
    return (
        rf"At $\gamma={number(toy.gamma)}$ the share {number(toy.share)} is past the border {border}: the corrections "
        "of $a=2$ outweigh the growth."
    )


def _why_a_table(toy: Toy, settled: float) -> str:
    if toy.share in (0.0, 1.0):
        text = (
            r"A table cannot diverge here: the seen action moves to $\gamma\max Q$, and nothing moves the unseen one. "
        )
        if abs(settled) < 1e-9:
            return text + "From this start it settles at the truth."
        return (
            text + f"But $Q(s,1)$ ends at **{number(settled)}**, and the truth is 0: a start value believed for ever."
        )
    if toy.gamma < 1:
        return r"Both entries are corrected by rows of their own: with $\gamma<1$ a table contracts to the truth."
    return rf"A table cannot diverge, but at $\gamma=1$ any constant fits: both entries meet at {number(settled)}."


def _switches_answer(state: State, _: object) -> str:
    toy = toy_of(state)
    diverging = sum(math.isinf(triad.limit(toy, on)[0]) for on in _COMBINATIONS)
    too_large = sum(math.isnan(triad.limit(toy, on)[0]) for on in _COMBINATIONS)
    table = triad.limit(toy, Switches(approximation=False))[0]
    if math.isinf(triad.limit(toy, Switches())[0]) and diverging == 1:
        said = "Of the eight, **only the one with all three** diverges. "
    elif diverging:
        said = f"{diverging} of the eight diverge: a large step lets the sign flip first. "
    elif toy.theta <= 0:
        said = "From this start none of the eight diverges: start above 0. "
    else:
        said = r"With these numbers none of the eight diverges: raise $\gamma$ or lower the share. "
    if too_large:
        said += f"({too_large} of them overshoot: too large a learning rate, which is not the triad.) "
    return (
        said + "Offline we can give up bootstrapping or the approximation, never the off-policy data, and each has its "
        "price."
        + "\n\n"
        + r"**Monte Carlo** only evaluates $\pi_\beta$. **On-policy data** means exploring. **A table** "
        + (
            f"does not diverge, but here $Q(s,1)$ ends at {number(table)} where the truth is 0, "
            if abs(table) > 1e-9
            else "gets $Q(s,1)=0$ right here, "
        )
        + "and is out of the question once states are continuous. What is left is *which* values the max may read."
    )


def _switches_run(state: State) -> Run:
    toy, on = toy_of(state), _chosen(state)
    greedy = 2 if toy.theta > 0 else 1
    if not on.off_policy:
        toy = replace(toy, share=float(greedy == 2))
    run = courses.toy_run(toy, Remedy("none"))
    lane = replace(
        run.lanes[0],
        algorithm="q-learning" if on.bootstrapping else "mc-q",
        approximator="linear" if on.approximation else "table",
    )
    return replace(run, lanes=(lane,)).but(
        "" if on.off_policy else f"All rows show $a={greedy}$, the greedy action at the start.",
        "" if on.approximation else r"Both entries of the table start at $\theta_0$.",
    )


def _off(name: str, label: str, help: str) -> Control:
    return Control(Hyperparameter(name, "", True, help), label=label)


SWITCHES = Scene(
    id="three-switches",
    title="Three switches",
    question="Which of the three can we remove offline?",
    setup=r"The toy again, start $Q=(\theta_0, 2\theta_0)$. Off means: a table instead of $\theta\cdot a$; the return "
    r"as the target instead of $\gamma\max Q$; rows that follow the greedy policy instead of a fixed share.",
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
    run=_switches_run,
    prediction=Prediction(
        r"Offline, at $\gamma=.9$, we put $Q$ in a table. Where does $Q(s,1)$ end?",
        ("at 0, the truth", r"it diverges, only slower", r"at $\gamma\cdot Q(s,2)$, wrong for ever"),
        right=2,
        at={
            "approximation": False,
            "bootstrapping": True,
            "off_policy": True,
            "theta": 1.0,
            "gamma": 0.9,
            "share": 0.0,
        },
    ),
    layout=(("chosen:3", "why:2"), ("all",)),
    covered=("all",),
    aside=("why",),
    presets=(
        Preset("The triad", {}),
        Preset("A table", {"approximation": False}),
        Preset("Monte Carlo", {"bootstrapping": False}),
        Preset("On-policy", {"off_policy": False}),
        Preset(r"$\gamma=1$, half the rows show $2$", {"gamma": 1.0, "share": 0.5}),
        Preset(r"$\gamma=.9$, past $p=\tfrac{2}{3}$", {"share": 0.7}),
    ),
    source="Sutton & Barto 2018, section 11.3",
)
