"""Worlds that visitors draw, where the operator has switched them off."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from offrl_core.data import catalogue
from offrl_core.data.entries.custom import OWN_GRID
from offrl_live.serving.environment import takes_own_grids
from tests.serving import ROOT


def datasets_page(data: str) -> AppTest:
    app = AppTest.from_file(ROOT / "main.py", default_timeout=120)
    app.switch_page("pages/datasets.py")
    app.query_params["data"] = data
    app.run()
    assert not app.exception
    return app


def ways(app: AppTest) -> list[str]:
    return [way for control in app.button_group for way in control.options]


def test_without_own_grids_none_is_offered_and_none_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Draw the grid" in ways(datasets_page("double-crossing"))
    monkeypatch.setattr(catalogue, "CATALOGUE", dict(catalogue.CATALOGUE))
    catalogue.withdraw_dataset(OWN_GRID)
    assert OWN_GRID not in catalogue.datasets()
    app = datasets_page("double-crossing")
    assert "Draw the grid" not in ways(app)
    assert "Draw a policy" in ways(app)
    told = " ".join(warning.value for warning in datasets_page(OWN_GRID).warning)
    assert "was refused" in told
    assert "is used" in told


def test_the_switch_is_one_or_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert takes_own_grids()
    monkeypatch.setenv("OFFRL_OWN_GRIDS", "0")
    assert not takes_own_grids()
    monkeypatch.setenv("OFFRL_OWN_GRIDS", "off")
    with pytest.raises(ValueError, match="OFFRL_OWN_GRIDS = 'off' is not allowed: it must be 1 or 0"):
        takes_own_grids()
