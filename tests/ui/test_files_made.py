"""Files to take home are made two at a time, whoever asks for how many."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from offrl_ui.playground import downloads
from tests.threads import in_a_loop


def test_of_eight_that_are_asked_for_two_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, made, most = threading.Lock(), [], [0]
    together = threading.Barrier(downloads.MADE_AT_ONCE)
    at_once: list[int] = []

    def make(asked: Any) -> bytes:
        with lock:
            at_once.append(1)
            most[0] = max(most[0], len(at_once))
        together.wait(10)  # two at a time are made, not one
        with lock:
            at_once.pop()
            made.append(asked)
        return b"a page"

    file = SimpleNamespace(make=make, media="text/html")
    monkeypatch.setattr(downloads, "FILES", {"replay.html": file})
    monkeypatch.setattr(downloads, "get_hub", lambda: SimpleNamespace(export=lambda run: run))
    monkeypatch.setattr(downloads, "Asked", lambda export, query: SimpleNamespace(title=export))
    monkeypatch.setattr(downloads, "saved_as", lambda name, title: f"{title}-{name}")
    downloads._made_at_once.cache_clear()

    async def main() -> list[int]:
        asked = [
            SimpleNamespace(path_params={"file": "replay.html", "run_id": f"{n}"}, query_params={}) for n in range(8)
        ]
        answers = await asyncio.gather(*map(downloads._take, asked))  # type: ignore[arg-type]
        return [answer.status_code for answer in answers]

    assert in_a_loop(main()) == [200] * 8
    downloads._made_at_once.cache_clear()
    assert (len(made), most[0]) == (8, downloads.MADE_AT_ONCE)
