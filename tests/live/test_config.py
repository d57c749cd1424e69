"""Configurations: what is accepted, what is refused and with which words, and when two of them are the same run."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offrl_core.dataset import Dataset
from offrl_live.runs import datasets
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_ui.setup import links
from tests.hypothesis_profiles import examples

BCQ = Lane("bcq", seeds=2, hyperparameters={"rho": (0.0, 0.1, 0.3)})


def config(*lanes: Lane, **fields) -> RunConfig:
    return RunConfig("double-crossing", {}, lanes or (BCQ,), **fields)


def test_it_survives_json() -> None:
    made = config(BCQ, Lane("bc"), budget=500, changes=(Change(20, 0, {"gamma": 0.5}),))
    assert RunConfig.from_json(json.dumps(made.to_json())) == made
    assert RunConfig.from_json(json.loads(json.dumps(made.to_json()))).key == made.key


def test_equal_runs_have_equal_keys() -> None:
    default = config(Lane("bcq"))
    written_out = config(Lane("bcq", "tabular", hyperparameters={"rho": default.current(0)["rho"]}))
    assert default.key == written_out.key
    different = [
        config(Lane("bcq", hyperparameters={"rho": 0.123})),
        config(Lane("bcq", seeds=2)),
        config(Lane("bcq"), budget=1),
        config(Lane("bcq"), changes=(Change(5, 0, {"rho": 0.2}),)),
        RunConfig("double-crossing", {"seed": 1}, (Lane("bcq"),)),
    ]
    assert len({default.key, *(other.key for other in different)}) == len(different) + 1


def test_members_are_the_product() -> None:
    assert BCQ.members == 6
    assert config(BCQ, Lane("bc", seeds=3)).members == 9


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Lane("dqn"), "unknown algorithm 'dqn'"),
        (lambda: Lane("bcq", "forest"), "table, linear, mlp"),
        (lambda: Lane("bcq", seeds=9), "whole number from 1 to 8"),
        (lambda: Lane("bcq", seeds=True), "whole number from 1 to 8"),
        (
            lambda: config(Lane("bcq", hyperparameters={"rho": 1.5})),
            "rho = 1.5 is not allowed: it must be a number from 0 to",
        ),
        (lambda: config(Lane("bcq", hyperparameters={"rho": float("nan")})), "rho = nan is not allowed"),
        (lambda: config(Lane("bcq", hyperparameters={"roh": 0.1})), "unknown hyperparameter 'roh'"),
        (lambda: config(Lane("bcq", hyperparameters={"rho": [0.1] * 2})), "names each value once"),
        (lambda: config(Lane("bcq", hyperparameters={"rho": tuple(np.linspace(0, 0.5, 17))})), "1 to 16"),
        (
            lambda: config(
                Lane("bcq", hyperparameters={"rho": (0.1, 0.2), "gamma": (0.5, 0.9), "learning_rate": (0.1, 1.0)})
            ),
            "at most 2",
        ),
        (lambda: config(*[Lane("bc")] * 5), "1 to 4"),
        (
            lambda: config(*[Lane("bcq", seeds=8, hyperparameters={"rho": tuple(np.linspace(0, 0.5, 16))})] * 2),
            "at most 128",
        ),
        (lambda: RunConfig("atari", {}, (Lane("bc"),)), "double-crossing"),
        (lambda: RunConfig("double-crossing", {"colour": 1}, (Lane("bc"),)), "colour"),
        (lambda: RunConfig("double-crossing", {"seed": -1}, (Lane("bc"),)), "seed = -1"),
        (lambda: config(budget=-1), "budget = -1"),
        (lambda: config(changes=(Change(0, 3, {"rho": 0.1}),)), "lanes 0 to 0"),
        (lambda: config(changes=(Change(0, 0, {"rho": 0.1}),)), "open axis"),
        (lambda: config(changes=(Change(0, 0, {"initial_value": 1.0}),)), "restarts the run"),
        (lambda: RunConfig("upload:nobody-knows-this", {}, (Lane("bc"),)), "upload it again"),
        (lambda: RunConfig.from_json({"dataset": "double-crossing"}), "lacks 'lanes'"),
        (lambda: RunConfig.from_json({"dataset": "x", "lanes": [], "shell": "rm"}), "unknown field 'shell'"),
        (lambda: RunConfig.from_json("[1, 2"), "JSON"),
    ],
)
def test_refusals_name_the_value_and_what_is_allowed(make, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        make()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "dataset": st.sampled_from(["double-crossing", "upload:"]) | PLAIN,
            "lanes": st.lists(PLAIN, max_size=2) | PLAIN,
        },
        optional={"options": PLAIN, "budget": PLAIN, "changes": PLAIN},
    )
    | PLAIN
    | st.fixed_dictionaries(
        {
            "dataset": st.just("double-crossing"),
            "lanes": st.lists(
                st.fixed_dictionaries(
                    {"algorithm": st.just("bc")}, optional={"hyperparameters": PLAIN, "seeds": PLAIN}
                ),
                min_size=1,
                max_size=2,
            ),
        },
        optional={
            "changes": st.lists(st.fixed_dictionaries({"step": PLAIN, "lane": PLAIN, "values": PLAIN}), max_size=2)
        },
    )
)
def test_whatever_comes_is_accepted_or_refused_in_words(data) -> None:
    try:
        made = RunConfig.from_json(data)
    except ConfigError:
        return
    assert RunConfig.from_json(made.to_json()).key == made.key


def test_changes_are_part_of_the_run() -> None:
    made = config(Lane("bcq"))
    changed = made.changed(50, 0, {"rho": 0.2}).changed(80, 0, {"rho": 0.3, "gamma": 0.5})
    assert changed.current(0)["rho"] == 0.3
    assert changed.current(0, 60) | {"rho": 0.2} == made.current(0) | {"rho": 0.2}
    # Going back to step 60 forgets what came later.
    assert changed.changed(60, 0, {"rho": 0.4}).changes == (Change(50, 0, {"rho": 0.2}), Change(60, 0, {"rho": 0.4}))
    # Only what a drag at one step came to is part of the run, lane by lane.
    two = config(Lane("bcq"), Lane("bcq"))
    for lane, values in ((0, {"rho": 0.2}), (1, {"rho": 0.5}), (0, {"rho": 0.3}), (0, {"gamma": 0.9})):
        two = two.changed(7, lane, values)
    assert two.changes == (Change(7, 0, {"rho": 0.3, "gamma": 0.9}), Change(7, 1, {"rho": 0.5}))
    fresh = changed.restarted()
    assert fresh.changes == ()
    assert fresh.current(0) == changed.current(0)


def test_a_dataset_of_ones_own() -> None:
    data = Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 1.0, 0.0, 0.0], [False, True, False, True])
    name = datasets.keep(data)
    made = RunConfig(name, {}, (Lane("bc"),))
    assert made.data is data
    assert RunConfig.from_json(made.to_json()) == made
    with pytest.raises(ConfigError, match="an uploaded dataset: unknown option 'seed'; there are leave_out"):
        RunConfig(name, {"seed": 1}, (Lane("bc"),))
    with pytest.raises(ConfigError, match="reward_scale = 0 is not allowed"):
        RunConfig(name, {"reward_scale": 0}, (Lane("bc"),))
    scaled = RunConfig(name, {"reward_scale": 0.5}, (Lane("bc"),))
    assert scaled.data.rewards.tolist() == [0.0, 0.5, 0.0, 0.0]
    assert scaled.data is RunConfig.from_json(scaled.to_json()).data
    assert scaled.key != made.key


def test_wide_networks_are_bounded_by_their_weights_together() -> None:
    wide, wider = (Lane("cql", "mlp", 8, {"hidden": hidden}) for hidden in ("1024-1024", "1024-1024-1024"))
    many = Lane("cql", "mlp", 8, {"hidden": "256-256", "alpha": tuple(range(16))})
    assert [RunConfig("cartpole", {}, (lane,)).members for lane in (wide, many)] == [8, 128]
    for lanes in ((wide, Lane("bc", "mlp", 1, {"hidden": "16-16"})), (wider,)):
        with pytest.raises(ConfigError, match=r"weights are not allowed in one run: at most 8\.4 million together"):
            RunConfig("cartpole", {}, lanes)
    config, notes = links.parse({"data": ["cartpole"], "net": ["mlp"], "seeds": ["8"], "hidden": ["1024-1024-1024"]})
    assert config.lanes[0].weights == 0
    assert "that makes too many weights for one run" in str(notes[0])
