"""Links that say how a picture is arranged: what it has comes back, all else is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.data.picture import layout_of
from offrl_live.runs import datasets
from offrl_ui.setup import dataset_cards, looks
from offrl_ui.setup.looks import Looks

MAIN = Path(__file__).parents[2] / "main.py"
PLANE = layout_of(
    orl.Dataset.from_columns(
        np.random.default_rng(0).normal(size=(40, 3)), [0, 1] * 20, np.zeros(40), [False, True] * 20
    )
)
TABLE = layout_of(orl.Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True]))
GRID = layout_of(orl.load_dataset("cliff"))


@pytest.mark.parametrize(
    ("chosen", "layout", "parts"),
    [
        (Looks(), PLANE, {}),
        (Looks(axes=(0, 4)), PLANE, {"axes": "0,4"}),
        (Looks(axes=(2, 2)), PLANE, {"axes": "2,2"}),
        (Looks("value"), TABLE, {"order": "value"}),
        (Looks(), TABLE, {}),
        (Looks(), GRID, {}),
    ],
)
def test_what_is_chosen_comes_back_from_its_link(chosen, layout, parts):
    assert looks.link(chosen) == parts
    assert looks.parse(parts, layout) == (chosen, [])


def test_axes_that_a_plane_begins_with_are_no_choice():
    assert looks.parse({"axes": "3,4"}, PLANE) == (Looks(), [])


@pytest.mark.parametrize(
    ("parts", "layout", "told"),
    [
        ({"axes": "0,5"}, PLANE, "it must be two numbers from 0 to 4, as in 0,1; 3,4 is used"),
        ({"axes": "1"}, PLANE, "two numbers"),
        ({"axes": "-1,2"}, PLANE, "two numbers"),
        ({"axes": "0,1"}, TABLE, "only a plane has axes"),
        ({"order": "size"}, TABLE, "it must be one of visits, value; visits is used"),
        ({"order": "value"}, GRID, "only the table of a log has an order"),
        ({"order": "value"}, PLANE, "only the table of a log has an order"),
    ],
)
def test_what_a_picture_does_not_have_is_named(parts, layout, told):
    found, (note,) = looks.parse(parts, layout)
    assert found == Looks()
    assert told in str(note)


@given(
    some.dictionaries(some.sampled_from(looks.PARTS), some.text(max_size=12)), some.sampled_from([PLANE, TABLE, GRID])
)
def test_whatever_a_link_says_the_picture_has_it(parts, layout):
    found, _ = looks.parse(parts, layout)
    assert looks.parse(looks.link(found), layout) == (found, [])


def test_the_page_takes_the_order_from_its_link_and_drops_it_with_the_dataset():
    log = orl.Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 1.0, 0.0, 0.0], [False, True, False, True])
    app = AppTest.from_file(MAIN, default_timeout=90)
    app.query_params["data"], app.query_params["algo"] = datasets.keep(log), "bc"
    app.query_params["order"], app.query_params["axes"] = "value", "0,1"
    app.run()
    assert not app.exception
    assert any("only a plane has axes" in warning.value.replace("\\", "") for warning in app.warning)
    assert app.query_params["order"] in ("value", ["value"])
    assert "axes" not in app.query_params
    app.query_params["data"] = "cliff"
    del app.query_params["order"]
    app.run()
    assert not app.exception
    assert "order" not in app.query_params


def test_cards_and_charts_place_observations_as_the_stage_does():
    rows = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    scores = rows @ np.array(PLANE.projection).T - np.array(PLANE.origin)
    assert dataset_cards.placed(PLANE, rows, (1, 4)) == pytest.approx(np.stack([rows[:, 1], scores[:, 1]], axis=1))
    digits = orl.load_dataset("digits-bandit")
    images = digits.observations[:3]
    assert dataset_cards.placed(digits.layout, images, (0, 1)) == pytest.approx(
        images @ np.array(digits.layout.projection).T
    )
    assert dataset_cards.placed(None, rows, (2, 0)) == pytest.approx(rows[:, [2, 0]])
