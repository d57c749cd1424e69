"""`docs/add-a-dataset.md` is executed: its file and its line make a dataset of the catalogue."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import offrl_core as orl
from offrl_core.data.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "add-a-dataset.md").read_text()
FILE, NOTEBOOK = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(LINE,) = re.findall(r"```diff\n(.*?)```", PAGE, re.S)


@pytest.fixture
def spec(monkeypatch):
    """The page's dataset, registered for the length of one test."""
    names = {}
    exec(FILE, names)
    monkeypatch.setattr("offrl_core.data.catalogue.CATALOGUE", {**CATALOGUE})
    orl.register(names["RIVER_SWIM"])
    return names["RIVER_SWIM"]


def run(code, *folders):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        cwd=folders[0],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_file_and_the_line(tmp_path):
    shutil.copytree(ROOT / "offrl_core", tmp_path / "offrl_core", ignore=shutil.ignore_patterns("__pycache__"))
    entries = tmp_path / "offrl_core" / "data" / "entries"
    (entries / "river_swim.py").write_text(FILE)
    listed = (entries / "__init__.py").read_text()
    gone, added = ([line[1:] for line in LINE.splitlines() if line[0] == sign] for sign in "-+")
    assert gone[0] in listed
    (entries / "__init__.py").write_text(listed.replace(gone[0], "\n".join(added)))
    code = "import offrl_core as orl; print(*orl.datasets()); print(len(orl.load_dataset('river-swim', episodes=7)))"
    names, rows = run(code, tmp_path).splitlines()
    assert names.split() == [*orl.datasets(), "river-swim"]
    assert rows == "350"


def test_the_notebook(tmp_path):
    (tmp_path / "river_swim.py").write_text(FILE)
    printed = run(NOTEBOOK, tmp_path, ROOT).split()
    learnt, optimal = float(printed[-2]), float(printed[-1])
    assert 0.9 * optimal < learnt <= optimal


def test_it_is_a_dataset_like_any_other(spec):
    assert list(orl.datasets()) == [*CATALOGUE, "river-swim"]
    data = orl.load_dataset("river-swim", current=0.2, drop_episodes=0.5)
    assert orl.load_dataset("river-swim", current=0.2, drop_episodes=0.5) is data
    assert (data.name, data.n_episodes, data.gamma) == ("river-swim", 25, 0.95)
    assert [h.name for h in spec.sections["collecting"]] == ["episodes", "epsilon"]
    with pytest.raises(orl.HyperparameterError, match=r"dataset river-swim: current = 0\.6 is not allowed"):
        orl.load_dataset("river-swim", current=0.6)
    assert orl.train(data, "bc", steps=5).final.step == 5


def test_a_spec_may_be_registered_again_but_not_under_a_name_of_the_program(spec):
    old = orl.load_dataset("river-swim")
    again = replace(spec, title="River")
    assert again.options == spec.options
    orl.register(again)
    assert list(orl.datasets()) == [*CATALOGUE, "river-swim"]
    assert orl.datasets()["river-swim"] is again
    assert orl.load_dataset("river-swim") is not old
    with pytest.raises(orl.HyperparameterError, match="already has a dataset 'maze'"):
        orl.register(replace(again, name="maze"))


def test_a_name_fits_into_a_link(spec):
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in orl.datasets())
    for name in ("River Swim", "upload:river", "", "-"):
        with pytest.raises(orl.HyperparameterError, match="lowercase letters, digits and hyphens"):
            orl.register(orl.DatasetSpec(name, "", "", "", (), spec.builder))


def test_a_dataset_without_a_discount_of_its_own(monkeypatch):
    monkeypatch.setattr("offrl_core.data.catalogue.CATALOGUE", {**CATALOGUE})
    columns = ([0, 1], [0, 0], [1.0, 1.0], [False, True])
    orl.register(
        orl.DatasetSpec("two-rows", "", "", "", (), lambda seed, chosen: orl.Dataset.from_columns(*columns, gamma=0.5))
    )
    assert orl.load_dataset("two-rows").gamma == 0.5
