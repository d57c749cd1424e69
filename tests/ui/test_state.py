"""The link, the choice and the controls: one schema, and nothing that a stranger writes gets further than a note."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from streamlit.runtime.state.query_params_proxy import QueryParamsProxy
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.data.episodes import EPISODES
from offrl_core.data.log_options import LOG_OPTIONS
from offrl_core.data.rewards import REWARD
from offrl_live.runs import datasets
from offrl_live.runs.config import Lane, RunConfig
from offrl_ui.setup import controls, links, selection
from tests.hypothesis_profiles import examples


def parse(text: str) -> tuple[RunConfig, list[links.Note]]:
    """A link's query string as Streamlit hands it over."""
    query: dict[str, list[str]] = {}
    for part in filter(None, text.split("&")):
        key, _, value = part.partition("=")
        query.setdefault(key, []).append(value)
    return links.parse(query)


def test_an_empty_link_is_the_first_visit():
    config, notes = parse("")
    assert config == selection.start()
    assert not notes


def test_what_is_chosen_comes_back_from_its_link():
    lanes = (
        Lane("bcq", "mlp", 3, {"rho": 0.3, "rule": "relative"}),
        Lane("q-learning", "table", 2, {"gamma": (0.5, 0.9)}),
    )
    config = RunConfig("double-crossing", {"episodes": 500, "epsilon": 0.1, "seed": 7}, lanes, 5000)
    again, notes = links.parse({key: [value] for key, value in links.link(config).items()})
    assert again == config
    assert not notes


def test_an_uploaded_logs_rewards_stand_in_its_link_and_panel():
    log = orl.Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 1.0, 0.0, 0.0], [False, True, False, True])
    name = datasets.keep(log)
    config = RunConfig(name, {"reward_scale": 0.5, "reward_unit": "return-range"}, (Lane("bc"),))
    parts = links.link(config)
    assert {key: value for key, value in parts.items() if key.startswith("x.")} == {
        "x.reward_scale": "0.5",
        "x.reward_unit": "return-range",
    }
    again, notes = links.parse({key: [value] for key, value in parts.items()})
    assert again == config
    assert not notes
    plain, notes = parse(f"data={name}&algo=bc&x.seed=3&x.reward_scal=2")
    assert dict(plain.options) == {h.name: h.default for h in LOG_OPTIONS}
    assert "did you mean 'x.reward_scale'?" in notes[1].message
    episodes, section = controls.data_sections(plain)
    assert [item["name"] for item in episodes["items"]] == [h.name for h in EPISODES]
    changed, notes = controls.apply(plain, 0, {"reward": {"reward_clip": 2.0, "reward_shift": 99}})
    assert [item["name"] for item in section["items"]] == [h.name for h in REWARD]
    assert changed.options["reward_clip"] == 2.0
    assert "reward_shift = 99 is not allowed" in notes[0].message


def test_episodes_that_are_left_out_stand_in_the_link_and_restart_the_run():
    log = orl.Dataset.from_columns(
        [0, 1] * 6, [0, 1, 1, 0] * 3, [0.0, 1.0] * 5 + [0.0, 7.0], [False, True] * 6, gamma=0.5
    )
    for name in (datasets.keep(log), "double-crossing"):
        plain = RunConfig(name, {}, (Lane("bc"),))
        for listed in ("3", "0,2-4", "1, 3 – 4"):  # a single number is a list, too
            config = replace(plain, options={**plain.options, "leave_out": listed, "return_above": 0.75})
            again, notes = links.parse({key: [value] for key, value in links.link(config).items()})
            assert again == config
            assert not notes
            assert not selection.same_run(plain, config)
            assert config.data.n_episodes < plain.data.n_episodes
    parts = links.link(replace(plain, options={**plain.options, "leave_out": "3,7-12"}))
    assert {key: value for key, value in parts.items() if key.startswith("x.")} == {"x.leave_out": "3,7-12"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("x.leave_out=3;4", "'3;4' is not an episode"),
        ("x.leave_out=500", "there is no episode 500"),
        ("x.leave_out=" + "1," * 300, "a text of at most 400 characters"),
        ("x.shorter_than=5000", "one must stay"),
        ("x.return_below=2e6", "a number from -1e+06 to 1e+06"),
    ],
)
def test_episodes_that_cannot_be_left_out_are_noted(options: str, says: str):
    config, notes = parse(f"data=double-crossing&{options}")
    assert config.data.n_episodes == 100
    assert says in str(notes[0])


def test_the_sliders_of_bounds_reach_what_was_recorded():
    log = orl.Dataset.from_columns(
        [0, 1] * 3, [0, 1] * 3, [0.0, 3.0, 0.0, -2.5, 0.0, 0.0], [False, True] * 3, gamma=1.0
    )
    config = RunConfig(datasets.keep(log), {"leave_out": "1"}, (Lane("bc"),))
    items = {item["name"]: item for section in controls.data_sections(config) for item in section["items"]}
    assert (items["return_below"]["low"], items["return_below"]["high"]) == (-3.0, 3.0), "of the whole recording"
    assert (items["shorter_than"]["low"], items["shorter_than"]["high"]) == (1.0, 2.0)
    assert items["return_below"]["special"] == {"-1000000000": "no bound"}, "as the browser writes that number"
    changed, notes = controls.apply(config, 0, {"episodes": {"leave_out": "0-1", "return_below": "x"}})
    assert changed.data.n_episodes == 1
    assert "return_below = 'x' is not allowed" in notes[0].message


def test_a_link_says_only_what_differs_from_the_defaults():
    assert links.link(selection.start()) == {
        "v": "1",
        "data": "double-crossing",
        "algo": "bcq",
        "net": "table",
        "seeds": str(selection.FIRST_SEEDS),
    }
    config, _ = parse("algo=bcq&rho=0.25&x.episodes=60")
    assert links.link(config)["rho"] == "0.25"
    assert links.link(config)["x.episodes"] == "60"


@pytest.mark.parametrize(
    ("link", "key", "says"),
    [
        ("data=nowhere", "data", "it must be one of double-crossing"),
        ("algo=dqn", "algo", "bcq is used"),
        ("algo=mine&file=mine.py", "algo", "in the file 'mine.py', which must be named when the server is started"),
        ("algo=mine&file=my cql.py", "algo", "server is started (--algorithm 'my cql.py'); "),
        ("algo=mine&file=mine-rl", "algo", "in the package 'mine-rl', which must be installed where the server runs"),
        ("algo=mine&file=../../etc/mine.py", "algo", "it must be one of bc, "),
        ("algo=mine&file=mine.py;ls", "algo", "it must be one of bc, "),
        ("algo=mine&file=--server.port=1.py", "algo", "it must be one of bc, "),
        ("algo=bc&2.algo=mine&2.file=mine.py", "2.algo", "(--algorithm mine.py); bcq is used"),
        ("algo=mine&file=" + "x" * 900, "algo", "it must be one of bc, "),
        ("net=transformer", "net", "table is used"),
        ("seeds=99", "seeds", "a whole number from 1 to 8; 4 is used"),
        ("rho=1.5", "rho", "a number from 0 to 1; 0.1 is used"),
        ("rho=nan", "rho", "a number from 0 to 1"),
        ("rho=inf", "rho", "a number from 0 to 1"),
        ("rho=0x1", "rho", "a number from 0 to 1"),
        ("rho=0.1,0.1", "rho", "names each value once"),
        ("rho=0.1,7", "rho", "a number from 0 to 1"),
        ("rule=strict", "rule", "one of absolute, relative; absolute is used"),
        ("x.episodes=2.5", "x.episodes", "a whole number from 1"),
        ("x.weather=rain", "x.weather", "not known"),
        ("colour=red", "colour", "not known"),
        ("budget=-1", "budget", "20000 is used"),
        ("v=9", "v", "version 1"),
        ("rho=0.2&rho=0.3", "rho", "given 2 times"),
        ("rho=" + "1" * 20_000, "rho", "longer than"),
        ("seeds=8&rho=" + ",".join(f"0.{i:02}" for i in range(1, 17)) + "&gamma=0.5,0.6", "rho", "members"),
        ("5.algo=bc", "5.algo", "not known"),
    ],
)
def test_a_refused_part_is_noted_and_its_default_used(link: str, key: str, says: str):
    config, notes = parse(link)
    assert [note.key for note in notes] == [key]
    assert says in str(notes[0])
    assert RunConfig.from_json(config.to_json()) == config


@settings(max_examples=examples(60), deadline=None)
@given(
    some.dictionaries(
        some.one_of(
            some.sampled_from(["v", "data", "algo", "file", "net", "seeds", "rho", "x.episodes", "2.algo", "budget"]),
            some.text(),
        ),
        some.lists(
            some.one_of(some.text(), some.floats().map(str), some.sampled_from(["bcq", "mlp", "0.5", "1,2"])),
            max_size=3,
        ),
        max_size=8,
    )
)
def test_any_link_gives_a_run(query: dict[str, list[str]]):
    config, _ = links.parse(query)
    again, notes = links.parse({key: [value] for key, value in links.link(config).items()})
    assert again == config
    assert not notes


def test_notes_are_literal_text():
    _, notes = parse("algo=[click](javascript:alert(1))<b>")
    shown = links.plain(notes[0])
    assert r"\[click\]\(javascript" in shown
    assert r"\<b\>" in shown


def test_a_live_change_keeps_the_run_and_a_structural_one_does_not():
    config, _ = parse("algo=bcq&net=table")
    lane = config.lanes[0]
    live = replace(config, lanes=(replace(lane, hyperparameters={"rho": 0.7}),))
    assert selection.same_run(config, live)
    for other in (
        replace(config, lanes=(replace(lane, hyperparameters={"initial_value": 1.0}),)),
        replace(config, lanes=(replace(lane, hyperparameters={"rho": (0.1, 0.7)}),)),
        replace(config, lanes=(replace(lane, seeds=2),)),
        replace(config, options={**config.options, "episodes": 60}),
        replace(config, lanes=(Lane("q-learning", "table", 4),)),
    ):
        assert not selection.same_run(config, other)


def test_another_system_keeps_what_was_set_by_hand_where_it_has_it_too():
    config, _ = parse("algo=bcq&gamma=0.8&rho=0.3&learning_rate=0.2")
    other = selection.other_system(config, 0, "q-learning", "table")
    assert other.hyperparameters == {"gamma": 0.8, "learning_rate": 0.2}
    network = selection.other_system(config, 0, "bcq", "mlp")
    assert network.hyperparameters == {"gamma": 0.8, "rho": 0.3}


def choose(link: str, dataset: str) -> tuple[list[tuple[str, str]], str]:
    """The systems after a dataset was picked with what `link` asks for, and what is said of them."""
    before, _ = parse(link)
    after = selection.other_dataset(before, dataset)
    return [(lane.algorithm, lane.approximator) for lane in after.lanes], selection.why_other(before, after)


def test_a_dataset_brings_the_system_that_its_lesson_is_about_and_says_so():
    systems, sentence = choose("algo=marwil", "deadly-triad")
    assert systems == [("q-learning", "linear")]
    assert sentence == (
        "MARWIL with a table cannot show the lesson of “Deadly triad”: "
        "Naive Q-learning with a linear function is chosen instead."
    )
    assert choose("algo=q-learning", "deadly-triad")[0] == [("q-learning", "linear")]
    assert choose("algo=q-learning&net=mlp&2.algo=cql", "baird")[0] == [("q-learning", "linear")]
    assert choose("algo=bcq", "two-actions")[0] == [("rwr", "table")]
    assert choose("algo=iql", "two-actions") == ([("iql", "table")], "")
    assert choose("algo=marwil&2.algo=cql", "four-rooms") == ([("marwil", "table"), ("cql", "table")], "")


def test_an_approximator_stays_only_where_it_was_chosen_against_the_usual():
    assert choose("data=cartpole&algo=bcq", "four-rooms") == (
        [("bcq", "table")],
        "Usual for “Four rooms” is a table: it is chosen instead of a network.",
    )
    assert choose("data=double-crossing&algo=bcq&net=mlp", "four-rooms") == ([("bcq", "mlp")], "")
    assert choose("data=double-crossing&algo=bcq&net=table", "cartpole") == ([("bcq", "mlp")], "")
    assert choose("data=deadly-triad&algo=q-learning", "double-crossing")[0] == [("q-learning", "table")]


def test_a_link_is_taken_at_its_word():
    config, notes = parse("data=deadly-triad&algo=marwil&net=table")
    assert (config.lanes[0].algorithm, config.lanes[0].approximator, notes) == ("marwil", "table", [])
    # One that names the dataset only asks for what shows its lesson.
    config, _ = parse("data=deadly-triad")
    assert (config.lanes[0].algorithm, config.lanes[0].approximator) == ("q-learning", "linear")


def test_the_lessons_systems_exist():
    for spec in orl.datasets().values():
        assert set(spec.about) <= set(orl.algorithms()), spec.name
        assert spec.approximator in ("", "table", "linear", "mlp"), spec.name


def test_a_member_belongs_to_its_lane():
    config, _ = parse("algo=bcq&seeds=2&rho=0.1,0.3&2.algo=cql&2.seeds=3&3.algo=bc&3.seeds=1")
    assert [config.first_member(i) for i in range(3)] == [0, 4, 7]
    assert [config.lane_of(member) for member in range(config.members)] == [0, 0, 0, 0, 1, 1, 1, 2]


def test_the_panel_has_every_hyperparameter_once():
    config = selection.start()
    lane = config.lanes[0]
    shown = [item["name"] for section in controls.lane_sections(config, 0) for item in section["items"]]
    declared = selection.declared(orl.load_dataset(config.dataset), lane.algorithm, lane.approximator)
    assert sorted(shown) == sorted([*declared, "approximator", "seeds"])


def test_what_the_panel_answers_is_taken_over_or_refused_by_name():
    config = selection.start()
    changed, notes = controls.apply(
        config, 0, {"algorithm": {"rho": 0.4}, "model": {"seeds": 2}, "collecting": {"episodes": 70}}
    )
    assert changed.lanes[0].hyperparameters == {"rho": 0.4}
    assert changed.lanes[0].seeds == 2
    assert changed.options["episodes"] == 70
    assert not notes
    same, notes = controls.apply(
        config, 0, {"algorithm": {"rho": 4, "zeta": 1}, "model": {"seeds": "many"}, "world": 3}
    )
    assert same == config
    assert {note.key for note in notes} == {"algorithm.rho", "algorithm.zeta", "model.seeds"}


def test_values_of_the_old_approximator_do_not_follow_to_the_new_one():
    config = selection.start()
    shown = {s["id"]: {i["name"]: i["value"] for i in s["items"]} for s in controls.lane_sections(config, 0)}
    shown["model"]["approximator"] = "mlp"
    changed, notes = controls.apply(config, 0, shown)
    assert changed.lanes[0] == Lane("bcq", "mlp", config.lanes[0].seeds)
    assert not notes


def test_a_drag_while_paused_stands_in_the_link_once():
    config = selection.start()
    for rho in (0.15, 0.52, 0.61):
        config = config.changed(0, 0, {"rho": rho})
    config = config.changed(0, 0, {"gamma": 0.9}).changed(40, 0, {"rho": 0.3})
    parts = links.link(config)
    assert parts["at"] == "0:gamma=0.9,rho=0.61;40:rho=0.3"
    again, notes = links.parse({key: [value] for key, value in parts.items()})
    assert not notes
    assert (again, again.key) == (config, config.key)


def _page() -> None:
    import streamlit as st

    from offrl_live.runs.config import Lane, RunConfig
    from offrl_ui.setup import memory

    config, _ = memory.recall("page")
    for algorithm in ("iql", "cql"):
        choice = RunConfig("double-crossing", {}, (Lane(algorithm),))
        st.button(algorithm, on_click=memory.choose, args=("page", choice))
    memory.write_link("page")
    st.text(config.lanes[0].algorithm)


def test_a_choice_is_newer_than_the_link_that_the_browser_still_shows():
    page = AppTest.from_function(_page)
    page.query_params["algo"] = "bc"
    page.run()
    old = dict(page.query_params)
    page.button[0].click().run()
    assert page.text[0].value == "iql"
    # The script's last link is still on its way to the browser when another choice comes from there.
    page.query_params.clear()
    page.query_params.update(old)
    page.button[1].click().run()
    assert page.text[0].value == "cql"
    assert page.query_params["algo"] == "cql"
    # So it is when something else comes from there that is no choice.
    page.query_params.clear()
    page.query_params.update(old)
    page.run()
    assert page.text[0].value == "cql"
    # Once the browser has heard of the last link, another one is news.
    page.query_params["algo"] = "cql"
    page.run()
    page.query_params.clear()
    page.query_params.update(old)
    page.run()
    assert page.text[0].value == "bc"
    # A link that is neither the last one nor one that was left is news, even if a choice comes along with it.
    page.query_params.clear()
    page.query_params["algo"] = "mpo"
    page.button[0].click().run()
    assert page.text[0].value == "mpo"
    assert page.query_params["algo"] == "mpo"


def test_a_link_that_arrives_in_the_browser_after_another_one_was_opened_is_no_news():
    page = AppTest.from_function(_page)
    page.query_params["algo"] = "bc"
    page.run()
    page.run()  # the browser has heard of the link
    page.button[0].click().run()
    late = dict(page.query_params)
    # Another link is opened before that one has come: afterwards it takes its place in the address bar.
    page.query_params.clear()
    page.query_params["algo"] = "mpo"
    page.run()
    opened = dict(page.query_params)
    assert page.text[0].value == "mpo"
    page.query_params.clear()
    page.query_params.update(late)
    page.run()
    assert page.text[0].value == "mpo"
    # So it is with what is chosen then, and with a link that was there before it is news as ever.
    page.button[1].click().run()
    assert page.text[0].value == "cql"
    page.query_params.clear()
    page.query_params.update(opened)
    page.query_params["algo"] = "bc"
    page.run()
    assert page.text[0].value == "bc"


def test_an_opened_link_is_written_once_more_where_another_one_may_take_its_place(monkeypatch):
    page = AppTest.from_function(_page)
    page.query_params["algo"] = "bc"
    page.run()
    page.run()
    page.button[0].click().run()
    link = {**page.query_params, "algo": ["mpo"]}
    written = []
    monkeypatch.setattr(QueryParamsProxy, "from_dict", lambda _, parts: written.append(parts["algo"]))
    page.query_params.clear()
    page.query_params.update(link)
    page.run()
    assert written == ["mpo"]
    page.run()
    assert written == ["mpo"]


def test_a_link_of_five_hundred_parts_says_what_is_wrong_in_a_few_lines():
    _, notes = links.parse({f"x.part{number}": ["1"] for number in range(500)})
    assert len(notes) > 50
    told = links.few(notes)
    assert len(told) == links.MOST_NOTES + 1
    assert told[:-1] == notes[: links.MOST_NOTES]
    assert str(told[-1]) == f"{len(notes) - links.MOST_NOTES} more parts of this link were refused as well."
    short = notes[: links.MOST_NOTES + 1]
    assert links.few(short) == short
