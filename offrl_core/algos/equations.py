"""Pieces of equations that several systems share: LaTeX, with the hyperparameters' own symbols."""

from __future__ import annotations

from collections.abc import Mapping

from offrl_core.declarations import Value

Choices = Mapping[str, Value]

WEIGHTED_CLONING = r"\mathcal{L}(\theta) = -\mathbb{E}_{(s,a)\sim X}\left[w \log\pi_\theta(a\mid s)\right]"
RETURN = r"G = \sum_{k\ge 0} \gamma^k r_{t+1+k}"
BEHAVIOR_CLONE = r"\mathcal{L}_\beta = -\mathbb{E}_{(s,a)\sim X}\left[\log\pi_\beta(a\mid s)\right]"
SHOWN = r"\bar A(s) = \{a : n(s,a) \ge 1\}"
Q_LOSS = r"\mathcal{L}_Q = \tfrac12\left(Q(s,a) - y\right)^2"
V_LOSS = r"\mathcal{L}_V = \tfrac12\left(V(s) - y\right)^2"


def together(*pieces: str) -> str:
    """The pieces side by side; empty ones are left out."""
    return r" \qquad ".join(piece for piece in pieces if piece)


def capped_weight(weight: str, choices: Choices) -> str:
    """A weight under its cap, where there is one."""
    return rf"\min\left({weight}, w_{{\max}}\right)" if choices["weight_max"] else weight


def in_target(target_update: Value) -> str:
    """The symbol of the Q that enters targets: its copy `Q'`, or itself without a target network."""
    return "Q" if target_update == "none" else "Q'"


def copy_rule(choices: Choices, copy: str = "Q'", of: str = "Q") -> str:
    """How the target copy follows; nothing without one."""
    if choices["target_update"] == "hard":
        return rf"{copy} \leftarrow {of} \text{{ every }} K \text{{ updates}}"
    if choices["target_update"] == "soft":
        return rf"{copy} \leftarrow {copy} + \kappa\left({of} - {copy}\right)"
    return ""


def policy_target(choices: Choices, policy: str) -> str:
    """`y = r + γ E_{a'~π} Q'(s', a')`."""
    return rf"y = r + \gamma\,\mathbb{{E}}_{{a'\sim{policy}}}{in_target(choices['target_update'])}(s',a')"


def greedy_target(choices: Choices, actions: str) -> str:
    """`y = r + γ max Q'(s', a')` over `actions`, by the chosen `target_update` and `double`."""
    value = greedy_value(choices["target_update"], choices["double"], actions)
    picked = "" if choices["double"] == "none" else rf"a^* = \arg\max_{{a'\in {actions}}} Q(s',a')"
    return together(rf"y = r + \gamma\, {value}", picked)


def greedy_value(target_update: Value, double: Value, actions: str) -> str:
    """What stands for `max Q'(s', a')` over `actions` in the target."""
    q = in_target(target_update)
    if double == "none":
        return rf"\max_{{a'\in {actions}}} {q}(s',a')"
    value = rf"{q}(s',a^*)"
    return rf"\min\left({value}, {q}_2(s',a^*)\right)" if double == "clipped" else value


def greedy_loss(choices: Choices, penalty: str = "") -> str:
    """The squared error of Q, or of both networks where the smaller value counts, and a penalty."""
    second = r" + \tfrac12\left(Q_2(s,a) - y\right)^2" if choices["double"] == "clipped" else ""
    return rf"\mathcal{{L}} = \tfrac12\left(Q(s,a) - y\right)^2{second}{penalty}"
