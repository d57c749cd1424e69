"""Baird's counterexample: seven states, no reward, and values that explode."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import (
    Axis,
    Bar,
    Bars,
    Equation,
    Line,
    Lines,
    Number,
    NumberTiles,
    Path,
    Picture,
    Plane,
)
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.deadly_triad import baird

_SWEEPS = 1000
_STRIDE = 10


def _numbers(state: State) -> tuple[float, float, float, int]:
    return (
        float(state["learning_rate"]),
        float(state["gamma"]),
        float(state["on_policy"]),
        int(state["sweeps"]),
    )


def _baird(state: State) -> dict[str, Picture]:
    rate, gamma, share, sweep = _numbers(state)
    weights = baird.sweeps(_SWEEPS, rate, gamma, share)
    rms = baird.root_mean_square_value(weights)
    values = baird.values(weights[sweep])
    every = np.arange(0, _SWEEPS + 1, 2)
    done = every <= sweep
    top = 1e4 if rms.max() < 1e4 else 1e7
    bottom = -1.0 if baird.values(weights).min() > -1 else -top
    return {
        "error": Lines(
            title="Root mean square value (true: 0)",
            x=Axis("sweep", low=0, high=_SWEEPS),
            y=Axis("root mean square $V$", scale="log", low=0.1, high=top),
            lines=(
                Line("ahead", every, rms[every], "learned", faint=True),
                Line("learned", every[done], rms[every[done]], "learned", label=number(float(rms[sweep]))),
            ),
            legend=False,
        ),
        "values": Bars(
            title=f"The seven values after {sweep} sweeps",
            categories=[f"$s_{i}$" for i in range(1, 8)],
            y=Axis(
                "$V(s)$", scale="symlog", threshold=1.0, low=bottom, high=top, ticks=(-1e6, -1e3, 0, 1, 10, 1e3, 1e6)
            ),
            bars=(Bar("learned", values, "learned", targets=(0.0,) * 7, target_name="true value"),),
        ),
        "numbers": NumberTiles(
            title="After this many sweeps",
            numbers=(
                Number("root mean square value", number(float(rms[sweep])), target="0", target_name="truth"),
                Number(
                    "growth per sweep in the end",
                    f"{baird.growth(rate, gamma, share):.6f}",
                    tone="bad" if baird.growth(rate, gamma, share) > 1 + 1e-9 else "good",
                    help="The spectral radius of one sweep's matrix: above 1 some direction grows for ever.",
                ),
            ),
        ),
        "world": _world(),
        "law": Equation(
            title="One sweep",
            rows=(
                (
                    r"w \leftarrow w + \mathrm{lr} \sum_s d(s)\,\left(\gamma V(s_7) - V(s)\right)\nabla V(s)",
                    "the policy always goes to $s_7$, for reward 0",
                ),
            ),
        ),
    }


@lru_cache(maxsize=1)
def _world() -> Plane:
    boxes = [(rf"$2w_{i}+w_8$", 2.2 * i - 2.1, 2.2, 2.2 * i - 0.1, 3.0) for i in range(1, 7)]
    return Plane(
        title="The seven states, and how $V$ is written in each",
        caption="Arrows: where the evaluated policy goes, for ever. The weights start at 1, but $w_7$ at 10.",
        x=Axis("", low=0.0, high=13.2),
        y=Axis("", low=0.0, high=3.1),
        regions=[*boxes, ("$w_7+2w_8$", 5.4, 0.1, 7.8, 0.9)],
        paths=[Path("", "learned", xy=[(2.2 * i - 1.1, 2.2), (5.55 + 0.3 * i, 0.9)], weight=0.2) for i in range(1, 7)],
        alt="States 1 to 6, each with V of s sub i = 2 w sub i + w sub 8, all lead to state 7, with V of s sub 7 = w "
        "sub 7 + 2 w sub 8, which leads to itself.",
        height="short",
        bare=True,
    )


def _answer(state: State, _: object) -> str:
    rate, gamma, share, _sweep = _numbers(state)
    rms = baird.root_mean_square_value(baird.sweeps(_SWEEPS, rate, gamma, share))
    marks = ", ".join(f"{number(float(rms[k]))} after {k}" for k in (10, 100, 1000))
    said = f"The root mean square value starts at {number(float(rms[0]))} and is {marks} sweeps.\n\n"
    if baird.growth(rate, gamma, share) <= 1 + 1e-9:
        return (
            said
            + "In the end it does not grow: "
            + (
                "the updates stand mostly where the policy lives."
                if share > 0.5
                else "at this discount, bootstrapping is too weak for these data to feed it."
            )
            + (" Values of states that no row visits stay wrong." if share == 1 else "")
        )
    said += (
        "No max, no noise, exact expected updates, a function class that holds the truth: and still it grows without "
        "end. States 1 to 6 lift $w_8$, and $s_7$, where the policy lives, pulls it down too little. "
    )
    if share > 0:
        return said + "This share of the policy's own states is not enough yet."
    return said + (
        r"Small steps do not help. A discount below $15/17\approx.882$ does, and so do updates from the policy's own "
        r"states."
    )


def _run(state: State) -> Run:
    rate, gamma, share, _sweep = _numbers(state)
    lane = Lane("q-learning", "linear", hyperparameters={"gamma": gamma, "learning_rate": rate})
    return Run("baird", (lane,), {"solid": float(baird.visited(share)[6])}).but(
        "Q-learning over two actions, of which *solid* leads to $s_7$, in place of the evaluation of one policy; it "
        "starts from other weights."
    )


BAIRD = Scene(
    id="baird",
    title="Baird's star",
    question="Is the toy a trick? Seven states, a policy that is only evaluated, and a function class that holds the "
    "truth.",
    setup="The policy always goes to $s_7$; the data visit all seven states equally often. Updates are exact averages "
    "over these data.",
    controls=(
        Control(
            Hyperparameter("sweeps", "k", 0, "How many expected sweeps have been made.", 0, _SWEEPS, integer=True),
            label="sweeps",
            step=_STRIDE,
        ),
        Control(
            Hyperparameter("gamma", r"\gamma", 0.99, "Discount: up bootstraps more.", 0.0, 1.0),
            step=0.01,
            label="discount",
        ),
        Control(
            Hyperparameter("learning_rate", r"\mathrm{lr}", 0.01, "Step size: down is slower.", 0.001, 0.05),
            step=0.001,
            label="learning rate",
        ),
        Control(
            Hyperparameter(
                "on_policy", "", 0.0, "Share of the updates at $s_7$, where the evaluated policy lives.", 0.0, 1.0
            ),
            step=0.01,
            label="share of the policy's own data",
        ),
    ),
    compute=_baird,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "Every reward is 0 and the weights can express $V=0$ exactly. After 1000 sweeps the values are …",
        ("close to 0", "about where they began", "a hundred times larger"),
        right=2,
        at={"sweeps": _SWEEPS, "gamma": 0.99, "learning_rate": 0.01, "on_policy": 0.0},
    ),
    layout=(("error", "values"), ("world",), ("law",), ("numbers",)),
    aside=("numbers",),
    covered=("error", "values", "numbers"),
    presets=(
        Preset("1000 sweeps", {"sweeps": 1000}),
        Preset(r"$\gamma=.88$", {"sweeps": 1000, "gamma": 0.88}),
        Preset("Half on-policy", {"sweeps": 1000, "on_policy": 0.5}),
        Preset("On-policy", {"sweeps": 1000, "on_policy": 1.0}),
    ),
    play=Play("sweeps", per_second=10, stride=_STRIDE),
    source="Baird 1995; Sutton & Barto 2018, figure 11.1",
)
