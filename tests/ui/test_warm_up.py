"""What the server does before the first visitor comes."""

from __future__ import annotations

import threading
import time

import pytest

import app
from offrl_live.serving.hub import get_hub
from offrl_ui.setup import selection
from tests.threads import in_a_loop


def test_the_first_visits_run_is_built_and_stands_at_its_beginning() -> None:
    app._warm()
    built = get_hub().open(selection.start())
    until = time.monotonic() + 60
    while get_hub().info(built)["state"] != "paused":
        assert time.monotonic() < until, get_hub().info(built)
        time.sleep(0.02)
    assert get_hub().info(built)["step"] == 0
    assert get_hub().find(built).stays


@pytest.mark.parametrize(("setting", "warm"), [("1", True), ("0", False)])
def test_it_can_be_left_until_then(monkeypatch: pytest.MonkeyPatch, setting: str, warm: bool) -> None:
    begun = threading.Event()
    monkeypatch.setattr(app, "_warm", begun.set)
    monkeypatch.setenv("OFFRL_WARM_UP", setting)

    async def start_and_end() -> None:
        async with app.lifespan(app.app):
            pass

    in_a_loop(start_and_end())
    assert begun.wait(5 if warm else 0.2) is warm
