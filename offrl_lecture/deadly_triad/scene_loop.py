"""Q-learning with and without an environment: the same loop with the acting taken out."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Code, Line, Lines, Mark, Number, NumberTiles, Picture
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import number
from offrl_lecture.deadly_triad import courses
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.progress import Drawn, follow

_LAST = 60
_WORLDS = {"covered": "random walks, every pair seen", "gaps": "two roads, much unseen", "toy": "one state, one row"}

ONLINE = """\
buffer = []
s = env.reset()
for step in range(n):
    a = epsilon_greedy(Q, s)
    s2, r, end = env.step(a)
    buffer.append((s, a, r, s2, end))
    s = env.reset() if end else s2
    b = sample(buffer)
    y = b.r + gamma * max(Q(b.s2))
    Q = step_towards(Q, b.s, b.a, y)"""

OFFLINE = """\
buffer = X
for step in range(n):
    b = sample(buffer)
    y = {target}
    Q = step_towards(Q, b.s, b.a, y)"""
TARGETS = {"td": "b.r + gamma * max(Q(b.s2))", "mc": "b.G"}

_EXPLAINED = {
    (
        "td",
        "covered",
    ): "The random walks show every action of every state: each value that the maximum reads has rows of its own. It "
    "finds the optimum in data of random walks.",
    (
        "td",
        "gaps",
    ): "Most actions were never taken. The maximum picks start values that no row corrects: online the agent would try "
    "them and be disappointed, offline nobody does.",
    (
        "td",
        "toy",
    ): "One row and one parameter tie the unseen action to the seen one, and the value feeds on itself: the next "
    "scenes take this apart.",
    (
        "mc",
        "covered",
    ): r"The recorded returns are those of the random walks: this is $Q$ of $\pi_\beta$. Acting greedily "
    "on it is better than the data, and short of the optimum.",
    (
        "mc",
        "gaps",
    ): "Nothing can grow, but actions never taken keep their start values, and the greedy policy follows the largest "
    "of them.",
    ("mc", "toy"): r"The recorded return is 0, so $\theta$ goes to 0: no bootstrapping, no divergence.",
}


def _course(state: State) -> Course:
    return courses.loop_course(str(state["world"]), str(state["target"]))


def _loop(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(_course(state), int(state["frame"]), lambda frames: _pictures(state, frames))


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    world = str(state["world"])
    steps = np.array([f["step"][0] for f in frames])
    believed = np.array([f["value"][0] for f in frames])
    true = np.array([f["return"][0] for f in frames])
    end = _LAST * 2
    toy = world == "toy"
    best = 0.0 if toy else courses.loop_optimum()
    return {
        "code": Code(
            title="The loop",
            left_title="online",
            left=ONLINE,
            right_title="offline",
            right=OFFLINE.format(target=TARGETS[str(state["target"])]),
            active_right=(2, 3, 4) if len(frames) > 1 else (0,),
        ),
        "value": Lines(
            title="What it believes the start is worth, and what its policy earns",
            x=Axis("update", low=0, high=end),
            y=Axis("return", scale="symlog", threshold=1.0, low=-0.1, high=1e5)
            if toy
            else Axis("return", low=-0.1, high=1.5),
            lines=(
                Line(r"believed: $\max_a Q(s_0,a)$", steps, believed, "learned", label="believed"),
                Line("true return of its greedy policy", steps, true, "truth", dash=True, label="true"),
                *(() if toy else (Line("optimum", (0, end), (best, best), "muted", label="optimum"),)),
            ),
            marks=(Mark(0.0, "every reward is 0", "y"),) if toy else (),
        ),
        "numbers": NumberTiles(
            title=f"After {int(steps[-1])} updates",
            numbers=(
                Number(
                    "believed",
                    number(float(believed[-1])),
                    tone="bad" if believed[-1] > max(best, true[-1]) + 0.05 else "",
                ),
                Number("true return", number(float(true[-1])), target=number(best), target_name="optimum"),
            ),
        ),
    }


def _answer(state: State, _: object) -> str:
    world = str(state["world"])
    now = _course(state).so_far(int(state["frame"]))[-1]
    step, believed, true = int(now["step"][0]), float(now["value"][0]), float(now["return"][0])
    if step == 0:
        return "Nothing is trained yet: press play."
    best = 0.0 if world == "toy" else courses.loop_optimum()
    return (
        f"After {step} updates it believes **{number(believed)}** and earns **{number(true)}** (best: {number(best)}). "
        + _EXPLAINED[str(state["target"]), world]
        + "\n\nEverything that acts goes: no reset, no step, no new rows. Only an off-policy algorithm may learn from "
        "rows that someone else collected, and nothing in the update of Q-learning forbids it.\n\n"
        r"Monte Carlo needs returns of the policy it judges, and the data hold those of $\pi_\beta$ alone. TD asks for "
        "single steps, and the max over actions makes them the value of a *better* policy."
    )


def _run(state: State) -> Run:
    return courses.loop_run(str(state["world"]), str(state["target"]))


LOOP = Scene(
    id="offline-loop",
    title="The loop without an environment",
    question="Why an off-policy algorithm? TD or Monte Carlo? What turns Q-learning offline, and will it work?",
    setup="Fill the replay buffer with the dataset, delete the environment, press play. (After the end $Q$ is 0.)",
    controls=(
        Control(
            Hyperparameter("world", "X", "covered", "Which data it gets.", choices=tuple(_WORLDS)),
            label="dataset",
            labels=_WORLDS,
        ),
        Control(
            Hyperparameter("target", "y", "td", "What the updates move towards.", choices=tuple(TARGETS)),
            label="target",
            labels={"td": r"TD: $r+\gamma\max Q$", "mc": "Monte Carlo: $G$"},
        ),
        training_control(_LAST, 2, "How far it has trained."),
    ),
    compute=_loop,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "The buffer holds a fixed dataset and nothing new ever comes. Q-learning will …",
        ("always fail", "work if the data show enough", "always work, it is off-policy"),
        right=1,
        at={"frame": _LAST, "target": "td"},
    ),
    layout=(("code",), ("value:2", "numbers")),
    covered=("value", "numbers"),
    aside=("numbers",),
    presets=(
        Preset("It works", {"world": "covered", "frame": _LAST}),
        Preset("It believes too much", {"world": "gaps", "frame": _LAST}),
        Preset("It diverges", {"world": "toy", "frame": _LAST}),
        Preset("Monte Carlo", {"world": "covered", "target": "mc", "frame": _LAST}),
    ),
    play=Play("frame", per_second=8),
    source="Mnih et al. 2015 for the loop; Levine et al. 2020 for the setting",
)
