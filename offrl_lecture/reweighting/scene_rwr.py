"""Scene 4: the exponential, on rewards and on returns."""

from __future__ import annotations

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import (
    Axis,
    Bar,
    Bars,
    Mark,
    NumberLine,
    Picture,
    Point,
    Table,
    Zone,
)
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Pictures, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import closed_forms as core
from offrl_lecture.reweighting.scene_cloning import two_actions
from offrl_lecture.reweighting.scene_functions import ACTIONS, COLORS

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
            title="The weights, in float32",
            columns=("action", "$r$", "$G$", rf"${symbol}/\tau$", "weight", "share"),
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
            axis=Axis(
                *(rf"${symbol}/\tau$", "", "symlog", -30000.0, 30000.0),
                threshold=20.0,
                ticks=(-1e4, -1e3, -100, -10, 0, 10, 100, 1e3, 1e4),
            ),
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
            "Less what all returns have in common, their mean, they would reach "
            f"{number(float(np.abs((ret - ret.mean()) / tau).max()), 3)}: that is a baseline. The *advantage* takes "
            "away more, the value of where one is, which solved the same in actor-critic."
        )
    best = [f"$a_{i + 1}$" for i in np.flatnonzero(np.isclose(ret, ret.max()))]
    return text + (
        "\n\nOn rewards alone RWR maximises the *next* reward: it prefers $a_1$ for every $T$. The best return at "
        f"$T={steps}$ is that of {' and '.join(best)}.\n\nA constant added to all rewards is a factor of all "
        "weights and cancels; EMRL's policy moves, or breaks."
    )


def _rwr_run(state: State) -> Run:
    tau = float(state["tau"])
    reward, ret = core.returns_of_plan(FIRST, LATER, int(state["T"]), float(state["shift"]))
    on_return = state["signal"] == "return"
    signal = (ret if on_return else reward)[:2]
    # The world's rewards are at most 10 in size; dividing reward and temperature alike leaves the exponents.
    scale = max(1.0, float(np.abs(signal).max()) / 10)
    low = 0.001
    plus, minus = (signal / scale).tolist()
    lane = Lane("rwr", hyperparameters={"signal": "reward", "temperature": max(tau / scale, low)})
    return two_actions(lane, reward_plus=plus, reward_minus=minus).but(
        "$a_1$ and $a_2$ of the three actions.",
        "Their rewards are the returns." if on_return else "",
        rf"Rewards and $\tau$ are divided by {number(scale, 3)}, so that the exponents are the same."
        if scale > 1 and tau / scale >= low
        else "",
        rf"Rewards are divided by {number(scale, 3)}, and $\tau$ is {low}: no lower one is allowed there."
        if tau / scale < low
        else "",
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
    run=_rwr_run,
    prediction=Prediction(
        r"Weights $e^{G/\tau}$ with $\tau=1$, episodes of 100 steps, numbers in float32. The policy is …",
        ("better: returns are the right signal", "undecided: a third for each action", "not a number"),
        right=2,
        at={"signal": "return", "tau": 1.0, "T": 100, "shift": 0.0},
    ),
    layout=(("policy", "weights"), ("line",)),
    covered=("policy", "weights"),
    presets=(
        Preset("rewards", {}),
        Preset("returns, 10 steps", {"signal": "return"}),
        Preset("89 steps: the last that fit", {"signal": "return", "T": 89}),
        Preset("90 steps: inf", {"signal": "return", "T": 90}),
        Preset("all negative, 60 steps: 0/0", {"signal": "return", "T": 60, "shift": -3.0}),
    ),
    source="Peters & Schaal 2007, “Reinforcement learning by reward-weighted regression”",
)
