"""Algorithms from somebody's own file: loaded, loaded again, and told with the line where something is wrong."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from learning_cases import random_data

import offrl_core as orl
from offrl_core import algos, own_files
from tests.own_code import MISTAKES, TEXT, changed, forget_own_files


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_own_files(monkeypatch)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file with an algorithm."""
    place = tmp_path / "mine.py"
    place.write_text(TEXT)
    return place


def test_a_file_is_loaded_and_trains(place: Path) -> None:
    (kind,) = orl.load_algorithms(place)
    assert list(orl.algorithms())[-1] == "mine"
    assert (kind.file, len(kind.version)) == ("mine.py", 16)
    assert "return {**losses" in kind.loss_source()
    data = random_data(3, rows=80)
    own, cql = (orl.Learner(data, name, alpha=0.5, **more) for name, more in (("mine", {}), ("cql", {"form": "paper"})))
    for learner in (own, cql):
        learner.advance(30)
    assert np.abs(own.snapshot().q).max() > 0.1
    np.testing.assert_array_equal(own.snapshot().q, cql.snapshot().q)


def test_a_script_asks_for_the_text_that_its_run_had(place: Path) -> None:
    version = orl.load_algorithms(place)[0].version
    assert orl.load_algorithms(place, version=version)[0].version == version
    place.write_text(TEXT + "# another remark\n")
    with pytest.raises(orl.OwnCodeError, match=f"its text has changed: .* and {version} is asked for"):
        orl.load_algorithms(place, version=version)


def test_what_is_saved_takes_the_place_of_what_was_there_and_the_old_text_stays_known(place: Path) -> None:
    (before,) = orl.load_algorithms(place)
    place.write_text(TEXT.replace('"Mine"', '"Mine, renewed"').replace("class Mine", "class Renewed"))
    (after,) = orl.load_algorithms(str(place))
    assert orl.algorithms()["mine"] is after
    assert algos.algorithm("mine", before.version) is before
    assert (before.title, after.title) == ("Mine", "Mine, renewed")
    place.write_text(TEXT.replace('"mine"', '"other"'))
    orl.load_algorithms(place)
    assert "other" in orl.algorithms()
    assert "mine" not in orl.algorithms()
    with pytest.raises(orl.HyperparameterError, match="mine is not known here in version 'x'"):
        algos.algorithm("mine", "x")


@pytest.mark.parametrize("name", ["syntax", "import", "nothing", "declaration", "exit"])
def test_a_file_that_cannot_be_loaded_says_where_and_leaves_what_was_there(place: Path, name: str) -> None:
    (before,) = orl.load_algorithms(place)
    source = before.loss_source()
    place.write_text(changed(MISTAKES[name]))
    with pytest.raises(orl.OwnCodeError) as caught:
        orl.load_algorithms(place)
    assert str(caught.value).startswith("mine.py")
    assert MISTAKES[name][2] in str(caught.value)
    assert orl.algorithms()["mine"] is before
    learner = orl.Learner(random_data(3, rows=40), "mine")
    learner.advance(3)
    assert learner.step == 3
    assert before.loss_source() == source


def test_a_class_that_registers_itself_before_its_file_fails_is_not_left_behind(place: Path) -> None:
    place.write_text(
        "import offrl_core as orl\n" + TEXT.replace("class Mine", "@orl.register\nclass Mine") + "\n1 / 0\n"
    )
    with pytest.raises(orl.OwnCodeError, match=r"mine.py, line \d+: ZeroDivisionError"):
        orl.load_algorithms(place)
    assert "mine" not in orl.algorithms()


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(orl.OwnCodeError, match=r"none.py: it cannot be read: there is no such file \("):
        orl.load_algorithms(tmp_path / "none.py")
    with pytest.raises(orl.OwnCodeError, match=r"it is a folder: name the Python file in it \("):
        orl.load_algorithms(tmp_path)
    (tmp_path / "README.md").write_text("# A page")
    with pytest.raises(orl.OwnCodeError, match=r"README.md: it is not a Python file: its name must end in .py \("):
        orl.load_algorithms(tmp_path / "README.md")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(orl.OwnCodeError, match=r"bytes.py: it is not UTF-8 text"):
        orl.load_algorithms(tmp_path / "bytes.py")
    with (tmp_path / "large.py").open("wb") as large:
        large.truncate(own_files.MAX_BYTES + 1)
    with pytest.raises(orl.OwnCodeError, match=r"large.py: it is too large: at most 1,000,000 bytes"):
        orl.load_algorithms(tmp_path / "large.py")


def test_a_name_that_is_taken_is_refused_with_the_line_of_the_class(place: Path, tmp_path: Path) -> None:
    orl.load_algorithms(place)
    other = tmp_path / "other.py"
    other.write_text(TEXT)
    with pytest.raises(orl.OwnCodeError, match=r"other.py, line 7: there already is an algorithm 'mine'"):
        orl.load_algorithms(other)
    other.write_text(TEXT.replace('"mine"', '"cql"'))
    with pytest.raises(orl.OwnCodeError, match=r"other.py, line 7: there already is an algorithm 'cql'"):
        orl.load_algorithms(other)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("0.1, ", "11.0, ", "line 7: alpha = 11.0 is not allowed: it must be a number from 0 to 10"),
        (", low=0.0, high=10.0", "", "line 7: the hyperparameter 'alpha' is a number: it needs low and high"),
        ('"alpha"', '"α"', "line 7: the hyperparameter 'α' cannot have this name: it must be lowercase letters and _"),
        ('"alpha"', '"seeds"', "line 7: the hyperparameter 'seeds' cannot have this name: it means something else"),
        ('"alpha"', '"hidden"', "line 7: the hyperparameter 'hidden' cannot have this name: it means something else"),
        ("(*Q_LEARNING, ", "(*Q_LEARNING, 3, ", "line 7: 3 among the hyperparameters of Mine is none"),
        (
            "    hyperparameters",
            "    hyperparameters = 3; other",
            "line 7: the hyperparameters of Mine must be a tuple",
        ),
        (
            "    hyper",
            "    defaults = {'table': {'optimzer': 'sgd'}}\n    hyper",
            "line 7: in the defaults for table: unknown hyperparameter 'optimzer' (did you mean 'optimizer'?)",
        ),
        ("    hyper", "    defaults = {'mlp': {'optimizer': 'rms'}}\n    hyper", "line 7: optimizer = 'rms' is not"),
        ("    hyper", "    defaults = {'tabel': {}}\n    hyper", "line 7: defaults are for table, linear, mlp, not"),
        ("    hyper", "    table_learning_rate = 'a'\n    hyper", "line 7: table_learning_rate = 'a' is not allowed"),
        (
            "class Mine(",
            "class First(QLearning):\n    name = 'mine'\n    title = summary = ''\n\nclass Mine(",
            "line 11: another",
        ),
    ],
)
def test_what_is_declared_wrong_is_told_with_the_line_of_the_class(
    place: Path, before: str, after: str, said: str
) -> None:
    assert before in TEXT
    place.write_text(TEXT.replace(before, after))
    with pytest.raises(orl.OwnCodeError) as caught:
        orl.load_algorithms(place)
    assert str(caught.value).startswith(f"mine.py, {said}")


def test_only_a_file_that_imports_torch_has_it_imported_before() -> None:
    def imports(text: str) -> bool:
        return own_files.OwnFile("x.py", text).imports_torch

    assert imports("import torch")
    assert imports("def f():\n    from torch import Tensor")
    assert imports("from offrl_core.in_torch import TorchAlgorithm")
    assert not imports(TEXT)
    assert not imports("torch = 3")
    assert not imports("def (")


@pytest.mark.parametrize("error", [ImportError("no torch"), OSError("libcudart.so: cannot open shared object file")])
def test_torch_that_cannot_be_loaded_is_left_to_the_line_that_imports_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(name: str) -> None:
        raise error

    monkeypatch.setattr(own_files, "import_module", broken)
    monkeypatch.setitem(sys.modules, "torch", None)
    place.write_text("x = 1\nimport torch\n" + TEXT)
    file = own_files.read(place)
    own_files.prepare([file])
    with pytest.raises(own_files.OwnCodeError, match=r"line 2: (ImportError|ModuleNotFoundError)"):
        own_files.load(file)


def test_packages_name_their_algorithms_by_entry_points(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    found = [
        EntryPoint("mine", "mine:Mine", algos.INSTALLED),
        EntryPoint("gone", "no_such_package:Gone", algos.INSTALLED),
        EntryPoint("number", "math:pi", algos.INSTALLED),
    ]
    monkeypatch.setattr(algos, "entry_points", lambda group: found)
    monkeypatch.setattr(algos, "_installed", None)
    monkeypatch.syspath_prepend(place.parent)
    with pytest.warns(UserWarning, match="is left out") as warned:
        kinds = orl.algorithms()
    assert list(kinds)[-1] == "mine"
    assert "gone" not in kinds
    said = [str(warning.message) for warning in warned]
    assert any("gone = 'no_such_package:Gone' of a package is left out: ModuleNotFoundError" in text for text in said)
    assert any("3.14159" in text and "is not a subclass of Algorithm" in text for text in said)
    assert orl.algorithms()["mine"] is kinds["mine"]
    learner = orl.Learner(random_data(3, rows=40), "mine")
    learner.advance(2)
    assert learner.step == 2
