"""Scenes 1 and 2: cloning copies the data; rewards as weights work until one is negative."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from offrl_core.hyperparameters import Hyperparameter
from offrl_core.lecture import reweighting as core
from offrl_ui.scenes.pictures import Axis, Bar, Bars, Line, Lines, Mark, Number, NumberTiles, Picture, Point
from offrl_ui.scenes.scene import Control, Pictures, Play, Prediction, Preset, Scene, State
from offrl_ui.scenes.text import number

ACTIONS = ("$a^+$", "$a^-$")
ACTION_COLORS = ("a1", "a2")
PROBABILITY = Axis(r"probability of $a^+$ under $\pi_\theta$", low=0.0, high=1.0)

CLONING_STEPS = 30
CLONING_RATE = 0.5
EMRL_STEPS = 100
EMRL_RATE = 1.0


def both(p: float) -> np.ndarray:
    """The two probabilities, of `a+` and of `a−`."""
    return np.array([p, 1 - p])


@lru_cache(512)
def _descent(behavior: float, plus: float, minus: float, start: float, rate: float, steps: int) -> core.Descent:
    return core.descend(both(behavior), [plus, minus], start=both(start), learning_rate=rate, steps=steps)


# --- 1. cloning ----------------------------------------------------------------------------------------------------


def _cloning(state: State) -> dict[str, Picture]:
    counts = (int(state["n_plus"]), int(state["n_minus"]))
    behavior = core.shares(counts)
    run = _descent(float(behavior[0]), 1.0, 1.0, 0.5, CLONING_RATE, CLONING_STEPS)
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
            caption=r"Both curves have their lowest point at $\pi_\theta=\pi_\beta$; they differ by a constant, "
            r"the entropy of $\pi_\beta$.",
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
        "\n\n"
        "No reward stands in this loss. Cloning copies good and bad alike and can at best equal whoever collected "
        "the data. "
        "To say which action is *better* we need the rewards."
    )


def _count(name: str, action: str) -> Control:
    spec = Hyperparameter(name, "n", 1, f"How often the data show {action}.", low=1, high=20, integer=True)
    return Control(spec, label=f"rows with {action}", widget="none")


CLONING = Scene(
    id="cloning",
    title="Clone the data",
    question="Two actions in the same state, equally often: what does behaviour cloning learn? Is that a good idea?",
    setup=r"One state $s_0$, two actions. Behaviour cloning (BC) minimises $-\mathbb{E}_{(s,a)\sim "
    r"X}\log\pi_\theta(a\mid s)$.",
    controls=(
        _count("n_plus", "$a^+$"),
        _count("n_minus", "$a^-$"),
        Control(
            Hyperparameter(
                *("step", "t", CLONING_STEPS, "Updates of gradient descent so far."),
                low=0,
                high=CLONING_STEPS,
                integer=True,
            ),
            label="updates",
        ),
    ),
    compute=_cloning,
    answer=_cloning_answer,
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


# --- 2. EMRL -------------------------------------------------------------------------------------------------------


def _emrl(state: State) -> dict[str, Picture]:
    rewards = np.array([state["r_plus"], state["r_minus"]], dtype=float)
    share, start, step = float(state["share"]), float(state["start"]), int(state["step"])
    behavior = both(share)
    run = _descent(share, *map(float, rewards), start, EMRL_RATE, EMRL_STEPS)
    best = core.optimum(behavior, rewards)
    flat = core.stationary(behavior, rewards)
    updates = np.arange(EMRL_STEPS + 1)
    grid = np.linspace(0.001, 0.999, 121)
    policies = np.stack([grid, 1 - grid], axis=1)
    p = float(run.policy[step, 0])
    lines = [
        Line(r"$\pi_\theta(a^+)$", updates, run.policy[:, 0], "a1", label="$a^+$"),
        Line(r"$\pi_\theta(a^-)$", updates, run.policy[:, 1], "a2", label="$a^-$"),
    ]
    if best is not None:
        ends = (0, EMRL_STEPS)
        lines.append(Line(r"optimum $\propto\pi_\beta\,r$", ends, (best[0],) * 2, "truth", dash=True))
        lines.append(Line("", ends, (best[1],) * 2, "truth", dash=True))
    policy_marks = []
    loss_marks = []
    if flat is not None:
        word = "minimum" if flat.kind == "attracts" else "repels"
        loss_marks.append(
            Mark(
                flat.probability,
                f"{number(flat.probability, 6)}: {word}",
                color="truth" if flat.kind == "attracts" else "bad",
            )
        )
        if flat.kind == "repels":
            policy_marks.append(
                Mark(flat.probability, f"{number(flat.probability, 6)} repels $a^+$", axis="y", color="bad")
            )
    gap = run.logits[:, 0] - run.logits[:, 1]
    expected = float(run.policy[step] @ rewards)
    return {
        "rewards": Bars(
            title="The weights are the rewards",
            caption="Drag them through zero.",
            categories=ACTIONS,
            y=Axis("reward $r$", low=-3, high=3),
            bars=(Bar("", rewards, colors=ACTION_COLORS, controls=("r_plus", "r_minus")),),
            legend=False,
        ),
        "policy": Lines(
            title=r"The policy while it learns",
            x=Axis("update", low=0, high=EMRL_STEPS),
            y=Axis("probability", low=0, high=1),
            lines=lines,
            marks=policy_marks,
            points=(Point(step, p, "", "a1"), Point(step, 1 - p, "", "a2")),
            height="normal",
        ),
        "loss": Lines(
            title=r"The loss $-\sum_a\pi_\beta(a)\,r_a\log\pi_\theta(a)$",
            alarm=_emrl_alarm(rewards),
            x=PROBABILITY,
            y=Axis("loss", low=-4, high=4),
            lines=(Line("loss", grid, core.loss(behavior, rewards, policies), "c1"),),
            marks=loss_marks,
            points=(Point(p, float(run.loss[step]), f"update {step}", "learned"),),
            legend=False,
        ),
        "numbers": NumberTiles(
            title=f"After {step} updates",
            numbers=(
                Number(r"$\pi_\theta(a^+)$", p, target=None if best is None else float(best[0]), target_name="optimum"),
                Number("loss", float(run.loss[step])),
                Number(
                    "gap of the logits",
                    float(gap[step]),
                    help=f"{_signed(float(gap[step] - gap[step - 1]) if step else 0.0)} in the last update",
                ),
                Number(
                    "expected reward",
                    expected,
                    target=float(rewards.max()),
                    target_name="best",
                    tone=_tone(expected, rewards),
                ),
            ),
        ),
    }


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + number(value)


def _tone(expected: float, rewards: np.ndarray) -> Any:
    spread = rewards.max() - rewards.min()
    if spread == 0:
        return ""
    return "bad" if expected < rewards.mean() - 0.3 * spread else ""


def _emrl_alarm(rewards: np.ndarray) -> str:
    low = [name for name, r in zip(ACTIONS, rewards, strict=True) if r < 0]
    if not low:
        return ""
    low_names = " and ".join(low)
    return f"Negative weight on {low_names}: giving it up makes the loss fall without bound. The policy runs away."


def _emrl_answer(state: State, _pictures: Pictures) -> str:
    plus, minus, share, start = (float(state[k]) for k in ("r_plus", "r_minus", "share", "start"))
    behavior, rewards = both(share), (plus, minus)
    best, flat = core.optimum(behavior, rewards), core.stationary(behavior, rewards)
    if best is not None:
        text = (
            rf"Positive weights: the policy ends at $\pi\propto\pi_\beta\,r$, here "
            rf"$\pi(a^+)={number(float(best[0]))}$. "
            "It still gives the worse action its share: EMRL matches rewards, it does not maximise them."
        )
    elif flat is not None:
        end = "the worse action" if (start < flat.probability) == (plus > minus) else "the better action"
        if plus == minus:
            end = "one of two equal actions"
        if start == flat.probability:
            end = "nowhere: it stands exactly on the point"
        text = (
            rf"Both weights are negative, so the flat point $\pi(a^+)={number(flat.probability, 6)}$ is a "
            rf"*maximum* of the loss: it repels. "
            f"From $\\pi(a^+)={start:g}$ the policy runs to **{end}**. Every update pushes down what the data "
            f"show, and what they show "
            r"most is pushed down most."
        )
    elif plus == 0 and minus == 0:
        text = "Both weights are 0: the loss is flat and nothing is learned."
    elif min(plus, minus) < 0:
        good = "$a^+$" if plus > minus else "$a^-$"
        text = (
            f"One weight is negative: the loss has no lower bound and the policy runs to {good} for ever. The "
            f"direction is right, "
            "but there is no optimum: the logits grow as long as you train."
        )
    else:
        good = "$a^+$" if plus > 0 else "$a^-$"
        text = f"A weight of 0 removes its row: only {good} is left, and the policy tends to it."
    return text + (
        "\n\nThe same task with all rewards lowered by a constant is the same task, but not for EMRL: the weight "
        "must be "
        "*positive*. That is why we need a function $f$ of the reward."
    )


EMRL = Scene(
    id="emrl",
    title="Reward as weight",
    question="What can we use as weights for the good and the bad action? What if the reward is negative?",
    setup=r"EMRL weighs each row by its reward: $-\mathbb{E}_{(s,a)\sim X}\left[r\,\log\pi_\theta(a\mid "
    r"s)\right]$, trained by gradient "
    r"descent with step 1.",
    controls=(
        Control(
            Hyperparameter(*("r_plus", "r_+", 0.9, "Reward, and so weight, of a+."), low=-3.0, high=3.0),
            step=0.05,
            label="reward of $a^+$",
        ),
        Control(
            Hyperparameter(*("r_minus", "r_-", 0.1, "Reward, and so weight, of a−."), low=-3.0, high=3.0),
            step=0.05,
            label="reward of $a^-$",
        ),
        Control(
            Hyperparameter(
                *("share", r"\pi_\beta(a^+)", 0.5, "Share of a+ in the data: more data, more push, up or down."),
                low=0.05,
                high=0.95,
            ),
            step=0.01,
            label="in the data",
        ),
        Control(
            Hyperparameter(*("start", r"\pi_0(a^+)", 0.5, "Where the policy starts."), low=0.02, high=0.98),
            step=0.01,
            label="at the start",
        ),
        Control(
            Hyperparameter(*("step", "t", EMRL_STEPS, "Updates so far."), low=0, high=EMRL_STEPS, integer=True),
            label="updates",
        ),
    ),
    compute=_emrl,
    answer=_emrl_answer,
    prediction=Prediction(
        "Rewards −1 for $a^+$ and −2 for $a^-$; nine rows in ten show $a^+$; an undecided start. EMRL ends at …",
        ("$a^+$, the better action", "a mix of both", "$a^-$, the worse action"),
        right=2,
        at={"r_plus": -1.0, "r_minus": -2.0, "share": 0.9, "start": 0.5, "step": EMRL_STEPS},
    ),
    layout=(("rewards", "policy:1.6"), ("loss:1.6", "numbers")),
    presets=(
        Preset("+0.9, +0.1", {}),
        Preset("+1, −1", {"r_plus": 1.0, "r_minus": -1.0}),
        Preset("−1, −2 with 9 : 1", {"r_plus": -1.0, "r_minus": -2.0, "share": 0.9}),
        Preset("… from 0.83", {"r_plus": -1.0, "r_minus": -2.0, "share": 0.9, "start": 0.83}),
    ),
    play=Play("step", per_second=12, label="Train"),
    source="Dayan & Hinton 1997, “Using expectation-maximization for reinforcement learning”",
)
