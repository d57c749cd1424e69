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
    ("name", "world", "options"),
    [
        *(("FrozenLake-v1", lambda ice=ice: frozen_lake("4x4", ice), {"is_slippery": ice}) for ice in (True, False)),
        *(("FrozenLake8x8-v1", lambda ice=ice: frozen_lake("8x8", ice), {"is_slippery": ice}) for ice in (True, False)),
        *(("CliffWalking-v1", lambda ice=ice: cliff_walking(ice), {"is_slippery": ice}) for ice in (True, False)),
        ("Taxi-v4", taxi, {}),
    ],
)
def test_tables_are_those_of_gymnasium(name, world, options):
    """Every state, action and outcome; probabilities to rounding, since rows are normalised here."""
    mdp = world()
    env = gymnasium.make(name, **options).unwrapped
    assert (env.observation_space.n, env.action_space.n) == (mdp.n_states, mdp.n_actions)
    np.testing.assert_array_equal(mdp.initial, env.initial_state_distrib)
    expected, rewards = np.zeros(mdp.P.shape), np.zeros(mdp.R.shape)
    ends = set()
    for state, actions in env.P.items():
        for action, outcomes in actions.items():
            ends |= {int(nxt) for _, nxt, _, ended in outcomes if ended}
            if not mdp.terminal[state]:
                for p, nxt, reward, _ in outcomes:
                    expected[state, action, nxt] += p
                    rewards[state, action] += p * reward
    assert set(np.flatnonzero(mdp.terminal)) == ends
    np.testing.assert_allclose(mdp.P, expected, rtol=1e-15)
    np.testing.assert_allclose(mdp.R, rewards, rtol=1e-14)


def test_every_cell_of_a_lake_and_a_cliff_is_drawn_as_gymnasium_has_it():
    for size in ("4x4", "8x8"):
        drawn = gymnasium.make("FrozenLake-v1", map_name=size).unwrapped.desc
        assert frozen_lake(size).layout.cells == drawn.tobytes().decode().replace("F", ".")
    cells = np.array(list(cliff_walking().layout.cells)).reshape(4, 12)
    np.testing.assert_array_equal(cells == "X", gymnasium.make("CliffWalking-v1").unwrapped._cliff)


def test_a_taxi_is_where_gymnasium_decodes_it():
    env = gymnasium.make("Taxi-v4").unwrapped
    stops = ("red", "green", "yellow", "blue", "taxi")
    for state, name in enumerate(taxi().state_names):
        row, column, passenger, destination = env.decode(state)
        assert name.startswith(f"({row},{column}) ")
        assert name.endswith(stops[destination])
        assert (stops[passenger] in name) or passenger == destination


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
