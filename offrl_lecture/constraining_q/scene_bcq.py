"""BCQ: the threshold ρ as one axis, all values trained at once."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Equation, Line, Lines, Mark, Number, NumberTiles, Picture
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.constraining_q import courses
from offrl_lecture.training.background import RemoteCourse, in_background
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.datasets import maze_truth, roads_truth
from offrl_lecture.training.progress import Drawn, follow

_WORLDS = {"roads": "two roads, a table", "maze": "the maze, a network"}
_LAST = {"roads": 100, "maze": courses.MAZE_FRAMES}
_FRAMES = 100


def rhos(world: str) -> np.ndarray:
    """The thresholds trained side by side."""
    return np.array(courses.RHOS if world == "roads" else courses.MAZE_RHOS)


def by_rho(world: str, values: np.ndarray) -> np.ndarray:
    """`(thresholds, seeds)`: a frame's member values."""
    return values.reshape(len(rhos(world)), -1)


def _bcq(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    world = str(state["world"])
    return follow(course(world), _frame(state), lambda frames: _pictures(state, world, frames))


def _place(state: State) -> int:
    """The trained threshold nearest to the chosen one."""
    return int(np.abs(rhos(str(state["world"])) - float(state["rho"])).argmin())


def _frame(state: State) -> int:
    """The frame of the course at this percentage of the training."""
    return round(int(state["training"]) / _FRAMES * _LAST[str(state["world"])])


def course(world: str) -> Course | RemoteCourse:
    """The training run of a world; the maze's takes seconds and runs in the background."""
    return courses.bcq_roads() if world == "roads" else in_background(courses.bcq_maze)


def _latest(frames: list[Frame], name: str) -> np.ndarray:
    """The newest measured values (the maze is measured every few frames only)."""
    for frame in reversed(frames):
        if np.isfinite(frame[name]).any():
            return frame[name]
    return frames[-1][name]


def _band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.quantile(values, 0.25, axis=1), np.quantile(values, 0.75, axis=1)


def _pictures(state: State, world: str, frames: list[Frame]) -> dict[str, Picture]:
    axis = rhos(world)
    true = by_rho(world, _latest(frames, "return"))
    believed = by_rho(world, frames[-1]["value_start"])
    allowed = by_rho(world, frames[-1]["allowed"])
    seeds = true.shape[1]
    maze = world == "maze"
    best, behavior = references(world)
    place = _place(state)
    at = float(axis[place])
    x = Axis(r"threshold $\rho$", scale="symlog", threshold=0.02, low=0.0, high=1.0, ticks=(0, 0.01, 0.05, 0.2, 1))
    spread = f"range of {seeds} seeds" if seeds < 4 else f"quartiles of {seeds} seeds"
    updates = int(frames[-1]["step"][0])
    return {
        "outcome": Lines(
            title=f"What each threshold earns, and believes, after {updates} updates",
            x=x,
            y=Axis("value at the start", scale="symlog", threshold=1.0, low=-0.1, high=30.0)
            if maze
            else Axis("value at the start", low=-0.02, high=1.0),
            lines=(
                Line(
                    "believed",
                    axis,
                    np.median(believed, axis=1),
                    "learned",
                    mode="both",
                    band=_band(believed),
                    band_name=spread,
                ),
                Line(
                    "true return" + (" (40 walks each)" if maze else ""),
                    axis,
                    np.median(true, axis=1),
                    "good",
                    mode="both",
                    band=_band(true),
                    band_name=spread,
                ),
                Line("optimum" if not maze else "best known", (0, 1), (best, best), "truth", dash=True, label="best"),
                Line(r"$\pi_\beta$", (0, 1), (behavior, behavior), "behavior", label=r"$\pi_\beta$"),
            ),
            marks=(Mark(at, rf"$\rho={number(at, 2)}$"),),
        ),
        "allowed": Lines(
            title=r"How many actions pass: $|\bar A(s)|$",
            x=x,
            y=Axis("actions, mean over states", low=0, high=5.2 if maze else 4.2),
            lines=(Line("allowed", axis, np.median(allowed, axis=1), "learned", mode="both"),),
            marks=(Mark(at, ""),),
            legend=False,
        ),
        "numbers": NumberTiles(
            title=rf"At $\rho={number(at, 2)}$, median of {seeds} seeds",
            numbers=(
                Number(
                    "true return",
                    number(float(np.median(true[place]))) if np.isfinite(true[place]).all() else "not yet played",
                    target=number(best),
                    target_name="best",
                    tone="good" if np.median(true[place]) > 0.85 * best else "bad",
                ),
                Number("believed", number(float(np.median(believed[place])))),
                Number("actions allowed", number(float(np.median(allowed[place])), 3)),
            ),
        ),
        "law": Equation(
            title="The constraint",
            rows=(
                (r"\bar A(s')=\{a' : \pi_\beta(a'\mid s')>\rho\}", ""),
                (r"y = r+\gamma\max_{a'\in\bar A(s')}Q(s',a')", ""),
            ),
        ),
    }


def references(world: str) -> tuple[float, float]:
    """The best return there is (or known) and the behaviour's."""
    truth = roads_truth() if world == "roads" else maze_truth()
    assert truth.optimal is not None
    assert truth.behavior is not None
    return truth.optimal, truth.behavior


def _answer(state: State, _: object) -> str:
    world = str(state["world"])
    frames = course(world).so_far(_frame(state))
    axis, roads = rhos(world), world == "roads"
    true = np.median(by_rho(world, _latest(frames, "return")), axis=1)
    believed = np.median(by_rho(world, frames[-1]["value_start"]), axis=1)
    best, behavior = references(world)
    step = int(frames[-1]["step"][0])
    if not np.isfinite(true).any() or true.max() < 0.5 * best:
        return f"After {step} updates no threshold has found the way yet: play on."
    good = axis[true >= 0.9 * true.max()]
    between = (
        rf"$\rho={number(good[0], 2)}$"
        if len(good) == 1
        else rf"$\rho$ from {number(good.min(), 2)} to {number(good.max(), 2)}"
    )
    said = (
        f"After {step} updates the true return is highest, {number(true.max(), 3)}, for **{between}** (best "
        rf"{number(best, 3)}, $\pi_\beta$ {number(behavior, 3)}). A smaller $\rho$ extrapolates; a larger one clones."
        "\n\n"
        rf"**At $\rho=0$** every action passes: naive Q-learning, which believes {number(believed[0], 3)} and earns "
        f"{number(true[0], 3)}. "
    )
    said += "Its guesses are back. " if roads else "The triad is back. "
    said += (
        rf"**At $\rho=1$** only the most likely action passes: it earns {number(true[-1], 3)}, what always taking a "
        "clone's favourite is worth. "
    )
    if roads:
        said += (
            r"The upper edge is no accident: $\pi_\beta$ takes the road to the goal with .375 at the first crossing "
            "and .4 at the second; a larger threshold closes it."
        )
    return said


def _run(state: State) -> Run:
    world = str(state["world"])
    return courses.bcq_run(world, float(rhos(world)[_place(state)]))


BCQ = Scene(
    id="bcq-threshold",
    title="BCQ: how likely is likely enough?",
    question=r"Step 1 clones $\pi_\beta$, step 2 lets the maximum see only what it finds likely. How large should "
    r"$\rho$ be?",
    setup="Every threshold trains at once on the same data: the hundred walks of the two roads with a table, "
    f"{courses.SEEDS} seeds each, or the walks of the maze with a network, {courses.MAZE_SEEDS} seeds each.",
    controls=(
        Control(
            Hyperparameter("world", "", "roads", "Where it learns.", choices=tuple(_WORLDS)),
            label="world",
            labels=_WORLDS,
        ),
        Control(
            Hyperparameter("training", "", 0, "How far all members have trained.", 0, _FRAMES, integer=True),
            label="training",
            unit="%",
        ),
        Control(
            Hyperparameter(
                "rho", r"\rho", 0.1, "Up allows fewer actions and clones more; 0 is naive Q-learning.", 0.0, 1.0
            ),
            step=0.005,
            label="threshold",
        ),
    ),
    compute=_bcq,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        r"Which threshold earns the highest true return?",
        (r"$\rho=0$: the most freedom", "something between", r"$\rho=1$: the most caution"),
        right=1,
        at={"training": _FRAMES, "world": "roads"},
    ),
    layout=(("outcome:3", "allowed:2"), ("numbers",), ("law",)),
    covered=("outcome", "numbers"),
    presets=(
        Preset("Two roads, trained", {"training": _FRAMES}),
        Preset(r"$\rho=0$: naive", {"training": _FRAMES, "rho": 0.0}),
        Preset(r"$\rho=1$: cloning", {"training": _FRAMES, "rho": 1.0}),
        Preset("The maze, live", {"world": "maze", "training": _FRAMES, "rho": 0.2}),
    ),
    play=Play("training", per_second=12),
    source="Fujimoto, Meger & Precup 2019; Fujimoto, Conti et al. 2019",
)
