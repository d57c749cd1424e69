"""Stitching: seven systems on two roads that cross; which of them joins the pieces?"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Bar, Bars, Line, Lines, Picture, Table
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import listed, number
from offrl_lecture.constraining_q import courses
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import roads_truth
from offrl_lecture.training.progress import Drawn, follow
from offrl_lecture.training.walks import ends_at, most_likely_walk, recorded_roads, walked_roads

_LAST = 75
_NAMES = {
    "bc": "BC",
    "rwr": "RWR",
    "marwil": "MARWIL",
    "one-step": "1-step",
    "iql": "IQL",
    "bcq": "BCQ",
    "cql": "CQL",
}
_HOW = {
    "bc": ("nothing", "copies"),
    "rwr": ("recorded returns", "reweights"),
    "marwil": (r"$V$ of $\pi_\beta$", "reweights"),
    "one-step": (r"$Q$ of $\pi_\beta$", "greedy, once"),
    "iql": ("upper expectile in the data", "reweights"),
    "bcq": (r"$\max$ over likely actions", "greedy"),
    "cql": (r"$\max$, guesses pushed down", "greedy"),
}


def _stitching(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(courses.stitching_course(), int(state["frame"]), lambda frames: _pictures(state, frames))


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    now, system = frames[-1], str(state["system"])
    truth = roads_truth()
    names = list(_NAMES)
    place = names.index(system)
    returns = np.median(now["return"], axis=1)
    steps = [float(f["step"][0]) for f in frames]
    best, behavior = truth.optimal, truth.behavior
    assert best is not None
    assert behavior is not None
    policies = dict(zip(_NAMES.values(), now["policy"], strict=True))
    title = f"{_NAMES[system]} after {int(steps[-1])} updates, over the recorded roads"
    return {
        "grid": walked_roads(policies, _NAMES[system], title),
        "data": recorded_roads(),
        "returns": Bars(
            title="True return from $S$",
            categories=list(_NAMES.values()),
            y=Axis("return", low=0, high=0.65),
            bars=(
                Bar(
                    f"median of {courses.STITCH_SEEDS} seeds",
                    returns,
                    "learned",
                    colors=["learned" if n == system else "muted" for n in names],
                    targets=(best,) * len(names),
                    target_name="optimum",
                ),
            ),
        ),
        "time": Lines(
            title="While they train",
            x=Axis("update", low=0, high=_LAST * 4),
            y=Axis("true return", low=0, high=0.65),
            lines=(
                *(
                    Line(
                        _NAMES[name],
                        steps,
                        [float(np.median(f["return"][i])) for f in frames],
                        "learned" if name == system else "muted",
                        label=_NAMES[name],
                    )
                    for i, name in enumerate(names)
                ),
                Line("optimum", (0, _LAST * 4), (best, best), "truth", dash=True),
                Line(r"$\pi_\beta$", (0, _LAST * 4), (behavior, behavior), "behavior"),
            ),
            legend=False,
        ),
        "table": Table(
            title="Seven ways",
            columns=("system", "compares", "then", "likeliest walk ends at", "true return"),
            rows=[
                [
                    _NAMES[name],
                    *_HOW[name],
                    _END.get(ends_at(most_likely_walk(now["policy"][i])), "nowhere"),
                    number(float(returns[i]), 4),
                ]
                for i, name in enumerate(names)
            ],
            tones=["good" if returns[i] > 0.9 * best else "" for i in range(len(names))],
            selected=place,
        ),
    }


_END = {"G": "the goal", "D": "D, the small reward", "T": "T, the dead end", "S": "S, it stays"}


def _answer(state: State, _: object) -> str:
    now = courses.stitching_course().so_far(int(state["frame"]))[-1]
    got = {name: number(float(x)) for name, x in zip(_NAMES, np.median(now["return"], axis=1), strict=True)}
    if int(now["step"][0]) < 200:
        return "Press play and let them train."
    best = roads_truth().optimal
    assert best is not None
    walks = dict(zip(_NAMES.values(), map(most_likely_walk, now["policy"]), strict=True))
    joined = [name for name, walk in walks.items() if ends_at(walk) == "G"]
    return (
        f"Only **{listed(joined)}** take the road that joins two walks (optimum {number(best)}): they improve the "
        "second crossing *first* and let that flow back. Several steps of maximisation, inside the data.\n\n"
        f"BC copies the shares at each crossing ({got['bc']}). RWR weighs whole recorded returns, and of the walks "
        f"from $S$ those to D had the best ({got['rwr']}). MARWIL and the one-step method know the value of "
        r"$\pi_\beta$, in which the second crossing goes wrong six times in ten: turning down to D looks a little "
        rf"better than going on ($.3\gamma^2={number(0.3 * 0.95**2)}$ against $.4\gamma^8={number(0.4 * 0.95**8)}$). "
        "Greedy on that earns "
        f"{got['one-step']}; MARWIL, which only leans that way, {got['marwil']}."
    )


def _run(state: State) -> Run:
    return courses.stitching_run((str(state["system"]),)).but("One of the seven systems.")


STITCHING = Scene(
    id="stitching",
    title="Stitching",
    question="Seven systems, the same hundred walks. Which of them finds the road that nobody walked?",
    setup="50 walks go from $S$ to the small reward D, 30 from $S$ to the dead end T, 20 from $B$ to the goal.",
    controls=(
        Control(
            Hyperparameter("system", "", "bcq", "Which policy is drawn large.", choices=tuple(_NAMES)),
            label="system",
            labels=_NAMES,
        ),
        training_control(_LAST, 4),
    ),
    compute=_stitching,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "Which of these reach the goal from $S$?",
        ("all but BC", "MARWIL and later", "IQL, BCQ and CQL"),
        right=2,
        at={"frame": _LAST},
    ),
    layout=(("grid:8", "returns:5"), ("time:2", "table:3")),
    covered=("grid", "returns", "time", "table"),
    stand_in={"grid": "data"},
    aside=("time", "table"),
    presets=tuple(
        Preset(label, {"system": name, "frame": _LAST})
        for name, label in _NAMES.items()
        if name in ("bc", "one-step", "iql", "cql")
    ),
    play=Play("frame", per_second=10),
    source="Brandfonbrener et al. 2021 for one-step methods; Kostrikov et al. 2021",
)
