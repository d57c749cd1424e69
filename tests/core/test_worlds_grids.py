"""Grid worlds and their continuous twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offrl_core.data.catalogue import load_dataset
from offrl_core.worlds.grids import grid_world, route_policy, state_at
from offrl_core.worlds.lecture_grids import BENT_CORRIDOR, DOUBLE_CROSSING, GRIDS, SINGLE_CROSSING, Grid
from offrl_core.worlds.maze import Maze
from offrl_core.worlds.tabular import MDPError
from tests.hypothesis_profiles import examples

UP, RIGHT, DOWN, LEFT = range(4)


def test_double_crossing_truth():
    world = DOUBLE_CROSSING.world()
    _, v = world.optimal(0.95)
    assert world.initial @ v == pytest.approx(0.568800, abs=5e-7)
    assert world.initial @ v == pytest.approx(0.95**11)
    small = route_policy(world, DOUBLE_CROSSING.walks[0].corners)
    assert world.evaluate(small, 0.95) == pytest.approx(0.232134, abs=5e-7)
    assert world.initial[state_at(world, (5, 1))] == 1.0
    assert {world.state_names[s] for s in np.flatnonzero(world.terminal)} == {"(5,13)", "(8,4)", "(9,9)"}


def test_moves_walls_and_edges():
    world = grid_world(["S.", "#G"])
    names = world.state_names
    assert names == ("(0,0)", "(0,1)", "(1,1)")
    np.testing.assert_array_equal(world.P[0].argmax(axis=1), [0, 1, 0, 0])
    np.testing.assert_array_equal(world.P[1].argmax(axis=1), [1, 1, 2, 0])
    np.testing.assert_array_equal(world.R[1], [0, 0, 1, 0])
    assert world.layout.state_of_cell == (0, 1, -1, 2)


def test_slip_goes_to_both_sides():
    world = grid_world(["...", ".S.", "..G"], slip=0.2)
    centre = state_at(world, (1, 1))
    moves = world.P[centre, UP]
    assert moves[state_at(world, (0, 1))] == pytest.approx(0.8)
    assert moves[state_at(world, (1, 0))] == pytest.approx(0.1)
    assert moves[state_at(world, (1, 2))] == pytest.approx(0.1)
    assert world.P.sum(axis=2)[~world.terminal] == pytest.approx(1.0)


def test_step_reward_and_cell_rewards_add():
    world = grid_world("S.X", rewards={"X": -2.0}, terminals="X", step_reward=-0.25)
    assert world.R[0, RIGHT] == pytest.approx(-0.25)
    assert world.R[1, RIGHT] == pytest.approx(-2.25)


@pytest.mark.parametrize(
    ("rows", "message"), [(["S.", "G"], "same length"), ([""], "one line or more"), (["..G"], "no start")]
)
def test_wrong_layouts_are_refused(rows, message):
    with pytest.raises(MDPError, match=message):
        grid_world(rows)


def test_routes_are_checked():
    world = SINGLE_CROSSING.world()
    with pytest.raises(MDPError, match="not in one row or column"):
        route_policy(world, ((3, 1), (5, 4)))
    with pytest.raises(MDPError, match="wall"):
        route_policy(world, ((1, 4), (1, 6)))


@pytest.mark.parametrize("name", GRIDS)
def test_every_layout_can_be_solved_from_its_start(name):
    world = GRIDS[name].world()
    q, v = world.optimal(0.95)
    assert 0 < world.initial @ v < 1
    assert len(world.layout.cells) == world.layout.rows * world.layout.cols
    assert world.features["coordinates"].shape == (world.n_states, 2)
    assert np.abs(world.features["coordinates"]).max() == 1.0
    assert q.shape == (world.n_states, 4)


# -- the maze


def test_maze_optimum_and_walks():
    maze = Maze(BENT_CORRIDOR)
    best = maze.rollout(maze.controller(0.97), 4000, 300, seed=0)
    assert best.returns(0.97).mean() == pytest.approx(0.305, abs=0.002)
    assert best.terminated.all()
    # The way to D is 25 moves long: .3 · .97²⁴ = .144, give or take the noise.
    walk = maze.by_cell(route_policy(maze.twin, BENT_CORRIDOR.walks[0].corners))
    assert maze.rollout(walk, 2000, 300, seed=0).returns(0.97).mean() == pytest.approx(0.145, abs=0.003)


@settings(max_examples=examples(30), deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(GRIDS)), st.floats(0.1, 0.7), st.floats(0, 0.09))
def test_no_one_walks_through_a_wall(seed, name, step, noise):
    maze = Maze(GRIDS[name], step, noise)
    rng = np.random.default_rng(seed)
    states = maze.reset(200, rng)
    for _ in range(60):
        before = maze.cell_of(states)
        assert (before >= 0).all()
        states, rewards, ended = maze.step(states, rng.integers(5, size=len(states)), rng)
        after = maze.cell_of(states)
        assert (after >= 0).all()
        np.testing.assert_array_equal(ended, maze.twin.terminal[after])
        # One coordinate is moved after the other: at most the diagonal neighbour is reached.
        old, new = (np.array([eval_name(maze, s) for s in cells]) for cells in (before, after))
        assert np.abs(old - new).max() <= 1
        states = states[~ended]
        if not len(states):
            break
        assert (rewards[~ended] == 0).all()


def eval_name(maze, state):
    row, column = maze.twin.state_names[state].strip("()").split(",")
    return int(row), int(column)


def test_maze_moves_and_noise():
    maze = Maze(Grid("field", ("........",) * 8 + ("S......G",)), noise=0.05)
    rng = np.random.default_rng(0)
    middle = np.full((20_000, 2), 4.0)
    for action, (dx, dy) in enumerate([(0, 0.4), (0.4, 0), (0, -0.4), (-0.4, 0), (0, 0)]):
        moved = maze.step(middle, np.full(20_000, action), rng)[0] - 4.0
        np.testing.assert_allclose(moved.mean(axis=0), [dx, dy], atol=0.002)
        # Cutting the normal at three deviations makes it narrower by 1.3 %.
        np.testing.assert_allclose(moved.std(axis=0), 0.05 * 0.9933, atol=0.001)
    assert np.abs(moved).max() <= 0.15 + 1e-9


def test_maze_sees_no_state_twice():
    maze = Maze(BENT_CORRIDOR)
    data = maze.sample(maze.by_cell(np.full((maze.twin.n_states, 4), 0.25)), 200, 100, seed=0)
    assert len(np.unique(data.observations, axis=0)) > 0.999 * len(data)
    assert data.observations.dtype == np.float32
    assert data.n_actions == 5


def test_imitating_reproduces_the_data():
    maze = Maze(SINGLE_CROSSING)
    walk = maze.by_cell(route_policy(maze.twin, SINGLE_CROSSING.walks[0].corners))
    copy = maze.imitate(maze.sample(walk, 100, 200, seed=0))
    assert maze.rollout(copy, 500, 200, seed=1).lengths.mean() == pytest.approx(
        maze.rollout(walk, 500, 200, seed=2).lengths.mean(), rel=0.03
    )


def test_a_maze_that_could_jump_walls_is_refused():
    with pytest.raises(MDPError, match="below one cell"):
        Maze(BENT_CORRIDOR, step=0.8, noise=0.1)


def test_datasets_of_one_grid_share_its_world_and_what_was_solved_in_it():
    first, second = (load_dataset("double-crossing", seed=seed, slip=0.125) for seed in (1, 2))
    assert first.mdp is not None
    assert first.mdp is second.mdp
    assert first.mdp is not load_dataset("double-crossing", slip=0.25).mdp
    for gamma in np.linspace(0.1, 0.9, 10):
        q, v = first.mdp.optimal(gamma)
        assert second.mdp.optimal(gamma)[0] is q
        np.testing.assert_allclose(q[~first.mdp.terminal].max(axis=1), v[~first.mdp.terminal])
