"""The page about experiments, run as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import offrl_core as orl
from offrl_core.experiments import Design, statistics
from offrl_core.experiments.design import MAX_RUNS
from offrl_core.experiments.running import InThisProcess

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path))
    monkeypatch.setattr("offrl_core.experiments.running.local_executor", InThisProcess)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(code, names)
    said = capsys.readouterr().out
    assert "iqm_low" in said
    assert "fresh" in said
    assert len(names["frame"]) == 2 * 2 * 6 * 5 * (1 + 2 + 1)  # type: ignore[arg-type]


def test_what_it_names_is_there():
    for name in re.findall(r"`(\w+)`", PAGE.partition("## Statistics")[2].partition("## Where")[0]):
        assert hasattr(statistics, name) or name in ("best", "why"), name
    assert f"{MAX_RUNS:,}".replace(",", " ") in PAGE
    assert {"jobs", "updates", "to_json", "from_json"} <= set(dir(Design))
    assert orl.experiment.__doc__ is not None
