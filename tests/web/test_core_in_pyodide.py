"""The core in Pyodide computes what it computes here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import offrl_core as orl
from tests.pyodide import run_in_pyodide
from tests.web import core_numbers

OTHER_FLOATS = ("acrobot",)
"""Data that another platform's sine and cosine make other episodes of."""


GROWN = 1e-4
"""What float32's roundings may become in 100 updates where weights are exponentials of what was learned."""

FEW = "pairs" if os.environ.get("HYPOTHESIS_PROFILE") == "full" else "few"


@pytest.mark.parametrize("how_many", [FEW, pytest.param("all", marks=pytest.mark.slow)])
def test_training_gives_the_same_numbers(how_many: str, tmp_path: Path):
    """After 100 updates, on data that are equal by their hash: to 1e-6 of the largest number of a table.

    One run in six may be off by more, for roundings grow. The quick test has each algorithm, approximator and dataset,
    `HYPOTHESIS_PROFILE=full` each algorithm with each approximator, and `-m slow` all combinations.
    """
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir(), here.mkdir()
    cases = core_numbers.cases(how_many)
    names, algorithms, approximators = map(set, zip(*cases, strict=True))
    assert algorithms == {name for name, kind in orl.algorithms().items() if not kind.file}
    assert approximators == {"table", "linear", "mlp"}
    if how_many != "pairs":
        assert names == set(orl.datasets()) - {*core_numbers.NEEDS_FILES}
    (there / "cases.json").write_text(json.dumps(cases))
    run_in_pyodide(Path(core_numbers.__file__), str(there))
    core_numbers.write(here, cases)
    theirs, ours = (json.loads((folder / "data.json").read_text()) for folder in (there, here))
    assert {name for name in ours if ours[name] != theirs[name]} <= {*OTHER_FLOATS}
    off = {}
    with np.load(there / "numbers.npz") as found, np.load(here / "numbers.npz") as known:
        assert set(found) == set(known)
        compared = [name for name in known if name.partition(" ")[0] not in OTHER_FLOATS]
        for name in compared:
            mine, other = known[name].astype(np.float64), found[name].astype(np.float64)
            finite = np.isfinite(mine)
            np.testing.assert_array_equal(mine[~finite], other[~finite], name)
            size = 1 + np.abs(mine[finite]).max(initial=0)
            off[name] = np.abs(mine[finite] - other[finite]).max(initial=0) / size
    assert max(off.values()) < GROWN, max(off, key=off.__getitem__)
    grown = {name.rpartition(" ")[0] for name, share in off.items() if share > 1e-6}
    assert len(grown) <= len(cases) / 6, grown
