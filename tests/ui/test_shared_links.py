"""Links that are shared: the moment that they show, what they do to controls, and that bad values get a word each."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from offrl_ui.setup import controls, looks
from offrl_ui.setup.looks import Looks
from offrl_web.runtime.playground import Playground

RUN = "v=1&data=double-crossing&algo=bcq&net=table&seeds=3&budget=500"
MOMENT = "&step=120&view=policy&model=3&state=17&arrows=1&hide=gamma,x.seed,data&fix=rho"


def test_a_moment_and_its_rules_come_back_from_a_link():
    config, found, notes = looks.parse_all(parse_qs(RUN + MOMENT))
    rules = {"hide": ("gamma", "x.seed", "data"), "fix": ("rho",)}
    assert (found, notes) == (Looks(step=120, view="policy", model=3, state=17, arrows=1, **rules), [])
    assert config.budget == 500
    assert looks.link(found) == {name: values[0] for name, values in parse_qs(MOMENT).items()}
    assert found.on_stage() == {
        "order": "visits",
        "step": 120,
        "mode": "policy",
        "member": 2,
        "state": 17,
        "reads": True,
        "share": {name: list(named) for name, named in rules.items()},
    }


def test_who_moves_on_leaves_the_moment_and_keeps_the_rules():
    _, found, _ = looks.parse_all(parse_qs(RUN + MOMENT))
    on = found.moved_on()
    assert looks.link(on) == {"hide": "gamma,x.seed,data", "fix": "rho"}
    assert found.elsewhere() == on


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ("step=501", "this run has the steps 0 to 500; it is shown as it stands"),
        ("step=-1", "the steps 0 to 500"),
        ("step=1e2", "the steps 0 to 500"),
        ("step=99999999999999", "the steps 0 to 500"),
        ("step=١٢", "the steps 0 to 500"),
        ("model=0", "the models 1 to 3; the first is shown"),
        ("model=4", "the models 1 to 3"),
        ("state=24", "the states 0 to 23; the start is selected"),
        ("state=x", "the states 0 to 23"),
        ("arrows=2", "it must be 1, in a grid; there are no arrows"),
        ("view=films", "it must be one of q, v, policy"),
        ("hide=nothing", "this page has no such control"),
        ("fix=rho,<b>", "this page has no such control"),
    ],
)
def test_a_bad_value_gets_a_word_and_the_rest_is_taken(part, word):
    config, found, notes = looks.parse_all(parse_qs(f"{RUN}&{part}"))
    assert config.lanes[0].algorithm == "bcq"
    (note,) = notes
    assert (note.key, word in str(note)) == (part.partition("=")[0], True), str(note)
    assert found in (Looks(), Looks(fix=("rho",)))


def test_every_control_of_the_panels_has_the_name_that_links_know_it_by():
    config, _, _ = looks.parse_all(parse_qs("algo=cql&2.algo=iql&2.net=mlp"))
    sections = [*controls.data_sections(config), *(s for i in (0, 1) for s in controls.lane_sections(config, i))]
    named = {item["part"] for section in sections for item in section["items"]}
    assert named <= controls.parts_of(config)
    assert {"x.seed", "alpha", "expectile", "net", "seeds"} <= named
    marked = controls.ruled(sections, Looks(hide=("alpha",), fix=("x.seed",)).rule)
    rules = {item["part"]: item["rule"] for section in marked for item in section["items"]}
    assert {part: rule for part, rule in rules.items() if rule} == {"alpha": "hide", "x.seed": "fix"}


def test_the_static_edition_opens_the_same_link():
    page = Playground(None)
    view = page.answer({"do": "open", "query": parse_qs(RUN + MOMENT)})
    _, found, _ = looks.parse_all(parse_qs(RUN + MOMENT))
    assert (view["stage"], view["hidden"], view["notes"]) == (found.on_stage(), ["data"], [])
    assert view["link"].items() >= looks.link(found).items()
    # Another algorithm is another run: its moment is no longer the link's.
    assert "step" not in page.answer({"do": "pick_algorithm", "id": "iql"})["link"]
