"""The lecture's page in one session: what it opens with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lecture_page() -> AppTest:
    """The page, in one session; each `opening` opens another link in it."""
    return AppTest.from_file(ROOT / "pages" / "reweighting.py", default_timeout=90)


def opening(test: AppTest, **query: str) -> dict:
    """What the page opens with for a link."""
    test.query_params.clear()
    for name, value in query.items():
        test.query_params[name] = value
    assert not test.run().exception
    return test.session_state["lecture-reweighting-memory"]["opening"]


def test_the_page_opens_its_first_scene(lecture_page: AppTest) -> None:
    shown = opening(lecture_page)
    assert shown["scene"] == "cloning"
    assert json.loads(shown["result"])["pictures"]
    assert shown["notes"] == []


def test_a_link_opens_its_scene_and_state_and_explains_what_it_refused(lecture_page: AppTest) -> None:
    shown = opening(lecture_page, scene="emrl", v="1", r_plus="-1.0", r_minus="77", reveal="1")
    assert shown["scene"] == "emrl"
    assert shown["revealed"] is True
    assert shown["state"]["r_plus"] == -1.0
    assert shown["state"]["r_minus"] == 0.1
    assert "r_minus = 77.0 is not allowed" in shown["notes"][0]
    assert "no scene 'nowhere'" in opening(lecture_page, scene="nowhere")["notes"][0]
