"""Where the target's maximum looks: pairs (s', a') that the data hold, and pairs that they do not."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_core.worlds.layout import GridLayout
from offrl_lecture.base.pictures import Axis, Grid, Line, Lines, Number, NumberTiles, Picture, Table, Target
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.constraining_q import courses
from offrl_lecture.constraining_q import support as constraining
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.progress import Drawn, follow

_LAST = 60
_CROSSING = 6
"""The cell before the first crossing, (5, 3)."""


def _looking(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    limited = state["maximum"] == "seen"
    course = courses.looking_course(limited)
    return follow(course, int(state["frame"]), lambda frames: _pictures(state, limited, frames))


def _pictures(state: State, limited: bool, frames: list[Frame]) -> dict[str, Picture]:
    data, now = roads(), frames[-1]
    mdp = data.mdp
    assert mdp is not None
    layout = data.layout
    assert isinstance(layout, GridLayout)
    q, seen = now["q"].astype(float), data.counts > 0
    chosen = int(state["state"])
    steps = [float(f["step"][0]) for f in frames]
    return {
        "grid": Grid(
            title=f"$Q$ after {int(steps[-1])} updates, and where each maximum looks",
            caption="Outlined: the pair that the maximum picks in each next cell, green in the data, red not. Point at "
            "a cell to see what its target reads; click to list its rows.",
            layout=layout,
            value_label="$Q(s,a)$",
            action_values=q,
            seen=seen,
            targets=_targets(q, limited),
            selected=chosen,
            control="state",
            low=-1.0,
            high=2.0,
            action_names=mdp.action_names,
            state_names=mdp.state_names,
            height="tall",
        ),
        "cell": _cell_table(q, chosen, limited),
        "share": Lines(
            title="Share of guesses",
            x=Axis("update", low=0, high=_LAST),
            y=Axis("share", low=0, high=1),
            lines=(
                Line(
                    "of what the targets read", steps, [float(f["unseen"][0]) for f in frames], "learned", label="read"
                ),
                Line(
                    "of the pairs on offer",
                    (0, _LAST),
                    (constraining.candidates_unseen(data),) * 2,
                    "muted",
                    label="on offer",
                ),
            ),
        ),
        "numbers": NumberTiles(
            title="What comes of it",
            numbers=(
                Number(
                    "believed at the start",
                    float(now["value_start"][0]),
                    tone="bad" if now["value_start"][0] > 0.6 else "",
                ),
                Number(
                    "true return",
                    float(now["return"][0]),
                    target=roads_truth().optimal,
                    target_name="optimum",
                ),
            ),
        ),
    }


def _targets(q: np.ndarray, limited: bool) -> tuple[Target, ...]:
    data = roads()
    mdp = data.mdp
    assert mdp is not None
    found = []
    goes = ~data.terminations
    for ahead in np.unique(data.next_observations[goes]).tolist():
        allowed = data.counts[ahead] > 0
        values = np.where(allowed, q[ahead], -np.inf) if limited else q[ahead]
        action = int(values.argmax())
        inside = bool(allowed[action])
        found.append(
            Target(
                ahead,
                action,
                f"at {mdp.state_names[ahead]} the maximum picks {mdp.action_names[action]}, "
                + ("in the data" if inside else "not in the data"),
                "good" if inside else "bad",
                np.unique(data.observations[goes & (data.next_observations == ahead)]).tolist(),
            )
        )
    return tuple(found)


def _cell_table(q: np.ndarray, chosen: int, limited: bool) -> Table:
    data = roads()
    mdp = data.mdp
    assert mdp is not None
    rows: list[list[float | str]] = []
    tones = []
    for out in constraining.outgoing(data, q, chosen):
        name = mdp.action_names[out.action]
        if out.terminated:
            rows.append([name, out.count, "the end", *["–"] * 4, "nothing", number(out.reward, 3)])
            tones.append("")
            continue
        values = [
            f"{number(q[out.next_state, a], 3)}" + ("" if data.counts[out.next_state, a] else " *?*") for a in range(4)
        ]
        allowed = data.counts[out.next_state] > 0
        pick = int(np.where(allowed, q[out.next_state], -np.inf).argmax()) if limited else out.chosen
        assert pick is not None
        best = out.constrained if limited else out.naive
        rows.append(
            [
                name,
                out.count,
                mdp.state_names[out.next_state],
                *values,
                mdp.action_names[pick],
                number(out.reward + data.gamma * best, 3),
            ]
        )
        tones.append("good" if allowed[pick] else "bad")
    cell = mdp.state_names[chosen]
    caption = "" if rows else "The data never leave this cell: no target starts here."
    return Table(
        title=f"The rows that leave {cell}, and $Q$ in $s'$ (*?* marks a guess)",
        caption=caption,
        columns=(
            "$a$",
            "$n$",
            "$s'$",
            *(f"$Q$ {arrow}" for arrow in "↑→↓←"),
            "picks",
            r"$r+\gamma\max$",
        ),
        rows=rows,
        tones=tones,
    )


def _answer(state: State, _: object) -> str:
    limited = state["maximum"] == "seen"
    now = courses.looking_course(limited).so_far(int(state["frame"]))[-1]
    step, unseen = int(now["step"][0]), 100 * float(now["unseen"][0])
    believed, true = number(float(now["value_start"][0])), number(float(now["return"][0]))
    offered = 100 * constraining.candidates_unseen(roads())
    if limited:
        return (
            r"The maximum over $\bar A(s')=\{a':(s',a')\in X\}$ never leaves the data: every value it reads has rows "
            f"of its own. After {step} updates it believes **{believed}** and earns **{true}** (optimum "
            f"{number(roads_truth().optimal or 0)})."
            "\n\nThe walks from $S$ and the walk to the goal are joined where they cross: nobody walked that road."
        )
    return (
        f"**{offered:.0f} %** of the pairs on offer to the maxima are not in the data. After {step} updates "
        f"{unseen:.0f} % of the targets read such a guess; it believes **{believed}** and earns **{true}**."
        "\n\nA guess is read and never corrected. Where it is too low the maximum ignores it, where it is too high the "
        "maximum *chooses* it: errors do not average out, the largest one travels backwards, row by row. Now let the "
        "maximum see only the data."
    )


def _run(state: State) -> Run:
    return courses.looking_run(state["maximum"] == "seen")


LOOKING = Scene(
    id="where-max-looks",
    title="Where the max looks",
    question=r"What does $\max_{a'} Q(s',a')$ read that the data never show?",
    setup="Two recorded roads cross. A table starts from scattered values and does Q-learning on the rows.",
    controls=(
        Control(
            Hyperparameter("frame", "", 0, "How many updates have been made.", 0, _LAST, integer=True), label="updates"
        ),
        Control(
            Hyperparameter("maximum", "", "all", "Which actions the maximum may choose.", choices=("all", "seen")),
            label="the maximum runs over",
            labels={"all": "all actions", "seen": r"$\bar A(s')$: those in the data"},
        ),
        Control(
            Hyperparameter("state", "s", _CROSSING, "The cell whose rows are listed.", 0, 23, integer=True),
            label="cell",
            widget="none",
        ),
    ),
    compute=_looking,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "How many of the pairs $(s',a')$ that the maxima may pick are **not** in the data?",
        ("hardly any", "about a third", "more than two thirds"),
        right=2,
        at={"frame": _LAST, "maximum": "all"},
    ),
    layout=(("grid:2", "share"), ("cell:2", "numbers")),
    aside=("numbers",),
    covered=("share", "numbers"),
    presets=(
        Preset("Before learning", {}),
        Preset("Naive, 60 updates", {"frame": _LAST}),
        Preset(r"$\bar A$, 60 updates", {"frame": _LAST, "maximum": "seen"}),
    ),
    play=Play("frame", per_second=8),
    source="Fujimoto, Meger & Precup 2019 call it extrapolation error",
)
