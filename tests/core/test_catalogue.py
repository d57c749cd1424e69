"""The catalogue: every entry loads fast, is what it says, and refuses what is not allowed."""

import json
import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import offrl_core as orl
from offrl_core.data.entries.custom import OWN_LAYOUT, parse_layout
from offrl_core.declarations import HyperparameterError
from tests.hypothesis_profiles import examples

NAMES = tuple(orl.datasets())


def attempt(build):
    """The dataset, or None and why it was refused."""
    try:
        return build(), ""
    except HyperparameterError as error:
        return None, str(error)


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_loads(name):
    spec = orl.datasets()[name]
    started = time.process_time()
    data = spec.build(seed=1)
    assert time.process_time() - started < 2.0
    assert data.name == name
    assert data.gamma == data.options["gamma"]
    assert data.options["seed"] == 1
    assert len(data.action_names) == data.n_actions
    assert data.behaviors is not None
    assert len(data.behaviors) == data.n_episodes
    assert data.behaviors.max() < len(data.behavior_names)
    assert data.world is not None
    json.dumps(data.layout.to_json())
    if data.tabular:
        assert data.mdp is data.world
        assert np.isfinite(data.mdp.optimal(data.gamma)[1]).all()
        assert len(data.mdp.state_names) == data.n_states
    else:
        assert len(data.observation_names) == data.observations.shape[1]
    assert set(spec.recommended) <= {"table", "linear", "mlp"}
    assert len(re.findall(r"[.?:;] ", spec.lesson)) >= 1
    assert spec.description


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_data(name):
    spec = orl.datasets()[name]
    small = {"episodes": 5} if any(o.name == "episodes" for o in spec.options) else {}
    first, second, other = (spec.build(seed=s, **small) for s in (3, 3, 4))
    for column in ("observations", "actions", "rewards", "next_observations", "truncations"):
        np.testing.assert_array_equal(getattr(first, column), getattr(second, column))
    fixed = name in ("two-actions", "deadly-triad", "baird", "double-crossing", "single-crossing")
    differs = len(first) != len(other) or (first.observations != other.observations).any()
    assert differs != fixed


@pytest.mark.parametrize("name", NAMES)
def test_numbers_can_be_moved_to_both_ends(name):
    """Every numeric option at its lowest and highest value gives a dataset, or says why not."""
    spec = orl.datasets()[name]
    small = {o.name: {"episodes": 3, "horizon": 30}[o.name] for o in spec.options if o.name in ("episodes", "horizon")}
    for option in spec.options:
        if not option.numeric or option.name in ("episodes", "horizon"):
            continue
        for value in (option.low, option.high):
            data, refusal = attempt(lambda o=option.name, v=value: spec.build(**{**small, o: v}))
            if data is None:
                assert option.name == "drop_action" or "a mix needs" in refusal or "one must stay" in refusal, refusal
            elif data.tabular:
                assert np.isfinite(data.mdp.optimal(min(data.gamma, 0.99))[1]).all()


def test_loading_twice_gives_the_same_object():
    assert orl.load_dataset("two-actions") is orl.load_dataset("two-actions", reward_plus=0.9)
    assert orl.load_dataset("two-actions") is not orl.load_dataset("two-actions", seed=1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nowhere", {}, "unknown dataset 'nowhere'; there are double-crossing"),
        ("taxi", {"epsilon": 1.5}, "dataset taxi: epsilon = 1.5 is not allowed: it must be a number from 0 to 1"),
        ("taxi", {"behavior": "expert"}, "taxi: behavior = 'expert' .* one of random, optimal, softmax, mix, own"),
        ("taxi", {"colour": 1}, "dataset taxi: unknown option 'colour'; there are behavior"),
        ("taxi", {"episodes": 2.5}, "a whole number from 1 to 100000"),
        ("taxi", {"seed": -1}, "seed = -1"),
        ("taxi", {"episodes": 100_000, "horizon": 1000, "behavior": "random"}, "more than 1500000 rows"),
        ("cartpole", {"behavior": "mix", "mix_random": 0, "mix_medium": 0, "mix_expert": 0}, "a mix needs a share"),
        ("taxi", {"behavior": "own"}, "own is empty"),
        ("frozen-lake", {"drop_action": 7}, "the actions are 0 to 3"),
        ("deadly-triad", {"drop_action": 0}, "leaves no row"),
        ("custom-grid", {"layout": "S" * 10_000}, "a text of at most 600 characters"),
        ("maze", {"layout": "u-maze", "behavior": "walks"}, "the layout u-maze has no walks"),
    ],
)
def test_what_is_not_allowed_is_refused(name, options, message):
    with pytest.raises(HyperparameterError, match=message):
        orl.load_dataset(name, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("S.G/..", "row 1 has 2 cells, row 0 has 3"),
        ("SG" + "." * 23, "at most 24 × 24"),
        ("/".join(["SG"] + [".."] * 24), "at most 24 × 24"),
        ("SzG", r"cell \(0,1\): 'z' is not allowed"),
        ("..G", "no start"),
        ("S..", r"from the start \(0,0\) nothing that ends"),
        ("S#G", r"from the start \(0,0\) nothing that ends"),
        ("S.G/###/S..", r"from the start \(2,0\)"),
    ],
)
def test_layouts_are_checked(text, message):
    with pytest.raises(HyperparameterError, match=message):
        parse_layout(text)


def test_layout_parting_by_slash_and_line_break_is_the_same():
    assert parse_layout("S.G/...") == parse_layout("S.G\n...\n") == parse_layout("S.G\r\n...") == ("S.G", "...")


@settings(max_examples=examples(60), deadline=None)
@given(st.text("#.SGDTX/", min_size=1, max_size=60))
def test_any_layout_gives_a_world_or_a_clear_refusal(text):
    data, refusal = attempt(lambda: orl.datasets()["custom-grid"].build(layout=text, episodes=4, horizon=30))
    if data is None:
        assert "layout" in refusal
    else:
        assert np.isfinite(orl.Truth(data).optimal)


def test_a_grid_of_ones_own():
    rewards = {"goal_reward": 2.0, "small_reward": 0.5, "step_reward": -0.1}
    data = orl.load_dataset("custom-grid", layout="S.D/#.G", gamma=1.0, **rewards)
    truth = orl.Truth(data)
    # Right, down, right: two steps of −.1, and arriving costs one too.
    assert truth.optimal == pytest.approx(2.0 - 0.3)
    assert data.mdp.layout.cells == "S.D#.G"
    assert OWN_LAYOUT.count("/") == 7


def test_double_crossing_data():
    data = orl.load_dataset("double-crossing")
    lengths = data.episode_ends - data.episode_starts + 1
    assert data.n_episodes == 100
    assert [int((lengths == n).sum()) for n in (6, 12, 8)] == [50, 30, 20]
    assert np.bincount(data.behaviors).tolist() == [50, 30, 20]
    assert data.behavior_names == ("S to D", "S to T", "B to G")
    start = data.mdp.state_names.index("(5,1)")
    from_start = data.initial_observations == start
    assert from_start.sum() == 80
    assert data.rewards[data.episode_ends][from_start].max() == 0.3  # no walk goes from the start to the goal


def test_deadly_triad_data():
    data = orl.load_dataset("deadly-triad")
    assert (data.actions == 0).all()
    assert not data.terminations.any()
    assert (data.rewards == 0).all()
    np.testing.assert_array_equal(data.action_features[0, :, 0], [1.0, 2.0])
    mixed = orl.load_dataset("deadly-triad", share=0.25, rows=40)
    assert mixed.actions.sum() == 10
    # The lecture's step in expectation over these rows: θ + lr·E[φ(γ·2θ − θφ)] at γ = 1, θ = 1, lr = 1.
    phi = mixed.action_features[0, mixed.actions, 0]
    assert 1.0 + (phi * (2.0 - phi)).mean() == pytest.approx(1 + 0.75 * 1 + 4 * 0.25 * 0)


def test_baird_data_is_in_exact_proportion():
    data = orl.load_dataset("baird")
    np.testing.assert_array_equal(data.counts, np.tile([36, 6], (7, 1)))
    np.testing.assert_allclose(data.behavior_policy[:, 1], 1 / 7)
    moves = np.zeros((7, 2, 7))
    np.add.at(moves, (data.observations, data.actions, data.next_observations), 1)
    np.testing.assert_allclose(moves / moves.sum(axis=2, keepdims=True), data.mdp.P)
    # Baird's start: weights 1,…,1,10,1 have a root mean square value of 5.318 on the states.
    values = data.features["values"] @ np.array([1, 1, 1, 1, 1, 1, 10, 1])
    assert np.sqrt((values**2).mean()) == pytest.approx(5.318, abs=0.0005)


def test_two_actions_counts_and_rewards():
    data = orl.load_dataset("two-actions", reward_plus=-1, reward_minus=-2, count_plus=9, count_minus=1)
    np.testing.assert_array_equal(data.counts[0], [9, 1])
    np.testing.assert_allclose(data.behavior_policy[0], [0.9, 0.1])
    assert sorted(set(data.rewards)) == [-2.0, -1.0]
    assert orl.Truth(data).behavior == pytest.approx(-1.1)


def test_digits_logging_quality():
    data = orl.load_dataset("digits-bandit", episodes=20_000, quality=0.6)
    assert data.rewards.mean() == pytest.approx(0.6 + 0.4 / 10, abs=0.01)
    assert data.observations.shape == (20_000, 64)
    assert data.observations.max() == 1.0
    assert data.terminations.all()


@pytest.mark.parametrize("name", ["cartpole", "mountain-car", "acrobot"])
def test_time_limits_are_truncations(name):
    data = orl.load_dataset(name, behavior="mix", episodes=30, horizon=60)
    lengths = data.episode_ends - data.episode_starts + 1
    limited = lengths == 60
    assert limited.any()
    assert data.truncations.sum() == (limited & ~data.terminations[data.episode_ends]).sum()
    assert (data.terminations | data.truncations)[data.episode_ends].all()


def test_cartpole_values_of_the_limit():
    """Always balancing is worth 100 at γ = .99; taking the 200-step limit for the end gives 86.60."""
    data = orl.load_dataset("cartpole", behavior="expert", episodes=5, horizon=200)
    assert data.truncations.sum() == 5
    as_if_ended = data.episode_returns(0.99)
    assert as_if_ended == pytest.approx(86.60, abs=0.005)
    # With the bootstrap kept, the value v of balancing satisfies v = G + γ²⁰⁰·v.
    assert as_if_ended / (1 - 0.99**200) == pytest.approx(100.0)
    assert orl.Truth(data).q_bound == pytest.approx(100.0)


def test_sections_hold_every_option_once():
    for spec in orl.datasets().values():
        names = [h.name for section in spec.sections.values() for h in section]
        assert sorted(names) == sorted(h.name for h in spec.options)
        assert [h.name for h in spec.sections["degrade"]] == [
            "drop_episodes", "drop_best", "drop_action", "reward_noise",
        ]  # fmt: skip
        assert [h.name for h in spec.sections["reward"]] == [
            "reward_clip", "reward_unit", "reward_scale", "reward_shift",
        ]  # fmt: skip


def test_text_options():
    option = next(o for o in orl.datasets()["custom-grid"].options if o.name == "layout")
    assert option.text
    assert not option.numeric
    assert option.allowed == "a text of at most 600 characters"
    assert option.validate("S.G") == "S.G"
    with pytest.raises(HyperparameterError, match="at most 600"):
        option.validate(3)


def test_public_names():
    for name in orl.__all__:
        assert getattr(orl, name) is not None
    assert "bc" in orl.algorithms()
    import offrl_core.declarations as module

    assert module.Hyperparameter is orl.Hyperparameter
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = orl.nothing
