"""Films: the world's own dynamics, the policy's own chances, and a run that does not notice."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.evaluation.film import Film, about, film
from offrl_core.evaluation.rollouts import measuring, member_returns
from offrl_core.worlds.world import exhaust
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.look_back import LookBack
from offrl_live.serving.clock import SYSTEM_CLOCK

MLP = {"hidden": "16", "batch_size": 32}


def uniform(world):
    return lambda observations: np.full((len(observations), world.n_actions), 1 / world.n_actions)


@pytest.mark.parametrize("name", ["cartpole", "mountain-car", "acrobot"])
def test_each_step_is_the_worlds_own(name: str) -> None:
    world = orl.load_dataset(name).world
    shown = film(world, uniform(world), 60, seed=4)
    # The very states, from the same seed: the first draws are the starts.
    states = world.reset(6, np.random.default_rng(4))
    np.testing.assert_array_equal(shown.observations[0], world.observe(states))
    for t, actions in enumerate(shown.actions):
        playing = actions >= 0
        after, rewards, ended = world.step(states[playing], actions[playing], np.random.default_rng())
        states[playing] = after
        np.testing.assert_allclose(shown.observations[t + 1][playing], world.observe(after), atol=1e-6)
        np.testing.assert_array_equal(shown.rewards[t][playing], rewards)
        np.testing.assert_array_equal(ended, (shown.lengths == t + 1)[playing] & shown.terminated[playing])


def test_the_maze_keeps_to_its_walls() -> None:
    world = orl.load_dataset("maze").world
    shown = film(world, uniform(world), 200)
    moves = np.abs(np.diff(shown.observations, axis=0)).max()
    assert 0.3 < moves < world.step_length + 3 * world.noise + 1e-3
    assert (world.cell_of(shown.observations.reshape(-1, 2)) >= 0).all()
    best = film(world, lambda o: np.eye(5)[world.controller(0.97)(o, np.random.default_rng())], 200)
    assert set(best.endings) == {"reached the goal"}
    assert best.rewards.sum(axis=0).tolist() == [1.0] * 6


@pytest.mark.parametrize("name", ["double-crossing", "frozen-lake", "taxi", "icu-sepsis"])
def test_a_tabular_film_shows_what_the_exact_value_says(name: str) -> None:
    data = orl.load_dataset(name)
    mdp, gamma = data.mdp, min(data.gamma, 0.9)
    policy = 0.8 * mdp.optimal_policy(data.gamma) + 0.2 / mdp.n_actions
    shown = film(mdp, policy, 300, seed=1, episodes=4000)
    returns = shown.returns(gamma)
    assert returns.mean() == pytest.approx(mdp.evaluate(policy, gamma), abs=4.5 * returns.std() / 4000**0.5)
    at, episode = np.nonzero(shown.actions >= 0)
    states, after = shown.observations[at, episode], shown.observations[at + 1, episode]
    pairs = states * mdp.n_actions + shown.actions[at, episode]
    assert (np.asarray(mdp.transitions[pairs, after]) > 0).all()
    assert (policy[states, shown.actions[at, episode]] > 0).all()
    assert (mdp.initial[shown.observations[0]] > 0).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("double-crossing", {"reached the goal", "reached the small reward", "reached the dead end"}),
        ("frozen-lake", {"reached the hole", "reached the goal"}),
        ("icu-sepsis", {"ended in death", "ended in survival"}),
        ("cartpole", {"the pole fell", "the cart left the track"}),
        ("two-actions", {"the episode ended"}),
    ],
)
def test_endings_are_told_in_words(name: str, words: set[str]) -> None:
    data = orl.load_dataset(name)
    world = data.mdp or data.world
    policy = np.full((world.n_states, world.n_actions), 1 / world.n_actions) if data.mdp else uniform(world)
    shown = film(world, policy, 1000, episodes=40)
    told = {ending for ending, over in zip(shown.endings, shown.terminated, strict=True) if over}
    assert told <= words
    assert told


def test_time_runs_out_where_nothing_ends() -> None:
    shown = film(orl.load_dataset("mountain-car").world, lambda o: np.tile([0.0, 1.0, 0.0], (len(o), 1)), 30)
    assert shown.endings == ("time ran out after 30 steps",) * 6
    assert not shown.terminated.any()
    assert shown.returns(1.0).tolist() == [-30.0] * 6


def test_a_seed_is_a_film() -> None:
    world = orl.load_dataset("maze").world
    first, again, other = (film(world, uniform(world), 50, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.observations, again.observations)
    assert first.observations.shape != other.observations.shape or (first.observations != other.observations).any()


def test_a_policy_that_is_no_number_cannot_act() -> None:
    data = orl.load_dataset("double-crossing")
    with pytest.raises(ValueError, match="not finite"):
        film(data.mdp, np.full((24, 4), np.nan), 10)
    with pytest.raises(ValueError, match="not finite"):
        film(orl.load_dataset("maze").world, lambda o: np.full((len(o), 5), np.nan), 10)


# members


def test_members_at_their_own_observations() -> None:
    data = orl.load_dataset("cartpole")
    learner = orl.Learner(data, "bcq", approximator="mlp", seeds=2, rho=[0.1, 0.4], learning_rate=[1e-3, 3e-3], **MLP)
    learner.advance(20)
    members = len(learner.members)
    own = np.random.default_rng(0).normal(size=(members, 7, 4)).astype(np.float32)
    each = learner.policy_each(own)
    everywhere = learner.policy(own.reshape(-1, 4)).reshape(members, members, 7, 2)
    np.testing.assert_allclose(each, everywhere[np.arange(members), np.arange(members)], atol=1e-6)
    before = learner.policy_of(3)
    np.testing.assert_allclose(before(own[3]), each[3], atol=1e-6)
    learner.advance(200)
    np.testing.assert_allclose(before(own[3]), each[3], atol=1e-6)
    assert np.abs(learner.policy_of(3)(own[3]) - each[3]).max() > 1e-3
    for shape in ((7, 4), (3, 7, 4)):
        with pytest.raises(ValueError, match=r"they must be \(8, N, D\)"):
            learner.policy_each(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="there are 8"):
        learner.policy_of(8)


def test_counted_actions_at_own_observations() -> None:
    data = orl.load_dataset("maze", episodes=20)
    learner = orl.Learner(data, "constrained-q", approximator="mlp", seeds=2, **MLP)
    learner.advance(5)
    own = np.stack([data.observations[:30], data.observations[30:60]])
    own[1, :10] += 0.01
    everywhere = learner.policy(own.reshape(-1, 2)).reshape(2, 2, 30, 5)
    np.testing.assert_allclose(learner.policy_each(own), everywhere[[0, 1], [0, 1]], atol=1e-6)


def test_members_are_measured_at_their_own_discounts() -> None:
    data = orl.load_dataset("maze")
    learner = orl.Learner(data, "bc", approximator="mlp", seeds=3, **MLP)
    learner.advance(100)
    gammas = np.array([0.97, 0.95, 1.0])
    found = exhaust(measuring(data.world, learner.policy_each, gammas, episodes=200, seed=1))
    assert found.mean.shape == (3,)
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    for member, gamma in enumerate(gammas):
        alone = member_returns(data.world, learner.policy, gamma, episodes=200, seed=2)[member]
        error = np.hypot(found.high - found.mean, 1.96 * alone.std() / 200**0.5)[member]
        assert found.mean[member] == pytest.approx(alone.mean(), abs=2.5 * error)


def test_a_member_that_is_no_number_has_no_return() -> None:
    data = orl.load_dataset("maze")

    def policy(observations):
        out = np.full((2, len(observations), 5), 0.2)
        out[1, observations[:, 0] > 2.0] = np.nan
        return out

    returns = member_returns(data.world, policy, 0.97, episodes=50, seed=0)
    assert np.isfinite(returns[0]).all()
    assert np.isnan(returns[1]).all()


# beside a run

CONTINUOUS = RunConfig("maze", {"episodes": 40}, (Lane("bcq", "mlp", 2, MLP), Lane("iql", "mlp", 1, MLP)))
TABULAR = RunConfig("double-crossing", {}, (Lane("bcq"),))


def order(step, **more):
    about = {"do": "film", "viewer": 1, "id": 5, "step": step, "member": 2, "seed": 7}
    return {**about, "policy": None, "checkpoint": None, **more}


def finish(maker: LookBack) -> tuple[int, Film]:
    while (found := maker.work(0.01)) is None:
        assert maker.busy
    done, shown, why = found
    assert shown is not None, why
    return done["step"], shown


def same(one: Film, other: Film) -> None:
    np.testing.assert_array_equal(one.observations, other.observations)
    np.testing.assert_array_equal(one.actions, other.actions)
    np.testing.assert_array_equal(one.rewards, other.rewards)


def test_a_film_of_any_step_is_that_steps_own_and_the_run_does_not_notice() -> None:
    run, alone = Engine(CONTINUOUS), Engine(CONTINUOUS)
    maker, films, saved = LookBack(run, SYSTEM_CLOCK), {}, None
    for step in range(0, 121, 20):
        run.advance(step - run.step)
        alone.advance(step - alone.step)
        if step == 60:
            saved = (step, run.checkpoint())
            run.set(0, {"rho": 0.45})
            alone.set(0, {"rho": 0.45})
        maker.order(order(None))
        films[step] = finish(maker)
    assert run.checkpoint() == alone.checkpoint()
    assert [step for step, _ in films.values()] == list(films)
    for step, given in ((100, saved), (20, None), (60, saved), (40, None), (120, None)):
        maker.order(order(step, checkpoint=given))
        shown_step, shown = finish(maker)
        assert shown_step == step
        same(shown, films[step][1])
    run.advance(80)
    alone.advance(80)
    assert run.checkpoint() == alone.checkpoint()
    assert films[20][1].observations.tobytes() != films[120][1].observations.tobytes()


def test_now_is_when_it_was_ordered() -> None:
    run = Engine(CONTINUOUS)
    run.advance(10)
    maker = LookBack(run, SYSTEM_CLOCK)
    maker.order(order(None))
    first = finish(maker)
    maker.order(order(None))
    run.advance(50)
    step, shown = finish(maker)
    assert step == 10
    same(shown, first[1])


def test_a_stored_policy_is_played_as_it_was() -> None:
    run = Engine(TABULAR)
    run.advance(200)
    stored = run.snapshot().tables["policy"][0]
    maker = LookBack(run, SYSTEM_CLOCK)
    run.advance(1)
    maker.order(order(200, member=0, policy=stored))
    step, shown = finish(maker)
    assert step == 200
    same(shown, film(run.dataset.mdp, stored, 200, seed=7))
    assert shown.endings == ("reached the goal",) * 6


def test_only_a_viewers_last_order_counts() -> None:
    maker = LookBack(Engine(TABULAR), SYSTEM_CLOCK)
    assert maker.order(order(None, member=0)) is None
    assert maker.work(0.0) is None
    assert maker.order(order(None, member=0, id=6))["id"] == 5
    assert maker.order(order(None, member=0, id=7, seed=8))["id"] == 6
    assert maker.order(order(None, member=0, id=8, viewer=2)) is None
    made = []
    while maker.busy:
        if (found := maker.work(0.01)) is not None:
            made.append(found[0]["id"])
    assert made == [7, 8]


def test_what_cannot_be_filmed_says_why() -> None:
    assert "single decision" in about(orl.load_dataset("digits-bandit"))["why_not"]
    known = about(orl.load_dataset("cartpole"))
    assert known == {"world": "cartpole", "horizon": 200, "why_not": ""}
    unknown = orl.Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True])
    assert "unknown" in about(unknown)["why_not"]
