"""Scene 1: behaviour cloning copies the data."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Bar, Bars, Line, Lines, Mark, Number, NumberTiles, Picture, Point
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Pictures, Play, Prediction, Preset, Scene, State
from offrl_lecture.reweighting import closed_forms as core

ACTIONS = ("$a^+$", "$a^-$")
ACTION_COLORS = ("a1", "a2")
PROBABILITY = Axis(r"probability of $a^+$ under $\pi_\theta$", low=0.0, high=1.0)

STEPS = 30
RATE = 0.5


def both(p: float) -> np.ndarray:
    """The two probabilities, of `a+` and of `a−`."""
    return np.array([p, 1 - p])


@lru_cache(512)
def descent(behavior: float, plus: float, minus: float, start: float, rate: float, steps: int) -> core.Descent:
    """Gradient descent with one weight per action from `π(a+) = start`, computed once per setting."""
    return core.descend(both(behavior), [plus, minus], start=both(start), learning_rate=rate, steps=steps)


def _cloning(state: State) -> dict[str, Picture]:
    counts = (int(state["n_plus"]), int(state["n_minus"]))
    behavior = core.shares(counts)
    run = descent(float(behavior[0]), 1.0, 1.0, 0.5, RATE, STEPS)
    step = int(state["step"])
    learned = run.policy[step]
    grid = np.linspace(0.002, 0.998, 121)
    policies = np.stack([grid, 1 - grid], axis=1)
    p = float(learned[0])
    entropy = float(core.cross_entropy(behavior, behavior))
    return {
        "counts": Bars(
            title="The data $X$",
            caption="Drag the bars: how often the data show each action.",
            categories=ACTIONS,
            y=Axis("rows in the data", low=0, high=20),
            bars=(Bar("", counts, colors=ACTION_COLORS, controls=("n_plus", "n_minus")),),
            legend=False,
        ),
        "policy": Bars(
            title=r"What cloning learns: $\pi_\theta$",
            caption=f"After {step} updates from an undecided start.",
            categories=ACTIONS,
            y=Axis("probability", low=0, high=1),
            bars=(
                Bar(
                    r"learned $\pi_\theta$",
                    learned,
                    colors=ACTION_COLORS,
                    targets=behavior,
                    target_name=r"share in the data $\pi_\beta$",
                ),
            ),
        ),
        "loss": Lines(
            title="The loss it minimises",
            caption=r"Both curves have their lowest point at $\pi_\theta=\pi_\beta$; they differ by a constant, the "
            r"entropy of $\pi_\beta$.",
            x=PROBABILITY,
            y=Axis("nats", low=0, high=3),
            lines=(
                Line("cross-entropy", grid, core.cross_entropy(behavior, policies), "c1", label="cross-entropy"),
                Line(
                    r"$\mathrm{KL}(\pi_\beta\|\pi_\theta)$",
                    grid,
                    core.kl_divergence(behavior, policies),
                    "c4",
                    label="KL",
                ),
            ),
            marks=(Mark(float(behavior[0]), r"$\pi_\beta$", color="truth"),),
            points=(
                Point(p, float(core.cross_entropy(behavior, learned)), "", "c1"),
                Point(p, float(core.kl_divergence(behavior, learned)), "", "c4"),
            ),
            legend=False,
        ),
        "numbers": NumberTiles(
            title="In numbers",
            numbers=(
                Number(r"$\pi_\theta(a^+)$", p, target=float(behavior[0]), target_name="in the data"),
                Number(
                    "cross-entropy",
                    float(core.cross_entropy(behavior, learned)),
                    unit="nats",
                    target=entropy,
                    target_name="lowest possible",
                ),
                Number(
                    "KL",
                    float(core.kl_divergence(behavior, learned)),
                    unit="nats",
                    target=0.0,
                    target_name="lowest possible",
                ),
            ),
        ),
    }


def _cloning_answer(state: State, _pictures: Pictures) -> str:
    n_plus, n_minus = int(state["n_plus"]), int(state["n_minus"])
    share = n_plus / (n_plus + n_minus)
    told = "half and half" if n_plus == n_minus else f"{n_plus} to {n_minus}"
    return (
        rf"The data say {told}, so cloning ends at $\pi_\theta(a^+)={share:.3g}$: the cross-entropy is lowest where "
        rf"$\pi_\theta=\pi_\beta$, and there $\mathrm{{KL}}(\pi_\beta\|\pi_\theta)=0$."
        "\n\nThis loss contains no reward. Cloning copies good and bad alike: what it reaches for is $\\pi_\\beta$, "
        "the data's own policy, and nothing better. Which action is *better* is measured by the rewards that followed: "
        "the next scene puts them in."
    )


def two_actions(lane: Lane, **options: float) -> Run:
    """A run on the catalogue's world of one state and two actions."""
    return Run("two-actions", (lane,), options)


def _cloning_run(state: State) -> Run:
    lane = Lane("bc", hyperparameters={"learning_rate": RATE})
    return two_actions(lane, count_plus=int(state["n_plus"]), count_minus=int(state["n_minus"]))


def _count(name: str, action: str) -> Control:
    spec = Hyperparameter(name, "n", 1, f"How often the data show {action}.", low=1, high=20, integer=True)
    return Control(spec, label=f"rows with {action}", widget="none")


CLONING = Scene(
    id="cloning",
    title="Clone the data",
    question="Two actions in the same state, equally often: what does behaviour cloning learn? Is that a good idea? "
    "Which one is better, and how can we measure it?",
    setup=r"One state $s_0$, two actions. Behaviour cloning (BC) minimises "
    r"$-\mathbb{E}_{(s,a)\sim X}\log\pi_\theta(a\mid s)$.",
    controls=(
        _count("n_plus", "$a^+$"),
        _count("n_minus", "$a^-$"),
        Control(
            Hyperparameter(
                *("step", "t", STEPS, "Updates of gradient descent so far."),
                low=0,
                high=STEPS,
                integer=True,
            ),
            label="updates",
        ),
    ),
    compute=_cloning,
    answer=_cloning_answer,
    run=_cloning_run,
    prediction=Prediction(
        "The data show each action once. Cloning learns …",
        ("the better action", "both, half and half", "nothing: the loss has no minimum"),
        right=1,
        at={"n_plus": 1, "n_minus": 1},
    ),
    layout=(("counts", "policy"), ("loss:2", "numbers")),
    covered=("policy", "loss", "numbers"),
    presets=(
        Preset("1 : 1", {}),
        Preset("9 : 1", {"n_plus": 9}),
        Preset("3 : 20", {"n_plus": 3, "n_minus": 20}),
    ),
    play=Play("step", per_second=8, label="Train"),
)
