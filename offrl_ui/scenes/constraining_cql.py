"""CQL built up in the lecture's four steps, the paper's form beside it, and the soft maximum."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from offrl_core.hyperparameters import Hyperparameter
from offrl_core.lecture import constraining, courses
from offrl_ui.scenes.pictures import Axis, Equation, Line, Lines, Mark, Number, NumberTiles, Panel, Panels, Picture
from offrl_ui.scenes.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_ui.scenes.text import number

_LAST = 100
_EVERY = 5
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
_FLOOR, _TOP = -1e3, 10.0


def _frames(form: str, count: int) -> list[courses.Frame]:
    return courses.cql_course(form).frames(count)


def _cql(state: State) -> Iterator[dict[str, Picture]]:
    form, count = str(state["form"]), int(state["frame"])
    for frames in courses.cql_course(form).reach(count):
        yield _pictures(state, form, frames)


def place_of(alpha: float) -> int:
    """The trained weight nearest to `alpha`, on the axis that the slider has."""
    return int(np.abs(np.array(courses.ALPHAS) - alpha).argmin())


def by_alpha(values: np.ndarray) -> np.ndarray:
    """`(weights, seeds)`."""
    return values.reshape(len(courses.ALPHAS), courses.SEEDS)


def _series(frames: list[courses.Frame], name: str, place: int) -> np.ndarray:
    return np.array([np.median(by_alpha(f[name])[place]) for f in frames])


@lru_cache(maxsize=1)
def true_mean() -> float:
    """The mean of the exact `Q*` over the pairs of the data."""
    q_star = courses.roads_truth().q_star
    assert q_star is not None
    return float(q_star[courses.roads().counts > 0].mean())


def _q_lines(form: str, frames: list[courses.Frame], place: int, small: bool) -> Lines:
    end = _LAST * _EVERY
    steps = [float(f["step"][0]) for f in frames]
    return Lines(
        title="" if small else f"Mean $Q$ with {_NAMES[form]}",
        x=Axis("update", low=0, high=end, ticks=(0, end) if small else ()),
        y=Axis("$Q$", scale="symlog", threshold=1.0, low=_FLOOR, high=_TOP, ticks=(-100, 0) if small else ()),
        lines=(
            Line("in the data", steps, _series(frames, "q_data", place), "data", label="" if small else "data"),
            Line("missing", steps, _series(frames, "q_missing", place), "missing", label="" if small else "missing"),
            Line(
                "exact $Q^*$ on data pairs",
                (0, end),
                (true_mean(), true_mean()),
                "truth",
                dash=True,
                label="" if small else "truth",
            ),
        ),
        legend=not small,
        height="short" if small else "normal",
    )


def _pictures(state: State, form: str, frames: list[courses.Frame]) -> dict[str, Picture]:
    place = place_of(float(state["alpha"]))
    alpha = courses.ALPHAS[place]
    count = len(frames) - 1
    panels = []
    for name, label in _NAMES.items():
        own = frames if name == form else _frames(name, count)
        end = float(np.median(by_alpha(own[-1]["return"])[place]))
        panels.append(
            Panel(
                label,
                _q_lines(name, own, place, small=True),
                value=name,
                verdict=f"true return {number(end, 3)}",
                tone="good" if end > 0.5 else "muted",
            )
        )
    return {
        "law": Equation(
            title="The loss",
            rows=(
                (
                    rf"\mathcal{{L}} = \tfrac12\left(Q(s,a) - r - \gamma\max_{{b}}Q(s',b)\right)^2 + \color{{bad}}{{\alpha}}\,"
                    rf"\color{{bad}}{{{_LAWS[form]}}}",
                    _NAMES[form],
                ),
            ),
        ),
        "q": _q_lines(form, frames, place, small=False),
        "axis": _axis(frames, alpha),
        "forms": Panels(
            title=rf"The four steps and the paper's form, at $\alpha={number(alpha, 2)}$",
            panels=tuple(panels),
            control="form",
            selected=list(_NAMES).index(form),
            columns=5,
        ),
        "numbers": NumberTiles(
            title=rf"$\alpha={number(alpha, 2)}$, {int(frames[-1]['step'][0])} updates, median of {courses.SEEDS} seeds",
            numbers=(
                Number(
                    "true return",
                    float(np.median(by_alpha(frames[-1]["return"])[place])),
                    target=0.5688,
                    target_name="optimum",
                ),
                Number("believed at the start", float(np.median(by_alpha(frames[-1]["value_start"])[place]))),
                Number("$Q$ on missing pairs", float(np.median(by_alpha(frames[-1]["q_missing"])[place]))),
            ),
        ),
        "soft": _soft(),
        "slope": _slopes(),
    }


def _axis(frames: list[courses.Frame], alpha: float) -> Lines:
    true, believed = by_alpha(frames[-1]["return"]), by_alpha(frames[-1]["value_start"])
    best = courses.roads_truth().optimal
    assert best is not None
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
                band=tuple(np.quantile(believed, (0.25, 0.75), axis=1)),
                band_name=f"quartiles of {courses.SEEDS} seeds",
            ),
            Line("true return", courses.ALPHAS, np.median(true, axis=1), "good", mode="both"),
            Line("optimum", (0, 10), (best, best), "truth", dash=True),
        ),
        marks=(Mark(alpha, rf"$\alpha={number(alpha, 2)}$"),),
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
        caption="The sum pushes everything, the max only the winner, log-sum-exp by the softmax share: between the two.",
        x=Axis("$x$", low=-3, high=3),
        y=Axis("slope", low=-0.04, high=1.1),
        lines=(
            Line("sum", x, np.ones_like(x), "muted", label="sum"),
            Line(r"$\log\sum\exp$: softmax", x, weights[:, 0], "learned", label="log-sum-exp", width=3.0),
            Line("max", (-3, 1, 1, 3), (0, 0, 1, 1), "bad", label="max"),
        ),
    )


def _answer(state: State, _: object) -> str:
    form, count = str(state["form"]), int(state["frame"])
    place = place_of(float(state["alpha"]))
    alpha = courses.ALPHAS[place]
    frames = _frames(form, count)
    step = int(frames[-1]["step"][0])
    if step < 100:
        return "Press play: all forms and all weights train at once."
    data, missing = (float(_series(frames[-1:], name, place)[0]) for name in ("q_data", "q_missing"))
    true = float(np.median(by_alpha(frames[-1]["return"])[place]))
    head = f"**{_NAMES[form]}**, $\\alpha={number(alpha, 2)}$: after {step} updates $Q$ is {number(data, 3)} in the data and "
    head += f"{number(missing, 3)} outside (exact: {number(true_mean(), 3)} in the data); the true return is {number(true, 3)}. "
    if alpha == 0:
        return head + "Without a penalty this is naive Q-learning."
    said = {
        "lecture-a": "Nothing holds a missing pair: it has no TD error, so it sinks by the same amount at every update, **without bound**. "
        "Data pairs sink until their TD error pulls as hard.",
        "lecture-b": "The data's own action is let off, so data pairs stay nearer to the truth. The others still sink without bound.",
        "lecture-c": "Now an action is pushed by its softmax share: one that is far below the others is left alone, so the sinking slows "
        "down by itself.",
        "lecture-d": r"The square pushes in proportion to $z$ itself: hard where the missing actions look good, ever less as $z\to 0$.",
        "paper": r"The penalty stands at $s$ with the row's own $a$, in every state that the data leave.",
    }[form]
    if form in ("lecture-c", "lecture-d") and true < 0.5:
        said += (
            r" Its true return is low for a simple reason: the penalty stands at $s'$, and the *first* state of an episode is nobody's "
            r"$s'$. In a table nothing reaches it; the paper's form at $s$ does, and a network would generalise."
        )
    elif form in ("lecture-a", "lecture-b") and true < 0.5:
        said += r" (The start is nobody's $s'$, so in a table no penalty reaches its guesses, and the policy fails in its first step.)"
    return head + said


CQL = Scene(
    id="cql-steps",
    title="CQL in four steps",
    question="Instead of forbidding actions, make their values low. How, without sinking everything?",
    setup="The two roads, a table with scattered start values. Each step repairs the one before it.",
    controls=(
        Control(
            Hyperparameter("form", "", "lecture-a", "Which penalty.", choices=tuple(_NAMES)),
            label="penalty",
            labels=_NAMES,
        ),
        Control(
            Hyperparameter(
                "alpha",
                r"\alpha",
                0.1,
                "Weight of the penalty: up is more pessimistic and closer to cloning; the nearest trained weight is shown.",
                0.003,
                10.0,
                scale="log",
                special={0.0: "no penalty"},
            ),
            label="weight",
        ),
        Control(
            Hyperparameter("frame", "", 0, "How far all members have trained.", 0, _LAST, integer=True),
            label="training",
            unit=f"× {_EVERY} updates",
        ),
    ),
    compute=_cql,
    answer=_answer,
    prediction=Prediction(
        r"Step a adds $\alpha\sum_b Q(s',b)$ to the loss. The values of actions that the data never show …",
        ("settle a little lower", "sink without bound", "do not change"),
        right=1,
        at={"form": "lecture-a", "frame": _LAST},
    ),
    layout=(("law",), ("q:3", "axis:2"), ("forms",), ("numbers",), ("soft", "slope")),
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
        Preset(r"paper, $\alpha=3$: a clone", {"form": "paper", "frame": _LAST, "alpha": 3.0}),
    ),
    play=Play("frame", per_second=12),
    source="The lecture's four steps; Kumar et al. 2020, equation 4",
)
