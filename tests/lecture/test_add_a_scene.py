"""`docs/add-a-scene.md` is executed: its file and its line make a scene of the lecture."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given

from offrl_lecture.base.encode import result_json, scene_json
from offrl_lecture.base.scene import Scene
from tests.core.documented import ROOT, run
from tests.lecture.scene_states import final_pictures, states_of

PAGE = (ROOT / "docs" / "add-a-scene.md").read_text()
(FILE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(LINE,) = re.findall(r"```diff\n(.*?)```", PAGE, re.S)


def scene() -> Scene:
    names: dict = {}
    exec(FILE, names)
    return names["ROWS"]


def test_the_file_and_the_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "offrl_lecture", tmp_path / "offrl_lecture", ignore=shutil.ignore_patterns("__pycache__"))
    part = tmp_path / "offrl_lecture" / "reweighting"
    (part / "scene_rows.py").write_text(FILE)
    (gone,), added = ([line[1:] for line in LINE.splitlines() if line[0] == sign] for sign in "-+")
    listed = (part / "page.py").read_text()
    assert listed.count(gone) == 1
    (part / "page.py").write_text(listed.replace(gone, "\n".join(added)))
    code = "from offrl_lecture.registry import pages; print(*(s.id for s in pages()['reweighting'].scenes))"
    assert run(code, tmp_path, ROOT).split()[:2] == ["cloning", "rows"]


@given(states_of(scene()))
def test_every_state_has_its_picture_and_a_true_answer(state: dict) -> None:
    made = scene()
    result = json.loads(result_json(made, state, final_pictures(made, state)), parse_constant=pytest.fail)
    assert result["pictures"]["error"]["alt"]
    assert f"With {state['rows']} rows" in result["answer_text"]
    assert made.from_query(made.query(state)) == (state, [])


def test_its_declaration_can_be_sent() -> None:
    declared = json.loads(json.dumps(scene_json(scene()), allow_nan=False))
    assert [control["name"] for control in declared["controls"]] == ["spread", "rows"]
    assert declared["question"] == "How many rows does a mean need?"
