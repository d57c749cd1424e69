"""What the server does before the first visitor comes."""

from __future__ import annotations

import threading
import time

import pytest

import app
from offrl_live.serving.hub import get_hub
from offrl_ui.playground.session_run import FIRST_STEPS
from offrl_ui.setup import selection
from tests.threads import in_a_loop


def test_the_first_visits_run_is_trained() -> None:
    app._warm()
    run_id = get_hub().open(selection.start())
    until = time.monotonic() + 60
    while get_hub().info(run_id)["state"] != "paused":
        assert time.monotonic() < until, get_hub().info(run_id)
        time.sleep(0.02)
    assert get_hub().info(run_id)["step"] >= FIRST_STEPS


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
