"""Gymnasium's classics: tables whose truth is exact, and continuous control with controllers of chosen quality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, Collecting, noisy_act, random_act, record, tabular_behaviors
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Dataset
from offrl_core.declarations import Value
from offrl_core.worlds.control import Acrobot, CartPole, MountainCar
from offrl_core.worlds.gym import cliff_walking, frozen_lake, taxi
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Simulator


def _scaled(temperature: float) -> dict[str, dict[str, Value]]:
    """What returns of tens and hundreds ask for: exponentials of them stay in float32."""
    running: dict[str, Value] = {"norm_start": 1.0, "norm_rate": 0.01, "normalization": "running", "beta": 1.0}
    values = {"rwr.temperature": temperature, **{f"marwil.{name}": value for name, value in running.items()}}
    return dict.fromkeys(("table", "linear", "mlp"), values)


_GRID_BEHAVIORS = ("random", "optimal", "softmax", "drawn")


def _slippery(default: bool) -> opt.DatasetOption:
    return opt.DatasetOption(
        "slippery",
        "",
        default,
        "On ice a move goes where it should one time in three, and to either side otherwise.",
    )


def _tabular(world: Callable[[dict[str, Any]], TabularMDP]) -> Callable[[int, dict[str, Any]], Dataset]:
    def build(seed: int, chosen: dict[str, Any]) -> Dataset:
        mdp = world(chosen)
        return record(mdp, tabular_behaviors(mdp, chosen), chosen, seed)

    return build


FROZEN_LAKE = DatasetSpec(
    name="frozen-lake",
    title="Frozen lake 4×4",
    description="Gymnasium's FrozenLake-v1: reach the goal over slippery ice, holes end the episode.",
    lesson="Random data covers every action, so even naive Q-learning finds the optimum in it."
    " Expert data leaves most actions unseen, and the same learner does worse on it than on random data.",
    options=(
        *opt.collecting(_GRID_BEHAVIORS, "random", n_episodes=2000, horizon=100),
        _slippery(True),
        opt.gamma(0.99),
    ),
    builder=_tabular(lambda chosen: frozen_lake("4x4", chosen["slippery"])),
)

FROZEN_LAKE_8 = DatasetSpec(
    name="frozen-lake-8x8",
    title="Frozen lake 8×8",
    description="Gymnasium's FrozenLake8x8-v1: the larger lake, where a random walk hardly ever arrives.",
    lesson="On the large lake a random walk sees the goal three times in a thousand episodes; data that is half expert"
    " sees it every sixth time. Coverage and quality pull in different directions.",
    options=(
        *opt.collecting(
            _GRID_BEHAVIORS, "mix", n_episodes=1000, horizon=200, epsilon=0.2, mix={"random": 0.5, "optimal": 0.5}
        ),
        _slippery(True),
        opt.gamma(0.99),
    ),
    builder=_tabular(lambda chosen: frozen_lake("8x8", chosen["slippery"])),
)

CLIFF_WALKING = DatasetSpec(
    name="cliff-walking",
    title="Cliff walking",
    description="Gymnasium's CliffWalking-v1: −1 a step, −100 and back to the start for a step into the cliff.",
    lesson="Where every reward is negative, initial values of 0 are optimistic: actions never tried look best."
    " The same zero that protects a learner elsewhere leads it astray here.",
    options=(
        *opt.collecting(_GRID_BEHAVIORS, "optimal", n_episodes=100, horizon=200, epsilon=0.3),
        _slippery(False),
        opt.gamma(0.99),
    ),
    builder=_tabular(lambda chosen: cliff_walking(chosen["slippery"])),
    recommended=_scaled(20.0),
)

TAXI = DatasetSpec(
    name="taxi",
    title="Taxi",
    description="Gymnasium's Taxi-v4: take a passenger where they want to go; 500 states, six actions.",
    lesson="Every step costs, yet 0 is a cautious first value, because four states in five are worth more: from 0"
    " everywhere even naive Q-learning is optimal. From 20, the reward at the end, it chases what was never tried.",
    options=(
        *opt.collecting(("random", "optimal", "softmax"), "optimal", n_episodes=3000, horizon=200, epsilon=0.1),
        opt.gamma(0.99),
    ),
    builder=_tabular(lambda chosen: taxi()),
    recommended=_scaled(2.0),
)


def _control(world: Callable[[], Simulator], medium: float) -> Callable[[int, dict[str, Any]], Dataset]:
    def build(seed: int, chosen: dict[str, Any]) -> Dataset:
        simulator = world()
        actions = simulator.n_actions
        expert = simulator.controller(chosen["gamma"])
        assert expert is not None
        half = noisy_act(expert, medium, actions)
        epsilon = chosen["epsilon"]
        available: dict[str, Collecting] = {
            "random": lambda: [Behavior("random", random_act(actions))],
            "medium": lambda: [Behavior("medium", noisy_act(half, epsilon, actions))],
            "expert": lambda: [Behavior("expert", noisy_act(expert, epsilon, actions))],
        }
        return record(simulator, available, chosen, seed)

    return build


_QUALITIES = ("random", "medium", "expert")

CARTPOLE = DatasetSpec(
    name="cartpole",
    title="CartPole",
    description="Gymnasium's CartPole-v1: balance a pole on a cart, reward 1 a step. Medium is a good controller that"
    " acts at random half the time.",
    lesson="Reaching the time limit is not falling: always balancing is worth 100 at γ = 0.99, and a learner that takes"
    " the limit of 200 steps for the end believes it worth 86.6. Truncation keeps the bootstrap, termination cuts it.",
    options=(
        *opt.collecting(_QUALITIES, "medium", n_episodes=100, horizon=200),
        opt.gamma(0.99),
    ),
    builder=_control(CartPole, 0.5),
    recommended=_scaled(10.0),
)

MOUNTAIN_CAR = DatasetSpec(
    name="mountain-car",
    title="MountainCar",
    description="Gymnasium's MountainCar-v0: swing out of the valley, −1 a step. Medium follows the velocity but"
    " acts at random three times in ten.",
    lesson="Random driving never arrives, so random data holds no success to learn from: all its returns are equal."
    " Less than half of this mix arrives, and those episodes are all there is to learn from.",
    options=(
        *opt.collecting(
            _QUALITIES, "mix", n_episodes=100, horizon=200, mix={"random": 0.5, "medium": 0.5, "expert": 0.0}
        ),
        opt.gamma(0.99),
    ),
    builder=_control(MountainCar, 0.3),
    recommended=_scaled(10.0),
)

ACROBOT = DatasetSpec(
    name="acrobot",
    title="Acrobot",
    description="Gymnasium's Acrobot-v1: swing a two-link arm above the bar, −1 a step. Medium pumps energy but acts at"
    " random six times in ten.",
    lesson="Six dimensions and fast, chaotic motion: no state comes twice and neighbours soon diverge."
    " Good and bad episodes differ in length only, so the return is the whole signal.",
    options=(
        *opt.collecting(
            _QUALITIES, "mix", n_episodes=60, horizon=500, mix={"random": 0.2, "medium": 0.5, "expert": 0.3}
        ),
        opt.gamma(0.99),
    ),
    builder=_control(Acrobot, 0.6),
    recommended=_scaled(10.0),
)

TABLES = (FROZEN_LAKE, FROZEN_LAKE_8, CLIFF_WALKING, TAXI)
CONTROL = (CARTPOLE, MOUNTAIN_CAR, ACROBOT)
