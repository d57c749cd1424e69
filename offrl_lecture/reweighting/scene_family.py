"""Scene 6: the family that grew from weighted cloning."""

from __future__ import annotations

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_core.writing import tex
from offrl_lecture.base.pictures import (
    Axis,
    Board,
    Card,
    Equation,
    Line,
    Lines,
    Picture,
    Point,
)
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Pictures, Prediction, Scene, State
from offrl_lecture.base.text import listed, number
from offrl_lecture.reweighting.methods import BY_NAME, FAMILY

JUDGES = {
    "none": "nothing",
    "reward": "$r$ or $G$",
    "value": r"$V$ of $\pi_\beta$",
    "critic": r"$Q$ of $\pi_\theta$",
    "expectile": "expectile of $Q$",
}
SHAPES = {"other": "another $f$", "exp": "exp", "capped": "exp, capped"}
CURVES = list(dict.fromkeys((r.shape, r.rate, r.cap) for r in FAMILY))
"""The different weight functions: relatives that share one share its colour."""
COLORS = {r.name: f"c{1 + CURVES.index((r.shape, r.rate, r.cap))}" for r in FAMILY}
GRID = np.linspace(-3, 5, 129)
JUMP = np.array([-3, 0, 1e-9, 5])  # a filter jumps at 0; a grid would draw a slope


def _family(state: State) -> dict[str, Picture]:
    advantage = float(state["A"])
    picked = BY_NAME[str(state["system"])]
    rate = float(state["rate"]) if state["rates"] == "common" else None
    weight = float(picked.weight(advantage, rate))
    used = f"with {number(picked.rate if rate is None else rate, 3)} times $A$ inside the exponential"
    # The chosen one is drawn last, above the others.
    order = sorted(FAMILY, key=lambda relative: relative is picked)
    return {
        "board": Board(
            title="Who judges, and which $f$ makes it a weight",
            row_title="who judges",
            column_title="weight function $f$",
            rows=tuple(JUDGES.values()),
            columns=tuple(SHAPES.values()),
            cards=tuple(
                Card(list(JUDGES).index(r.judge), list(SHAPES).index(r.column), r.title, r.name, color=COLORS[r.name])
                for r in FAMILY
            ),
            control="system",
            selected=picked.name,
        ),
        "curves": Lines(
            title="The weight at a common advantage",
            caption=("Each with its usual temperature." if rate is None else "All exponentials with the same rate.")
            + " In place of $A$ RWR weighs a return, EMRL a reward, MPO $Q$.",
            x=Axis("advantage $A$", low=-3, high=5),
            y=Axis("weight", scale="symlog", threshold=1.0, low=-4, high=1000, ticks=(-1, 0, 1, 10, 100, 1000)),
            lines=[
                Line(
                    r.title,
                    GRID if r.shape != "step" else JUMP,
                    r.weight(GRID if r.shape != "step" else JUMP, rate),
                    COLORS[r.name],
                    label=r.title,
                    width=3.5 if r is picked else 1.5,
                )
                for r in order
            ],
            points=(
                *(Point(advantage, float(r.weight(advantage, rate)), "", COLORS[r.name]) for r in order[:-1]),
                Point(advantage, weight, f"{picked.title}: {number(weight, 3)}", COLORS[picked.name], control_x="A"),
            ),
            legend=False,
            height="tall",
        ),
        "equation": Equation(
            title=picked.title,
            caption=f"{picked.note} *{picked.source}.*",
            rows=(
                (picked.formula, f"$A = {picked.signal}$" if picked.judge != "none" else ""),
                (rf"w({tex(advantage, 3)}) = {tex(weight)}", used if picked.shape == "exp" else ""),
            ),
        ),
    }


def _family_answer(state: State, _pictures: Pictures) -> str:
    advantage = float(state["A"])
    rate = float(state["rate"]) if state["rates"] == "common" else None
    held = [r.title for r in FAMILY if r.column == "capped" and r.weight(advantage, rate) >= r.cap]
    are = "weight is" if len(held) == 1 else "weights are"
    said = f"At $A={number(advantage, 3)}$ the {are} capped for {listed(held)}. " if held else ""
    return (
        f"{said}All are cloning with a weight; MPO alone weighs every action, not only the data's. Two questions "
        "tell them apart: **who judges**, and **which function** turns the judgement into a weight.\n\nJudged by $V$ "
        "of the data's policy, the result is one step of improvement over the data. A critic of the *learned* policy "
        "(AWAC, CRR) or an expectile (IQL) improves again and again, and so can stitch trajectories together; MPO's "
        "critic is also asked about actions that nobody took. The next scenes train them. When all weights are equal, "
        "every one of them is BC but MPO, which then stays where it is."
    )


def _family_run(state: State) -> Run:
    rate = float(state["rate"]) if state["rates"] == "common" else None
    picked = BY_NAME[str(state["system"])]
    solved = r" $\eta$ follows from the bound on the KL divergence." if picked.name == "mpo" else ""
    run = Run("double-crossing", (picked.lane(rate),))
    return run.but(f"The scene compares weights; this trains {picked.title} on two roads that cross.{solved}")


FAMILY_TREE = Scene(
    id="family",
    title="The family tree",
    question="AWR, AWAC, CRR, IQL, MPO: what do they have in common, and what tells them apart?",
    setup=r"Every relative clones with a weight. Choose one; drag the common advantage.",
    controls=(
        Control(
            Hyperparameter(
                "system", "", "iql", "Which method is drawn in front.", choices=tuple(r.name for r in FAMILY)
            ),
            label="relative",
            labels={r.name: r.title for r in FAMILY},
            widget="select",
        ),
        Control(
            Hyperparameter("A", "A", 1.0, "The same advantage for all.", low=-3.0, high=5.0),
            step=0.05,
            label="advantage",
        ),
        Control(
            Hyperparameter(
                "rates", "", "own", "Temperatures as in common use, or one for all.", choices=("own", "common")
            ),
            labels={"own": "each its own", "common": "one for all"},
            label="temperature",
        ),
        Control(
            Hyperparameter("rate", "1/\\tau", 1.0, "What multiplies the advantage.", low=0.1, high=20.0, scale="log"),
            label="rate for all",
            shown_if=("rates", ("common",)),
        ),
    ),
    compute=_family,
    answer=_family_answer,
    run=_family_run,
    prediction=Prediction(
        "A row has advantage $A=2$. Which method gives it the largest weight?",
        ("AWR: $\\min(e^{A}, 20)$", "CRR binary: $1[A>0]$", r"IQL: $\min(e^{3A}, 100)$"),
        right=2,
        at={"A": 2.0, "rates": "own", "system": "iql"},
    ),
    layout=(("board:1.15", "curves"), ("equation",)),
    covered=("curves", "equation"),
)
