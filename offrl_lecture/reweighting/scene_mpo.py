"""Scene 9: MPO weighs every action, and leaves the data."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Bar, Bars, Grid, Line, Lines, Mark, Number, NumberTiles, Path, Picture
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import courses, fixed_points
from offrl_lecture.training.course import Course, Frame
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.progress import Drawn, follow
from offrl_lecture.training.walks import cells_of, grid_of, most_likely_walk, recorded_roads

_LAST, _EVERY = 50, 10
_GUESSES = {"scattered": 0.5, "zero": 0.0}
_PRIORS = {"policy": r"$\pi_{\mathrm{old}}$, the policy so far", "behavior": r"$\pi_\beta$, the data's"}


def _course(state: State) -> Course:
    return courses.mpo_course(_GUESSES[str(state["guesses"])])


def _mpo(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(_course(state), int(state["frame"]), lambda frames: _pictures(state, frames))


def _place(state: State) -> tuple[int, int]:
    """The prior, and the trained bound nearest to the chosen one on the slider's own scale."""
    bound = int(np.abs(np.log(courses.EPSILONS) - np.log(float(state["epsilon"]))).argmin())
    return courses.PRIORS.index(str(state["prior"])), bound


@lru_cache(maxsize=1)
def _references() -> tuple[float, float]:
    truth = roads_truth()
    assert truth.optimal is not None
    assert truth.behavior is not None
    return truth.optimal, truth.behavior


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    at = _place(state)
    return {
        "grid": _grid(state, frames[-1], at),
        "data": recorded_roads(),
        "step": _step(state, frames[-1], at),
        "unseen": _unseen(frames, at),
        "axis": _axis(frames[-1], at),
        "numbers": _numbers(frames[-1], at),
    }


def _cell(state: State, now: Frame, at: tuple[int, int]) -> int:
    """The chosen cell; where none is, the last one of the likeliest walk in which there is something to do."""
    chosen = int(state["state"])
    if chosen >= 0 and roads().counts[chosen].any():
        return chosen
    return next(s for s in reversed(most_likely_walk(now["policy"][at])) if roads().counts[s].any())


def _grid(state: State, now: Frame, at: tuple[int, int]) -> Grid:
    data = roads()
    mdp, layout = grid_of(data)
    policy = now["policy"][at]
    visited = data.counts.sum(axis=1) > 0
    cell_of = cells_of(data)
    return Grid(
        title=f"MPO's $Q$ and policy after {int(now['step'][0])} updates",
        caption="Line: from $S$, always the likeliest action. Click a cell to see its E-step.",
        layout=layout,
        value_label="$Q(s,a)$",
        action_values=now["q"][at].astype(float),
        seen=data.counts > 0,
        policy=np.where(visited[:, None], policy, np.nan).astype(float),
        paths=[Path("likeliest walk", "learned", cells=[cell_of[s] for s in most_likely_walk(policy)], weight=1.2)],
        selected=_cell(state, now, at),
        control="state",
        low=-1.0,
        high=2.0,
        action_names=mdp.action_names,
        state_names=mdp.state_names,
        height="tall",
    )


def _step(state: State, now: Frame, at: tuple[int, int]) -> Bars:
    """The E-step in one cell, with the very `η` of the next update."""
    data = roads()
    mdp, _ = grid_of(data)
    cell = _cell(state, now, at)
    prior, q = (now[name][at].astype(float) for name in ("prior", "q"))
    improved = fixed_points.tilted(prior, q, float(now["eta"][at]))
    seen = data.counts[cell] > 0
    names = [
        f"{name}{'' if there else ' (?)'}: $Q$ {number(float(value), 2)}"
        for name, there, value in zip(mdp.action_names, seen, q[cell], strict=True)
    ]
    symbol, cloned = {"policy": (r"\pi_{\mathrm{old}}", ""), "behavior": (r"\pi_\beta", ", a clone")}[
        courses.PRIORS[at[0]]
    ]
    return Bars(
        title=rf"The E-step at {mdp.state_names[cell]}: $q\propto {symbol}\,e^{{Q/\eta}}$",
        caption=rf"(?): nobody took it there. $\eta={number(float(now['eta'][at]), 3)}$ meets the bound "
        rf"$\mathrm{{KL}}(q\|{symbol})\le\epsilon$, on average over the rows.",
        categories=names,
        y=Axis("probability", low=0, high=1),
        bars=(
            Bar(f"prior ${symbol}${cloned}", prior[cell], "muted"),
            Bar(
                "$q$: orange where nobody took it",
                improved[cell],
                "data",
                colors=["data" if there else "missing" for there in seen],
            ),
        ),
    )


def _unseen(frames: list[Frame], at: tuple[int, int]) -> Lines:
    steps = [float(f["step"][0]) for f in frames]
    mine = np.array([f["unseen"][at] for f in frames])
    other = np.array([f["awac_unseen"] for f in frames])
    return Lines(
        title="Share of the policy on actions that nobody took",
        x=Axis("update", low=0, high=_LAST * _EVERY),
        y=Axis("mean over the rows", low=0, high=0.8),
        lines=(
            Line(
                "MPO",
                steps,
                np.median(mine, axis=1),
                "missing",
                label="MPO",
                width=3.0,
                band=(mine.min(axis=1), mine.max(axis=1)),
                band_name=f"range of {courses.MPO_SEEDS} seeds",
            ),
            Line("AWAC, which clones rows", steps, np.median(other, axis=1), "data", label="AWAC", width=3.0),
        ),
    )


def _axis(now: Frame, at: tuple[int, int]) -> Lines:
    prior, bound = at
    best, behavior = _references()
    believed, true, unseen = (now[name][prior] for name in ("believed", "return", "unseen"))
    return Lines(
        title=r"Every bound $\epsilon$ at once",
        x=Axis(r"KL bound $\epsilon$", "nats", "log", courses.EPSILONS[0], courses.EPSILONS[-1]),
        y=Axis("value, share", low=0, high=1.0),
        lines=(
            Line("believed at the start", courses.EPSILONS, np.median(believed, axis=1), "learned", mode="both"),
            Line("true return", courses.EPSILONS, np.median(true, axis=1), "good", mode="both"),
            Line("share on actions nobody took", courses.EPSILONS, np.median(unseen, axis=1), "missing", mode="both"),
        ),
        marks=(
            Mark(courses.EPSILONS[bound], rf"$\epsilon={number(courses.EPSILONS[bound])}$"),
            Mark(best, "best", "y", "truth"),
            Mark(behavior, r"$\pi_\beta$", "y", "behavior"),
        ),
    )


def _numbers(now: Frame, at: tuple[int, int]) -> NumberTiles:
    best, _ = _references()
    believed, true, unseen = (float(np.median(now[name][at])) for name in ("believed", "return", "unseen"))
    awac = float(np.median(now["awac_return"]))
    return NumberTiles(
        title=f"Median of {courses.MPO_SEEDS} seeds",
        numbers=(
            Number("believed", number(believed, 3), tone="bad" if believed > best + 0.02 else ""),
            Number("true return", number(true, 3), target=number(best, 3), target_name="best"),
            Number("on actions nobody took", f"{number(100 * unseen, 3)} %"),
            Number("AWAC's true return", number(awac, 3)),
        ),
    )


def _answer(state: State, _: object) -> str:
    now = _course(state).so_far(int(state["frame"]))[-1]
    at, step = _place(state), int(now["step"][0])
    if step < 100:
        return "Press play: MPO trains with every bound and both priors, and AWAC beside it."
    best, _behavior = _references()
    believed, true, unseen = (float(np.median(now[name][at])) for name in ("believed", "return", "unseen"))
    cloned, awac = (float(np.median(now[f"awac_{name}"])) for name in ("unseen", "return"))
    left = f"{number(100 * unseen, 2)} % of its policy lies on actions that nobody took in that state"
    said = (
        rf"With $\epsilon={number(courses.EPSILONS[at[1]])}$ MPO believes **{number(believed, 3)}** (best "
        f"{number(best, 3)}) and earns **{number(true, 3)}**: {left}."
        "\n\nWeighted cloning can only copy what stands in a row: AWAC, whose critic starts from the same guesses, "
        f"ends with {number(100 * cloned, 2)} % there and earns {number(awac, 3)}. MPO's "
        r"E-step weighs *every* action by $e^{Q/\eta}$. Where a guess is too high no row corrects it, the policy moves "
        "to it, and the critic takes the policy's word for it."
    )
    if state["guesses"] == "zero":
        said += (
            "\n\nHere every guess starts at 0 and no reward is below 0: a guess never looks better than a way to the "
            "goal. That is luck of this world, not a property of MPO."
        )
    elif state["prior"] == "behavior":
        said += (
            "\n\n"
            r"The prior $\pi_\beta$ holds it only as far as $\epsilon$ is small. It is a clone, and a clone leaves "
            r"every action a little: times $e^{Q/\eta}$, with an $\eta$ as small as a large $\epsilon$ asks for, that "
            "little is enough."
        )
    else:
        said += (
            "\n\n"
            r"The bound does not help: it limits a *step*, and a long way is made of small steps. Try the prior "
            r"$\pi_\beta$."
        )
    return said


def _run(state: State) -> Run:
    prior, bound = _place(state)
    return courses.mpo_run((courses.PRIORS[prior],), courses.EPSILONS[bound], _GUESSES[str(state["guesses"])])


MPO = Scene(
    id="mpo",
    title="MPO leaves the data",
    question="MPO weighs every action, not only those of the rows. What does it do with an action that nobody took?",
    setup=r"The two roads again. E-step: $q(a\mid s)\propto \mathrm{prior}(a\mid s)\,e^{Q(s,a)/\eta}$ for *all* "
    r"actions, with $\eta$ from the bound $\epsilon$; M-step: clone $q$. The critic evaluates the policy.",
    controls=(
        Control(
            Hyperparameter(
                *("epsilon", r"\epsilon", 0.1),
                "How far the E-step may move from its prior (KL, in nats); the nearest trained bound is shown.",
                low=courses.EPSILONS[0],
                high=courses.EPSILONS[-1],
                scale="log",
            ),
            label="KL bound",
        ),
        Control(
            Hyperparameter("prior", "", "policy", "What the E-step reweights.", choices=courses.PRIORS),
            label="prior",
            labels=_PRIORS,
        ),
        Control(
            Hyperparameter("guesses", "Q_0", "scattered", "What $Q$ starts from.", choices=tuple(_GUESSES)),
            label="start values",
            labels={"scattered": r"scattered, $\sigma=.5$", "zero": "all 0"},
        ),
        training_control(_LAST, _EVERY),
        Control(
            Hyperparameter(
                "state", "s", -1, "The cell whose E-step is drawn; at first where the walk ends.", -1, 23, integer=True
            ),
            label="cell",
            widget="none",
        ),
    ),
    compute=_mpo,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "The best return here is .569, the data's policy earns .230. MPO with scattered start values will earn …",
        ("about the best", "about what the data's policy earns", "next to nothing"),
        right=2,
        at={"frame": _LAST, "epsilon": 0.1, "prior": "policy", "guesses": "scattered"},
    ),
    layout=(("grid:8", "step:7"), ("unseen", "axis"), ("numbers",)),
    covered=("grid", "step", "unseen", "axis", "numbers"),
    stand_in={"grid": "data"},
    aside=("numbers",),
    presets=(
        Preset(r"$\epsilon=.1$", {"frame": _LAST}),
        Preset(r"prior $\pi_\beta$, $\epsilon=.1$", {"frame": _LAST, "prior": "behavior"}),
        Preset(r"prior $\pi_\beta$, $\epsilon=1$", {"frame": _LAST, "prior": "behavior", "epsilon": 1.0}),
        Preset("all guesses 0", {"frame": _LAST, "guesses": "zero"}),
    ),
    play=Play("frame", per_second=10),
    source="Abdolmaleki et al. 2018, “Maximum a posteriori policy optimisation”",
)
