"""What a scene's viewers share: each state is computed once, and only while somebody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time

import pytest

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.pictures import Words
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import Control, Scene
from offrl_ui.lecture.scene_results import SceneFailure, SceneResults
from tests.threads import in_a_loop


def counting_scene(compute) -> Scene:
    spec = Hyperparameter("x", "", 0, "A number.", low=0, high=100, integer=True)
    return Scene(
        "counting",
        "t",
        "q",
        (Control(spec),),
        compute,
        lambda s, p: "the answer",
        run=lambda _: Run("two-actions", (Lane("bc"),)),
    )


def test_a_state_is_computed_once() -> None:
    calls = itertools.count()

    def compute(state):
        next(calls)
        return {"words": Words(title="T", text=str(state["x"]))}

    scene, computed = counting_scene(compute), SceneResults()
    first = computed.first(scene, {"x": 1})
    assert computed.first(scene, {"x": 1}) == first
    assert computed.first(scene, {"x": 2}) != first
    assert next(calls) == 2


def test_viewers_of_one_state_share_its_computation() -> None:
    calls, go = itertools.count(), threading.Event()

    def compute(state):
        next(calls)
        go.wait(5)
        yield {"words": Words(title="T", text="half")}
        yield {"words": Words(title="T", text="whole")}

    scene, computed = counting_scene(compute), SceneResults()

    async def watch() -> list[str]:
        return [result async for result in computed.watch(scene, {"x": 1})]

    async def crowd() -> list[list[str]]:
        tasks = [asyncio.ensure_future(watch()) for _ in range(20)]
        await asyncio.sleep(0.1)
        go.set()
        return await asyncio.wait_for(asyncio.gather(*tasks), 10)

    seen = in_a_loop(crowd())
    assert next(calls) == 1
    for results in seen:
        last = json.loads(results[-1])
        assert "whole" in results[-1]
        assert last["partial"] is False
        assert all(json.loads(r)["partial"] for r in results[:-1])
    assert json.loads(computed.first(scene, {"x": 1}))["partial"] is False


def test_a_computation_nobody_waits_for_is_stopped() -> None:
    closed = threading.Event()

    def compute(state):
        try:
            for i in range(1000):
                time.sleep(0.01)
                yield {"words": Words(title="T", text=str(i))}
        finally:
            closed.set()

    scene, computed = counting_scene(compute), SceneResults()

    async def watch() -> None:
        async for _ in computed.watch(scene, {"x": 1}):
            pass

    async def leave() -> None:
        task = asyncio.ensure_future(watch())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    in_a_loop(leave())
    assert closed.wait(3)


def test_who_waits_for_a_training_keeps_nobody_else_waiting() -> None:
    trained = threading.Event()

    def compute(state):
        if state["x"] < 50:
            yield {"words": Words(title="T", text="begun")}
            while not trained.is_set():
                yield None  # it is trained elsewhere
        yield {"words": Words(title="T", text="there")}

    scene, computed = counting_scene(compute), SceneResults(threads=1)

    async def watch(x: int) -> list[str]:
        return [result async for result in computed.watch(scene, {"x": x})]

    async def hall() -> list[list[str]]:
        waiting = [asyncio.ensure_future(watch(x)) for x in range(20)]
        await asyncio.sleep(0.1)
        for x in range(50, 60):
            assert "there" in (await asyncio.wait_for(watch(x), 2))[-1]
        assert not any(task.done() for task in waiting)
        trained.set()
        return await asyncio.wait_for(asyncio.gather(*waiting), 10)

    for results in in_a_loop(hall()):
        assert "begun" in results[0]
        assert json.loads(results[-1])["partial"] is False
        assert "there" in results[-1]


def test_states_that_nobody_waits_for_any_more_are_not_computed() -> None:
    """Whoever moves a slider fast leaves many states behind that were asked for and never looked at."""
    began, go_on, made = threading.Event(), threading.Event(), []

    def compute(state):
        made.append(state["x"])
        if state["x"] == 0:
            began.set()
            assert go_on.wait(20)
        return {"words": Words(title="T", text=str(state["x"]))}

    scene, computed = counting_scene(compute), SceneResults(threads=1)

    async def look(x: int) -> str:
        async with contextlib.aclosing(computed.watch(scene, {"x": x})) as results:
            return [result async for result in results][-1]

    async def main() -> str:
        busy = asyncio.ensure_future(look(0))
        assert await asyncio.to_thread(began.wait, 20)
        for x in range(1, 40):
            left = asyncio.ensure_future(look(x))
            await asyncio.sleep(0)
            left.cancel()
        await asyncio.sleep(0)
        other = asyncio.ensure_future(look(90))
        await asyncio.sleep(0)
        go_on.set()
        await busy
        return await other

    assert "90" in in_a_loop(main())
    assert made == [0, 90]
    assert computed._jobs == {}


def test_a_failure_is_told_and_the_next_state_works() -> None:
    def compute(state):
        return {"words": Words(title="T", text=str(1 / (state["x"] - 1)))}

    scene, computed = counting_scene(compute), SceneResults()

    async def watch(x: int) -> list[str]:
        return [result async for result in computed.watch(scene, {"x": x})]

    with pytest.raises(SceneFailure, match="counting"):
        in_a_loop(watch(1))
    assert in_a_loop(watch(2))


def test_results_are_dropped_when_the_budget_is_spent() -> None:
    calls = itertools.count()

    def compute(state):
        next(calls)
        return {"words": Words(title="T", text="long " * 200)}

    scene, computed = counting_scene(compute), SceneResults(budget=5000)
    for x in (1, 2, 3, 4, 1):
        computed.first(scene, {"x": x})
    assert next(calls) == 5
