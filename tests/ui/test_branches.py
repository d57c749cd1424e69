"""Live changes in links, algorithms side by side, and the tree of branches, without a browser."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from offrl_core.writing import number
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.serving.hub import get_hub
from offrl_ui.playground.tree import Branches, text_of
from offrl_ui.setup import links, selection
from tests.hypothesis_profiles import examples
from tests.live.watching import Watcher, until


def _parsed(parts):
    return links.parse({name: [value] for name, value in parts.items()})


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000) | st.just(7),
            st.integers(0, 1),
            st.fixed_dictionaries(
                {},
                optional={
                    "gamma": st.floats(0, 1).map(lambda x: round(x, 4)),
                    "learning_rate": st.floats(0.01, 1).map(lambda x: round(x, 4)),
                },
            ).filter(bool),
        ),
        max_size=6,
    )
)
def test_a_branch_survives_its_link(changes):
    changes = sorted(changes, key=lambda change: change[0])
    config = RunConfig(
        "double-crossing",
        {},
        (Lane("bcq", seeds=2), Lane("cql", hyperparameters={"alpha": 0.3})),
        changes=tuple(Change(step, lane, values) for step, lane, values in changes),
    )
    found, notes = _parsed(links.link(config))
    assert notes == []
    assert found.key == config.key


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        ("5:rho=7", 0, "from 0 to 1"),
        ("5:rho=0.2;9:nonsense=1", 1, "nonsense"),
        ("9:rho=0.2;5:rho=0.3", 1, "order"),
        ("5:4.rho=0.2", 0, "lane"),
        ("__import__('os')", 0, "step:name=value"),
        ("5:initial_value=1", 0, "restarts"),
    ],
)
def test_a_change_that_is_not_allowed_is_named_and_left_out(text, kept, said):
    config, notes = _parsed({"algo": "bcq", "at": text})
    assert len(config.changes) == kept
    (note,) = notes
    assert note.key == "at"
    assert said in note.message


def test_side_by_side_adds_another_algorithm_and_takes_it_away():
    config = selection.start()
    others = ["cql", "bc", "cql"]
    for count, algorithm in enumerate(others, 1):
        config = selection.beside(config, algorithm)
        assert [lane.algorithm for lane in config.lanes] == ["bcq", *others[:count]]
    with pytest.raises(ConfigError, match="1 to 4"):
        selection.beside(config, "iql")
    for _ in range(5):
        config = selection.without(config, 0)
    assert len(config.lanes) == 1


def branch_of(run_id, values):
    hub = get_hub()
    with hub.lock:
        return hub.branch(hub.find(run_id), 0, 0, values).id


def test_a_link_finds_the_run_that_became_what_it_says():
    hub = get_hub()
    config = RunConfig("double-crossing", {"episodes": 40}, (Lane("bcq"),))
    first = hub.open(config)
    branch = branch_of(first, {"rho": 0.2})
    assert hub.open(hub.info(branch)["config"]) == branch
    assert hub.open(config) == first


def test_the_tree_says_what_was_changed_and_when():
    hub = get_hub()
    first = hub.open(RunConfig("double-crossing", {"episodes": 41}, (Lane("bcq"),)), title="BCQ")
    branch = branch_of(first, {"rho": 0.25})
    assert text_of(hub.info(branch), hub.info) == "from step 0: rho → 0.25"
    assert text_of(hub.info(first), hub.info) == "BCQ"
    # What was changed before the branch is its parent's, what is changed at its step or later is its own.
    Watcher(hub, branch).say("set", lane=0, values={"gamma": 0.9})
    deadline = time.monotonic() + 20
    while len(hub.info(branch)["config"].changes[0].values) == 1:
        assert time.monotonic() < deadline, "the change never came"
        time.sleep(0.02)
    assert text_of(hub.info(branch), hub.info) == "from step 0: gamma → 0.9, rho → 0.25"
    again = branch_of(branch, {})
    assert text_of(hub.info(again), hub.info) == "begun again"


def test_what_was_only_picked_is_no_branch_and_the_others_have_their_returns():
    hub, seen = get_hub(), Branches()
    config = RunConfig("double-crossing", {"episodes": 42}, (Lane("bcq", seeds=2), Lane("cql", seeds=2)))
    first, picked = hub.open(config), hub.open(RunConfig("double-crossing", {"episodes": 43}, (Lane("bc"),)))
    for run_id in (first, picked):
        seen.remember(run_id)
    assert seen.nodes(hub.info) == []
    until(lambda: hub.info(first)["state"] == "paused")
    branch = branch_of(first, {"rho": 0.25})
    seen.remember(branch)
    nodes = {node["id"]: node for node in seen.nodes(hub.info)}
    assert set(nodes) == {first, branch}
    engine = Engine(config)
    learned = engine.snapshot(truth=True).metrics["return"]
    assert hub.info(first)["returns"] == pytest.approx([np.median(learned[:2]), np.median(learned[2:])], abs=1e-6)
    assert nodes[first]["text"].endswith(f"J(π) {' and '.join(number(v) for v in hub.info(first)['returns'])}")


def _page(seen: str) -> None:
    import streamlit as st

    from offrl_ui.playground import session_run
    from offrl_ui.setup import memory

    config, _ = memory.recall("playground", whole=True)
    st.text(session_run.run_of(config))
    st.text(",".join(f"{lane.algorithm} {lane.seeds}" for lane in config.lanes))
    st.button("go", on_click=session_run.go_to, args=(seen,))
    memory.write_link("playground", shown=session_run.shown(st.session_state["run"]["id"], config))


def test_the_tree_leads_to_a_run_of_another_system_with_all_that_is_chosen_for_it():
    hub = get_hub()
    first = hub.open(RunConfig("double-crossing", {"episodes": 44}, (Lane("bcq", seeds=2),)))
    branch = branch_of(first, {"rho": 0.25})
    for seen in (first, branch):
        page = AppTest.from_function(_page, kwargs={"seen": seen})
        for name, value in {"data": "double-crossing", "algo": "cql", "2.algo": "bc"}.items():
            page.query_params[name] = value
        page.run()
        assert page.text[0].value not in (first, branch)
        for _ in range(2):  # once more with the link that it leads to
            page.button[0].click().run()
            assert not page.exception
            assert page.text[0].value == seen
            assert page.text[1].value == "bcq 2"
            link = {name: page.query_params[name] for name in page.query_params}
            assert _parsed(link)[0] == hub.info(seen)["config"]


def test_the_tree_leads_nowhere_once_the_run_is_gone():
    page = AppTest.from_function(_page, kwargs={"seen": "gone"}).run()
    before = page.text[0].value
    page.button[0].click().run()
    assert not page.exception
    assert page.text[0].value == before
