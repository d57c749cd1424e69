"""Scene 2: rewards as weights work until one is negative."""

from __future__ import annotations

from typing import Any

import numpy as np

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Axis, Bar, Bars, Line, Lines, Mark, Number, NumberTiles, Picture, Point
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Pictures, Play, Prediction, Preset, Scene, State
from offrl_lecture.base.text import number
from offrl_lecture.reweighting import closed_forms as core
from offrl_lecture.reweighting.scene_cloning import ACTION_COLORS, ACTIONS, PROBABILITY, both, descent, two_actions

STEPS = 100
RATE = 1.0
_FAR = np.geomspace(600, 8, 40)  # gaps of the logits beyond which no run of this scene comes
_LOSSES = (-1000, -100, -10, -1, 0, 1, 10)


def _emrl(state: State) -> dict[str, Picture]:
    rewards = np.array([state["r_plus"], state["r_minus"]], dtype=float)
    share, start, step = float(state["share"]), float(state["start"]), int(state["step"])
    behavior = both(share)
    run = descent(share, *map(float, rewards), start, RATE, STEPS)
    best = core.optimum(behavior, rewards)
    flat = core.stationary(behavior, rewards)
    updates = np.arange(STEPS + 1)
    p = float(run.policy[step, 0])
    lines = [
        Line(r"$\pi_\theta(a^+)$", updates, run.policy[:, 0], "a1", label="$a^+$"),
        Line(r"$\pi_\theta(a^-)$", updates, run.policy[:, 1], "a2", label="$a^-$"),
    ]
    if best is not None:
        ends = (0, STEPS)
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
            x=Axis("update", low=0, high=STEPS),
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
            y=Axis("loss", scale="symlog", threshold=1.0, low=-2000, high=20, ticks=_LOSSES),
            lines=(Line("loss", *_loss_curve(behavior, rewards), "c1"),),
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


def _loss_curve(behavior: np.ndarray, rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of `a+` and the loss there; so close to both edges that the curve goes as far as training does."""
    gap = np.concatenate([-_FAR, np.linspace(-7, 7, 121), _FAR[::-1]])
    log_policy = -np.stack([np.logaddexp(0, -gap), np.logaddexp(0, gap)], axis=1)
    return 1 / (1 + np.exp(-gap)), -(log_policy * behavior * rewards).sum(axis=1)


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
    return f"Negative weight on {low_names}: no floor, the policy runs away."


def _emrl_answer(state: State, _pictures: Pictures) -> str:
    plus, minus, share, start = (float(state[k]) for k in ("r_plus", "r_minus", "share", "start"))
    behavior, better = both(share), "$a^+$" if plus > minus else "$a^-$"
    flat = core.stationary(behavior, (plus, minus))
    if flat is not None and flat.kind == "attracts":
        text = (
            r"Positive weights: the policy ends at $\pi\propto\pi_\beta\,r$, here "
            rf"$\pi(a^+)={number(flat.probability)}$. "
            + ("Equal rewards: this is cloning." if plus == minus else "")
            + ("" if plus == minus else "It keeps the worse action: EMRL matches rewards, it does not maximise them.")
        )
    elif flat is not None:
        text = (
            rf"Both weights are negative, so the flat point $\pi(a^+)={number(flat.probability, 6)}$ is a *maximum* of "
            rf"the loss: it repels. From $\pi(a^+)={start:g}$ the policy "
            f"{_runs_to(flat.probability, start, plus, minus)}. Every update pushes down what the data show, "
            rf"weighted by how often and how bad: $\pi_\beta\,r$ is {number(share * plus, 3)} for $a^+$ and "
            f"{number((1 - share) * minus, 3)} for $a^-$."
        )
    elif plus == 0 and minus == 0:
        text = "Both weights are 0: the loss is flat and nothing is learned."
    elif min(plus, minus) < 0:
        text = (
            f"A weight is negative: the loss has no lower bound and the policy runs to {better} for ever. The "
            "direction is right, but there is no optimum: the logits grow as long as you train."
        )
    else:
        text = f"A weight of 0 removes its row: only {better} is left, and the policy tends to it."
    return (
        f"{text}\n\nLower all rewards by a constant and the task is the same, but not for EMRL: its weight must be "
        "*positive*. That is why we need a function $f$ of the reward."
    )


def _runs_to(flat: float, start: float, plus: float, minus: float) -> str:
    if np.isclose(start, flat):
        return "stands still, on the edge"
    if plus == minus:
        return "runs to one of two equal actions"
    return f"runs to **the {'worse' if (start < flat) == (plus > minus) else 'better'} action**"


def _emrl_run(state: State) -> Run:
    plus, minus, share = (float(state[k]) for k in ("r_plus", "r_minus", "share"))
    rows = round(100 * share)
    # A table's step is divided by the mean size of the weights where that is above 1.
    size = max(1.0, share * abs(plus) + (1 - share) * abs(minus))
    lane = Lane("emrl", hyperparameters={"learning_rate": min(RATE * size, 2.0)})
    run = two_actions(lane, reward_plus=plus, reward_minus=minus, count_plus=rows, count_minus=100 - rows)
    return run.but(
        "" if state["start"] == 0.5 else "It starts undecided.",
        "" if size <= 2 else "Its steps are smaller.",
        "" if abs(100 * share - rows) < 1e-9 else rf"$\pi_\beta(a^+)$ is {rows / 100:g}.",
    )


EMRL = Scene(
    id="emrl",
    title="Reward as weight",
    question="What can we use for the weights $w_+$ and $w_-$? Are there any problems with EMRL? What if the reward is "
    "negative?",
    setup=r"EMRL (expectation maximisation for RL) weighs each row by its reward: "
    r"$-\mathbb{E}_{(s,a)\sim X}\left[r\,\log\pi_\theta(a\mid s)\right]$, trained by gradient descent with step 1.",
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
            Hyperparameter(*("step", "t", STEPS, "Updates so far."), low=0, high=STEPS, integer=True),
            label="updates",
        ),
    ),
    compute=_emrl,
    answer=_emrl_answer,
    run=_emrl_run,
    prediction=Prediction(
        "Rewards −1 for $a^+$ and −2 for $a^-$; nine rows in ten show $a^+$; an undecided start. EMRL ends at …",
        ("$a^+$, the better action", "a mix of both", "$a^-$, the worse action"),
        right=2,
        at={"r_plus": -1.0, "r_minus": -2.0, "share": 0.9, "start": 0.5, "step": STEPS},
    ),
    layout=(("rewards", "policy:1.6"), ("loss:2", "numbers")),
    covered=("policy", "loss", "numbers"),
    presets=(
        Preset("+0.9, +0.1", {}),
        Preset("+1, −1", {"r_plus": 1.0, "r_minus": -1.0}),
        Preset("−1, −2 with 9 : 1", {"r_plus": -1.0, "r_minus": -2.0, "share": 0.9}),
        Preset("… from 0.83", {"r_plus": -1.0, "r_minus": -2.0, "share": 0.9, "start": 0.83}),
    ),
    play=Play("step", per_second=12, label="Train"),
    source="Dayan & Hinton 1997, “Using expectation-maximization for reinforcement learning”",
)
