"""Scene 3: which function of the reward makes a weight."""

from __future__ import annotations

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import (
    Axis,
    Bar,
    Bars,
    Check,
    Checks,
    Line,
    Lines,
    Picture,
    Point,
    Zone,
)
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Pictures, Prediction, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import closed_forms as core
from offrl_lecture.reweighting.scene_cloning import two_actions

ACTIONS = ("$a_1$", "$a_2$", "$a_3$")
COLORS = ("a1", "a2", "a3")

FUNCTIONS = {
    "identity": "$r$",
    "abs": r"$\lvert r\rvert$",
    "relu": r"$\max(r,0)$",
    "shifted": "$r+c$",
    "softplus": "$\\log(1+e^r)$",
    "exp": "$e^r$",
    "own": "draw it",
}
KNOTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
KNOT_DEFAULTS = (0.5, 1.5, 2.5, 1.5, 0.5, 2.0, 5.0)
DESCENT_STEPS = 300
TOP = 9.0  # where the picture of f ends


def _f(state: State, rewards: np.ndarray) -> np.ndarray:
    knots = (KNOTS, [state[f"k{i}"] for i in range(len(KNOTS))])
    return core.apply_function(str(state["f"]), rewards, shift=float(state["c"]), knots=knots)


def _weight_function(state: State) -> dict[str, Picture]:
    grid = np.linspace(-3, 3, 121)
    values = _f(state, grid)
    rewards = np.array([state["r1"], state["r2"], state["r3"]], dtype=float)
    weights = _f(state, rewards)
    check = core.check_function(grid, values)
    behavior = np.full(3, 1 / 3)
    best = core.optimum(behavior, weights)
    rate = 1 / max(1.0, float(np.abs(weights).mean()))
    learned = core.descend(behavior, weights, learning_rate=rate, steps=DESCENT_STEPS).policy[-1]
    points = [
        Point(r, w, f"$r_{i + 1}$: {'↑ ' if w > TOP else ''}{number(w, 3)}", COLORS[i], control_x=f"r{i + 1}")
        for i, (r, w) in enumerate(zip(rewards, weights, strict=True))
    ]
    if state["f"] == "own":
        points += [
            Point(x, float(state[f"k{i}"]), "", "muted", control_y=f"k{i}", shape="square") for i, x in enumerate(KNOTS)
        ]
    alarm = ""
    if best is None and (weights < 0).any():
        alarm = "A weight is negative: the loss has no floor, the policy runs away."
    elif best is None:
        alarm = "Every weight is 0: nothing is learned."
    elif rewards[int(learned.argmax())] < rewards.max() and not np.isclose(
        learned.max(), learned[int(rewards.argmax())]
    ):
        alarm = "The likeliest action is not the best one."
    return {
        "f": Lines(
            title=f"Weight $f(r)$, {_name(state)}",
            caption="Drag the rewards along the curve."
            + (" Drag the squares to draw your own $f$." if state["f"] == "own" else ""),
            x=Axis("reward $r$", low=-3, high=3),
            y=Axis("weight $f(r)$", low=-3, high=TOP),
            lines=(Line("$f$", grid, values, "learned", width=2.5),),
            zones=(Zone(-np.inf, 0, "negative weights", "bad", axis="y"),),
            points=points,
            legend=False,
        ),
        "checks": Checks(title="Does this $f$ work?", checks=_checks(check)),
        "policy": Bars(
            title=r"What is learned",
            caption=f"Each action once in the data; {DESCENT_STEPS} updates.",
            alarm=alarm,
            categories=[f"{a}: $r={number(r, 3)}$" for a, r in zip(ACTIONS, rewards, strict=True)],
            y=Axis("probability", low=0, high=1),
            bars=(
                Bar(
                    r"learned $\pi_\theta$",
                    learned,
                    colors=COLORS,
                    targets=() if best is None else best,
                    target_name=r"optimum $\propto\pi_\beta\,f(r)$",
                ),
            ),
        ),
    }


def _name(state: State) -> str:
    return {**FUNCTIONS, "own": "your own", "shifted": f"$r+{number(float(state['c']), 3)}$"}[str(state["f"])]


def _checks(check: core.FunctionCheck) -> tuple[Check, ...]:
    positive = Check(
        check.negative_at is None,
        "**Positive**: no weight is below 0, so the loss keeps its floor."
        if check.negative_at is None
        else f"**Not positive**: a reward of {number(check.negative_at, 3)} weighs less than 0; the loss has no floor.",
    )
    if check.falling is None:
        monotonic = Check(True, "**Monotonic**: a better reward never weighs less.")
    else:
        worse, better = check.falling
        monotonic = Check(
            False,
            f"**Not monotonic**: a reward of {number(worse, 3)} weighs more than one of {number(better, 3)}; "
            "failure is rewarded.",
        )
    if check.same is None:
        apart = Check(True, "**Tells all rewards apart**: no two of them weigh the same.")
    else:
        low, high = (number(r, 3) for r in check.same)
        alike = f"all rewards from {low} to {high} weigh the same" if check.flat else f"{low} and {high} weigh the same"
        apart = Check(False, f"**Does not tell all rewards apart**: {alike}.")
    return positive, monotonic, apart


def _function_answer(state: State, _pictures: Pictures) -> str:
    grid = np.linspace(-3, 3, 121)
    check = core.check_function(grid, _f(state, grid))
    this = {
        "identity": "$f(r)=r$ is monotonic and not positive: it breaks on the sign.",
        "abs": r"$f(r)=\lvert r\rvert$ is positive and not monotonic: −2 weighs four times as much as 0.5. "
        "It **rewards failure**.",
        "relu": r"$f(r)=\max(r,0)$ is never negative and never falls, but all failures weigh 0: "
        "if every reward is negative, no row is left.",
        "shifted": r"$f(r)=r+c$ is monotonic, and positive only where $r\ge -c$; what is learned depends on $c$.",
        "softplus": r"$f(r)=\log(1+e^r)$ is positive and monotonic everywhere; for large rewards it grows like $r$.",
        "exp": "$f(r)=e^r$ is positive and monotonic everywhere, and a constant added to all rewards changes nothing.",
        "own": f"Your curve {_own(check, float(_f(state, grid).max()))}",
    }[str(state["f"])]
    return (
        f"{this}\n\n"
        r"We need $f:\mathbb{R}\to[0,\infty)$, **positive** (or the loss has no floor) and **monotonic** "
        "(or a worse reward weighs more). The exponential has both for every reward."
    )


def _function_run(state: State) -> Run:
    rewards = np.array([state["r1"], state["r3"]], dtype=float)
    name, differs = str(state["f"]), "$a_1$ and $a_3$ of the three actions."
    if name in ("shifted", "own"):
        # A row whose reward is the weight itself, weighed by its reward.
        rewards, name = _f(state, rewards), "identity"
        differs += " Their rewards are the weights $f(r)$."
    plus, minus = rewards.tolist()
    lane = Lane("emrl", hyperparameters={"weight_function": name})
    return two_actions(lane, reward_plus=plus, reward_minus=minus).but(differs)


def _own(check: core.FunctionCheck, highest: float) -> str:
    if not check.works:
        return "breaks a rule; the marks say which and where."
    if highest <= 0:
        return "weighs every reward 0: nothing is learned."
    if check.same is not None:
        return "is positive and monotonic: it works, but does not tell all rewards apart."
    return "is positive and strictly monotonic: it works."


def _reward(name: str, symbol: str, default: float) -> Control:
    spec = Hyperparameter(name, symbol, default, "Reward of this action.", low=-3.0, high=3.0)
    return Control(spec, step=0.05, label="reward")


WEIGHT_FUNCTION = Scene(
    id="weight-function",
    title="Choose the weight function",
    question=r"Which functions $f$ of the reward make good weights? Does $f(r)=\lvert r\rvert$ work?",
    setup="One state, three actions, each once in the data, weighted by $f(r)$.",
    controls=(
        Control(
            Hyperparameter("f", "f", "identity", "How a reward becomes a weight.", choices=tuple(FUNCTIONS)),
            labels=FUNCTIONS,
            label="weight function",
        ),
        Control(
            Hyperparameter("c", "c", 1.0, "What is added to every reward.", low=0.0, high=4.0),
            step=0.1,
            label="shift",
            shown_if=("f", ("shifted",)),
        ),
        _reward("r1", "r_1", -2.0),
        _reward("r2", "r_2", 0.5),
        _reward("r3", "r_3", 1.0),
        *(
            Control(
                Hyperparameter(
                    f"k{i}", f"f({x:g})", y, f"Height of your curve at a reward of {x:g}.", low=-3.0, high=9.0
                ),
                step=0.1,
                label=f"weight at {x:g}",
                widget="none",
                shown_if=("f", ("own",)),
            )
            for i, (x, y) in enumerate(zip(KNOTS, KNOT_DEFAULTS, strict=True))
        ),
    ),
    compute=_weight_function,
    answer=_function_answer,
    run=_function_run,
    prediction=Prediction(
        r"Rewards −2, 0.5 and 1, weighted by $f(r)=\lvert r\rvert$. Does it work?",
        ("yes: it is never negative", "no: it rewards failure", "no: the loss has no floor"),
        right=1,
        at={"f": "abs", "r1": -2.0, "r2": 0.5, "r3": 1.0},
    ),
    layout=(("f:1.5", "policy"), ("checks",)),
    covered=("policy", "checks"),
)
