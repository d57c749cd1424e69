"""CQL built up in the lecture's four steps, the paper's form beside it, and the soft maximum."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Equation, Line, Lines, Mark, Number, NumberTiles, Panel, Panels, Picture
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import number
from offrl_lecture.constraining_q import courses
from offrl_lecture.constraining_q import support as constraining
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.progress import Drawn, follow

_LAST = 100
_EVERY = 4
_NAMES = {
    "lecture-a": "a: everything down",
    "lecture-b": "b: but the data's action up",
    "lecture-c": r"c: the largest down most",
    "lecture-d": "d: and squared",
    "paper": r"the paper's, at $s$",
}
_LAWS = {
    "lecture-a": r"\textstyle\sum_b Q(s',b)",
    "lecture-b": r"\textstyle\sum_b Q(s',b) - Q(s',a')",
    "lecture-c": r"\log\textstyle\sum_b e^{Q(s',b)} - Q(s',a')",
    "lecture-d": r"\left(\log\textstyle\sum_b e^{Q(s',b)} - Q(s',a')\right)^2",
    "paper": r"\log\textstyle\sum_b e^{Q(s,b)} - Q(s,a)",
}
_FLOOR, _TOP = -300.0, 5.0


def _cql(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(courses.cql_course(), int(state["frame"]), lambda frames: _pictures(state, frames))


def place_of(alpha: float) -> int:
    """The trained weight nearest to `alpha`, on the axis that the slider has."""
    return int(np.abs(np.array(courses.ALPHAS) - alpha).argmin())


def median(frame: Frame, name: str, form: str, place: int) -> float:
    """The median over seeds of one number of a frame."""
    return float(np.median(frame[name][courses.FORMS.index(form), place]))


def mean_return(frame: Frame, form: str, place: int) -> float:
    """The true return, averaged over seeds: a seed either finds the road or does not."""
    return float(frame["return"][courses.FORMS.index(form), place].mean())


@lru_cache(maxsize=1)
def true_mean() -> float:
    """The mean of the exact `Q*` over the pairs of the data."""
    q_star = roads_truth().q_star
    assert q_star is not None
    return float(q_star[roads().counts > 0].mean())


def _q_lines(form: str, frames: list[Frame], place: int, small: bool) -> Lines:
    end = _LAST * _EVERY
    steps = [float(f["step"][0]) for f in frames]
    at = courses.FORMS.index(form), place
    seen, missing = (np.median([f[name][at] for f in frames], axis=1) for name in ("q_data", "q_missing"))
    return Lines(
        title="" if small else f"Mean $Q$: {_NAMES[form]}",
        x=Axis("update", low=0, high=end),
        y=Axis("$Q$", scale="symlog", threshold=1.0, low=_FLOOR, high=_TOP, ticks=(-100, -10, 0)),
        lines=(
            Line("in the data", steps, seen, "data", label="data", width=2.6),
            Line("missing", steps, missing, "missing", label="missing", width=2.6),
            Line(
                "exact $Q^*$ on data pairs",
                (0, end),
                (true_mean(), true_mean()),
                "truth",
                dash=True,
                label="truth",
            ),
        ),
    )


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    form, place, now = str(state["form"]), place_of(float(state["alpha"])), frames[-1]
    alpha = number(courses.ALPHAS[place], 2)
    best = roads_truth().optimal
    assert best is not None
    return {
        "law": Equation(
            title="The loss",
            rows=(
                (
                    r"\mathcal{L} = \tfrac12\left(Q(s,a) - r - \gamma\max_{b}Q(s',b)\right)^2",
                    "",
                ),
                (rf"+\; \color{{bad}}{{\alpha}}\,\color{{bad}}{{{_LAWS[form]}}}", _NAMES[form]),
            ),
        ),
        "q": _q_lines(form, frames, place, small=False),
        "axis": _axis(form, now, place, best),
        **(
            {"soft": _soft(), "slope": _slopes()}
            if state["below"] == "soft"
            else {"forms": _forms(form, frames, place)}
        ),
        "numbers": NumberTiles(
            title=rf"$\alpha={alpha}$, {int(now['step'][0])} updates, median of {courses.CQL_SEEDS} seeds",
            numbers=(
                Number(
                    "true return, mean",
                    number(mean_return(now, form, place), 3),
                    target=number(best),
                    target_name="optimum",
                ),
                Number("believed at the start", number(median(now, "value_start", form, place))),
                Number("$Q$ on missing pairs", number(median(now, "q_missing", form, place))),
            ),
        ),
    }


def _forms(form: str, frames: list[Frame], place: int) -> Panels:
    best = roads_truth().optimal or 0.0
    panels = []
    for name, label in _NAMES.items():
        got = mean_return(frames[-1], name, place)
        panels.append(
            Panel(
                label,
                _q_lines(name, frames, place, small=True),
                value=name,
                verdict=f"true return {number(got, 3)}",
                tone="good" if got > 0.9 * best else "muted",
            )
        )
    return Panels(
        title=rf"The four steps and the paper's form, at $\alpha={number(courses.ALPHAS[place], 2)}$",
        panels=tuple(panels),
        control="form",
        selected=list(_NAMES).index(form),
        columns=5,
    )


def _axis(form: str, now: Frame, place: int, best: float) -> Lines:
    true, believed = (now[name][courses.FORMS.index(form)] for name in ("return", "value_start"))
    low, high = np.quantile(believed, (0.25, 0.75), axis=1)
    return Lines(
        title=r"Every $\alpha$ at once",
        x=Axis(r"weight $\alpha$", scale="symlog", threshold=0.003, low=0, high=10, ticks=(0, 0.01, 0.1, 1, 10)),
        y=Axis("value at the start", low=-0.02, high=1.5),
        lines=(
            Line(
                "believed",
                courses.ALPHAS,
                np.median(believed, axis=1),
                "learned",
                mode="both",
                band=(low, high),
                band_name=f"quartiles of {courses.CQL_SEEDS} seeds",
                label="believed",
            ),
            Line("true return, mean", courses.ALPHAS, true.mean(axis=1), "good", mode="both", label="true"),
            Line("optimum", (0, 10), (best, best), "truth", dash=True, label="best"),
        ),
        marks=(Mark(courses.ALPHAS[place], rf"$\alpha={number(courses.ALPHAS[place], 2)}$"),),
    )


@lru_cache(maxsize=1)
def _soft() -> Lines:
    x = np.linspace(-3, 3, 61)
    q = np.stack([x, np.zeros_like(x), np.ones_like(x)], axis=1)
    soft, _ = constraining.soft_maximum(q)
    return Lines(
        title="Three values: $x$, 0 and 1",
        x=Axis("$x$, the value that moves", low=-3, high=3),
        y=Axis("value", low=-2.2, high=4.4),
        lines=(
            Line("sum", x, q.sum(axis=1), "muted", label="sum"),
            Line(r"$\log\sum\exp$", x, soft, "learned", label="log-sum-exp", width=3.0),
            Line("max", x, q.max(axis=1), "bad", label="max"),
        ),
    )


@lru_cache(maxsize=1)
def _slopes() -> Lines:
    x = np.linspace(-3, 3, 61)
    q = np.stack([x, np.zeros_like(x), np.ones_like(x)], axis=1)
    _, weights = constraining.soft_maximum(q)
    return Lines(
        title="How hard each pushes $x$ down: its slope",
        caption="The sum pushes everything, the max only the winner, log-sum-exp by the softmax share: between the "
        "two.",
        x=Axis("$x$", low=-3, high=3),
        y=Axis("slope", low=-0.04, high=1.1),
        lines=(
            Line("sum", x, np.ones_like(x), "muted", label="sum"),
            Line(r"$\log\sum\exp$: softmax", x, weights[:, 0], "learned", label="log-sum-exp", width=3.0),
            Line("max", (-3, 1, 1, 3), (0, 0, 1, 1), "bad", label="max"),
        ),
    )


_SAID = {
    "lecture-a": "No TD error holds a missing pair: it sinks by the same amount at every update, **without bound**.",
    "lecture-b": "The data's own action is let off; missing ones still sink **without bound**.",
    "lecture-c": "Pushed by its softmax share, an action far below the others is left alone: the sinking slows down.",
    "lecture-d": r"The square pushes in proportion to $z$: hard where missing actions look good, ever less as $z\to "
    r"0$.",
    "paper": r"The penalty stands at $s$ with the row's own $a$, in every state that the data leave.",
}


def _answer(state: State, _: object) -> str:
    form, place = str(state["form"]), place_of(float(state["alpha"]))
    now = courses.cql_course().so_far(int(state["frame"]))[-1]
    alpha, step = courses.ALPHAS[place], int(now["step"][0])
    if step < 100:
        return "Press play: all forms and all weights train at once."
    data, missing = median(now, "q_data", form, place), median(now, "q_missing", form, place)
    returns = now["return"][courses.FORMS.index(form), place]
    head = (
        rf"After {step} updates with $\alpha={number(alpha, 2)}$ the mean $Q$ is {number(data, 3)} in the data (exact "
        f"{number(true_mean(), 3)}) and **{number(missing, 3)}** outside it; the policy earns "
        f"{number(returns.mean(), 3)}. "
    )
    if alpha == 0:
        return head + "Without a penalty this is naive Q-learning."
    head += _SAID[form]
    lost = returns < 0.01
    at_start = int((lost & now["guesses"][courses.FORMS.index(form), place]).sum())
    if form != "paper" and at_start:
        whose = "" if at_start == lost.sum() else f"{at_start} of them "
        head += (
            f"\n\n{int(lost.sum())} of {courses.CQL_SEEDS} seeds earn nothing, {whose}because their very first step "
            "follows a guess: the penalty stands at $s'$, and the first state of an episode is nobody's $s'$. In a "
            "table nothing else reaches it; a network would generalise, and the paper's form stands at $s$."
        )
    elif form == "paper" and alpha >= 1 and returns.mean() < 0.5:
        head += "\n\nSo much weight on the data's own actions that it takes the most frequent one at each crossing."
    return head


def _run(state: State) -> Run:
    alpha, seeds = courses.ALPHAS[place_of(float(state["alpha"]))], 8
    run = courses.cql_run((str(state["form"]),), alpha, seeds)
    return run.but(f"{seeds} of the {courses.CQL_SEEDS} seeds.")


CQL = Scene(
    id="cql-steps",
    title="CQL in four steps",
    question="Instead of forbidding actions, make their values low. How, without sinking everything?",
    setup="The two roads, a table with scattered start values. Each step changes one thing in the one before it.",
    controls=(
        Control(
            Hyperparameter("form", "", "lecture-a", "Which penalty.", choices=tuple(_NAMES)),
            label="penalty",
            labels=_NAMES,
            widget="select",
        ),
        Control(
            Hyperparameter(
                "alpha",
                r"\alpha",
                0.03,
                "Weight of the penalty: up is more pessimistic and closer to cloning; the nearest trained weight is "
                "shown.",
                0.003,
                10.0,
                scale="log",
                special={0.0: "no penalty"},
            ),
            label="weight",
        ),
        Control(
            Hyperparameter("below", "", "forms", "What stands below.", choices=("forms", "soft")),
            label="below",
            labels={"forms": "all five penalties", "soft": r"why $\log\sum\exp$"},
        ),
        training_control(_LAST, _EVERY, "How far all members have trained."),
    ),
    compute=_cql,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        r"Step a adds $\alpha\sum_b Q(s',b)$ to the loss. The values of actions that the data never show …",
        ("settle a little lower", "sink without bound", "do not change"),
        right=1,
        at={"form": "lecture-a", "frame": _LAST, "alpha": 0.03},
    ),
    layout=(("law",), ("q:3", "axis:2"), ("numbers",), ("forms",), ("soft", "slope")),
    aside=("numbers",),
    covered=("q", "axis", "forms", "numbers"),
    presets=(
        *(
            Preset(label, {"form": name, "frame": _LAST})
            for name, label in (
                ("lecture-a", "a"),
                ("lecture-b", "b"),
                ("lecture-c", "c"),
                ("lecture-d", "d"),
                ("paper", "paper"),
            )
        ),
        Preset(r"paper, $\alpha=3$: a clone's favourite", {"form": "paper", "frame": _LAST, "alpha": 3.0}),
    ),
    play=Play("frame", per_second=12),
    source="The lecture's four steps; Kumar et al. 2020, equation 4",
)
