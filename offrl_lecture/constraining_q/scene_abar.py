"""Constrained Q-learning on finite states, and what becomes of it when states are continuous."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_core.worlds.layout import PlaneLayout
from offrl_lecture.base.pictures import Axis, Line, Lines, Mark, Number, NumberTiles, Plane
from offrl_lecture.base.plane import valued_plane
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import listed, number
from offrl_lecture.constraining_q import courses
from offrl_lecture.constraining_q import support as constraining
from offrl_lecture.constraining_q.support import WIDTHS, Resolution
from offrl_lecture.training.datasets import maze, roads_truth
from offrl_lecture.training.progress import Drawn

_DOTS = 1400
_STEPS = ((1, 0), (4, 15), (8, 30), (12, 45), (len(WIDTHS), 60))
"""Widths and updates on the grid that are there when the pictures are drawn anew: the first ones come soon."""


def _abar(state: State) -> Drawn | Generator[Drawn, None, None]:
    chosen = constraining.resolution(WIDTHS[int(state["fineness"])])
    if constraining.resolution.cache_info().currsize >= len(WIDTHS):
        return _drawn(chosen, *_STEPS[-1])
    return (_drawn(chosen, *step) for step in _STEPS)


def _drawn(chosen: Resolution, widths: int, updates: int) -> Drawn:
    done = [constraining.resolution(width) for width in WIDTHS[:widths]]
    return {
        "plane": _plane(chosen),
        "values": _values(done, chosen),
        "numbers": _numbers(chosen),
        "seen": _seen(done, chosen),
        "finite": _finite(updates),
    }


@lru_cache(maxsize=len(_STEPS))
def _finite(updates: int) -> Lines:
    naive, limited = (courses.looking_course(which).frames(updates) for which in (False, True))
    steps = [float(f["step"][0]) for f in naive]
    best = roads_truth().optimal
    assert best is not None
    return Lines(
        title="On the grid itself",
        x=Axis("update", low=0, high=60),
        y=Axis("value", low=0, high=1.2),
        lines=(
            Line("naive, believed", steps, [float(f["value_start"][0]) for f in naive], "bad", label="naive believes"),
            Line(r"$\bar A$, believed", steps, [float(f["value_start"][0]) for f in limited], "learned"),
            Line(
                r"$\bar A$, true return",
                steps,
                [float(f["return"][0]) for f in limited],
                "truth",
                dash=True,
                label="true",
            ),
            Line("optimum", (0, 60), (best, best), "muted"),
        ),
    )


def _axis() -> Axis:
    return Axis("cells along one cell of the grid: finer →", scale="log", low=1 / WIDTHS[0], high=1 / WIDTHS[-1])


def _seen(done: list[Resolution], chosen: Resolution) -> Lines:
    return Lines(
        title="How often the data meet a state twice",
        x=_axis(),
        y=Axis("share of rows", low=0, high=1.02),
        lines=(
            Line("state seen at least twice", _finenesses(done), [r.seen_twice for r in done], "data", mode="both"),
        ),
        marks=(Mark(1 / chosen.width, f"{number(100 * chosen.seen_twice, 2)} %"),),
        legend=False,
        height="short",
    )


def _dips(at: Resolution) -> bool:
    """Whether coarse cells, not missing data, keep the policy from its way."""
    return at.blocked > 0.05 and at.lost <= 0.02


def _finenesses(done: list[Resolution]) -> list[float]:
    return [1 / r.width for r in done]


def _values(done: list[Resolution], chosen: Resolution) -> Lines:
    fineness = _finenesses(done)
    data = maze()
    recorded = constraining.behavior_return(data)
    true = np.array([r.true for r in done])
    error = 1.96 * np.array([r.true_error for r in done])
    dips = [r for r in done if _dips(r)]
    worst = max((r.blocked for r in dips), default=0.0)
    return Lines(
        title=r"What $\bar A$ believes, and what its policy earns",
        caption=f"The true return dips at widths {listed([number(r.width) for r in dips])}: their cells lie across the "
        f"ends of walls, which stop up to {number(100 * worst, 2)} % of the moves."
        if dips
        else "",
        x=_axis(),
        y=Axis("value at the start", low=0, high=0.36),
        lines=(
            Line(
                r"believed, $V_{\bar A}$",
                fineness,
                [r.believed for r in done],
                "learned",
                mode="both",
                label="believed",
            ),
            Line(
                "true return",
                fineness,
                true,
                "truth",
                dash=True,
                band=(np.maximum(true - error, 0), true + error),
                band_name="95 % of 300 walks",
                label="true",
            ),
            Line(
                r"mean recorded return of $\pi_\beta$",
                (1 / WIDTHS[0], 1 / WIDTHS[-1]),
                (recorded, recorded),
                "behavior",
                label=r"$\pi_\beta$",
            ),
        ),
        marks=(Mark(1 / chosen.width, ""),),
    )


def _plane(chosen: Resolution) -> Plane:
    data = maze()
    layout = data.layout
    assert isinstance(layout, PlaneLayout)
    rows = np.linspace(0, len(data) - 1, _DOTS).astype(int)
    xy = data.observations[rows].astype(float)
    return valued_plane(
        layout,
        xy,
        chosen.values[rows],
        title=f"The states, valued in cells of width {number(chosen.width, 2)}",
        label=r"$V_{\bar A}(s)$",
        height="tall",
    )


def _numbers(chosen: Resolution) -> NumberTiles:
    recorded = constraining.behavior_return(maze())
    return NumberTiles(
        title=f"In cells of width {number(chosen.width, 2)}",
        numbers=(
            Number(r"actions in $\bar A(s)$", number(chosen.choices, 3)),
            Number(r"believed", number(chosen.believed, 3), target=number(recorded, 3), target_name=r"recorded"),
            Number(
                "true return", number(round(chosen.true, 3), 2), tone="good" if chosen.true > 2 * recorded else "bad"
            ),
        ),
    )


def _answer(state: State, _: object) -> str:
    chosen = constraining.resolution(WIDTHS[int(state["fineness"])])
    data = maze()
    recorded, width = constraining.behavior_return(data), number(chosen.width, 2)
    head = (
        f"In cells of width {width} it believes **{number(chosen.believed, 3)}** and earns "
        f"**{number(round(chosen.true, 3), 2)}**; the recorded walks earned {number(recorded, 3)}. "
    )
    if chosen.seen_twice < 0.12:
        head += (
            rf"Only {number(100 * chosen.seen_twice, 2)} % of the rows share their state: $\bar A(s)$ holds one "
            r"action, this is **evaluation of $\pi_\beta$**, and in states it never met the policy knows nothing."
        )
    elif chosen.lost > 0.02:
        head += (
            f"Walks still meet, but too rarely: {number(100 * chosen.lost, 2)} % of the policy's steps are in cells "
            "without data."
        )
    elif _dips(chosen):
        head += (
            f"Walls stop {number(100 * chosen.blocked, 2)} % of its moves: a cell lies across the end of a wall, and "
            "the one action for all of it is right in one part and runs into the wall in the other."
        )
    else:
        head += "Walks meet in the same cells, and their pieces join: constrained Q-learning does all it should."
    return (
        head
        + "\n\n"
        + r"On finite states $\bar A$ is all it takes. In continuous ones every state is met once "
        + f"({number(100 * constraining.exactly_twice(), 2)} % of these rows exactly repeat a state), "
        + r"unless something says which states are alike. A network does, and then $\bar A$ needs a notion of “seen” "
        "that generalises too."
    )


def _run(_state: State) -> Run:
    return courses.looking_run(True).but(
        "It trains on a grid, where states are met again; the catalogue has no maze that is seen through cells."
    )


ABAR = Scene(
    id="abar",
    title="Only actions in the data",
    question=r"Ignore actions that are missing from the data. What if the state space is continuous?",
    setup=r"The maze's positions, cut into square cells. In each cell $\bar A(s)$ holds the actions that the data show "
    r"there; "
    "values are the exact fixed point of constrained Q-learning on those cells.",
    controls=(
        Control(
            Hyperparameter(
                "fineness",
                "",
                2,
                "How finely positions are told apart: to the right cells are smaller, until every state is seen once.",
                0,
                len(WIDTHS) - 1,
                integer=True,
            ),
            label="width of a cell",
            labels={str(k): number(width) for k, width in enumerate(WIDTHS)},
            unit="cells of the grid",
        ),
    ),
    compute=_abar,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        r"As cells shrink to points, constrained Q-learning's value of the start becomes …",
        ("the optimum", r"the value of $\pi_\beta$", "infinite"),
        right=1,
        at={"fineness": len(WIDTHS) - 1},
    ),
    layout=(("plane", "values"), ("numbers", "seen"), ("finite",)),
    covered=("values", "numbers", "seen"),
    aside=("finite",),
    presets=(
        Preset("As the grid", {"fineness": 2}),
        Preset("Quarter cells", {"fineness": 6}),
        Preset("Points", {"fineness": len(WIDTHS) - 1}),
    ),
    play=Play("fineness", per_second=2),
)
