"""Scene 5: from the return to the advantage, and MARWIL's two steps."""

from __future__ import annotations

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import (
    Axis,
    Bar,
    Bars,
    Line,
    Lines,
    Mark,
    Picture,
)
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Pictures, Play, Prediction, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import advantages as core
from offrl_lecture.reweighting.closed_forms import effective_sample_size

UPDATES = 40
SKILL = 0.5  # the policy that made the data is undecided
SIGNALS = {"return": "$G$", "baseline": "$G-V$", "advantage": r"$r+\gamma V'-V$"}
STATES = np.arange(1, core.STATES + 1)


def _chain(state: State) -> tuple[core.ChainData, core.Marwil, int, np.ndarray]:
    given = {
        "episodes": int(state["episodes"]),
        "delta": float(state["delta"]),
        "gamma": float(state["gamma"]),
        "skill": SKILL,
    }
    data = core.collect(**given)
    run = core.marwil(**given, beta=float(state["beta"]), value=str(state["value"]), updates=UPDATES)
    step = int(state["step"])
    value = (run.td if state["value"] == "td" else run.mc)[min(step, UPDATES)]
    return data, run, step, value


def _advantage(state: State) -> dict[str, Picture]:
    data, run, step, value = _chain(state)
    beta, kind = float(state["beta"]), str(state["signal"])
    every = core.signals(data, value)
    signal = every[kind]
    weights = {name: core.weights_of(x, beta) for name, x in every.items()}
    sizes = [100 * effective_sample_size(w) for w in weights.values()]
    # Rows of one state stand beside each other, so that each can be seen.
    beside = (np.arange(data.rows) * 0.618034) % 1.0 - 0.5
    x = data.state + 1 + 0.32 * beside + np.where(data.good, -0.2, 0.2)
    phase = f"learning $V$: update {step}" if step <= UPDATES else f"cloning: update {step - UPDATES}"
    top = float(np.ceil(data.value.max() * 1.25 + 1))
    cloning = max(step - UPDATES, 0)
    best = core.chain(data.delta).optimal_policy(data.gamma)[: core.STATES, 0]
    return {
        "rows": Lines(
            title=f"Every row of the data, by its {SIGNALS[kind]}",
            caption=_rows_caption(data, kind),
            x=Axis("state along the chain", low=0.4, high=core.STATES + 0.6, ticks=STATES),
            y=Axis("signal", low=-1, high=top) if kind == "return" else Axis("signal", low=-4, high=4),
            lines=(
                Line("took $a^+$", x[data.good], signal[data.good], "a1", mode="points"),
                Line("took $a^-$", x[~data.good], signal[~data.good], "a2", mode="points"),
            ),
        ),
        "spread": Bars(
            title="The signal's variance",
            categories=tuple(SIGNALS.values()),
            y=Axis("variance", low=0),
            bars=(Bar("", [float(x.var()) for x in every.values()], colors=("c2", "c3", "c1")),),
            legend=False,
        ),
        "sizes": Bars(
            title="Rows that count",
            caption=r"Effective sample size $(\sum w)^2/(N\sum w^2)$ of the weights $w=e^{\beta\cdot\text{signal}}$.",
            categories=tuple(SIGNALS.values()),
            y=Axis("effective sample", "%", low=0, high=100),
            bars=(Bar("", sizes, colors=("c2", "c3", "c1")),),
            legend=False,
        ),
        "value": Lines(
            title="Step 1: learn $V$ of the data's policy",
            caption=f"Now {phase}.",
            x=Axis("state along the chain", low=0.6, high=core.STATES + 0.4, ticks=STATES),
            y=Axis("value", low=0, high=top),
            lines=(
                Line("exact", STATES, data.value, "truth", dash=True),
                Line(r"TD: target $r+\gamma V(s')$", STATES, run.td[min(step, UPDATES)], "c1", mode="both"),
                Line("Monte Carlo: target $G$", STATES, run.mc[min(step, UPDATES)], "c2", mode="both"),
            ),
        ),
        "policy": Lines(
            title=r"Step 2: clone with $w=e^{\beta A}$",
            caption="Dashed: where the cloning ends." if cloning else "Begins when $V$ is learned.",
            x=Axis("state along the chain", low=0.6, high=core.STATES + 0.4, ticks=STATES),
            y=Axis(r"$\pi_\theta(a^+\mid s)$", low=0, high=1),
            lines=(
                Line(r"end of the cloning", STATES, run.target, "truth", dash=True),
                Line(r"learned $\pi_\theta$", STATES, run.policy[cloning], "learned", mode="both"),
                Line("optimal", STATES, best, "good", mode="points", faint=True),
            ),
            marks=(Mark(SKILL, "the data's policy", axis="y", color="behavior"),),
        ),
    }


def _rows_caption(data: core.ChainData, kind: str) -> str:
    by_state = core.state_mean(data, data.ret)[data.state].var() / max(float(data.ret.var()), 1e-12)
    return {
        "return": f"The return says above all *where* a row was: {number(100 * by_state, 2)} % of its variance.",
        "baseline": "Minus the value of the state: what is left is the action and the luck of all later steps.",
        "advantage": "The value of the next state replaces the luck of later steps: what is left is the action.",
    }[kind]


def _advantage_answer(state: State, _pictures: Pictures) -> str:
    data, _, step, value = _chain(state)
    beta = float(state["beta"])
    spread = [
        f"{SIGNALS[name]} has variance {number(float(x.var()), 3)}, and "
        f"{number(100 * effective_sample_size(core.weights_of(x, beta)), 3)} % of the rows count"
        for name, x in core.signals(data, value).items()
    ]
    learned = "" if step >= UPDATES else f" (with $V$ after {step} of {UPDATES} updates)"
    return (
        "As in actor-critic, **the advantage** solves it: what is left is the action. MARWIL is **supervised learning "
        "twice**, a regression for $V$ and weighted cloning. $V$ judges the policy that *made the data*, and its "
        "returns are samples of just this value: Monte Carlo is allowed.\n\nFor the value of $\\pi_\\theta$ they would "
        "not be. TD regresses onto targets of its own making; both estimate the same value and may differ on finite "
        f"data.\n\nIn numbers{learned}: {'; '.join(spread)}.\n\nIn a table "
        "the baseline cancels inside each state, so $G$ and $G-V$ end at the same policy. What differs is how many "
        "rows count, and a network that shares its parameters over all states feels that."
    )


def _advantage_run(state: State) -> Run:
    beta, gamma, signal = float(state["beta"]), float(state["gamma"]), str(state["signal"])
    if signal == "return" and beta >= 0.01:  # the highest temperature is 100
        lane = Lane("rwr", hyperparameters={"signal": "return", "temperature": 1 / beta, "gamma": gamma})
    else:
        judged = {"value_target": str(state["value"]), "advantage": "mc" if signal == "baseline" else "td"}
        lane = Lane("marwil", hyperparameters={"beta": beta, "gamma": gamma, **judged})
    return Run("double-crossing", (lane,)).but("In another world, two roads that cross: the catalogue has no chain.")


ADVANTAGE = Scene(
    id="advantage",
    title="From return to advantage",
    question="What solved the trouble with returns in actor-critic? Is MARWIL reinforcement learning or supervised "
    "learning? Can it use Monte Carlo instead of TD, and why?",
    setup=r"A chain of eight states; both actions step to the right. Arriving pays $1+\delta$ after $a^+$ and "
    r"$1-\delta$ after $a^-$. The data's policy takes either as often.",
    controls=(
        Control(
            Hyperparameter("signal", "", "return", "What goes into the exponential.", choices=tuple(SIGNALS)),
            labels=SIGNALS,
            label="weigh by",
        ),
        Control(
            Hyperparameter("value", "V", "td", "Which learned value the signals use.", choices=("td", "mc")),
            labels={"td": "TD", "mc": "Monte Carlo"},
            label="value from",
        ),
        Control(
            Hyperparameter("beta", r"\beta", 1.0, "It multiplies: 0 is cloning, more is greedier.", low=0.0, high=5.0),
            step=0.1,
            label="greed",
        ),
        Control(
            Hyperparameter("delta", r"\delta", 0.5, "How much the action matters.", low=0.0, high=1.0),
            step=0.05,
            label="effect of the action",
        ),
        Control(Hyperparameter("gamma", r"\gamma", 1.0, "Discount.", low=0.5, high=1.0), step=0.01, label="discount"),
        Control(
            Hyperparameter(
                "episodes",
                "N",
                40,
                "Episodes in the data: few make TD and Monte Carlo differ.",
                low=5,
                high=100,
                integer=True,
            ),
            step=5,
            label="episodes",
        ),
        Control(
            Hyperparameter(
                "step",
                "t",
                2 * UPDATES,
                "First the updates of V, then those of the policy.",
                low=0,
                high=2 * UPDATES,
                integer=True,
            ),
            label="updates",
        ),
    ),
    compute=_advantage,
    answer=_advantage_answer,
    run=_advantage_run,
    prediction=Prediction(
        "MARWIL's $V$ may be learned by Monte Carlo …",
        (
            "because $V$ judges the policy that made the data",
            "because Monte Carlo has less variance than TD",
            "not at all: off-policy learning needs TD",
        ),
        right=0,
    ),
    layout=(("rows:1.6", "spread", "sizes"), ("value", "policy")),
    covered=("spread", "sizes", "value", "policy"),
    play=Play("step", per_second=8, label="MARWIL"),
    source="Wang et al. 2018, “Exponentially weighted imitation learning for batched historical data” (MARWIL)",
)
