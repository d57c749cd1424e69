"""Designs of experiments: what they make of their parts, what they refuse, and that what they are is plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import qmc

import offrl_core as orl
from offrl_core.experiments import Design, ExperimentError, Range
from offrl_core.experiments.axes import points
from offrl_core.experiments.carrying import bring, dataset_of
from offrl_core.experiments.choices import of_dataset

SMALL = {"datasets": ["two-actions"], "algorithms": ["bcq"], "seeds": 2, "steps": 10, "evaluate": [0, 10]}


def design(**changes: object) -> Design:
    return Design.from_json({**SMALL, **changes})


def test_jobs_are_the_product_and_share_programs():
    made = design(
        datasets=["two-actions", {"name": "double-crossing", "options": {"horizon": 20}}],
        algorithms=["bc", "bcq", {"name": "cql", "hyperparameters": {"alpha": 2}}],
        axes={"rho": [0.1, 0.3], "gamma": [0.5, 0.9], "episodes": [5, 6]},
    )
    # rho opens in BCQ alone, gamma in all but BC, episodes in the one dataset that has them.
    per_dataset = {"bc": 1, "bcq": 4, "cql": 2}
    assert made.runs == 2 * (sum(per_dataset.values()) + 2 * sum(per_dataset.values()))
    assert made.updates == made.runs * 10
    assert made.columns == ("x.horizon", "x.episodes", "rho", "gamma", "alpha")
    assert sorted({(job.algorithm, len(job.points)) for job in made.jobs}) == [("bc", 1), ("bcq", 4), ("cql", 2)]
    keys = [run.key for job in made.jobs for run in job.runs]
    assert len(set(keys)) == len(keys) == made.runs
    (job,) = [j for j in made.jobs if j.algorithm == "bcq" and j.data.name == "two-actions"]
    assert {(p["rho"], p["gamma"]) for p in job.points} == set(product([0.1, 0.3], [0.5, 0.9]))
    declared = {h.name for h in orl.hyperparameters("bcq", "table", orl.load_dataset("two-actions"))}
    assert set(job.points[0]) == declared  # every value is written out
    # What is named in two ways is one: the usual approximator, a default written out.
    named = [{"name": "two-actions"}, {"name": "two-actions", "options": {"seed": 0}}]
    twice = design(datasets=named, algorithms=["bc", {"name": "bc", "approximator": "table"}])
    assert (twice.runs, len(twice.run_of)) == (len(twice.seeds), len(twice.seeds))


def test_options_as_axes_stand_behind_x_and_choose_the_discount():
    made = design(datasets=["double-crossing"], axes={"x.epsilon": [0.1, 0.2], "x.seed": [0, 1]})
    assert {(j.data.options["epsilon"], j.data.options["seed"]) for j in made.jobs} == set(product([0.1, 0.2], [0, 1]))
    at = design(datasets=[{"name": "double-crossing", "options": {"gamma": 0.7}}])
    assert at.jobs[0].points[0]["gamma"] == 0.7
    # A name that is both is the hyperparameter's.
    assert design(axes={"gamma": [0.5]}).columns == ("gamma",)


def test_an_axis_may_be_one_algorithms_own():
    made = design(algorithms=["bcq", "cql"], axes={"bcq.gamma": [0.1, 0.2]})
    assert [len(job.points) for job in made.jobs] == [2, 1]
    assert made.columns == ("gamma",)


def test_choices_part_jobs_and_large_ones_are_cut():
    made = design(axes={"batch_size": [4, 8], "rho": np.linspace(0, 1, 40)})
    assert len(made.jobs) == 2 * 3  # two programs of 40 configurations with 2 seeds, at most 32 models a job
    assert max(len(job.runs) for job in made.jobs) <= 32
    assert made.runs == 160


def test_equal_runs_have_equal_keys_whatever_experiment_they_are_in():
    one = design(axes={"rho": [0.1, 0.3]}, seeds=[0, 1])
    default = orl.hyperparameters("bcq", "table", orl.load_dataset("two-actions"))
    rho = next(h.default for h in default if h.name == "rho")
    other = design(algorithms=[{"name": "bcq", "hyperparameters": {"rho": rho}}], seeds=[1, 7])
    plain = design(seeds=[1, 7])
    keys = [{run.key for job in d.jobs for run in job.runs} for d in (one, other, plain)]
    assert keys[1] == keys[2]
    beside = design(axes={"rho": [0.3, 0.5]}, seeds=[1, 2])
    assert len(keys[0] & {run.key for job in beside.jobs for run in job.runs}) == 1  # rho = 0.3 with seed 1
    for changed in ({"steps": 11}, {"evaluate": [5]}, {"estimates": ["fqe"]}):
        assert not keys[2] & {r.key for j in design(seeds=[1, 7], **changed).jobs for r in j.runs}


@pytest.mark.parametrize("sampling", ["grid", "random", "sobol"])
def test_plain_json_there_and_back(sampling: str):
    given = {"axes": {"rho": Range(0.01, 1.0, "log"), "x.seed": [1, 2]}, "points": 6} if sampling != "grid" else {}
    made = design(sampling=sampling, estimates="dr", **given)
    again = Design.from_json(json.dumps(made.to_json()))
    assert again.to_json() == made.to_json()
    assert again == made
    assert again.key == made.key


def test_a_sobol_design_is_scipys_and_a_random_one_uniform():
    found = points({"a": Range(0.0, 2.0), "b": (1, 2, 3, 4)}, "sobol", 8, 3)
    reference = qmc.Sobol(2, rng=np.random.default_rng(3)).random_base2(3)
    np.testing.assert_allclose([p["a"] for p in found], reference[:, 0] * 2, rtol=1e-6)
    assert [p["b"] for p in found] == [int(x * 4) + 1 for x in reference[:, 1]]
    assert sorted(p["b"] for p in found) == [1, 1, 2, 2, 3, 3, 4, 4]  # balanced, as a random design is not
    logs = [np.log10(p["a"]) for p in points({"a": Range(1e-4, 1.0, "log")}, "random", 400, 0)]
    np.testing.assert_allclose([np.mean(logs), np.std(logs)], [-2, 4 / 12**0.5], atol=0.15)


def test_whole_numbers_are_sampled_evenly_and_configurations_once():
    drawn = [p["n"] for p in points({"n": Range(1, 3)}, "random", 300, 0, frozenset({"n"}))]
    assert sorted(drawn) == [1, 2, 3]  # points that meet are one
    shares = [Range(1, 3).at(u, integer=True) for u in (0.0, 0.33, 0.34, 0.66, 0.67, 0.999)]
    assert shares == [1, 1, 2, 2, 3, 3]


def test_what_is_looked_at():
    assert design(steps=100, evaluate=4).evaluate == (0, 25, 50, 75, 100)
    assert design(steps=3, evaluate=10).evaluate == (0, 1, 2, 3)
    assert design(steps=100, evaluate=[7, 50]).evaluate == (7, 50, 100)


def test_usual_approximators():
    made = design(datasets=["two-actions", "cartpole"], algorithms=["bc"])
    assert [job.approximator for job in made.jobs] == ["table", "mlp"]


def test_a_dataset_in_memory_is_one_of_the_catalogue_or_its_own():
    known = orl.load_dataset("double-crossing", episodes=30, seed=4)
    choice, own = of_dataset(known)
    assert choice.to_json() == {"name": "double-crossing", "options": {"episodes": 30, "seed": 4}}
    assert own == {}
    fewer = known.without_episodes([0])
    choice, own = of_dataset(fewer)
    assert list(own.values()) == [fewer]
    made = Design.from_json({**SMALL, "datasets": [choice.to_json()]}, own)
    assert made.jobs[0].data.own == choice.own
    assert of_dataset(known.without_episodes([0]))[0] == choice  # by what is in it
    assert of_dataset(known.without_episodes([0, 1]))[0] != choice
    with pytest.raises(ExperimentError, match="is not at hand"):
        Design.from_json({**SMALL, "datasets": [choice.to_json()]})


def test_an_own_dataset_has_the_options_of_every_log_as_axes_too():
    made, own = of_dataset(orl.load_dataset("double-crossing").without_episodes([0]))
    entry = {**made.to_json(), "options": {"reward_shift": 1.0}}
    opened = Design.from_json({**SMALL, "datasets": [entry], "axes": {"x.reward_scale": [1.0, 2.0]}}, own)
    assert Design.from_json(opened.to_json(), own) == opened
    datas = list({job.data.options.get("reward_scale", 1.0): job.data for job in opened.jobs}.values())
    assert [dict(data.options) for data in datas] == [{"reward_shift": 1.0}, {"reward_scale": 2.0, "reward_shift": 1.0}]
    bring(own)
    (log,) = own.values()
    for data, scale in zip(datas, (1.0, 2.0), strict=True):
        np.testing.assert_allclose(dataset_of(data).rewards, scale * log.rewards + 1.0)
    with pytest.raises(ExperimentError, match="unknown option"):
        Design.from_json({**SMALL, "datasets": [entry], "axes": {"x.epsilon": [0.1]}}, own)


def test_a_world_that_cannot_travel_is_refused():
    class Here(type(orl.load_dataset("cartpole").world)):  # type: ignore[misc]
        """No other process can import what a function made."""

    data = replace(orl.load_dataset("cartpole", episodes=2), world=Here())
    with pytest.raises(ExperimentError, match="the world of mine cannot travel to other processes"):
        of_dataset(replace(data, name="mine"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"datasets": []}, "datasets is empty"),
        ({"algorithms": []}, "algorithms is empty"),
        ({"seeds": []}, "at least one seed"),
        ({"seeds": [1, 1]}, "each seed is named once"),
        ({"seeds": 0}, "from 1 to 1,024"),
        ({"seeds": [-1]}, "seed = -1 is not allowed"),
        ({"steps": 0}, "steps = 0 is not allowed"),
        ({"steps": float("nan")}, "steps = nan is not allowed"),
        ({"evaluate": [99]}, "from 0 to 10"),
        ({"estimates": ["fqee"]}, "did you mean 'fqe'"),
        ({"datasets": ["two-action"]}, "did you mean 'two-actions'"),
        ({"datasets": ["two-actions", "two-actions"]}, "stands there twice"),
        ({"datasets": [{"name": "two-actions", "options": {"nope": 1}}]}, "unknown option 'nope'"),
        ({"datasets": [{"name": "double-crossing", "options": {"episodes": 0}}]}, "episodes = 0 is not allowed"),
        ({"datasets": [7]}, "7 is no dataset"),
        ({"datasets": [{"name": "mine", "own": ["a"]}]}, "own = .* is not allowed: it must be a hash"),
        ({"datasets": "two-actions"}, "must be a list"),
        ({"algorithms": ["bcqq"]}, "did you mean 'bcq'"),
        ({"algorithms": [{"name": "bcq", "approximator": "forest"}]}, "forest"),
        ({"algorithms": [{"name": "bcq", "hyperparameters": {"rho": 2}}]}, "rho = 2 is not allowed"),
        ({"algorithms": [{"name": "bcq", "hyperparameters": {"rho": [0.1, 0.2]}}]}, "open it as an axis"),
        ({"algorithms": [{"name": "bcq", "hyperparameters": {"rho": float("nan")}}]}, "finite"),
        ({"datasets": ["cartpole"], "algorithms": [{"name": "bcq", "approximator": "table"}]}, "bcq on cartpole"),
        ({"axes": {"rho": []}}, "empty list"),
        ({"axes": {"rho": [0.1, 0.1]}}, "more than once"),
        ({"axes": {"rho": [float("nan")]}}, "finite"),
        ({"axes": {"rho": [0.1], "bcq.rho": [0.2]}}, "open it once"),
        ({"axes": {"rhoo": [0.1]}}, "did you mean 'rho'"),
        ({"axes": {"cql.alpha": [1]}}, "no algorithm 'cql'"),
        ({"axes": {"x.nope": [1]}}, "unknown option"),
        ({"axes": {"rho": [2.0]}}, "axis rho: rho = 2.0 is not allowed"),
        ({"axes": {"rho": 0.1}}, "must be a list of values, or a range"),
        ({"axes": {"rho": {"low": 0, "high": 1}}}, "list them, or sample"),
        ({"axes": {"rho": {"low": 1, "high": 0}}, "sampling": "sobol", "points": 4}, "must be below"),
        ({"axes": {"rho": {"low": 0, "high": 1, "scale": "log"}}, "sampling": "random", "points": 4}, "above 0"),
        ({"axes": {"rho": {"low": 0, "high": 9}}, "sampling": "random", "points": 4}, "axis rho"),
        ({"axes": {"rho": {"from": 0, "high": 9}}}, "low, high and scale"),
        ({"sampling": "sobol"}, "at least one axis"),
        ({"axes": {"rho": [0.1]}, "sampling": "sobol", "points": 0}, "1 to 100,000"),
        ({"axes": {"rho": [0.1]}, "sampling": "halton"}, "one of grid, random, sobol"),
        ({"axes": {"rho": [0.1]}, "algorithms": [{"name": "bcq", "hyperparameters": {"rho": 0.2}}]}, "fixed value"),
        ({"axis": {}}, "did you mean 'axes'"),
        ({"axes": []}, "must map names"),
    ],
)
def test_what_is_refused_says_what_is_allowed(changes: dict[str, object], said: str):
    with pytest.raises(ExperimentError, match=said):
        design(**changes)


@pytest.mark.parametrize("text", ["{", "[]", "3", '"bcq"'])
def test_what_is_no_design_is_refused(text: str):
    with pytest.raises(ExperimentError, match="JSON object"):
        Design.from_json(text)


def test_a_million_runs_are_refused_with_their_number_and_a_way_out():
    many = {"rho": np.linspace(0, 1, 1000), "gamma": np.linspace(0, 1, 500)}
    with pytest.raises(ExperimentError, match=r"has 1,000,000 runs .* sampling='sobol'"):
        design(axes=many)
    assert design(axes=many, sampling="sobol", points=64).runs == 128
    with pytest.raises(ExperimentError, match=r"5,050,000 results \(50,000 runs, 101 evaluated .* at fewer steps"):
        design(algorithms=["bcq"], axes=many | {"gamma": [0.5]}, seeds=50, steps=1000, evaluate=100)
    # What opens in no algorithm of a dataset does not count.
    narrow = {"rho": np.linspace(0, 1, 500)}
    assert design(algorithms=["bc", "bcq"], axes=narrow, seeds=25, steps=1000, evaluate=100).runs == 501 * 25
    with pytest.raises(ExperimentError, match="has 500,002 runs"):
        design(algorithms=["bc", "bcq"], axes={**many, "rho": np.linspace(0, 1, 500)})


def test_a_class_that_only_this_process_knows_is_refused():
    class Mine(orl.algorithms()["bc"]):
        name, title = "mine", "Mine"

    orl.register(Mine)
    try:
        with pytest.raises(ExperimentError, match=r"orl\.load_algorithms"):
            design(algorithms=["mine"])
    finally:
        from offrl_core import algos

        del algos._added["mine"]
