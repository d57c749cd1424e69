"""Gymnasium's worlds: tables solved exactly, continuous dynamics step by step against the original."""

import gymnasium
import numpy as np
import pytest

from offrl_core.worlds.control import Acrobot, CartPole, MountainCar
from offrl_core.worlds.gym import cliff_walking, frozen_lake, taxi


@pytest.mark.parametrize(
    ("world", "gamma", "value"),
    [
        (lambda: frozen_lake("4x4"), 0.99, 0.542026),
        (lambda: frozen_lake("8x8"), 0.99, 0.414640),
        (cliff_walking, 0.99, -12.247898),
        (taxi, 0.99, 6.327464),
        (lambda: frozen_lake("4x4"), 1.0, 0.823529),
    ],
)
def test_optimal_values(world, gamma, value):
    mdp = world()
    _, v = mdp.optimal(gamma)
    assert mdp.initial @ v == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("FrozenLake-v1", lambda: frozen_lake("4x4")),
        ("FrozenLake8x8-v1", lambda: frozen_lake("8x8")),
        ("CliffWalking-v1", cliff_walking),
        ("Taxi-v4", taxi),
    ],
)
def test_tables_are_those_of_the_registered_worlds(name, world):
    mdp = world()
    env = gymnasium.make(name).unwrapped
    assert env.action_space.n == mdp.n_actions
    rng = np.random.default_rng(0)
    for state in rng.choice(np.flatnonzero(mdp.reachable & ~mdp.terminal), 10):
        for action in range(mdp.n_actions):
            outcomes = env.P[state][action]
            expected = np.zeros(mdp.n_states)
            for p, nxt, _, ended in outcomes:
                expected[nxt] += p
                assert mdp.terminal[nxt] == ended
            np.testing.assert_allclose(mdp.P[state, action], expected)
            assert mdp.R[state, action] == pytest.approx(sum(p * r for p, _, r, _ in outcomes))


@pytest.mark.parametrize(
    ("name", "world"), [("CartPole-v1", CartPole()), ("MountainCar-v0", MountainCar()), ("Acrobot-v1", Acrobot())]
)
def test_dynamics_equal_gymnasium_step_by_step(name, world):
    env = gymnasium.make(name).unwrapped
    rng = np.random.default_rng(0)
    for episode in range(8):
        first, _ = env.reset(seed=episode)
        state = np.array(env.state, dtype=np.float64)[None]
        np.testing.assert_allclose(world.observe(state)[0], first, rtol=1e-6, atol=1e-7)
        policy = world.controller(0.99)
        for _ in range(300):
            guided = policy(world.observe(state), rng)
            action = int(guided[0]) if rng.random() < 0.6 else int(rng.integers(world.n_actions))
            seen, reward, terminated, _, _ = env.step(action)
            state, rewards, ended = world.step(state, np.array([action]), rng)
            np.testing.assert_allclose(world.observe(state)[0], seen, rtol=1e-5, atol=1e-6)
            assert rewards[0] == reward
            assert ended[0] == terminated
            state = np.array(env.state, dtype=np.float64)[None]
            if terminated:
                break
    env.close()


@pytest.mark.parametrize(
    ("world", "expert", "random"),
    [(CartPole(), 500.0, 22.0), (MountainCar(), -120.0, -200.0), (Acrobot(), -79.0, -499.0)],
)
def test_reference_returns(world, expert, random):
    """Undiscounted, within the time limit."""
    good = world.rollout(world.controller(1.0), 600, world.time_limit, seed=1).returns(1.0)
    assert good.mean() == pytest.approx(expert, rel=0.06)
    bad = world.rollout(lambda o, rng: rng.integers(world.n_actions, size=len(o)), 600, world.time_limit, seed=2)
    assert bad.returns(1.0).mean() == pytest.approx(random, rel=0.06)


def test_taxi_starts_are_the_300_of_gymnasium():
    mdp = taxi()
    assert (mdp.initial > 0).sum() == 300
    assert mdp.reachable.sum() == 404
    assert mdp.terminal.sum() == 4
    assert set(mdp.layout.order) >= set(np.flatnonzero(mdp.reachable & ~mdp.terminal))
