"""The triad on a real network: naive Q-learning on the continuous maze, beside the truth."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from offrl_core.dataset import dataset_probes
from offrl_core.declarations import Hyperparameter
from offrl_core.worlds.layout import PlaneLayout
from offrl_lecture.base.pictures import Axis, Line, Lines, Mark, Number, NumberTiles, Picture
from offrl_lecture.base.plane import valued_plane
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import number
from offrl_lecture.deadly_triad import courses
from offrl_lecture.training.background import in_background
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import maze, maze_truth
from offrl_lecture.training.progress import Drawn, follow

_NOISE = {"low": 0.02, "middle": 0.1, "high": 0.3}
_COVERAGE = {"low": "low (2 % random steps)", "middle": "middle (10 %)", "high": "high (30 %)"}
_SYSTEMS = {"q-learning": "naive Q-learning", "bcq": r"BCQ, $\rho=.2$"}
_LAST = courses.NETWORK_FRAMES
_EVERY = 50


def _network(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    noise, system = _NOISE[str(state["coverage"])], str(state["system"])
    course = in_background(courses.network, noise, system)
    return follow(course, int(state["frame"]), lambda frames: _pictures(frames, noise, system))


def _middle(frames: list[Frame], name: str) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    values = np.array([f[name] for f in frames])
    return np.median(values, axis=1), (values.min(axis=1), values.max(axis=1))


def _pictures(frames: list[Frame], noise: float, system: str) -> dict[str, Picture]:
    steps = np.array([f["step"][0] for f in frames], float)
    end = _LAST * _EVERY
    seeds = f"range of {courses.NETWORK_SEEDS} seeds"
    data, data_band = _middle(frames, "q_data")
    missing, _ = _middle(frames, "q_missing")
    true, true_band = _middle(frames, "true_q")
    known = np.isfinite(true)
    dataset = maze(noise)
    layout = dataset.layout
    assert isinstance(layout, PlaneLayout)
    probes = dataset_probes(dataset).astype(float)
    now = frames[-1]
    best = maze_truth().optimal
    assert best is not None
    played = [f["return"] for f in frames if np.isfinite(f["return"]).all()]
    returns = float(np.median(played[-1])) if played else float("nan")
    believed = float(np.median(now["value_start"]))
    plane = valued_plane(
        layout,
        probes,
        now["values"],
        title=f"What it believes each place is worth, update {int(steps[-1])}",
        caption="States of the data. No place can be worth more than 1, where the scale ends.",
        label="$V(s)$",
    )
    return {
        "q": Lines(
            title="Mean $Q$, and what it should be",
            x=Axis("update", low=0, high=end),
            y=Axis("$Q$", scale="symlog", threshold=0.5, low=-0.1, high=1e4),
            lines=(
                Line("actions in the data", steps, data, "data", band=data_band, band_name=seeds, label="data"),
                Line("actions missing there", steps, missing, "missing", label="missing"),
                Line(
                    "true $Q$ of its policy, data actions",
                    steps[known],
                    true[known],
                    "truth",
                    dash=True,
                    band=(true_band[0][known], true_band[1][known]),
                    band_name=seeds,
                    label="truth",
                ),
            ),
            marks=(Mark(1.0, "no return is above 1", "y", "bad"),),
        ),
        "plane": plane,
        "places": replace(
            plane,
            title="Where the recorded walks went",
            caption="From S and from B; the goal is G, a smaller reward D.",
            dots=[(x, y, float("nan")) for x, y, _ in plane.dots],
            dots_label="",
        ),
        "numbers": NumberTiles(
            title=f"At the start, median of {courses.NETWORK_SEEDS} seeds",
            numbers=(
                Number("believed", number(believed, 3), tone="bad" if believed > 1 else ""),
                Number(
                    "true return (40 walks)",
                    "not yet played" if np.isnan(returns) else number(returns, 2),
                    target=number(best, 3),
                    target_name="best known",
                ),
            ),
        ),
    }


def _answer(state: State, _: object) -> str:
    noise, system = _NOISE[str(state["coverage"])], str(state["system"])
    frames = in_background(courses.network, noise, system).so_far(int(state["frame"]))
    now, step = frames[-1], int(frames[-1]["step"][0])
    if step == 0:
        return "Nothing is trained yet: press play, and the server trains while you watch."
    data, missing = float(np.median(now["q_data"])), float(np.median(now["q_missing"]))
    measured = [f for f in frames if np.isfinite(f["true_q"]).all()]
    said = (
        f"After {step} updates the mean $Q$ is **{number(data, 3)}** on data actions, {number(missing, 3)} on missing "
        "ones"
    )
    said += f"; the truth of its policy is {number(float(np.median(measured[-1]['true_q'])), 2)}." if measured else "."
    if system == "bcq":
        return (
            said
            + "\n\nThe same network, data and updates, with the maximum kept to likely actions: the estimate stays "
            "within what returns in this world can be."
        )
    if data <= 1:
        return said + "\n\nSo far it holds. Go on, or choose data with fewer random steps."
    return (
        said
        + "\n\nNo return in this world is above 1. States are continuous, so hardly any $(s',a')$ that the maximum "
        "reads has a row of its own: the network generalises, the target bootstraps on that, and the rows come from "
        "someone else. All three of the triad. With more random steps in the data it grows more slowly."
    )


def _run(state: State) -> Run:
    return courses.network_run(_NOISE[str(state["coverage"])], str(state["system"]))


NETWORK = Scene(
    id="network",
    title="On a real network",
    question="Does this happen to a real network on real-looking data?",
    setup="A continuous maze, 400 recorded walks, a network with two hidden layers of 64, a slowly moving target "
    "network. It trains on the server while you watch.",
    controls=(
        training_control(_LAST, _EVERY, "How far it has trained."),
        Control(
            Hyperparameter(
                "coverage",
                "",
                "low",
                "Share of random steps in the recorded walks: more covers more.",
                choices=tuple(_NOISE),
            ),
            label="coverage of the data",
            labels=_COVERAGE,
        ),
        Control(
            Hyperparameter("system", "", "q-learning", "What trains.", choices=tuple(_SYSTEMS)),
            label="system",
            labels=_SYSTEMS,
        ),
    ),
    compute=_network,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        "The best return in this maze is about .31. After 4000 updates naive Q-learning believes its actions to be "
        "worth …",
        ("less than 1", "about 1", "more than 100"),
        right=2,
        at={"frame": _LAST, "coverage": "low", "system": "q-learning"},
    ),
    layout=(("q:3", "plane:2"), ("numbers",)),
    covered=("q", "plane", "numbers"),
    stand_in={"plane": "places"},
    presets=(
        Preset("Naive, low coverage", {"frame": _LAST}),
        Preset("Naive, high coverage", {"frame": _LAST, "coverage": "high"}),
        Preset("BCQ, low coverage", {"frame": _LAST, "system": "bcq"}),
    ),
    play=Play("frame", per_second=6),
    source="Fujimoto, Meger & Precup 2019, section 3",
)
