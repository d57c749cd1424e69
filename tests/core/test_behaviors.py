"""Collecting and degrading: who acted, in which shares, and what was lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import offrl_core as orl
from offrl_core.data.behaviors import Behavior, collect, drawn_policy, noisy, softmax, split, uniform
from offrl_core.data.own_episodes import OwnEpisode, replay
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.control import Acrobot
from offrl_core.worlds.lecture_grids import DOUBLE_CROSSING, FOUR_ROOMS, U_MAZE
from offrl_core.worlds.maze import Maze
from tests.hypothesis_profiles import examples


def columns(data, names=("observations", "actions", "rewards", "next_observations", "terminations", "truncations")):
    return [getattr(data, name).tolist() for name in names]


def attempt(build):
    """The dataset, or None and why it was refused."""
    try:
        return build(), ""
    except HyperparameterError as error:
        return None, str(error)


def test_policies():
    np.testing.assert_allclose(noisy(np.array([[1.0, 0.0]]), 0.2), [[0.9, 0.1]])
    np.testing.assert_allclose(softmax(np.array([[0.0, np.log(3.0)]]), 1.0), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax(np.array([[0.0, 5000.0]]), 0.5), [[0.0, 1.0]])


@given(st.integers(1, 10_000), st.lists(st.floats(0.001, 10), min_size=1, max_size=6))
def test_split_is_exact_and_near(episodes, shares):
    numbers = split(episodes, shares)
    assert sum(numbers) == episodes
    for number, share in zip(numbers, shares, strict=True):
        assert abs(number - episodes * share / sum(shares)) < 1


def test_split_of_the_double_crossing():
    assert split(100, [0.5, 0.3, 0.2]) == [50, 30, 20]
    assert split(7, [0.5, 0.3, 0.2]) == [4, 2, 1]


def test_a_mix_says_who_collected_what():
    world = FOUR_ROOMS.world()
    mix = [Behavior("random", uniform(world), 0.25), Behavior("optimal", world.optimal_policy(0.95), 0.75)]
    data = collect(world, mix, 40, 300, seed=0)
    assert np.bincount(data.behaviors).tolist() == [10, 30]
    lengths = data.episode_ends - data.episode_starts + 1
    assert (lengths[data.behaviors == 1] == 20).all()
    assert (lengths[data.behaviors == 0] > 20).all()
    np.testing.assert_array_equal(data.behavior_policies[1], mix[1].policy)


def test_behaviors_that_start_elsewhere_keep_no_policies():
    world = U_MAZE.world()
    odd = Behavior("odd", uniform(world), 1.0, lambda number, rng: np.zeros(number, dtype=np.int64))
    assert collect(world, [odd], 3, 10, seed=0).behavior_policies is None


@pytest.mark.parametrize("behavior", ["random", "optimal", "softmax", "mix"])
def test_recorded_frequencies_are_the_policy(behavior):
    data = orl.load_dataset("frozen-lake", behavior=behavior, episodes=4000, epsilon=0.4, softness=0.05)
    shares = np.bincount(data.behaviors, minlength=len(data.behavior_policies))
    if behavior != "mix":
        often = data.counts.sum(axis=1) > 1000
        assert often.any()
        np.testing.assert_allclose(data.behavior_policy[often], data.behavior_policies[0][often], atol=0.05)
    else:
        assert sorted(shares.tolist()) == [1333, 1333, 1334]
    truth = orl.Truth(data)
    horizon_long_enough = data.episode_returns(0.99)
    error = 4 * horizon_long_enough.std() / np.sqrt(data.n_episodes)
    assert truth.behavior == pytest.approx(horizon_long_enough.mean(), abs=error + 0.02)


def test_drawn_policy():
    world = U_MAZE.world()
    # Walk right along the upper row, down the right side, left along the lower row to the goal.
    rows = ["##########", "#>>>>>>>v#", "#.......v#", "#######.v#"]
    rows += ["#######.v#", "#.......v#", "#.<<<<<<<#", "##########"]
    policy = drawn_policy(world, "/".join(rows))
    assert world.evaluate(noisy(policy, 0.0), 0.95) > 0
    assert policy[world.state_names.index("(1,1)")].tolist() == [0, 1, 0, 0]
    assert policy[world.state_names.index("(2,1)")].tolist() == [0.25] * 4
    data = orl.load_dataset("u-maze", behavior="drawn", drawn="".join(rows), episodes=3)
    assert (data.actions[:7] == 1).all()
    assert data.behavior_names == ("drawn",)
    np.testing.assert_array_equal(drawn_policy(world, ""), uniform(world))


@pytest.mark.parametrize(
    ("text", "message"),
    [("^" * 79, "79 cells: it must have 8 × 10 = 80"), ("." * 11 + "x" + "." * 68, r"cell \(1,1\): 'x'")],
)
def test_drawn_policies_are_checked(text, message):
    with pytest.raises(HyperparameterError, match=message):
        drawn_policy(U_MAZE.world(), text)


def test_drawn_in_the_maze_acts_by_cell():
    maze_rows = ["^" * 15] * 12
    data = orl.load_dataset("maze", behavior="drawn", drawn="/".join(maze_rows), episodes=5, epsilon=0.0)
    assert (data.actions == 0).all()


@pytest.mark.parametrize(
    "world",
    [DOUBLE_CROSSING.world(), FOUR_ROOMS.world(slip=0.4), Maze(DOUBLE_CROSSING), Acrobot()],
    ids=["grid", "slippery", "maze", "acrobot"],
)
def test_playing_oneself_is_replayed_exactly(world):
    rng = np.random.default_rng(0)
    played, texts, rewards = [], [], []
    for seed in (0, 123456789):
        player = OwnEpisode(world, seed)
        while not player.over and len(player.actions) < 40:
            played.append(player.observation)
            rewards.append(player.step(int(rng.integers(world.n_actions))))
        texts.append(player.text)
    again = replay(world, ";".join(texts))
    steps = [p.steps.columns() for p in again]
    np.testing.assert_array_equal(np.concatenate([c["observations"] for c in steps]), np.array(played))
    assert np.concatenate([c["rewards"] for c in steps]).tolist() == rewards


def test_own_episodes_become_a_dataset():
    world = DOUBLE_CROSSING.world()
    start = world.state_names.index("(1,9)")
    data = orl.load_dataset("double-crossing", behavior="own", own=f"0:111222; 1@{start}:22222222\n2:1")
    assert data.n_episodes == 3
    assert data.behavior_names == ("own",)
    assert data.rewards[data.episode_ends].tolist() == [0.3, 1.0, 0.0]
    assert data.terminations[data.episode_ends].tolist() == [True, True, False]
    assert data.truncations[data.episode_ends].tolist() == [False, False, True]
    assert orl.Truth(data).in_support == pytest.approx(0.3 * 0.95**5)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("abc", "own, episode 0: 'abc' is not of the form"),
        ("0:1112229", "step 6: the episode was over"),
        ("0:19", "step 1: action 9 is not allowed: it must be from 0 to 3"),
        ("0:1;0@99:1", "own, episode 1: an episode cannot start in state 99"),
        ("0@16:1", "cannot start in state 16"),
        (" ; ", "own is empty"),
        ("0:١١", "not of the form"),
    ],
)
def test_own_episodes_are_checked(own, message):
    with pytest.raises(HyperparameterError, match=message):
        orl.load_dataset("double-crossing", behavior="own", own=own)


@settings(max_examples=examples(100), deadline=None)
@given(st.text("0123@:;ab\n ", max_size=40))
def test_any_own_text_gives_data_or_a_clear_refusal(text):
    data, refusal = attempt(lambda: orl.datasets()["double-crossing"].build(behavior="own", own=text))
    if data is None:
        assert "own" in refusal
    else:
        assert len(data) == sum(len(e.split(":")[1].strip()) for e in text.replace("\n", ";").split(";") if e.strip())


# -- degrading


def test_dropping_episodes():
    data = orl.load_dataset("double-crossing", drop_episodes=0.4)
    assert data.n_episodes == 60
    assert len(data.behaviors) == 60
    assert orl.load_dataset("double-crossing", drop_episodes=1.0).n_episodes == 1


def test_dropping_the_best():
    full = orl.load_dataset("double-crossing")
    data = orl.load_dataset("double-crossing", drop_best=20)
    assert data.n_episodes == 80
    assert full.episode_returns(0.95).max() == pytest.approx(0.95**7)
    assert data.episode_returns(0.95).max() == pytest.approx(0.3 * 0.95**5)
    assert set(data.behaviors) == {0, 1}
    assert orl.load_dataset("frozen-lake", drop_best=10).behavior_policies is None


def test_dropping_an_action_cuts_episodes():
    full = orl.load_dataset("double-crossing")
    data = orl.load_dataset("double-crossing", drop_action=2)  # down
    assert len(data) == (full.actions != 2).sum()
    assert not (data.actions == 2).any()
    assert data.n_actions == 4
    # What remains: S walks three steps right and is cut; T walks are whole; B walks are gone.
    lengths = np.bincount(data.episode_ends - data.episode_starts + 1)
    assert lengths[3] == 50
    assert lengths[12] == 30
    assert data.truncations.sum() == 50
    corner = data.mdp.state_names.index("(5,4)")
    assert (data.next_observations[data.truncations] == corner).all()
    assert np.bincount(data.behaviors).tolist() == [50, 30]


def test_subset_cuts_in_the_middle():
    data = orl.Dataset.from_columns([0, 1, 2, 3, 4], [0, 0, 1, 0, 0], np.arange(5.0), [False] * 4 + [True], n_states=6,
                                    next_observations=[1, 2, 3, 4, 5])  # fmt: skip
    cut = data.subset(data.actions == 0)
    assert cut.observations.tolist() == [0, 1, 3, 4]
    assert cut.episode_starts.tolist() == [0, 2]
    assert cut.truncations.tolist() == [False, True, False, False]
    assert cut.terminations.tolist() == [False, False, False, True]
    assert cut.next_observations.tolist() == [1, 2, 4, 5]
    assert cut.next_actions.tolist() == [0, -1, 0, -1]
    assert columns(data.subset(np.ones(5, dtype=bool))) == columns(data)


def test_reward_noise_and_shift():
    full = orl.load_dataset("four-rooms")
    shifted = orl.load_dataset("four-rooms", reward_shift=-0.5)
    np.testing.assert_allclose(shifted.rewards, full.rewards - 0.5)
    noisy_data = orl.load_dataset("four-rooms", reward_noise=0.2)
    noise = noisy_data.rewards - full.rewards
    assert noise.std() == pytest.approx(0.2, rel=0.05)
    assert noise.mean() == pytest.approx(0.0, abs=0.01)
    assert not noisy_data.rewards.flags.writeable
    # The world stays as it was: the truth does not move.
    assert orl.Truth(shifted).optimal == orl.Truth(full).optimal
    assert orl.Truth(shifted).behavior == orl.Truth(full).behavior


@pytest.mark.parametrize("name", tuple(orl.datasets()))
def test_degrading_works_everywhere(name):
    spec = orl.datasets()[name]
    small = {"episodes": 20} if any(o.name == "episodes" for o in spec.options) else {}
    data = spec.build(drop_episodes=0.3, drop_best=20, reward_noise=0.1, reward_shift=0.5, **small)
    full = spec.build(**small)
    assert 0 < len(data) <= len(full)
    assert data.n_actions == full.n_actions
    assert data.layout == full.layout
