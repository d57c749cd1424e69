"""Scene 8: IQL's expectile, from evaluating the data's policy to the best that the data hold."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_core.evaluation.empirical import behavior_values, constrained_values
from offrl_lecture.base.pictures import Axis, Grid, Line, Lines, Mark, Number, NumberTiles, Path, Picture, Point
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import courses, fixed_points
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.progress import Drawn, follow
from offrl_lecture.training.walks import cells_of, grid_of, most_likely_walk

_LAST, _EVERY = 60, 10
_WORLDS = {"double-crossing": "two roads that cross", "four-rooms": "four rooms"}
_TOP = {"double-crossing": 0.62, "four-rooms": 0.42}


def _course(state: State) -> Course:
    return courses.expectile_course(str(state["world"]))


def _expectile(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(_course(state), int(state["frame"]), lambda frames: _pictures(state, frames))


def _place(state: State) -> tuple[int, int]:
    """The trained expectile nearest to the chosen one, and the chosen `β`."""
    tau = int(np.abs(np.array(courses.EXPECTILES) - float(state["expectile"])).argmin())
    return tau, courses.BETAS.index(float(state["beta"]))


@lru_cache(maxsize=2)
def _ends(world: str) -> tuple[float, float, np.ndarray]:
    """The start's value under `π_β`, the best that recorded actions allow, and IQL's exact end at every expectile."""
    data = courses.truth_of(world).dataset
    mdp, _ = grid_of(data)
    behavior, best = (float(mdp.initial @ of(data, data.gamma)[1]) for of in (behavior_values, constrained_values))
    exact = [float(mdp.initial @ fixed_points.iql_end(data, tau)[1]) for tau in courses.EXPECTILES]
    return behavior, best, np.array(exact)


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    now, world = frames[-1], str(state["world"])
    tau, beta = _place(state)
    return {
        "grid": _grid(state, now, tau, beta),
        "axis": _axis(now, world, tau, beta),
        "loss": _loss(state, now, tau),
        "numbers": _numbers(now, world, tau, beta),
    }


def _cell(state: State) -> int:
    """The chosen state; where it has no choice between recorded actions, the one with the most rows that has."""
    counts = courses.truth_of(str(state["world"])).dataset.counts
    chosen = int(state["state"])
    several = (counts > 0).sum(axis=1) > 1
    if chosen < len(counts) and several[chosen]:
        return chosen
    return int(np.where(several, counts.sum(axis=1), 0).argmax())


def _grid(state: State, now: Frame, tau: int, beta: int) -> Grid:
    world = str(state["world"])
    data = courses.truth_of(world).dataset
    mdp, layout = grid_of(data)
    policy, visited = now["policy"][tau, beta], data.counts.sum(axis=1) > 0
    walk = most_likely_walk(policy, data)
    cell_of = cells_of(data)
    return Grid(
        title=rf"$V$ and policy, $\tau={number(courses.EXPECTILES[tau])}$, after {int(now['step'][0])} updates",
        caption="Where the data have been. Line: from the start, always the likeliest action. Click a cell where "
        "several actions were recorded.",
        layout=layout,
        value_label="$V(s)$",
        state_values=np.where(visited, now["v"][tau], np.nan).astype(float),
        policy=np.where(visited[:, None], policy, np.nan).astype(float),
        paths=[Path("likeliest walk", "learned", cells=[cell_of[s] for s in walk], weight=1.2)],
        selected=_cell(state),
        control="state",
        low=0.0,
        high=1.0,
        action_names=mdp.action_names,
        state_names=mdp.state_names,
        height="tall",
    )


def _axis(now: Frame, world: str, tau: int, beta: int) -> Lines:
    data = courses.truth_of(world).dataset
    mdp, _ = grid_of(data)
    behavior, best, exact = _ends(world)
    taus = courses.EXPECTILES
    return Lines(
        title="Every expectile at once",
        x=Axis(r"expectile $\tau$", low=0.5, high=1.0, ticks=(0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
        y=Axis("value at the start", low=0, high=_TOP[world]),
        lines=(
            Line("believed, $V$", taus, now["v"] @ mdp.initial, "learned", mode="points"),
            Line("where $V$ ends, exact", taus, exact, "truth", dash=True),
            Line(
                rf"true return, $\beta={number(courses.BETAS[beta])}$",
                taus,
                now["return"][:, beta],
                "good",
                mode="both",
            ),
        ),
        marks=(
            Mark(behavior, r"value of $\pi_\beta$", "y", "behavior"),
            Mark(best, "best that recorded actions allow", "y"),
            Mark(taus[tau], rf"$\tau={number(taus[tau])}$"),
        ),
    )


def _loss(state: State, now: Frame, tau: int) -> Lines:
    """The expectile loss in one cell: the mean is its lowest point at ½, and the largest `Q` as `τ → 1`."""
    data = courses.truth_of(str(state["world"])).dataset
    mdp, _ = grid_of(data)
    cell = _cell(state)
    counts, q = data.counts[cell], now["q"][tau, cell].astype(float)
    actions = np.flatnonzero(counts)
    shares, values = counts[actions] / counts.sum(), q[actions]
    level = courses.EXPECTILES[tau]
    room = max(0.1, float(np.ptp(values)))
    grid = np.linspace(values.min() - 0.25 * room, values.max() + 0.25 * room, 121)
    u = values[None, :] - grid[:, None]
    losses = (np.where(u > 0, level, 1 - level) * u**2 / 2 * shares).sum(axis=1)
    losses = losses / max(float(losses.max()), 1e-12)
    lowest = float(fixed_points.expectile(values, shares, level))
    # A name for each value, also where several actions share one.
    named: dict[float, list[str]] = {}
    for action, value in zip(actions.tolist(), values.tolist(), strict=True):
        named.setdefault(round(value, 4), []).append(f"{mdp.action_names[action]} ×{int(counts[action])}")
    return Lines(
        title=f"The expectile loss at {mdp.state_names[cell]}",
        caption=rf"Each row pulls $V$ towards its $Q$: from above with {number(level)}, from below with "
        rf"{number(1 - level, 3)}.",
        x=Axis("$V(s)$", low=float(grid[0]), high=float(grid[-1])),
        y=Axis("loss, largest here 1", low=-0.12, high=1.05),
        lines=(Line("loss", grid, losses, "learned"),),
        points=tuple(Point(value, 0.0, ", ".join(names), "data", shape="diamond") for value, names in named.items()),
        marks=(
            Mark(float(shares @ values), "mean", color="behavior"),
            Mark(lowest, f"lowest: {number(lowest, 3)}", color="learned", dash=False),
        ),
        legend=False,
    )


def spread(world: str, q: np.ndarray) -> float:
    """How far a state's recorded actions lie apart: `max Q − min Q`, the mean over the rows of states with several."""
    counts = courses.truth_of(world).dataset.counts
    several = (counts > 0).sum(axis=1) > 1
    held = np.where(counts[several] > 0, q[several], np.nan)
    rows = counts[several].sum(axis=1)
    return float((np.nanmax(held, axis=1) - np.nanmin(held, axis=1)) @ rows / rows.sum())


def _numbers(now: Frame, world: str, tau: int, beta: int) -> NumberTiles:
    mdp, _ = grid_of(courses.truth_of(world).dataset)
    optimal = courses.truth_of(world).optimal
    assert optimal is not None
    return NumberTiles(
        title=rf"$\tau={number(courses.EXPECTILES[tau])}$, $\beta={number(courses.BETAS[beta])}$",
        numbers=(
            Number("believed at the start", number(float(mdp.initial @ now["v"][tau]), 3)),
            Number(
                "true return", number(float(now["return"][tau, beta]), 3), target=number(optimal, 3), target_name="best"
            ),
            Number("recorded actions differ by", number(spread(world, now["q"][tau]), 3)),
            Number(r"$\mathrm{KL}(\pi_\beta\|\pi_\theta)$", f"{number(float(now['kl'][tau, beta]), 3)} nats"),
        ),
    )


def _answer(state: State, _: object) -> str:
    world = str(state["world"])
    now = _course(state).so_far(int(state["frame"]))[-1]
    tau, beta = _place(state)
    step = int(now["step"][0])
    if step < 150:
        return "Press play: every expectile trains at once."
    behavior, best, _exact = _ends(world)
    mdp, _layout = grid_of(courses.truth_of(world).dataset)
    believed = float(mdp.initial @ now["v"][tau])
    said = (
        rf"At $\tau={number(courses.EXPECTILES[tau])}$ the start is worth **{number(believed, 3)}** to it: at "
        rf"$\tau=\tfrac12$ that is the value of $\pi_\beta$, {number(behavior, 3)}, and towards 1 the best that "
        f"recorded actions allow, {number(best, 3)}. Its policy earns {number(float(now['return'][tau, beta]), 3)}."
        "\n\nOnly rows of the data pull at $V$: however large $\\tau$ is, no action that nobody took is ever asked."
    )
    if tau == 0:
        return said
    nearer = now["kl"][tau, beta] < now["kl"][0, beta]
    apart, before = spread(world, now["q"][tau]), spread(world, now["q"][0])
    said += (
        rf" $\tau$ moves what is believed, $\beta$ how greedily that is used. From $\tau=\tfrac12$ to here recorded "
        f"actions of a state come to differ by {number(apart, 3)} instead of {number(before, 3)}, and with the same "
        rf"$\beta$ the policy is {'nearer to' if nearer else 'further from'} $\pi_\beta$: "
        f"{number(float(now['kl'][tau, beta]), 3)} instead of {number(float(now['kl'][0, beta]), 3)} nats."
    )
    if nearer and apart < before:
        said += " A higher expectile is **not** a greedier policy here: what lies ahead is good whatever one does now."
    return said


def _run(state: State) -> Run:
    tau, beta = _place(state)
    return courses.expectile_run(str(state["world"]), courses.EXPECTILES[tau], courses.BETAS[beta])


EXPECTILE = Scene(
    id="expectile",
    title="The expectile",
    question=r"IQL never asks about an action outside the data. How can it still find the best one, and what does "
    r"$\tau$ do?",
    setup=r"$V$ is the $\tau$-expectile of $Q$ over the recorded actions, $Q\leftarrow r+\gamma V(s')$, and rows are "
    r"cloned with $\min(e^{\beta(Q-V)},\,100)$. All expectiles train at once.",
    controls=(
        Control(
            Hyperparameter("world", "", "double-crossing", "Where the data come from.", choices=tuple(_WORLDS)),
            label="world",
            labels=_WORLDS,
        ),
        Control(
            Hyperparameter(
                *("expectile", r"\tau", 0.5),
                "½ is the mean, towards 1 it becomes the largest; the nearest trained one is shown.",
                low=0.5,
                high=0.999,
            ),
            step=0.001,
            label="expectile",
        ),
        Control(
            Hyperparameter(
                "beta",
                r"\beta",
                "10.0",
                "It multiplies the advantage: up is greedier.",
                choices=tuple(str(b) for b in courses.BETAS),
            ),
            labels={str(b): number(b) for b in courses.BETAS},
            label="greed",
        ),
        training_control(_LAST, _EVERY),
        Control(
            Hyperparameter("state", "s", 12, "The cell whose expectile loss is drawn.", 0, 103, integer=True),
            label="cell",
            widget="none",
        ),
    ),
    compute=_expectile,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        r"The expectile goes to 1. What does $V$ become?",
        (
            r"it stays the value of $\pi_\beta$",
            "the best that recorded actions allow",
            "the best of all actions, guesses included",
        ),
        right=1,
        at={"frame": _LAST, "world": "double-crossing", "expectile": 0.99, "beta": "10.0"},
    ),
    layout=(("grid:8", "axis:6"), ("loss:2", "numbers:2")),
    covered=("axis", "numbers"),
    presets=(
        Preset(r"$\tau=\tfrac{1}{2}$: evaluation", {"frame": _LAST}),
        Preset(r"$\tau=.9$", {"frame": _LAST, "expectile": 0.9}),
        Preset(r"$\tau=.99$", {"frame": _LAST, "expectile": 0.99}),
        Preset(r"Four rooms, $\tau=.99$", {"frame": _LAST, "expectile": 0.99, "world": "four-rooms"}),
    ),
    play=Play("frame", per_second=10),
    source="Kostrikov, Nair & Levine 2021, “Offline reinforcement learning with implicit Q-learning”",
)
