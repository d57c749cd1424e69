"""Scenes 3 and 4: which function of the reward makes a weight, and what the exponential does with returns."""

from __future__ import annotations

import numpy as np

from offrl_core.hyperparameters import Hyperparameter
from offrl_core.lecture import reweighting as core
from offrl_ui.scenes.pictures import (
    Axis,
    Bar,
    Bars,
    Check,
    Checks,
    Line,
    Lines,
    Mark,
    NumberLine,
    Picture,
    Point,
    Table,
    Zone,
)
from offrl_ui.scenes.scene import Control, Pictures, Prediction, Preset, Scene, State
from offrl_ui.scenes.text import number

ACTIONS = ("$a_1$", "$a_2$", "$a_3$")
COLORS = ("a1", "a2", "a3")

# --- 3. the weight function ----------------------------------------------------------------------------------------

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
        Point(r, w, f"$r_{i + 1}$", COLORS[i], control_x=f"r{i + 1}")
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
            y=Axis("weight $f(r)$", low=-3, high=9),
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
            f"failure is rewarded.",
        )
    if check.flat is None:
        strict = Check(True, "**Tells all rewards apart**: the curve is flat nowhere.")
    else:
        low, high = check.flat
        strict = Check(
            None,
            f"**Flat** from {number(low, 3)} to {number(high, 3)}: those rewards all look the same"
            + (", and if all are there, nothing is learned." if check.negative_at is None else "."),
        )
    return positive, monotonic, strict


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
        "own": "Your curve "
        + ("is positive and monotonic: it works." if check.works else "breaks a rule; the marks say which and where."),
    }[str(state["f"])]
    return (
        f"{this}\n\n"
        r"We need $f:\mathbb{R}\to[0,\infty)$, **positive** (or the loss has no floor) and **monotonic** "
        "(or a worse reward weighs more). The exponential has both for every reward."
    )


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
            )
            for i, (x, y) in enumerate(zip(KNOTS, KNOT_DEFAULTS, strict=True))
        ),
    ),
    compute=_weight_function,
    answer=_function_answer,
    prediction=Prediction(
        r"Rewards −2, 0.5 and 1, weighted by $f(r)=\lvert r\rvert$. Does it work?",
        ("yes: it is never negative", "no: it rewards failure", "no: the loss has no floor"),
        right=1,
        at={"f": "abs", "r1": -2.0, "r2": 0.5, "r3": 1.0},
    ),
    layout=(("f:1.5", "policy"), ("checks",)),
)


# --- 4. RWR --------------------------------------------------------------------------------------------------------

FIRST = (1.0, 0.0, -1.0)
LATER = (0.0, 1.0, -1.0)
MAX_STEPS = 1000


def _rwr(state: State) -> dict[str, Picture]:
    tau, steps, shift = float(state["tau"]), int(state["T"]), float(state["shift"])
    reward, ret = core.returns_of_plan(FIRST, LATER, steps, shift)
    signal = ret if state["signal"] == "return" else reward
    exact = core.boltzmann(signal, tau)
    naive = core.float32_weights(signal, tau)
    emrl = core.optimum(np.full(3, 1 / 3), signal)
    symbol = "G" if state["signal"] == "return" else "r"
    return {
        "policy": Bars(
            title=r"The policy each weight leads to",
            alarm=_rwr_alarm(naive),
            categories=ACTIONS,
            y=Axis("probability", low=0, high=1),
            bars=(
                Bar(
                    "RWR in float32",
                    naive.policy.astype(float),
                    "learned",
                    colors=COLORS,
                    targets=exact,
                    target_name=rf"Boltzmann $\propto e^{{{symbol}/\tau}}$, exact",
                ),
                Bar(
                    "EMRL" + ("" if emrl is not None else ": a weight is negative"),
                    np.full(3, np.nan) if emrl is None else emrl,
                    "muted",
                ),
            ),
        ),
        "weights": Table(
            title="How the weights come about",
            columns=("action", "$r$", "$G$", rf"${symbol}/\tau$", "weight in float32", "share"),
            rows=[
                (
                    a,
                    reward[i],
                    ret[i],
                    signal[i] / tau,
                    float(naive.weights[i]),
                    "NaN" if np.isnan(naive.policy[i]) else float(naive.policy[i]),
                )
                for i, a in enumerate(ACTIONS)
            ],
            caption=f"$r$: the first reward. $G$: the return of all {steps} steps."
            if steps > 1
            else "One step: $r=G$.",
        ),
        "line": NumberLine(
            title=rf"The exponents ${symbol}/\tau$ on the line of numbers that float32 can exponentiate",
            axis=Axis(rf"${symbol}/\tau$", scale="symlog", threshold=20.0, low=-30000.0, high=30000.0),
            points=tuple(Point(signal[i] / tau, 0.0, a, COLORS[i]) for i, a in enumerate(ACTIONS)),
            zones=(
                Zone(core.FLOAT32_EXP_HIGH, np.inf, "exp = inf", "bad"),
                Zone(-np.inf, core.FLOAT32_EXP_LOW, "exp = 0", "bad"),
            ),
            marks=(
                Mark(core.FLOAT32_EXP_HIGH, number(core.FLOAT32_EXP_HIGH), color="bad"),
                Mark(core.FLOAT32_EXP_LOW, number(core.FLOAT32_EXP_LOW, 5), color="bad"),
            ),
        ),
    }


def _rwr_alarm(naive: core.Float32Weights) -> str:
    high, low = number(core.FLOAT32_EXP_HIGH), number(core.FLOAT32_EXP_LOW, 5)
    return {
        "fine": "",
        "overflow": f"An exponent is above {high}: its weight is **inf**, and inf/inf is no number.",
        "underflow": f"Every exponent is below {low}: all weights are **0**, and 0/0 is no number.",
        "lost": f"An exponent is below {low}: its weight is **0**, that row no longer exists.",
    }[naive.verdict]


def _rwr_answer(state: State, _pictures: Pictures) -> str:
    steps, tau, shift = int(state["T"]), float(state["tau"]), float(state["shift"])
    reward, ret = core.returns_of_plan(FIRST, LATER, steps, shift)
    on_return = state["signal"] == "return"
    signal = ret if on_return else reward
    naive = core.float32_weights(signal, tau)
    if naive.verdict in ("overflow", "underflow"):
        there = "inf" if naive.verdict == "overflow" else "nothing but zeros"
        text = f"The softmax (dashed) is well defined; the weights on the way to it are not: float32 has {there} there."
    elif np.abs(naive.policy - core.boltzmann(signal, tau)).max() > 0.005:
        text = "The bars miss the softmax: weights this small have only a few digits left in float32."
    else:
        text = (
            "With each action once in the data RWR learns the Boltzmann distribution: the bars meet the dashed softmax."
        )
    if on_return:
        return text + (
            "\n\nThe return is the right thing to maximise, but it grows with the episode: at "
            rf"$T={steps}$ and $\tau={number(tau, 3)}$ the exponents reach "
            f"{number(float(np.abs(ret / tau).max()), 3)} in size. "
            "Subtracting a baseline keeps them small: that is the *advantage*, which solved the same in actor-critic."
        )
    best = [f"$a_{i + 1}$" for i in np.flatnonzero(np.isclose(ret, ret.max()))]
    return text + (
        "\n\nOn rewards alone RWR maximises the *next* reward: it prefers $a_1$ for every $T$. The best return at "
        f"$T={steps}$ is that of {' and '.join(best)}.\n\n"
        "A constant added to all rewards is a factor of all weights and cancels; EMRL's policy moves, or breaks."
    )


RWR = Scene(
    id="rwr",
    title="The exponential",
    question="Does RWR maximise the right thing? Why does the version with returns fail in practice?",
    setup="$a_1$ pays 1 now and 0 later, $a_2$ 0 now and 1 on every later step, $a_3$ −1 on every step. "
    r"Each starts one episode of $T$ steps. RWR weighs a row by $e^{r/\tau}$ or $e^{G/\tau}$.",
    controls=(
        Control(
            Hyperparameter("signal", "", "reward", "What goes into the exponential.", choices=("reward", "return")),
            labels={"reward": "reward $r$", "return": "return $G$"},
            label="weigh by",
        ),
        Control(
            Hyperparameter(
                *("tau", r"\tau", 1.0, "Temperature: it divides. Low is greedy, high is cloning."),
                low=0.05,
                high=20.0,
                scale="log",
            ),
            label="temperature",
        ),
        Control(
            Hyperparameter(
                *("T", "T", 10, "Length of the episodes: returns grow with it."),
                low=1,
                high=MAX_STEPS,
                integer=True,
                scale="log",
            ),
            label="steps in an episode",
        ),
        Control(
            Hyperparameter("shift", "c", 0.0, "A constant added to every reward.", low=-3.0, high=3.0),
            step=0.1,
            label="added to every reward",
        ),
    ),
    compute=_rwr,
    answer=_rwr_answer,
    prediction=Prediction(
        r"Weights $e^{G/\tau}$ with $\tau=1$, episodes of 100 steps, numbers in float32. The policy is …",
        ("better: returns are the right signal", "undecided: a third for each action", "not a number"),
        right=2,
        at={"signal": "return", "tau": 1.0, "T": 100, "shift": 0.0},
    ),
    layout=(("policy:1.1", "weights"), ("line",)),
    presets=(
        Preset("rewards", {}),
        Preset("returns, 10 steps", {"signal": "return"}),
        Preset("89 steps: the last that fit", {"signal": "return", "T": 89}),
        Preset("90 steps: inf", {"signal": "return", "T": 90}),
        Preset("all negative, 60 steps: 0/0", {"signal": "return", "T": 60, "shift": -3.0}),
    ),
    source="Peters & Schaal 2007, “Reinforcement learning by reward-weighted regression”",
)
