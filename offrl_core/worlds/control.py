"""CartPole, MountainCar and Acrobot: Gymnasium's dynamics, vectorised over episodes.

The equations and constants are those of `CartPole-v1`, `MountainCar-v0` and `Acrobot-v1`; tests compare them with
Gymnasium step by step. Their time limits are truncations: the world itself does not end there.
"""

from __future__ import annotations

import numpy as np

from offrl_core.columns import Array
from offrl_core.worlds.layout import PlaneLayout
from offrl_core.worlds.world import Act, Simulator


class CartPole(Simulator):
    """Balance a pole on a cart (Barto, Sutton, Anderson 1983): reward 1 a step until it leans 12° or is 2.4 m off.

    Observation `(x m, ẋ m/s, θ rad, θ̇ rad/s)`; actions push left or right with 10 N for 0.02 s.
    """

    name = "cartpole"
    n_actions = 2
    action_names = ("push left", "push right")
    observation_names = ("position (m)", "velocity (m/s)", "angle (rad)", "angular velocity (rad/s)")
    time_limit = 500
    layout = PlaneLayout(observation_names, (-2.4, -3.0, -0.21, -3.0), (2.4, 3.0, 0.21, 3.0), x=2, y=3)

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """All four numbers uniform in ±0.05."""
        return rng.uniform(-0.05, 0.05, size=(episodes, 4))

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """One Euler step of 0.02 s; pole half-length 0.5 m, masses 1 kg and 0.1 kg."""
        x, speed, angle, spin = states.T
        cosine, sine = np.cos(angle), np.sin(angle)
        pull = (np.where(actions == 1, 10.0, -10.0) + 0.05 * spin**2 * sine) / 1.1
        spin_rate = (9.8 * sine - cosine * pull) / (0.5 * (4.0 / 3.0 - 0.1 * cosine**2 / 1.1))
        speed_rate = pull - 0.05 * spin_rate * cosine / 1.1
        after = np.stack([x + 0.02 * speed, speed + 0.02 * speed_rate, angle + 0.02 * spin, spin + 0.02 * spin_rate], 1)
        over = (np.abs(after[:, 0]) > 2.4) | (np.abs(after[:, 2]) > 12 * 2 * np.pi / 360)
        return after, np.ones(len(after)), over

    def observe(self, states: Array) -> Array:
        """The four numbers as float32."""
        return states.astype(np.float32)

    def ending(self, observation: Array) -> str:
        """Which of the two limits was passed."""
        return "the cart left the track" if abs(float(observation[0])) > 2.4 else "the pole fell"

    def controller(self, gamma: float) -> Act:
        """Pushes to the side the pole falls to: right where `3θ + θ̇ > 0`."""
        return _toward_the_fall


class MountainCar(Simulator):
    """Drive an underpowered car out of a valley (Moore 1990): −1 a step until the position reaches 0.5.

    Observation `(position, velocity)`; actions accelerate left, not at all, right.
    """

    name = "mountain-car"
    n_actions = 3
    action_names = ("left", "coast", "right")
    observation_names = ("position", "velocity")
    time_limit = 200
    layout = PlaneLayout(observation_names, (-1.2, -0.07), (0.6, 0.07), regions=(("goal", 0.5, -0.07, 0.6, 0.07),))

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Position uniform in [−0.6, −0.4], at rest."""
        return np.stack([rng.uniform(-0.6, -0.4, size=episodes), np.zeros(episodes)], axis=1)

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Thrust 0.001, gravity 0.0025; the wall at the left stops the car."""
        position, velocity = states.T
        velocity = np.clip(velocity + (actions - 1) * 0.001 - 0.0025 * np.cos(3 * position), -0.07, 0.07)
        position = np.clip(position + velocity, -1.2, 0.6)
        velocity = np.where((position == -1.2) & (velocity < 0), 0.0, velocity)
        return np.stack([position, velocity], 1), np.full(len(states), -1.0), (position >= 0.5) & (velocity >= 0)

    def observe(self, states: Array) -> Array:
        """Position and velocity as float32."""
        return states.astype(np.float32)

    def ending(self, observation: Array) -> str:
        """There is one end only."""
        return "reached the goal"

    def controller(self, gamma: float) -> Act:
        """Accelerates the way the car already moves."""
        return _with_the_motion


class Acrobot(Simulator):
    """Swing a two-link arm above the bar (Sutton 1996): −1 a step, over when the tip is one link length above it.

    Observation `(cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂)`; actions are torques −1, 0, 1 at the joint between the links.
    """

    name = "acrobot"
    n_actions = 3
    action_names = ("torque −1", "torque 0", "torque 1")
    observation_names = ("cos θ₁", "sin θ₁", "cos θ₂", "sin θ₂", "θ̇₁ (rad/s)", "θ̇₂ (rad/s)")
    time_limit = 500
    layout = PlaneLayout(
        observation_names,
        (-1.0, -1.0, -1.0, -1.0, -4 * np.pi, -9 * np.pi),
        (1.0, 1.0, 1.0, 1.0, 4 * np.pi, 9 * np.pi),
        x=4,
        y=5,
    )

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Both angles and both speeds uniform in ±0.1."""
        return rng.uniform(-0.1, 0.1, size=(episodes, 4))

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """One Runge–Kutta step of 0.2 s; speeds are cut at 4π and 9π rad/s."""
        torque, y = actions - 1.0, states.T
        k1 = _acrobot_rates(y, torque)
        k2 = _acrobot_rates(y + 0.1 * k1, torque)
        k3 = _acrobot_rates(y + 0.1 * k2, torque)
        k4 = _acrobot_rates(y + 0.2 * k3, torque)
        first, second, spin1, spin2 = y + 0.2 / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        first, second = _wrapped(first), _wrapped(second)
        spin1, spin2 = np.clip(spin1, -4 * np.pi, 4 * np.pi), np.clip(spin2, -9 * np.pi, 9 * np.pi)
        over = -np.cos(first) - np.cos(first + second) > 1.0
        return np.stack([first, second, spin1, spin2], 1), np.where(over, 0.0, -1.0), over

    def observe(self, states: Array) -> Array:
        """Cosine and sine of both angles, and both speeds, as float32."""
        first, second, spin1, spin2 = states.T
        columns = (np.cos(first), np.sin(first), np.cos(second), np.sin(second), spin1, spin2)
        return np.stack(columns, axis=1).astype(np.float32)

    def ending(self, observation: Array) -> str:
        """There is one end only."""
        return "the tip swung above the line"

    def controller(self, gamma: float) -> Act:
        """Torque with the sign of `θ̇₂ − θ̇₁/2`: pumps energy into the swing."""
        return _into_the_swing


def _acrobot_rates(y: Array, torque: Array) -> Array:
    """Time derivative of `(θ₁, θ₂, θ̇₁, θ̇₂)`; unit masses, lengths and moments, centres halfway, g = 9.8 (Sutton &
    Barto).
    """
    first, second, spin1, spin2 = y
    cosine, sine = np.cos(second), np.sin(second)
    d1 = 0.25 + (1.25 + cosine) + 2.0
    d2 = 0.25 + 0.5 * cosine + 1.0
    phi2 = 0.5 * 9.8 * np.cos(first + second - np.pi / 2)
    phi1 = -0.5 * spin2**2 * sine - spin2 * spin1 * sine + 1.5 * 9.8 * np.cos(first - np.pi / 2) + phi2
    rate2 = (torque + d2 / d1 * phi1 - 0.5 * spin1**2 * sine - phi2) / (1.25 - d2**2 / d1)
    rate1 = -(d2 * rate2 + phi1) / d1
    return np.stack([spin1, spin2, rate1, rate2])


def _wrapped(angle: Array) -> Array:
    """`angle` brought into [−π, π]; inside that range it is left as it is, bit for bit."""
    turned = np.mod(angle + np.pi, 2 * np.pi) - np.pi
    return np.where(np.abs(angle) <= np.pi, angle, turned)


# Functions of the module, so that a dataset that keeps one as its behaviour can be pickled.
def _toward_the_fall(observations: Array, rng: np.random.Generator) -> Array:
    return np.where(3.0 * observations[:, 2] + observations[:, 3] > 0, 1, 0)


def _with_the_motion(observations: Array, rng: np.random.Generator) -> Array:
    return np.where(observations[:, 1] >= 0, 2, 0)


def _into_the_swing(observations: Array, rng: np.random.Generator) -> Array:
    return np.where(observations[:, 5] - observations[:, 4] / 2 >= 0, 2, 0)
