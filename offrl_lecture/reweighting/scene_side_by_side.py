"""Scene 7: AWR, AWAC and CRR trained side by side on the same walks."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Line, Lines, Mark, Picture, Table
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import Control, Play, Prediction, Preset, Scene, State, training_control
from offrl_lecture.base.text import listed, number
from offrl_lecture.reweighting import courses, fixed_points
from offrl_lecture.training.course import Frame
from offrl_lecture.training.datasets import roads, roads_truth
from offrl_lecture.training.progress import Drawn, follow
from offrl_lecture.training.walks import ends_at, most_likely_walk, recorded_roads, walked_roads

_LAST, _EVERY = 60, 5
_NAMES = {"awr": "AWR", "awac": "AWAC", "crr-binary": "CRR binary", "crr-exp": "CRR exp"}
_COLORS = {"awr": "c4", "awac": "c1", "crr-binary": "c2", "crr-exp": "c3"}
_JUDGES = {
    "awr": r"what was recorded: $G^\lambda - V$",
    "awac": r"a critic: $Q-\mathbb{E}_{\pi_\theta}Q$",
    "crr-binary": r"a critic: $Q-\mathbb{E}_{\pi_\theta}Q$",
    "crr-exp": r"a critic: $Q-\mathbb{E}_{\pi_\theta}Q$",
}


def _side_by_side(state: State) -> Drawn | Generator[Drawn | None, None, None]:
    return follow(courses.side_course(), int(state["frame"]), lambda frames: _pictures(state, frames))


def _place(state: State) -> int:
    """The trained temperature nearest to the chosen one, on the slider's own scale."""
    return int(np.abs(np.log(courses.TEMPERATURES) - np.log(float(state["temperature"]))).argmin())


def _medians(frame: Frame, name: str, place: int) -> np.ndarray:
    """`(systems, …)` the median over seeds at a temperature."""
    return np.asarray(np.median(frame[name][:, place], axis=1))


def _pictures(state: State, frames: list[Frame]) -> dict[str, Picture]:
    now, place, system = frames[-1], _place(state), str(state["system"])
    policies = dict(zip(_NAMES.values(), now["policy"][:, place], strict=True))
    title = f"{_NAMES[system]} after {int(now['step'][0])} updates, over the recorded roads"
    return {
        "grid": walked_roads(policies, _NAMES[system], title),
        "data": recorded_roads(),
        "returns": _returns(frames, place, system),
        "crossing": _crossing(now, place, system),
        "axis": _axis(now, place),
    }


def _returns(frames: list[Frame], place: int, system: str) -> Lines:
    steps = [float(f["step"][0]) for f in frames]
    every = np.array([f["return"][:, place] for f in frames])  # (frames, systems, seeds)
    low, middle, high = np.quantile(every, (0.25, 0.5, 0.75), axis=2)
    best, behavior = _references()
    end = _LAST * _EVERY
    lines = [
        Line(
            title,
            steps,
            middle[:, i],
            _COLORS[name],
            label=title,
            width=3.4 if name == system else 2.0,
            band=(low[:, i], high[:, i]),
            band_name=f"quartiles of {courses.SIDE_SEEDS} seeds",
        )
        for i, (name, title) in enumerate(_NAMES.items())
    ]
    return Lines(
        title=rf"True return while they train, $\tau={number(courses.TEMPERATURES[place])}$",
        x=Axis("update", low=0, high=end),
        y=Axis("true return", low=0, high=0.62),
        lines=(
            *lines,
            Line("optimum", (0, end), (best, best), "truth", dash=True, label="best"),
            Line(r"$\pi_\beta$", (0, end), (behavior, behavior), "behavior", label=r"$\pi_\beta$"),
        ),
        legend=False,
    )


def _crossing(now: Frame, place: int, system: str) -> Table:
    advantage, weight, probability = (_medians(now, name, place) for name in ("advantage", "weight", "probability"))
    on, down = 0, 1  # in the order of the world's actions
    return Table(
        title=f"At the first crossing: {_counts()[down]} rows turn down to D, {_counts()[on]} go on",
        columns=("system", "judged by", "$A$, down", "$A$, on", "weight, down", "weight, on", r"$\pi_\theta$(on)"),
        rows=[
            [
                title,
                _JUDGES[name],
                *(number(float(values[i, k]), 3) for values in (advantage, weight) for k in (down, on)),
                number(float(probability[i, on]), 3),
            ]
            for i, (name, title) in enumerate(_NAMES.items())
        ],
        tones=["good" if advantage[i, on] > advantage[i, down] else "" for i in range(len(_NAMES))],
        selected=list(_NAMES).index(system),
    )


@lru_cache(maxsize=1)
def _counts() -> list[int]:
    """How many rows go on at the crossing, and how many turn down."""
    mdp = roads().mdp
    assert mdp is not None
    counts = roads().counts[mdp.state_names.index(courses.CROSSING)]
    return [int(n) for n in counts[counts > 0]]


@lru_cache(maxsize=1)
def _references() -> tuple[float, float]:
    truth = roads_truth()
    assert truth.optimal is not None
    assert truth.behavior is not None
    return truth.optimal, truth.behavior


@lru_cache(maxsize=1)
def ends() -> dict[str, np.ndarray]:
    """The true return at each temperature where training ends, from the data without a learner."""
    data = roads()
    judged = fixed_points.recorded(data, trace_decay=0.95)
    policies = {
        "awr": [fixed_points.awr_policy(data, judged, tau, cap=20) for tau in courses.TEMPERATURES],
        "critic": [fixed_points.critic_end(data, tau, cap=100)[1] for tau in courses.TEMPERATURES],
    }
    unseen = data.counts.sum(axis=1, keepdims=True) == 0
    return {
        name: roads_truth().of(np.where(unseen, 1 / data.n_actions, np.stack(found)))[0]
        for name, found in policies.items()
    }


def _axis(now: Frame, place: int) -> Lines:
    returns = np.median(now["return"], axis=2)
    taus = courses.TEMPERATURES
    best, _ = _references()
    return Lines(
        title="Every temperature at once",
        caption="Dashed: where AWR ends, and where AWAC and CRR exp end, computed from the data without training.",
        x=Axis(r"temperature $\tau$", scale="log", low=taus[0], high=taus[-1]),
        y=Axis("true return", low=0, high=0.62),
        lines=(
            *(
                Line(title, taus, returns[i], _COLORS[name], mode="points")
                for i, (name, title) in enumerate(_NAMES.items())
            ),
            Line("where it ends", taus, ends()["critic"], "truth", dash=True),
            Line("", taus, ends()["awr"], "truth", dash=True),
        ),
        marks=(Mark(taus[place], rf"$\tau={number(taus[place])}$"), Mark(best, "best", "y")),
    )


def _answer(state: State, _: object) -> str:
    now = courses.side_course().so_far(int(state["frame"]))[-1]
    place, step = _place(state), int(now["step"][0])
    if step < 100:
        return "Press play: all four train at once, at every temperature."
    best, behavior = _references()
    got = dict(zip(_NAMES, _medians(now, "return", place).tolist(), strict=True))
    walks = {name: most_likely_walk(now["policy"][i, place]) for i, name in enumerate(_NAMES)}
    joined = [_NAMES[name] for name, walk in walks.items() if ends_at(walk) == "G"]
    go = "go" if len(joined) > 1 else "goes"
    reach = f"**{listed(joined) if joined else 'none of them'}** {go} from $S$ to the goal"
    said = (
        rf"At $\tau={number(courses.TEMPERATURES[place])}$, after {step} updates, {reach}. True returns: "
        + listed([f"{_NAMES[name]} {number(value, 3)}" for name, value in got.items()])
        + rf" (best {number(best, 3)}, $\pi_\beta$ {number(behavior, 3)})."
    )
    names = list(_NAMES)
    (awr_on, awr_down), (awac_on, awac_down) = (
        [number(float(a), 3) for a in _medians(now, "advantage", place)[names.index(name)]] for name in ("awr", "awac")
    )
    on, down = _counts()
    said += (
        f"\n\n**Who judges** makes the difference. AWR judges a row by the walk that was recorded after it. All {on} "
        f"walks that came from $S$ and went on ended in T, the {down} that turned down were paid: $A$ is {awr_on} for "
        f"going on and {awr_down} for turning down. AWAC and CRR ask a critic of the policy that is being learned: as "
        "soon as that turns to the goal at the second crossing, the first crossing hears of it, and for AWAC $A$ is "
        f"{awac_on} and {awac_down}."
    )
    gap = float(np.abs(now["return"][names.index("awac"), place] - now["return"][names.index("crr-exp"), place]).max())
    if gap < 1e-3:
        said += (
            "\n\nAWAC and CRR with the exponential differ in their caps alone, 100 and 20; here neither holds, and "
            "they train alike."
        )
    shut = int(now["shut"][names.index("crr-binary"), place].sum())
    if shut:
        said += (
            f"\n\nIn {shut} of {courses.SIDE_SEEDS} seeds CRR's binary filter is **shut** in a state of the road: a "
            "guess about an action that nobody took lifts the policy's average above every recorded action, no row "
            "passes, and the state is not learned."
        )
    return said


def _run(state: State) -> Run:
    return courses.side_run(courses.TEMPERATURES[_place(state)])


SIDE_BY_SIDE = Scene(
    id="side-by-side",
    title="Trained side by side",
    question="AWR, AWAC, CRR: the same walks, the same temperature. Which of them find the road that nobody walked?",
    setup="Two recorded roads cross: 50 walks go from $S$ to the small reward D, 30 from $S$ to the dead end T, 20 "
    "from $B$ to the goal. Each learner clones them with its own weights.",
    controls=(
        Control(
            Hyperparameter("system", "", "awac", "Whose policy is drawn large.", choices=tuple(_NAMES)),
            label="system",
            labels=_NAMES,
        ),
        Control(
            Hyperparameter(
                *("temperature", r"\tau", 0.05),
                "It divides: low copies only what is judged better, high clones. The nearest trained one is shown.",
                low=courses.TEMPERATURES[0],
                high=courses.TEMPERATURES[-1],
                scale="log",
            ),
            label="temperature",
        ),
        training_control(_LAST, _EVERY),
    ),
    compute=_side_by_side,
    answer=_answer,
    run=_run,
    prediction=Prediction(
        r"Temperature .05. Whose likeliest walk leads from $S$ to the goal?",
        ("all of them", "AWAC's and CRR's", "AWR's alone"),
        right=1,
        at={"frame": _LAST, "temperature": 0.05},
    ),
    layout=(("grid:8", "returns:6"), ("crossing",), ("axis",)),
    covered=("grid", "returns", "crossing", "axis"),
    stand_in={"grid": "data"},
    aside=("axis",),
    presets=(
        Preset(r"$\tau=.05$", {"frame": _LAST}),
        Preset(r"$\tau=.3$", {"frame": _LAST, "temperature": 0.3}),
        Preset(r"$\tau=3$: clones", {"frame": _LAST, "temperature": 3.0}),
        Preset("AWR", {"frame": _LAST, "system": "awr"}),
    ),
    play=Play("frame", per_second=10),
    source="Peng et al. 2019 (AWR); Nair et al. 2020 (AWAC); Wang et al. 2020 (CRR)",
)
