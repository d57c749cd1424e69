"""What a dataset may keep of the world it came from, as protocols; the classes are in `offrl_core/worlds`."""

from __future__ import annotations

from typing import Any, Protocol

from offrl_core.columns import Array


class Layout(Protocol):
    """How to draw a world's states: a grid, a matrix or a plane."""

    def to_json(self) -> dict[str, Any]:
        """Plain data for the screen."""


class World(Protocol):
    """Something that can be acted in."""

    n_actions: int
    action_names: tuple[str, ...]
    layout: Any
    name: str


class MDP(World, Protocol):
    """A finite MDP that is known exactly: a `TabularMDP`, where every member is documented."""

    n_states: int
    state_names: tuple[str, ...]
    initial: Array
    terminal: Array

    @property
    def P(self) -> Array: ...
    @property
    def R(self) -> Array: ...
    @property
    def reward_range(self) -> tuple[float, float]: ...
    def rewarded(self, rule: Any) -> MDP: ...
    def q_from(self, v: Array, gamma: float) -> Array: ...
    def value(self, policy: Any, gamma: float, *, endless: Any = "raise") -> Array: ...
    def q_value(self, policy: Any, gamma: float, *, endless: Any = "raise") -> Array: ...
    def evaluate(self, policy: Any, gamma: float, *, endless: Any = "raise") -> Any: ...
    def optimal(self, gamma: float) -> tuple[Array, Array]: ...
    def optimal_policy(self, gamma: float) -> Array: ...
    def best_within(self, allowed: Any, gamma: float) -> tuple[Array, Array]: ...
    def greedy(self, q: Array, *, tolerance: float = 1e-9) -> Array: ...
