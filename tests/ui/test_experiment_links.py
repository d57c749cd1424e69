"""Each row of an experiment opens its run in the playground: the same numbers at that step."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.experiments import InThisProcess
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.script import script
from offrl_ui.setup.links import link, parse


@pytest.mark.parametrize(
    ("dataset", "algorithms", "axes"),
    [
        ({"name": "double-crossing", "options": {"epsilon": 0.25, "seed": 7}}, ["bcq", "iql"], {"rho": [0.1, 0.35]}),
        (
            {"name": "double-crossing", "options": {"gamma": 0.8}},
            [{"name": "cql", "approximator": "mlp"}],
            {"alpha": [3]},
        ),
        ({"name": "cartpole", "options": {"episodes": 4}}, ["bc"], {"learning_rate": [0.01], "hidden": ["64-64"]}),
    ],
)
def test_a_link_trains_the_rows_own_return(dataset: object, algorithms: list[object], axes: object, tmp_path: Path):
    results = orl.experiment(
        [dataset],
        algorithms,
        axes=axes,
        seeds=[0, 12],
        steps=10,
        evaluate=[4, 10],
        folder=tmp_path,
        executor=InThisProcess(),
        progress=False,
    )
    frame = results.frame.assign(link=results.to_links("http://localhost:8501/"))
    for _, row in frame.iterrows():
        assert row["link"].startswith("http://localhost:8501/?v=1&data=")
        config, notes = parse(parse_qs(urlsplit(row["link"]).query))
        assert notes == []
        engine = Engine(config)
        engine.advance(config.budget)
        assert engine.step == row["step"]
        (member,) = engine.members
        assert member["seed"] == row["seed"]
        metrics = engine.snapshot().metrics
        for name in ("return", "td_error", "mass_unseen"):
            if name in metrics and name in frame:
                np.testing.assert_array_equal(metrics[name][0], np.float32(row[name]), err_msg=name)


def test_a_lane_may_begin_at_another_seed():
    config = RunConfig("two-actions", {}, (Lane("bc"), Lane("bcq", seeds=2, first_seed=9)))
    parts = link(config)
    assert (parts["2.seeds"], parts["2.first_seed"]) == ("2", "9")
    assert "first_seed" not in parts
    again, notes = parse({name: [text] for name, text in parts.items()})
    assert (again, notes) == (config, [])
    assert RunConfig.from_json(config.to_json()) == config
    assert [m["seed"] for m in Engine(config).members] == [0, 9, 10]
    assert "seeds=[9, 10]" in script(config, 0)
    refused, (note,) = parse({**{name: [text] for name, text in parts.items()}, "2.first_seed": ["-1"]})
    assert refused.lanes[1].first_seed == 0
    assert note.key == "2.first_seed"
